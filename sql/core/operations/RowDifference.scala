package io.anabranch.core.operations

import io.anabranch.core.format.{DataFile, RowPositions}

/** Rows of a file that came to a table, or went from it.
  *
  * @param rows
  *   None for all that the file has left
  */
final case class FileDifference(file: DataFile, inserted: Boolean, rows: Option[RowPositions])

/** Where the rows are that differ between two states of a table: from lists of files and deletion vectors,
  * no data is read. A row that was written again is in it twice: where it went, and where it came.
  */
object RowDifference {

  /** @param vector
    *   reads the deleted rows of a file
    */
  def between(
      before: Map[String, DataFile],
      after: Map[String, DataFile],
      vector: DataFile => RowPositions
  ): Seq[FileDifference] = {
    val gone =
      before.valuesIterator.filter(f => !after.contains(f.id)).map(FileDifference(_, inserted = false, None))
    val come =
      after.valuesIterator.filter(f => !before.contains(f.id)).map(FileDifference(_, inserted = true, None))
    val masked = after.valuesIterator.flatMap { is =>
      before.get(is.id).filter(_.deletions != is.deletions).toSeq.flatMap { was =>
        val (old, now) = (vector(was), vector(is))
        Seq(
          FileDifference(was, inserted = false, Some(now.minus(old))),
          FileDifference(is, inserted = true, Some(old.minus(now)))
        ).filter(_.rows.exists(_.nonEmpty))
      }
    }
    (gone ++ masked ++ come).toSeq.sortBy(d => (d.inserted, d.file.id))
  }
}
