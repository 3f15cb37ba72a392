package io.anabranch.test

import io.anabranch.core.format._
import io.anabranch.core.log.TableState
import io.anabranch.core.operations.merge._

/** Rows of files that nobody has written: their ids follow from their entries, and a row holds just its id and the
  * commit that wrote it.
  */
object NumberedRows extends MergeRows {
  override def versions(table: TableState, rows: Seq[RowsAt]): Iterator[RowVersion] = for {
    r <- rows.iterator
    p <- r.rows.iterator
  } yield RowVersion(r.file.rowId(p), r.file.addedBy.fold(0L)(_.packed), r.file, p)

  override def cells(
      table: TableState,
      metadata: TableMetadata,
      rows: Seq[RowVersion]
  ): Map[Long, IndexedSeq[Any]] =
    rows.map(v => v.id -> metadata.columns.map(_ => v.commit).toIndexedSeq).toMap

  override def write(
      table: TableState,
      metadata: TableMetadata,
      rows: Seq[(Long, IndexedSeq[Any])]
  ): Seq[DataFile] = throw new UnsupportedOperationException("no data here")

  override def show(metadata: TableMetadata, column: Int, cell: Any): Option[String] = Some(cell.toString)
  override def parse(metadata: TableMetadata, column: Int, text: Option[String]): Any = text

  override def violations(
      table: TableState,
      metadata: TableMetadata,
      constraints: Seq[TableConstraint.Check],
      required: Set[String],
      rows: Seq[RowsAt]
  ): Seq[Violation] = Nil

  override def violationsOf(
      metadata: TableMetadata,
      constraints: Seq[TableConstraint.Check],
      required: Set[String],
      rows: Seq[(Long, IndexedSeq[Any])]
  ): Seq[Violation] = Nil

  override def clashes(
      table: TableState,
      metadata: TableMetadata,
      columns: Seq[String],
      ours: Seq[RowsAt],
      theirs: Seq[RowsAt]
  ): Seq[KeyClash] = Nil

  override def doubled(
      table: TableState,
      metadata: TableMetadata,
      columns: Seq[String],
      combined: Seq[(Long, IndexedSeq[Any])],
      sought: Set[Long],
      others: Seq[RowsAt]
  ): Seq[(Long, String)] = Nil
}
