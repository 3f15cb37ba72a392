package io.anabranch.spark.write

import io.anabranch.core.format.{DataFile, RowPositions}
import io.anabranch.core.operations.{Predicate, Pruning, Reads, TableIntents, TableRead}
import io.anabranch.core.repository.Repository
import io.anabranch.spark.read.LineageColumns
import io.anabranch.spark.table.AnabranchTable
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.expressions.Attribute
import org.apache.spark.sql.catalyst.plans.logical.{Filter, Project}
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation

/** Puts rows in the place of those of a table for which a condition is true, wherever they stand. */
final private[spark] class RowReplacement(
    repository: Repository,
    target: AnabranchTable,
    conf: Configuration
) {
  private val table = target.loaded.table
  private val changes = new RowCommit(repository, target.loaded, conf)
  @volatile private var made: Seq[DataFile] = Nil

  /** Finds the rows, by the id of their file. */
  def rowsWhere(condition: RowCondition): Map[String, RowPositions] = {
    val relation = DataSourceV2Relation.create(target, None, None).withMetadataColumns()
    def column(name: String) = relation.output.find(_.name == name).get
    val here = condition.expression.transform { case a: Attribute => column(a.name) }
    val places = SparkBridge.query(Project(Seq(column(LineageColumns.Place)), Filter(here, relation)))
    val found = SparkBridge.rows(places).mapPartitions { rows =>
      val places = new Places
      rows.foreach(row => places.mark(row.getLong(0)))
      Iterator(places.result())
    }
    Places.together(table, found.collect().toSeq)
  }

  /** @param bounds
    *   what files with such rows are known by
    */
  def commit(
      operation: String,
      gone: Map[String, RowPositions],
      bounds: Predicate,
      written: Seq[DataFile],
      plan: WritePlan,
      reads: Reads
  ): Unit = {
    val settled = changes.settle(gone, written, plan)
    made = settled.files
    val looked =
      TableRead(table.id, Pruning.mayMatch(bounds, _, table.metadata.partitioning), changesToo = false)
    val metrics = TableIntents.metrics(made, Nil) ++ Map(
      "rows_inserted" -> written.map(_.rows).sum,
      "rows_deleted" -> gone.valuesIterator.map(_.size).sum
    )
    changes.commit(operation, gone, settled, reads.copy(all = reads.all :+ looked), metrics)
  }

  /** Files that the driver made. */
  def files: Seq[DataFile] = made
}
