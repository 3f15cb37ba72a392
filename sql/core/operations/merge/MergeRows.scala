package io.anabranch.core.operations.merge

import io.anabranch.core.format.{DataFile, Position, RowPositions, TableConstraint, TableMetadata}
import io.anabranch.core.log.TableState

/** A version of a row: what it is and where it lies. */
final case class RowVersion(id: Long, commit: Long, file: DataFile, position: Long) {
  def writtenBy: Position = Position.unpacked(commit)
}

/** Some rows of a file. */
final case class RowsAt(file: DataFile, rows: RowPositions)

/** A row that breaks a constraint. */
final case class Violation(constraint: String, row: Long, shown: String)

/** Two rows with one key. */
final case class KeyClash(key: String, ours: RowVersion, theirs: RowVersion, equal: Boolean)

/** Looks at rows, and writes those that a merge puts together: the I/O of [[TableMerge]]. Only rows that both
  * sides changed are looked at.
  *
  * A cell is any value whose `==` tells whether two cells of a column are the same.
  */
trait MergeRows {

  /** Ids and commits of rows. */
  def versions(table: TableState, rows: Seq[RowsAt]): Iterator[RowVersion]

  /** The cells of rows, by row id, in the order of the columns; as one reads them by this metadata. */
  def cells(table: TableState, metadata: TableMetadata, rows: Seq[RowVersion]): Map[Long, IndexedSeq[Any]]

  /** Writes rows that keep their ids. */
  def write(table: TableState, metadata: TableMetadata, rows: Seq[(Long, IndexedSeq[Any])]): Seq[DataFile]

  /** A cell as people read it; None for NULL. */
  def show(metadata: TableMetadata, column: Int, cell: Any): Option[String]

  /** The cell of a column that a text stands for.
    *
    * @throws io.anabranch.core.AnabranchException
    *   ANABRANCH_MERGE.INVALID_VALUE
    */
  def parse(metadata: TableMetadata, column: Int, text: Option[String]): Any

  /** Rows that break one of the constraints or are NULL in a column that must not be; a few suffice.
    *
    * @param required
    *   physical names of columns
    */
  def violations(
      table: TableState,
      metadata: TableMetadata,
      constraints: Seq[TableConstraint.Check],
      required: Set[String],
      rows: Seq[RowsAt]
  ): Seq[Violation]

  /** The same of rows that are put together. */
  def violationsOf(
      metadata: TableMetadata,
      constraints: Seq[TableConstraint.Check],
      required: Set[String],
      rows: Seq[(Long, IndexedSeq[Any])]
  ): Seq[Violation]

  /** Rows of ours and theirs, of different ids, that have the same values in some columns, none of them NULL.
    *
    * @param columns
    *   physical names
    */
  def clashes(
      table: TableState,
      metadata: TableMetadata,
      columns: Seq[String],
      ours: Seq[RowsAt],
      theirs: Seq[RowsAt]
  ): Seq[KeyClash]

  /** Rows put together that have the same values in some columns, none of them NULL, as another row of the merged table:
    * their ids, and the values.
    *
    * @param columns
    *   physical names
    * @param combined
    *   all rows put together
    * @param sought
    *   ids of those to look at
    * @param others
    *   all other rows of the table
    */
  def doubled(
      table: TableState,
      metadata: TableMetadata,
      columns: Seq[String],
      combined: Seq[(Long, IndexedSeq[Any])],
      sought: Set[Long],
      others: Seq[RowsAt]
  ): Seq[(Long, String)]
}
