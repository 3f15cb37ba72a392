package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.transaction.Conflict

/** Finds rows again that compactions have moved to other files, by their ids. */
object MovedRows {

  /** Ids that stand in the files themselves are looked up in files up to this size. */
  val MaxBytesRead: Long = 32L * 1024 * 1024

  /** @param rows
    *   rows of files that stood there at `base`, by file
    * @return
    *   the same rows in files of `now`, by file; those of files that something other than a compaction removed stay
    *   where they were
    * @throws Conflict
    *   if somebody changed one of them before it was moved, or if it can't be found
    */
  def follow(
      base: CatalogState,
      now: CatalogState,
      id: String,
      rows: Map[String, RowPositions],
      context: RebaseContext
  ): Map[String, RowPositions] =
    context.rearranged(base, now, id).foldLeft(rows) { case (places, (before, after)) =>
      val (stay, go) = places.partition { case (file, _) =>
        !before.files.files.contains(file) || after.files.files.contains(file)
      }
      go.toSeq.sortBy(_._1).foldLeft(stay) { case (all, (file, positions)) =>
        moved(before, after, before.files.files(file), positions, context).foldLeft(all) {
          case (found, (to, more)) => found.updated(to, found.getOrElse(to, RowPositions.Empty).union(more))
        }
      }
    }

  private def moved(
      before: TableState,
      after: TableState,
      file: DataFile,
      positions: RowPositions,
      context: RebaseContext
  ): Map[String, RowPositions] = {
    val taken = context.read(file).intersect(positions)
    if (taken.nonEmpty)
      throw RowChanges.conflict(
        before,
        file.deletions.flatMap(_.writtenBy).getOrElse(before.at),
        context.rowIds(file, RowChanges.first(taken))
      )
    val ids = idsOf(file, positions, after, context)
    val targets = (after.files.files -- before.files.files.keySet).values.toSeq
    val (byRuns, byColumn) = targets.sortBy(_.id).partition(_.numbersRows)
    val (known, unknown) = ids.toSeq
      .map(id => id -> byRuns.iterator.flatMap(f => f.ids.positionOf(id).map(f.id -> _)).nextOption())
      .partition(_._2.isDefined)
    val rest = unknown.map(_._1).toSet
    val sought =
      if (rest.isEmpty) Nil
      else
        byColumn.flatMap { f =>
          val all = RowPositions.of(Array.range(0, f.rows.toInt).map(_.toLong))
          idsOf(f, all, after, context).zipWithIndex.collect {
            case (id, at) if rest(id) => f.id -> at.toLong
          }
        }
    if (sought.size < rest.size) throw lost(after)
    (known.flatMap(_._2) ++ sought).groupMap(_._1)(_._2).map { case (to, at) =>
      to -> RowPositions.of(at.toArray)
    }
  }

  private def idsOf(file: DataFile, positions: RowPositions, at: TableState, context: RebaseContext) =
    if (file.numbersRows || file.isInline || file.sizeBytes <= MaxBytesRead) context.rowIds(file, positions)
    else throw lost(at)

  private def lost(at: TableState) = new Conflict(
    s"rows of ${at.name.mkString(".")} that this statement changes were moved to other files meanwhile, and their ids " +
      "are not few enough runs to find them there",
    at.at
  )
}
