package io.anabranch.core.repository

import io.anabranch.core.operations.{RowCounts, TableDifference}
import io.anabranch.core.operations.merge.MergeConflict

/** A branch and its newest commit; `current` is not known here, it is the session's. */
final case class BranchInfo(name: String, head: CommitInfo)

/** A tag and the commit that it names. */
final case class TagInfo(name: String, commit: CommitInfo)

/** What a commit says of itself. `timeMillis` is UTC, milliseconds since 1970. `tables` are the full
  * names of the tables it touched. `erased` parts of a commit read as empty. `gates` are those that let it pass, each with
  * what it read: all rows of its tables, or those that changed.
  */
final case class CommitInfo(
    id: String,
    timeMillis: Long,
    author: String,
    operation: String,
    message: String,
    parameters: Map[String, String],
    metrics: Map[String, Long],
    metadata: Map[String, String],
    parents: Seq[String],
    tables: Seq[String],
    gates: Map[String, String]
)

/** One table in a merge or diff; `change` is created, changed, dropped, renamed or conflict.
  *
  * @param rows
  *   None where metadata do not tell
  * @param schema
  *   what became of its columns, in words
  */
final case class TableChangeInfo(
    table: String,
    change: String,
    detail: String,
    rowsFrom: Long = 0,
    rowsTo: Long = 0,
    filesAdded: Long = 0,
    filesRemoved: Long = 0,
    rows: Option[RowCounts] = None,
    schema: Seq[String] = Nil
)

object TableChangeInfo {
  private[repository] def of(d: TableDifference): TableChangeInfo =
    TableChangeInfo(
      d.name.mkString("."),
      d.change,
      d.detail,
      d.rowsFrom,
      d.rowsTo,
      d.filesAdded,
      d.filesRemoved,
      d.rows,
      d.schema
    )
}

/** What a merge did, or in a dry run would do.
  *
  * @param commit
  *   None where nothing was committed
  * @param fastForward
  *   whether nothing had to be combined
  * @param changes
  *   by table, of the branch that is merged into
  * @param conflicts
  *   that are open; only in a dry run
  * @param gates
  *   that it would have to pass, with what they say, if it has no conflicts; only in a dry run
  */
final case class MergeResult(
    commit: Option[String],
    fastForward: Boolean,
    changes: Seq[TableChangeInfo],
    conflicts: Seq[MergeConflict] = Nil,
    gates: Seq[(String, String)] = Nil
)

/** One version of a table, with the commit that made it. */
final case class TableVersion(version: Long, commit: CommitInfo)

/** Where RESTORE goes back to. */
sealed trait RestorePoint
object RestorePoint {

  /** Whether the text of a [[Version]] is the number of a table version; else it is a ref. */
  def isNumber(text: String): Boolean = text.nonEmpty && text.forall(c => c >= '0' && c <= '9')

  /** A table version number, or a ref, tag or commit, as in VERSION AS OF. */
  final case class Version(text: String) extends RestorePoint

  /** The last commit at or before this time (UTC, milliseconds since 1970). */
  final case class Time(millis: Long) extends RestorePoint
}

/** What RESTORE did.
  *
  * @param commit
  *   None in an open transaction
  */
final case class RestoreResult(
    table: String,
    version: Long,
    commit: Option[String],
    rows: Long,
    files: Long
)

/** What DESCRIBE DETAIL tells. */
final case class TableDetail(
    id: String,
    name: String,
    description: Option[String],
    location: String,
    createdAtMillis: Long,
    lastModifiedMillis: Long,
    partitionColumns: Seq[String],
    files: Long,
    sizeBytes: Long,
    rows: Long,
    properties: Map[String, String],
    version: Long,
    reference: String,
    commit: String
)
