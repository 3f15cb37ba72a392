package io.anabranch.spark.write

import io.anabranch.core.format.{DataFile, RowPositions}
import io.anabranch.core.operations.{Reads, RowChanges}
import io.anabranch.core.repository.{LoadedTable, Repository}
import io.anabranch.spark.CommitSettings
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge

/** Commits rows that come in the place of others: these are marked, or their files are written anew, as the table says. */
final private[write] class RowCommit(repository: Repository, loaded: LoadedTable, conf: Configuration) {
  private val table = loaded.table
  // rows that only a transaction knows have no lasting ids yet, which their copies would have to hold
  val copies: Boolean = WritePlans.copiesOnWrite(table.metadata) && loaded.ref.transaction.isEmpty

  /** What the statement adds.
    *
    * @param gone
    *   the rows that it deletes or replaces, by the id of their file
    * @param written
    *   by its tasks, as `plan` says
    */
  def settle(gone: Map[String, RowPositions], written: Seq[DataFile], plan: WritePlan): CopiedFiles =
    if (copies) new CopyOnWrite(repository, loaded, conf)(gone, written)
    else CopiedFiles(RowWriter.settled(plan, conf, written), Set.empty, 0)

  def commit(
      operation: String,
      gone: Map[String, RowPositions],
      settled: CopiedFiles,
      reads: Reads,
      metrics: Map[String, Long]
  ): Unit = {
    val intent = RowChanges(
      loaded.state,
      table.id,
      gone,
      repository.stage(settled.files),
      Set.empty,
      reads,
      operation,
      metrics ++ Option.when(copies)("rows_copied" -> settled.rowsCopied),
      repository.context(table),
      settled.rewritten
    )
    repository.commit(loaded.ref, intent, CommitSettings.context(SparkBridge.conf)): Unit
  }
}
