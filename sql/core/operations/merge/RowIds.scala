package io.anabranch.core.operations.merge

import java.util.Arrays

/** A set of row ids, as runs: as cheap for all rows of a table as for a few. */
final private[merge] class RowIds private (private val firsts: Array[Long], private val ends: Array[Long]) {

  def isEmpty: Boolean = firsts.isEmpty

  /** The least of them, if there are any. */
  def first: Long = firsts.head

  /** The greatest. */
  def last: Long = ends.last - 1
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
