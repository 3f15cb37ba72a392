package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.transaction._

/** Files that were written anew as one.
  *
  * @param sources
  *   as they were read; their rows, without the deleted ones, stand in `file` in this order
  */
final case class Compacted(sources: Seq[DataFile], file: DataFile)

/** Puts files with the same rows in the place of others: OPTIMIZE.
  *
  * It never is in conflict with changes of rows. Rows that others deleted meanwhile are deleted in the new files as well, by
  * arithmetic; where others have removed a file, what was made of it is given up.
  */
final case class Compact(base: CatalogState, id: String, groups: Seq[Compacted], context: RebaseContext)
    extends TableIntent {

  override val operation: String = "OPTIMIZE"

  // what was written for a try that lost is good for the next, if the rows are the same
  private val vectors = scala.collection.mutable.Map.empty[RowPositions, DeletionVector]
  private val staged = scala.collection.mutable.Map.empty[Seq[DataFile], StagedFiles]

  override def onto(now: CatalogState): Proposal = {
    Rebase.sameLayout(base, now, id)
    val placed = groups.flatMap(g => deletedSince(g, now.tables(id)).map(g -> _))
    if (placed.isEmpty) Proposal()
    else {
      val added = placed.flatMap { case (g, gone) => remaining(g.file, gone) }
      val files = staged.getOrElseUpdate(added, context.stage(added))
      val removed = placed.flatMap(_._1.sources)
      val change = TableChange(
        0,
        remove = removed.map(_.id),
        add = files.inEntry,
        manifests = files.manifests,
        rearranged = true
      )
      val counted = TableIntents.metrics(added, removed) -- Seq("rows_inserted", "rows_deleted")
      Proposal(Map(id -> change), metrics = counted + ("rows_copied" -> placed.map(_._1.file.rows).sum))
    }
  }

  private def remaining(file: DataFile, gone: RowPositions): Option[DataFile] =
    if (gone.isEmpty) Some(file)
    else
      Option.when(gone.size < file.rows)(
        file.copy(deletions = Some(vectors.getOrElseUpdate(gone, context.write(gone))))
      )

  /** The rows of the new file that others deleted where they stood before. None if the new file has no place any more: a
    * source is gone, or has rows again that it had not when it was read.
    */
  private def deletedSince(group: Compacted, is: TableState): Option[RowPositions] = {
    val offsets = group.sources.scanLeft(0L)(_ + _.liveRows)
    val gone = group.sources.zip(offsets).map { case (source, offset) =>
      is.files.files.get(source.id).flatMap { current =>
        if (current.deletions == source.deletions) Some(RowPositions.Empty)
        else {
          val (before, after) = (context.read(source), context.read(current))
          Option.when(before.minus(after).isEmpty)(
            RowPositions.of(after.minus(before).iterator.map(p => offset + p - before.below(p)).toArray)
          )
        }
      }
    }
    Option.when(gone.forall(_.isDefined))(gone.flatten.foldLeft(RowPositions.Empty)(_.union(_)))
  }
}
