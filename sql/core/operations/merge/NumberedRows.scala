package io.anabranch.core.operations.merge

import io.anabranch.core.format.{DataFile, RowPositions}

import java.util.Arrays

/** Rows of a file with their ids.
  *
  * @param whole
  *   whether they are all that live
  * @param stretches
  *   rows that lie behind each other, with ids that follow each other
  */
final class NumberedRows private (
    val file: DataFile,
    val whole: Boolean,
    stretches: Seq[Stretch]
) {
  private[merge] lazy val ids: RowIds = RowIds.of(stretches.iterator.map(s => (s.id, s.id + s.count)))

  lazy val rows: RowPositions = NumberedRows.positions(stretches.iterator.map(s => (s.position, s.count)))

  /** Those with these ids. */
  private[merge] def at(wanted: RowIds): RowPositions = NumberedRows.positions(
    stretches.iterator.flatMap { s =>
      wanted.within(s.id, s.id + s.count).map { case (a, b) => (a - s.id + s.position, b - a) }
    }
  )
}

/** @param id
  *   of the first row
  */
final private[merge] case class Stretch(id: Long, position: Long, count: Long)

object NumberedRows {

  /** All rows but those that are deleted, of a file whose ids follow from its entry. */
  def live(file: DataFile, dead: RowPositions): NumberedRows = {
    val ends = dead.iterator ++ Iterator(file.rows)
    val (kept, _) = ends.foldLeft((List.empty[(Long, Long)], 0L)) { case ((all, from), to) =>
      ((from, to) :: all, to + 1)
    }
    new NumberedRows(file, true, numbered(file, kept.reverse.filter { case (a, b) => a < b }))
  }

  /** Some rows of a file whose ids follow from its entry. */
  def of(file: DataFile, rows: RowPositions): NumberedRows = {
    val found = rows.iterator.foldLeft(List.empty[(Long, Long)]) {
      case ((a, b) :: rest, p) if p == b => (a, p + 1) :: rest
      case (rest, p) => (p, p + 1) :: rest
    }
    new NumberedRows(file, false, numbered(file, found.reverse))
  }

  /** Some rows of a file as they were read, in the order of their positions. */
  def read(file: DataFile, rows: Iterator[RowVersion]): NumberedRows = {
    val found = rows.foldLeft(List.empty[Stretch]) {
      case (Stretch(id, position, n) :: rest, r) if r.id == id + n && r.position == position + n =>
        Stretch(id, position, n + 1) :: rest
      case (rest, r) => Stretch(r.id, r.position, 1) :: rest
    }
    new NumberedRows(file, false, found.reverse)
  }

  private def positions(runs: Iterator[(Long, Long)]): RowPositions = {
    val found = Array.newBuilder[Long]
    for { (first, count) <- runs; p <- first until first + count } found += p
    RowPositions.of(found.result())
  }

  /** @param places
    *   from a position up to another
    */
  private def numbered(file: DataFile, places: Seq[(Long, Long)]): Seq[Stretch] = {
    // where each run of ids begins
    val starts = (if (file.runs.isEmpty) Seq(0L) else file.runs.scanLeft(0L)(_ + _.count).init).toArray
    places.flatMap { case (from, to) =>
      val found = Arrays.binarySearch(starts, from)
      val first = if (found >= 0) found else -found - 2
      Iterator
        .from(first)
        .takeWhile(i => i < starts.length && starts(i) < to)
        .map { i =>
          val (a, b) = (starts(i).max(from), if (i + 1 < starts.length) starts(i + 1).min(to) else to)
          Stretch(file.rowId(a), a, b - a)
        }
    }
  }
}
