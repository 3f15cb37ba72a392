package io.anabranch.core.operations.merge

import io.anabranch.core.format._
import io.anabranch.core.log.{Bounds, TableState}

import scala.collection.mutable

/** A row that both sides took away from where it was, with the version that each has of it now. */
final case class ContestedRow(
    id: Long,
    base: Option[RowVersion],
    ours: Option[RowVersion],
    theirs: Option[RowVersion]
) {

  /** Whether both sides have the very same row. */
  def agreed: Boolean = ours.map(_.commit) == theirs.map(_.commit)
  def ourChange: Boolean = base.isEmpty || ours.map(_.commit) != base.map(_.commit)
  def theirChange: Boolean = base.isEmpty || theirs.map(_.commit) != base.map(_.commit)
}

/** Finds the versions of rows that both sides changed or moved: by row id, in the files that came since the base.
  * Reads ids and commits of rows only.
  *
  * @param ours
  *   files by id, as `theirs`
  */
final class ContestedRows(
    table: TableState,
    base: BaseTable,
    ours: Map[String, DataFile],
    theirs: Map[String, DataFile],
    rows: MergeRows,
    vector: DataFile => RowPositions
) {

  /** Rows that came to a side since the base. */
  lazy val ourNews: Seq[RowsAt] = news(ours)
  lazy val theirNews: Seq[RowsAt] = news(theirs)

  private def news(side: Map[String, DataFile]): Seq[RowsAt] =
    side.valuesIterator.toSeq.sortBy(_.id).flatMap { f =>
      def live = ContestedRows.live(f, vector)
      base.files.get(f.id) match {
        case Some(b) if b.deletions == f.deletions => None
        case Some(b) => Some(RowsAt(f, vector(b).minus(vector(f)))).filter(_.rows.nonEmpty)
        case None => Some(RowsAt(f, live))
      }
    }

  /** @param gone
    *   rows of the base that are gone on both sides
    * @param carried
    *   whether a side may have rows of the other, or both those of a third, that the base does not have
    * @param ourMoved
    *   rows of our files that are none of these; as `theirMoved`
    */
  def find(
      gone: Seq[(DataFile, RowPositions)],
      carried: Boolean,
      ourMoved: DataFile => RowPositions = _ => RowPositions.Empty,
      theirMoved: DataFile => RowPositions = _ => RowPositions.Empty
  ): Seq[ContestedRow] = {
    val before = byId(rows.versions(table, gone.map { case (f, p) => RowsAt(f, p) }))
    val common = if (carried) inBoth(before) else Nil
    val wanted = mutable.LongMap.empty[Unit]
    (before.keysIterator ++ base.disputed.keysIterator ++ common).foreach(wanted.update(_, ()))
    if (wanted.isEmpty) Nil
    else {
      val (here, there) = (among(ourNews, wanted, ourMoved), among(theirNews, wanted, theirMoved))
      wanted.keysIterator.toSeq.sorted
        .map(id => ContestedRow(id, before.get(id), here.get(id), there.get(id)))
        // one row in a file that both have
        .filterNot(r =>
          r.ours.isDefined && r.ours.map(v => (v.file.id, v.position)) == r.theirs.map(v =>
            (v.file.id, v.position)
          )
        )
    }
  }

  private def byId(versions: Iterator[RowVersion]): mutable.LongMap[RowVersion] = {
    val found = mutable.LongMap.empty[RowVersion]
    versions.foreach(v => found.update(v.id, v))
    found
  }

  /** The wanted rows among some; files whose ids are all out of their range are not looked at. */
  private def among(
      all: Seq[RowsAt],
      wanted: mutable.LongMap[Unit],
      moved: DataFile => RowPositions
  ): mutable.LongMap[RowVersion] = {
    val (low, high) = (wanted.keysIterator.min, wanted.keysIterator.max)
    val near = all
      .filter(r => ContestedRows.mayHave(r.file, low, high))
      .map(r => r.copy(rows = r.rows.minus(moved(r.file))))
      .filter(_.rows.nonEmpty)
    byId(rows.versions(table, near).filter(v => wanted.contains(v.id)))
  }

  /** Ids of rows that came on both sides. */
  private def inBoth(known: mutable.LongMap[RowVersion]): Seq[Long] = {
    def range(all: Seq[RowsAt]) = all.map(r => ContestedRows.idsOf(r.file))
    def near(mine: Seq[RowsAt], others: Seq[Option[(Long, Long)]]) = mine.filter { r =>
      ContestedRows.idsOf(r.file).forall { case (a, b) =>
        others.exists(_.forall { case (c, d) => c <= b && d >= a })
      }
    }
    val (a, b) = (near(ourNews, range(theirNews)), near(theirNews, range(ourNews)))
    if (a.isEmpty || b.isEmpty) Nil
    else {
      val here = byId(rows.versions(table, a))
      rows.versions(table, b).map(_.id).filter(id => here.contains(id) && !known.contains(id)).toSeq
    }
  }
}

object ContestedRows {

  def live(f: DataFile, vector: DataFile => RowPositions): RowPositions = {
    val all = RowPositions.of(Array.range(0, f.rows.toInt).map(_.toLong))
    f.deletions.fold(all)(_ => all.minus(vector(f)))
  }

  /** Whether row ids of a file may lie between two, or be one of them. */
  def mayHave(f: DataFile, low: Long, high: Long): Boolean =
    idsOf(f).forall { case (a, b) => a <= high && b >= low }

  /** The least and greatest row id that a file may have; None where nothing is known. */
  private def idsOf(f: DataFile): Option[(Long, Long)] =
    Bounds.of(f, Lineage.RowId, partitioned = false) match {
      case Bounds(Some(Value.Whole(low)), Some(Value.Whole(high)), _, _) => Some((low, high))
      case _ => None
    }
}
