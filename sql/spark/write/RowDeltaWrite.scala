package io.anabranch.spark.write

import io.anabranch.core.format._
import io.anabranch.core.operations.{Reads, TableIntents, TableRead}
import io.anabranch.core.repository.{LoadedTable, Repository}
import io.anabranch.spark.AnabranchErrors.translated
import io.anabranch.spark.schema.SchemaChanges
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.distributions.{Distribution, Distributions}
import org.apache.spark.sql.connector.expressions.{Expressions, SortDirection, SortOrder}
import org.apache.spark.sql.connector.write._

/** Changes of rows: where they stood is marked in deletion vectors, and new versions go to new files. */
final class RowDeltaWrite(
    repository: Repository,
    loaded: LoadedTable,
    command: RowLevelOperation.Command,
    conf: Configuration
) extends DeltaWrite
    with RequiresDistributionAndOrdering
    with TracksReads {

  // nobody may tell what is read, if the session has no extension: then all of the table
  private val everything = TableRead(loaded.table.id, _ => true, changesToo = false)

  override def toBatch: DeltaBatchWrite = translated {
    val plan =
      WritePlans.of(repository.root, loaded.table.id, loaded.table.metadata, Seq(Lineage.RowId))
    new RowDeltaBatchWrite(
      repository,
      loaded,
      command.name,
      statement.map(_.reads(loaded, conf)).getOrElse(Reads(Seq(everything))),
      plan,
      conf
    )
  }
  override def description(): String = s"anabranch $command of ${loaded.table.name.mkString(".")}"

  override def requiredDistribution(): Distribution = Distributions.unspecified()
  override def requiredOrdering(): Array[SortOrder] =
    // what a DELETE writes has no columns to order by
    if (command == RowLevelOperation.Command.DELETE) Array.empty
    else PartitionOrder.of(loaded.table.metadata)
}

private[write] object PartitionOrder {

  /** Each task sees the rows of a partition together, so that it writes one file for them and not many. */
  def of(metadata: TableMetadata): Array[SortOrder] = SchemaChanges
    .partitioning(metadata)
    .flatMap(_.references)
    .distinct
    .map(Expressions.sort(_, SortDirection.ASCENDING))
}

final private class RowDeltaBatchWrite(
    repository: Repository,
    loaded: LoadedTable,
    operation: String,
    reads: Reads,
    plan: WritePlan,
    conf: Configuration
) extends DeltaBatchWrite
    with CommitsOnce {

  private val changes = new RowCommit(repository, loaded, conf)
  // what the driver made of the tasks' files
  @volatile private var made: Seq[DataFile] = Nil

  override def createBatchWriterFactory(info: PhysicalWriteInfo): DeltaWriterFactory =
    new RowDeltaWriterFactory(plan, SparkBridge.broadcast(conf), WritePlans.settingsForChanges(plan.schema))

  // our own commit is atomic: Spark's coordination of task commits would add nothing
  override def useCommitCoordinator(): Boolean = false

  override def commit(messages: Array[WriterCommitMessage]): Unit = translated {
    val results = messages.toSeq.collect { case r: DeltaResult => r }
    val table = loaded.table
    val gone = Places.together(table, results.map(_.gone))
    val started = System.nanoTime()
    val settled = changes.settle(gone, results.flatMap(_.files), plan)
    made = settled.files
    val writing = results.map(_.writeNanos).sum + System.nanoTime() - started
    val (inserted, updated) = (results.map(_.inserted).sum, results.map(_.updated).sum)
    val metrics = TableIntents.metrics(made, Nil) ++ Map(
      "rows_inserted" -> inserted,
      "rows_updated" -> updated,
      // a row that several rows of a source match goes once
      "rows_deleted" -> (gone.valuesIterator.map(_.size).sum - updated),
      "scan_ms" -> results.map(_.scanNanos).sum / 1000000,
      "write_ms" -> writing / 1000000
    )
    committing(changes.commit(operation, gone, settled, reads, metrics))
  }

  override def abort(messages: Array[WriterCommitMessage]): Unit = unlessCommitted {
    (made ++ messages.toSeq.collect { case r: DeltaResult => r.files }.flatten)
      .foreach(RowWriter.delete(plan.target, conf, _))
  }
}
