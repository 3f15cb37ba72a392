package io.anabranch.core.log

import io.anabranch.core.format._

import java.util.concurrent.ConcurrentHashMap

/** What is known of a column in a file: bounds, and whether it may and must be NULL. */
final case class Bounds(min: Option[Value], max: Option[Value], mayBeNull: Boolean, allNull: Boolean)

object Bounds {
  private val Unknown = Bounds(None, None, mayBeNull = true, allNull = false)

  /** @param partitioned
    *   whether the table is partitioned by the column's values: these are exact, and come before
    *   statistics
    */
  def of(file: DataFile, column: String, partitioned: Boolean): Bounds =
    if (partitioned)
      file.partition.get(column) match {
        case Some(v) if !isNaN(v) => Bounds(Some(v), Some(v), mayBeNull = false, allNull = false)
        case Some(_) => Unknown.copy(mayBeNull = false)
        case None => Bounds(None, None, mayBeNull = true, allNull = true)
      }
    else if (Lineage.Columns.contains(column)) ofLineage(file, column)
    else if (file.isInline) ofRows(file, column)
    else
      file.stats.get(column).fold(Unknown) { s =>
        Bounds(s.min, s.max, s.nulls.forall(_ > 0), s.nulls.contains(file.rows))
      }

  /** The rows of a block are at hand; those of a nested field are not looked at. */
  private def ofRows(block: DataFile, column: String): Bounds = {
    val place = block.inlineColumns.indexOf(column)
    val cells = block.inline.toSeq.flatten.collect { case Json.Arr(row) if place >= 0 => row(place) }
    val values = cells.filter(_ != Json.Null).map(Value.decode)
    if (cells.isEmpty || values.exists(v => v.forall(isNaN))) Unknown
    else
      Bounds(
        values.flatten.reduceOption((a, b) => if (Value.compare(a, b).exists(_ > 0)) b else a),
        values.flatten.reduceOption((a, b) => if (Value.compare(a, b).exists(_ < 0)) b else a),
        mayBeNull = values.size < cells.size,
        allNull = values.isEmpty
      )
  }

  /** What the file's entry implies for its rows, and what stands in the file for older ones. */
  private def ofLineage(file: DataFile, column: String): Bounds = {
    val implied =
      if (column == Lineage.RowCommit) file.addedBy.map(p => (p.packed, p.packed))
      else if (file.runs.nonEmpty)
        Some((file.runs.map(_.first).min, file.runs.map(r => r.first + r.count - 1).max))
      else file.firstRow.map(first => (first, first + file.rows - 1))
    val all = implied.map { case (low, high) => (Value.Whole(low): Value, Value.Whole(high): Value) }
    val (min, max) =
      if (!file.lineage.contains(column)) (all.map(_._1), all.map(_._2))
      else {
        val held = file.stats.getOrElse(column, ColumnStats.Unknown)
        if (held.nulls.contains(0L)) (held.min, held.max)
        else (outer(held.min, all.map(_._1), -1), outer(held.max, all.map(_._2), 1))
      }
    Bounds(min, max, mayBeNull = false, allNull = false)
  }

  /** The one further out: the smaller for sign -1, the greater for 1. */
  private def outer(a: Option[Value], b: Option[Value], sign: Int): Option[Value] =
    for { x <- a; y <- b; c <- Value.compare(x, y) } yield if (c * sign >= 0) x else y

  private def isNaN(v: Value): Boolean = v match {
    case Value.Floating(d) => d.isNaN
    case _ => false
  }
}

/** The files of a table side by side. Planning a query looks at all of them, so the bounds of a column are
  * looked up once, by the first query that asks about it.
  */
final class FileBounds(val files: IndexedSeq[DataFile]) {
  private val columns = new ConcurrentHashMap[(String, Boolean), IndexedSeq[Bounds]]

  /** The bounds of a column, in the order of the files; `partitioned` as of [[Bounds.of]]. */
  def of(column: String, partitioned: Boolean): IndexedSeq[Bounds] =
    columns.computeIfAbsent((column, partitioned), _ => files.map(Bounds.of(_, column, partitioned)))
}
