package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}

/** How many rows of a table differ between two states: those that only the later has, those that both have in different
  * versions, and those that only the earlier has.
  */
final case class RowCounts(added: Long, changed: Long, removed: Long) {
  def reversed: RowCounts = RowCounts(removed, changed, added)
  def +(o: RowCounts): RowCounts = RowCounts(added + o.added, changed + o.changed, removed + o.removed)
}

/** A table, and the state of the catalog that it is in. */
final case class TableAt(catalog: CatalogState, table: TableState)

/** Counts rows by what commits tell of files: no data is read. It finds the number or None, and never guesses. */
object RowCounts {
  val Zero: RowCounts = RowCounts(0, 0, 0)

  /** From a state to a later one on its path, if no rows came back or from elsewhere on the way. Then a row that was born
    * before is one that the earlier state has, and a version that was written before is the one that it has.
    *
    * @param differences
    *   as of [[RowDifference]]
    * @param vector
    *   reads the deleted rows of a file
    * @return
    *   None if a file holds both older and newer rows, and its bounds do not tell how many of which
    */
  def along(
      before: TableAt,
      after: TableAt,
      differences: Seq[FileDifference],
      vector: DataFile => RowPositions
  ): Option[RowCounts] = {
    val (come, gone) = differences.partition(_.inserted)
    val known = before.catalog
    // ids and commits of a log below these are older
    def ids(o: Ordinal): Option[Long] = (known.vector.get(o), after.catalog.vector.get(o)) match {
      case _ if o == known.position.ordinal => Some(known.nextRows.getOrElse(before.table.id, 0L))
      case (Some(a), Some(b)) => Option.when(a == b)(Long.MaxValue)
      case _ => Some(0)
    }
    def commits(o: Ordinal): Option[Long] = Some(known.vector.get(o).fold(0L)(_ + 1))
    val born = come.map(new Older(_, Lineage.RowId, ids, vector).count)
    val same = come.map(new Older(_, Lineage.RowCommit, commits, vector).count)
    Option.when((born ++ same).forall(_.isDefined)) {
      val (old, unchanged) = (born.flatten.sum, same.flatten.sum)
      RowCounts(come.map(size).sum - old, old - unchanged, gone.map(size).sum - old)
    }
  }

  /** Between two states that went apart, if they changed different rows of the state that both come from.
    *
    * @param one
    *   what became different on the way to the first of them, and how many rows these are
    */
  def across(
      one: (Seq[FileDifference], RowCounts),
      other: (Seq[FileDifference], RowCounts)
  ): Option[RowCounts] = {
    val theirs = other._1.filterNot(_.inserted).map(d => d.file.id -> d.rows).toMap
    val apart = one._1.filterNot(_.inserted).forall { d =>
      theirs.get(d.file.id).forall(t => d.rows.zip(t).exists { case (a, b) => a.intersect(b).isEmpty })
    }
    Option.when(apart)(one._2.reversed + other._2)
  }

  private[operations] def size(d: FileDifference): Long = d.rows.fold(d.file.liveRows)(_.size)
}

/** Of some rows of a file, those whose id (or commit) is older than a limit.
  *
  * @param column
  *   of [[Lineage]]
  * @param limit
  *   by log: a number below it is older; None if that can't be told
  */
final private class Older(
    d: FileDifference,
    column: String,
    limit: Ordinal => Option[Long],
    vector: DataFile => RowPositions
) {
  private val file = d.file
  private lazy val deleted = vector(file)

  def count: Option[Long] =
    if (!file.lineage.contains(column)) implied
    else if (file.isInline) inBlock
    else byBounds

  /** Where the file's entry tells it for all rows: the commit that added it, or runs of ids by position. */
  private def implied: Option[Long] =
    if (column == Lineage.RowCommit) impliedForAll.map(allIf)
    else {
      val parts = runs.map { case (start, run) => older(run).map(n => between(start, start + n)) }
      Option.when(parts.forall(_.isDefined))(parts.flatten.sum)
    }

  private def runs: Seq[(Long, RowRun)] =
    if (file.runs.isEmpty) file.firstRow.map(first => (0L, RowRun(first, file.rows))).toSeq
    else file.runs.scanLeft(0L)(_ + _.count).zip(file.runs)

  private def older(run: RowRun): Option[Long] = {
    val first = Position.unpacked(run.first)
    limit(first.ordinal).map(l => (l - first.seq).max(0).min(run.count))
  }

  /** How many of the rows stand at positions from one up to another. */
  private def between(from: Long, until: Long): Long = d.rows match {
    case Some(rows) => rows.below(until).toLong - rows.below(from)
    case _ => until - from - (deleted.below(until) - deleted.below(from))
  }

  /** What is implied for rows that hold no value, where it is the same for all. */
  private def impliedForAll: Option[Boolean] =
    if (column == Lineage.RowCommit) file.addedBy.flatMap(p => isOlder(p.packed))
    else
      runs.map { case (_, run) =>
        older(run).collect { case 0 => false; case run.count => true }
      }.distinct match {
        case Seq(one) => one
        case _ => None
      }

  private def isOlder(packed: Long): Option[Boolean] = {
    val p = Position.unpacked(packed)
    limit(p.ordinal).map(p.seq < _)
  }

  private def allIf(old: Boolean): Long = if (old) RowCounts.size(d) else 0

  private def inBlock: Option[Long] = {
    val place = file.inlineColumns.indexOf(column)
    val rows = file.inline.toSeq.flatten.toIndexedSeq
    val positions = d.rows.fold(rows.indices.iterator.map(_.toLong).filterNot(deleted.contains))(_.iterator)
    val each = positions.map { p =>
      val held = rows.lift(p.toInt).collect { case Json.Arr(cells) => Value.decode(cells(place)) }.flatten
      val entry = if (column == Lineage.RowId) Some(file.rowId(p)) else file.addedBy.map(_.packed)
      held.collect { case Value.Whole(n) => n }.orElse(entry).flatMap(isOlder)
    }.toSeq
    Option.when(file.inline.isDefined && each.forall(_.isDefined))(each.flatten.count(identity).toLong)
  }

  private def byBounds: Option[Long] = {
    val stats = file.stats.getOrElse(column, ColumnStats.Unknown)
    val held = (stats.min, stats.max) match {
      case (Some(Value.Whole(low)), Some(Value.Whole(high)))
          if Position.unpacked(low).ordinal == Position.unpacked(high).ordinal =>
        isOlder(low).filter(isOlder(high).contains)
      case _ => None
    }
    (held, impliedForAll, stats.nulls) match {
      case (Some(h), _, Some(0)) => Some(allIf(h))
      case (Some(h), Some(i), _) if h == i => Some(allIf(h))
      case (Some(h), Some(i), Some(nulls)) if d.rows.isEmpty && file.deletions.isEmpty =>
        Some((if (h) file.rows - nulls else 0) + (if (i) nulls else 0))
      case _ => None
    }
  }
}
