package io.anabranch.core.operations.merge

import io.anabranch.core.format.{DataFile, RowPositions}

/** What becomes of rows that both sides took from their places, as far as it follows from rows that a side only moved: by a
  * compaction.
  *
  * @param masks
  *   rows of files that are not in the merged table; None for all of a file
  * @param left
  *   rows of the base that have to be looked at
  */
final case class MovedByBoth(
    masks: Map[String, Option[RowPositions]],
    left: Seq[(DataFile, RowPositions)]
)

/** Rows that were compacted on both sides, found by arithmetic on runs of row ids. The merged table has them where our side
  * has put them.
  */
object MovedByBoth {

  /** @param gone
    *   rows of the base that are gone, from where they were, on both sides
    * @param ours
    *   rows that our side only moved; as `theirs`
    */
  def settle(gone: Seq[NumberedRows], ours: Seq[NumberedRows], theirs: Seq[NumberedRows]): MovedByBoth =
    if (ours.isEmpty && theirs.isEmpty) MovedByBoth(Map.empty, gone.map(n => n.file -> n.rows))
    else {
      def idsOf(all: Seq[NumberedRows]) = all.foldLeft(RowIds.Empty)((sum, n) => sum.union(n.ids))
      val sought = idsOf(gone)
      val (ourIds, theirIds) = (idsOf(ours).intersect(sought), idsOf(theirs).intersect(sought))
      // whoever only moved a row takes what the other made of it; where both did, ours will do
      val masks = masked(theirs, theirIds) ++ masked(ours, ourIds.minus(theirIds))
      val rest = sought.minus(ourIds).minus(theirIds)
      val left = if (rest.isEmpty) Nil else gone.map(n => n.file -> n.at(rest)).filter(_._2.nonEmpty)
      MovedByBoth(masks, left)
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
    else
      files
        .map(n => n.file.id -> (if (n.whole && n.ids.minus(ids).isEmpty) None else Some(n.at(ids))))
        .filterNot(_._2.exists(_.isEmpty))
        .toMap
}
