package io.anabranch.core.operations.merge

import io.anabranch.core.format.{DataFile, RowPositions}

import java.util.Arrays

/** A set of row ids, as runs: as cheap for all rows of a table as for a few. */
final private[merge] class RowIds private (private val firsts: Array[Long], private val ends: Array[Long]) {

  def isEmpty: Boolean = firsts.isEmpty
  def size: Long = firsts.indices.iterator.map(i => ends(i) - firsts(i)).sum

  /** Those from `first` up to `end`, which is not one of them, as runs. */
  def within(first: Long, end: Long): Iterator[(Long, Long)] = {
    val found = Arrays.binarySearch(ends, first + 1) // the first run that ends behind it
    Iterator
      .from(if (found >= 0) found else -found - 1)
      .takeWhile(i => i < firsts.length && firsts(i) < end)
      .map(i => (firsts(i).max(first), ends(i).min(end)))
  }

  private def runs: Iterator[(Long, Long)] = firsts.iterator.zip(ends.iterator)

  def union(other: RowIds): RowIds =
    if (other.isEmpty) this else if (isEmpty) other else RowIds.of(runs ++ other.runs)

  def intersect(other: RowIds): RowIds = RowIds.of(runs.flatMap { case (a, b) => other.within(a, b) })

  def minus(other: RowIds): RowIds = RowIds.of(runs.flatMap { case (a, b) =>
    val (left, at) =
      other.within(a, b).foldLeft((List.empty[(Long, Long)], a)) { case ((kept, from), (c, d)) =>
        ((from, c) :: kept, d)
      }
    (at, b) :: left
  })
}

private[merge] object RowIds {
  val Empty: RowIds = of(Iterator.empty)

  /** Of runs in any order, each up to an id that is not in it. */
  def of(runs: Iterator[(Long, Long)]): RowIds = {
    val joined = runs.filter { case (a, b) => a < b }.toArray.sorted.foldLeft(List.empty[(Long, Long)]) {
      case ((a, b) :: rest, (c, d)) if c <= b => (a, b.max(d)) :: rest
      case (rest, run) => run :: rest
    }
    val all = joined.reverse.toArray
    new RowIds(all.map(_._1), all.map(_._2))
  }
}

/** Rows of a file whose ids follow from its entry.
  *
  * @param stretches
  *   rows that lie behind each other, with ids that follow each other
  */
final private[merge] class NumberedRows private (val file: DataFile, stretches: Seq[Stretch]) {
  lazy val ids: RowIds = RowIds.of(stretches.iterator.map(s => (s.id, s.id + s.count)))

  /** Those with these ids; None if they are all. */
  def at(wanted: RowIds): Option[RowPositions] = {
    val found = stretches.flatMap { s =>
      wanted.within(s.id, s.id + s.count).map { case (a, b) => Stretch(a, a - s.id + s.position, b - a) }
    }
    Option.when(found.map(_.count).sum < stretches.map(_.count).sum)(
      RowPositions.of(
        found.iterator.flatMap(s => Iterator.range(0, s.count.toInt).map(s.position + _)).toArray
      )
    )
  }
}

/** @param id
  *   of the first row
  */
final private[merge] case class Stretch(id: Long, position: Long, count: Long)

private[merge] object NumberedRows {

  /** All rows but those that are deleted. */
  def live(file: DataFile, dead: RowPositions): NumberedRows = {
    val ends = dead.iterator ++ Iterator(file.rows)
    val (kept, _) = ends.foldLeft((List.empty[(Long, Long)], 0L)) { case ((all, from), to) =>
      ((from, to) :: all, to + 1)
    }
    new NumberedRows(file, numbered(file, kept.reverse.filter { case (a, b) => a < b }))
  }

  def of(file: DataFile, rows: RowPositions): NumberedRows = {
    val found = rows.iterator.foldLeft(List.empty[(Long, Long)]) {
      case ((a, b) :: rest, p) if p == b => (a, p + 1) :: rest
      case (rest, p) => (p, p + 1) :: rest
    }
    new NumberedRows(file, numbered(file, found.reverse))
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
