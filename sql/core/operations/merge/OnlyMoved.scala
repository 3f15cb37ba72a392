package io.anabranch.core.operations.merge

import io.anabranch.core.format._
import io.anabranch.core.log.{Bounds, TableState}

import scala.collection.mutable

/** Tells rows that a side only moved since the base, by a compaction, from those that it changed.
  *
  * Only where the base is one state and neither side carries rows: then a row that has a commit which the base knows is as it
  * was there, wherever it lies. Where all rows of a file are, its entry says so, and nothing is read; otherwise ids and
  * commits are.
  *
  * @param knows
  *   whether the base knows a commit
  */
final private[merge] class OnlyMoved(
    base: BaseTable,
    rows: MergeRows,
    vector: DataFile => RowPositions,
    knows: Position => Boolean
) {
  private val found = mutable.HashMap.empty[String, Option[NumberedRows]]
  private val known = mutable.LongMap.empty[Boolean]

  /** The rows of a file of a side that were only moved there; None if there are none. */
  def in(side: TableState, f: DataFile): Option[NumberedRows] = found.getOrElseUpdate(
    f.id,
    if (base.files.contains(f.id)) None
    else if (OnlyMoved.all(f, knows))
      Some(NumberedRows.live(f, if (f.deletions.isEmpty) RowPositions.Empty else vector(f)))
    else if (f.lineage.contains(Lineage.RowCommit)) Some(read(side, f))
    else None // all its rows are of the commit that added it
  )

  private def read(side: TableState, f: DataFile): NumberedRows = {
    def isKnown(commit: Long) = known.getOrElseUpdate(commit, knows(Position.unpacked(commit)))
    val live = rows.versions(side, Seq(RowsAt(f, ContestedRows.live(f, vector))))
    NumberedRows.read(f, live.filter(v => isKnown(v.commit)))
  }

  /** Some rows of the base with their ids. */
  def numbered(f: DataFile, some: RowPositions): NumberedRows = base.table match {
    case Some(table) if !OnlyMoved.hasIds(f) =>
      NumberedRows.read(f, rows.versions(table, Seq(RowsAt(f, some))))
    case _ => NumberedRows.of(f, some)
  }
}

private[merge] object OnlyMoved {

  /** Whether the ids of a file's rows follow from its entry. */
  private def hasIds(f: DataFile): Boolean = f.numbersRows && f.ids.headOption.isDefined

  private def all(f: DataFile, knows: Position => Boolean): Boolean =
    hasIds(f) && (Bounds.of(f, Lineage.RowCommit, partitioned = false) match {
      case Bounds(Some(Value.Whole(low)), Some(Value.Whole(high)), _, _) =>
        val (first, last) = (Position.unpacked(low), Position.unpacked(high))
        first.ordinal == last.ordinal && knows(last)
      case _ => false
    })
}
