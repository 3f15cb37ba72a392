package io.anabranch.core.operations.merge

import io.anabranch.core.format._
import io.anabranch.core.log.Bounds

/** What becomes of rows that both sides took from their places, as far as it follows from files with rows that a side only
  * moved: by a compaction.
  *
  * @param masks
  *   rows of files that are not in the merged table; None for all of a file
  * @param left
  *   rows of the base that have to be looked at
  * @param without
  *   files that hold none of these
  */
final case class MovedByBoth(
    masks: Map[String, Option[RowPositions]],
    left: Seq[(DataFile, RowPositions)],
    without: Set[String] = Set.empty
)

/** Rows that were compacted on both sides, found by arithmetic on runs of row ids and on deletion vectors: nothing is read of
  * them. The merged table has them where our side has put them.
  *
  * Only where the base is one state and neither side carries rows: then a row of the base that has a commit which the base
  * knows is as it was there, wherever it lies.
  */
object MovedByBoth {

  /** Whether all rows of a file that came since the base are as they were there, if they were in it. */
  def onlyMoved(f: DataFile, knows: Position => Boolean): Boolean =
    f.numbersRows && f.ids.headOption.isDefined && (Bounds.of(
      f,
      Lineage.RowCommit,
      partitioned = false
    ) match {
      case Bounds(Some(Value.Whole(low)), Some(Value.Whole(high)), _, _) =>
        val (first, last) = (Position.unpacked(low), Position.unpacked(high))
        first.ordinal == last.ordinal && knows(last)
      case _ => false
    })

  /** @param gone
    *   rows of the base that are gone, from where they were, on both sides
    * @param ours
    *   files that came to our side since the base, and hold moved rows only; as `theirs`
    */
  def settle(
      gone: Seq[(DataFile, RowPositions)],
      ours: Seq[DataFile],
      theirs: Seq[DataFile],
      vector: DataFile => RowPositions
  ): MovedByBoth = {
    val (numbered, others) = gone.partition { case (f, _) => f.numbersRows && f.ids.headOption.isDefined }
    if (numbered.isEmpty || (ours.isEmpty && theirs.isEmpty)) MovedByBoth(Map.empty, gone)
    else {
      def live(files: Seq[DataFile]) =
        files.map(f => NumberedRows.live(f, if (f.deletions.isEmpty) RowPositions.Empty else vector(f)))
      def idsOf(all: Seq[NumberedRows]) = all.foldLeft(RowIds.Empty)((sum, n) => sum.union(n.ids))
      val before = numbered.map { case (f, rows) => NumberedRows.of(f, rows) }
      val (here, there) = (live(ours), live(theirs))
      val sought = idsOf(before)
      val (ourIds, theirIds) = (idsOf(here).intersect(sought), idsOf(there).intersect(sought))
      // whoever only moved a row takes what the other made of it; where both did, ours will do
      val masks = masked(there, theirIds) ++ masked(here, ourIds.minus(theirIds))
      val rest = sought.minus(ourIds).minus(theirIds)
      val left = before.zip(numbered).flatMap { case (n, (file, rows)) =>
        val some = if (rest.isEmpty) Some(RowPositions.Empty) else n.at(rest)
        Some(file -> some.getOrElse(rows)).filter(_._2.nonEmpty)
      }
      val seen = if (others.isEmpty) (ours ++ theirs).map(_.id).toSet else Set.empty[String]
      MovedByBoth(masks, others ++ left, seen)
    }
  }

  /** The files of a merged table without what is masked. */
  def without(
      files: Map[String, MergedFile],
      moved: MovedByBoth,
      vector: DataFile => RowPositions
  ): Map[String, MergedFile] =
    files.flatMap { case (id, f) =>
      moved.masks.get(id) match {
        case None => Some(id -> f)
        case Some(None) => None
        case Some(Some(more)) => Some(id -> f.copy(dead = Some(f.dead.getOrElse(vector(f.file)).union(more))))
      }
    }

  private def masked(files: Seq[NumberedRows], ids: RowIds): Map[String, Option[RowPositions]] =
    if (ids.isEmpty) Map.empty
    else files.map(n => n.file.id -> n.at(ids)).filterNot(_._2.exists(_.isEmpty)).toMap
}
