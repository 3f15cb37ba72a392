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
    else
      file.stats.get(column).fold(Unknown) { s =>
        Bounds(s.min, s.max, s.nulls.forall(_ > 0), s.nulls.contains(file.rows))
      }

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
