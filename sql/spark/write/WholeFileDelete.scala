package io.anabranch.spark.write

import io.anabranch.core.format.{DataFile, RowPositions}
import io.anabranch.core.operations._
import io.anabranch.core.repository.{LoadedTable, Repository}
import io.anabranch.core.transaction.StagedFiles
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.read.Predicates
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.expressions.filter.{Predicate => SparkPredicate}

/** A DELETE of whole files: found by their bounds, and no data is read.
  *
  * @param condition
  *   true for all rows of `files`, and for none of other files
  */
final private[spark] case class WholeFileDelete(condition: Predicate, files: Seq[DataFile]) {

  def commit(repository: Repository, loaded: LoadedTable): Unit = {
    val table = loaded.table
    val partitioning = table.metadata.partitioning
    val read = TableRead(table.id, Pruning.mayMatch(condition, _, partitioning), changesToo = false)
    val conf = SparkBridge.conf
    val intent = RowChanges(
      loaded.state,
      table.id,
      files.map(_.id -> RowPositions.Empty).toMap,
      StagedFiles.None,
      files.map(_.id).toSet,
      Reads(Seq(read), CommitSettings.serializable(conf, table.metadata.properties)),
      "DELETE",
      Map("rows_inserted" -> 0L, "rows_updated" -> 0L, "rows_deleted" -> files.map(_.liveRows).sum),
      repository.context(table)
    )
    repository.commit(loaded.ref, intent, CommitSettings.context(conf)): Unit
  }
}

private[spark] object WholeFileDelete {

  /** None if some file may hold rows that match and others that do not. */
  def of(loaded: LoadedTable, predicates: Array[SparkPredicate]): Option[WholeFileDelete] = {
    val table = loaded.table
    val translator = new Predicates(table.metadata.columns)
    val condition = Predicate.And(predicates.toSeq.map(translator.translate(_).bounds))
    val partitioning = table.metadata.partitioning
    val files = Pruning.prune(condition, table.files.bounds, partitioning).map(_._2)
    Option
      .when(files.forall(Pruning.mustMatch(condition, _, partitioning)))(WholeFileDelete(condition, files))
  }
}
