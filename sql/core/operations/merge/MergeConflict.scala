package io.anabranch.core.operations.merge

import io.anabranch.core.format.Position

/** What two sides contradict each other about. */
object ConflictKind {

  /** Both changed the same column of the same row. */
  val Cell: String = "cell"

  /** One side deleted a row that the other changed. */
  val DeleteChange: String = "delete/change"

  /** Different rows with the same declared key. */
  val DuplicateKey: String = "duplicate key"

  /** Columns, properties, constraints or partitioning. */
  val Schema: String = "schema"

  /** Rows of one side against a constraint of the other. */
  val Constraint: String = "constraint"

  /** Two tables with one name. */
  val Name: String = "name"

  /** A whole table: dropped here, changed there. */
  val Table: String = "table"
  val Namespace: String = "namespace"
}

/** Two sides that can't both be right.
  *
  * @param name
  *   the table's full name, or the namespace's
  * @param row
  *   the row that it is about, if it is about one
  * @param column
  *   the name of the column, if it is about one
  * @param base
  *   what both started from, as text; None if there is nothing, or no one thing
  */
final case class MergeConflict(
    kind: String,
    tableId: Option[String],
    name: Seq[String],
    reason: String,
    row: Option[ConflictRow] = None,
    column: Option[String] = None,
    base: Option[String] = None,
    ours: Option[String] = None,
    theirs: Option[String] = None
)

/** The row of a conflict.
  *
  * @param key
  *   the values of its declared key, as text
  * @param ourCommit
  *   the commit that wrote our version of it; None where we deleted it
  */
final case class ConflictRow(
    id: Long,
    key: Option[String],
    ourCommit: Option[Position],
    theirCommit: Option[Position]
)
