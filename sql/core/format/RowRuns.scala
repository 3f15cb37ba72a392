package io.anabranch.core.format

import java.util.Arrays

/** A run of row ids: the next `count` rows of the file have ids `first`, `first + 1`, … */
final case class RowRun(first: Long, count: Long)

/** The row ids of a file by position, and the reverse, where they are a few runs: arithmetic, no data is read. */
final class RowRuns(runs: Seq[RowRun]) {
  private val firsts = runs.map(_.first).toArray
  private val starts = runs.scanLeft(0L)(_ + _.count).toArray
  private lazy val byId = firsts.indices.sortBy(firsts(_)).toArray
  private lazy val sortedFirsts = byId.map(firsts(_))

  def isEmpty: Boolean = firsts.isEmpty
  def headOption: Option[Long] = firsts.headOption

  /** @param position
    *   of a row of the file, counted from 0
    */
  def idAt(position: Long): Long = {
    val i = RowRuns.lastUpTo(starts, position).min(firsts.length - 1)
    firsts(i) + position - starts(i)
  }

  /** None if no row of the file has the id. */
  def positionOf(id: Long): Option[Long] = {
    val found = RowRuns.lastUpTo(sortedFirsts, id)
    Option.when(found >= 0)(byId(found)).collect {
      case i if id - firsts(i) < starts(i + 1) - starts(i) => starts(i) + id - firsts(i)
    }
  }
}

object RowRuns {

  /** More runs than these don't stand in the entry of a file: it then has the column `_row_id` instead. */
  val Max: Int = 256

  /** Index of the last value that is not greater; -1 if there is none. */
  private def lastUpTo(sorted: Array[Long], value: Long): Int = {
    val found = Arrays.binarySearch(sorted, value)
    if (found >= 0) found else -found - 2
  }
}
