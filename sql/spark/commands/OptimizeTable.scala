package io.anabranch.spark.commands

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.DataFile
import io.anabranch.core.operations.Predicate
import io.anabranch.core.repository.LoadedTable
import io.anabranch.spark.AnabranchCatalog
import io.anabranch.spark.catalog.{CatalogContext, TableRef}
import io.anabranch.spark.read.AnabranchScan
import io.anabranch.spark.write.Compaction
import org.apache.spark.sql.Row
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation
import org.apache.spark.sql.catalyst.expressions.{Expression, IsNotNull, SubqueryExpression}
import org.apache.spark.sql.catalyst.plans.logical.Filter
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2ScanRelation

/** `OPTIMIZE`: small files become large ones, and files lose their deleted rows.
  *
  * @param condition
  *   only files that may hold such rows are touched
  */
final case class OptimizeTable(table: Seq[String], condition: Option[FileCondition], message: Option[String])
    extends TableCommand {
  override protected def columns: String =
    "table STRING, version BIGINT, commit STRING, files_before BIGINT, files_after BIGINT, bytes_before BIGINT, " +
      "bytes_after BIGINT, files_removed BIGINT, files_added BIGINT"

  override protected def run(session: ClassicSession, c: AnabranchCatalog, t: TableRef): Seq[Row] = {
    Commands.notInTransaction(c, this)
    val loaded = CatalogContext.mustBeTable(c.repository.load(t.ref, t.name))
    loaded.ref.writable: Unit
    val candidates =
      condition.fold(loaded.table.files.files.values.toSeq)(w => chosen(session, c, loaded, w.rows))
    val by =
      Commands.author(session, message, condition.map(w => Map("where" -> w.rows.sql)).getOrElse(Map.empty))
    val conf = SparkBridge.hadoopConf(c.fileSystemOptions)
    val state = new Compaction(c.repository, loaded, conf).run(candidates, by)
    val after = state.fold(loaded.table)(_.tables(loaded.table.id))
    if (state.isDefined) Commands.recache(session, c, Seq(t.name.mkString(".")))
    val (old, now) = (loaded.table.files, after.files)
    Seq(
      Row(
        t.name.mkString("."),
        after.version,
        state.map(_.id.toString).orNull,
        old.files.size.toLong,
        now.files.size.toLong,
        old.sizeBytes,
        now.sizeBytes,
        (old.files.keySet -- now.files.keySet).size.toLong,
        (now.files.keySet -- old.files.keySet).size.toLong
      )
    )
  }

  /** The files that a query with the condition would read. */
  private def chosen(
      session: ClassicSession,
      c: AnabranchCatalog,
      loaded: LoadedTable,
      condition: Expression
  ): Seq[DataFile] = {
    def refuse(reason: String) = throw AnabranchException(
      "ANABRANCH_WRITE.OPTIMIZE_CONDITION",
      "table" -> loaded.table.name.mkString("."),
      "condition" -> condition.sql,
      "reason" -> reason
    )
    if (SubqueryExpression.hasSubquery(condition)) refuse("it has a subquery")
    val name = (c.name +: loaded.table.name.init) :+ s"${loaded.table.name.last}@${loaded.state.id}"
    val plan = session.sessionState.executePlan(Filter(condition, UnresolvedRelation(name))).optimizedPlan
    val scans = plan.collect { case DataSourceV2ScanRelation(_, scan: AnabranchScan, _, _, _, _) => scan }
    // none is left where the condition is never true
    scans.flatMap { scan =>
      if (scan.origin.exists(o => OptimizeTable.tellsNothing(o.condition, condition)))
        refuse("bounds of files tell nothing about it")
      scan.files
    }
  }
}

/** A condition on a table's columns, which Spark must not look for in the command itself. */
final case class FileCondition(rows: Expression)

object OptimizeTable {

  /** Spark adds IS NOT NULL for each column of a condition, whatever that is. */
  private def tellsNothing(pushed: Predicate, condition: Expression): Boolean = pushed match {
    case Predicate.And(all) => all.forall(tellsNothing(_, condition))
    case _: Predicate.IsNotNull => !condition.exists(_.isInstanceOf[IsNotNull])
    case other => other == Predicate.Anything
  }
}
