package io.anabranch.core.format

import java.util.Arrays

/** A set of rows of one file, by their positions, counted from 0. Never changes. */
final class RowPositions private (private val sorted: Array[Long]) extends Serializable {

  def size: Long = sorted.length.toLong
  def isEmpty: Boolean = sorted.isEmpty
  def nonEmpty: Boolean = !isEmpty

  /** In ascending order. */
  def iterator: Iterator[Long] = sorted.iterator

  def contains(position: Long): Boolean = Arrays.binarySearch(sorted, position) >= 0

  /** How many are below a position. */
  def below(position: Long): Int = {
    val found = Arrays.binarySearch(sorted, position)
    if (found >= 0) found else -found - 1
  }

  /** The one at a place in ascending order. */
  def apply(index: Int): Long = sorted(index)

  def union(other: RowPositions): RowPositions =
    if (other.isEmpty) this
    else if (isEmpty) other
    else RowPositions.of(sorted ++ other.sorted)

  def minus(other: RowPositions): RowPositions =
    if (other.isEmpty || isEmpty) this
    else {
      val kept = Array.newBuilder[Long]
      var at = 0
      sorted.foreach { p =>
        while (at < other.sorted.length && other.sorted(at) < p) at += 1
        if (at == other.sorted.length || other.sorted(at) != p) kept += p
      }
      new RowPositions(kept.result())
    }

  def intersect(other: RowPositions): RowPositions =
    if (other.size < size) other.intersect(this) else new RowPositions(sorted.filter(other.contains))

  override def equals(other: Any): Boolean = other match {
    case o: RowPositions => Arrays.equals(o.sorted, sorted)
    case _ => false
  }
  override def hashCode(): Int = Arrays.hashCode(sorted)
  override def toString: String = sorted.mkString("{", ", ", "}")
}

object RowPositions {
  val Empty: RowPositions = new RowPositions(Array.emptyLongArray)

  /** Of positions in any order, which may be given twice. */
  def of(positions: Array[Long]): RowPositions = {
    val copy = positions.clone()
    Arrays.sort(copy)
    var kept = 0
    copy.indices.foreach { i =>
      if (i == 0 || copy(i) != copy(i - 1)) {
        copy(kept) = copy(i)
        kept += 1
      }
    }
    new RowPositions(if (kept == copy.length) copy else Arrays.copyOf(copy, kept))
  }
}
