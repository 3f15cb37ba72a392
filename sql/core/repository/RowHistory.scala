package io.anabranch.core.repository

import io.anabranch.core.format.{CommitId, Entry, Position}
import io.anabranch.core.log.TableState

/** A row in a state of its table: what it holds, and the commit that wrote it so. */
final case class RowFound[A](row: A, writtenBy: Position)

/** One version of a row.
  *
  * @param change
  *   insert, update or delete; unknown for the first one that is told, where what the row was before was given up
  * @param row
  *   as it was written; for a deletion, as it was before
  */
final case class RowVersion[A](change: String, commit: CommitInfo, row: A)

/** The versions of a row, newest first: from each the commit that wrote it leads to the one before, so that only
  * commits that wrote the row are looked at.
  */
private[repository] trait RowHistory extends Differences {

  /** @param id
    *   of the row
    * @param find
    *   looks for the row in a state of the table, at a commit
    * @throws AnabranchException
    *   ANABRANCH_REF.EXPIRED if it is gone from all states that were not given up
    */
  def rowHistory[A](
      ref: ResolvedRef,
      table: TableState,
      id: Long
  )(find: (TableState, CommitId) => Option[RowFound[A]]): Seq[RowVersion[A]] =
    find(table, ref.state.id) match {
      case Some(found) => written(table, id, found, find)
      case None => deleted(table, id, find)
    }

  private def written[A](
      table: TableState,
      id: Long,
      found: RowFound[A],
      find: (TableState, CommitId) => Option[RowFound[A]]
  ): List[RowVersion[A]] = {
    val entry = states.log.get(found.writtenBy)
    def version(change: String) = RowVersion(change, info(entry), found.row)
    val older = for {
      parent <- entry.commit.firstParent
      t <- states.at(parent).tables.get(table.id)
    } yield (parent, t)
    older match {
      case Some((parent, _)) if resolver.expired.contains(parent) =>
        List(version(if (numbers(table.id, entry, id)) "insert" else "unknown"))
      case Some((parent, t)) =>
        find(t, parent).fold(List(version("insert")))(version("update") :: written(t, id, _, find))
      case None => List(version("insert"))
    }
  }

  /** Whether a commit gave a row its id, and so is the first that wrote it: the log tells [ROW-2]. */
  protected def numbers(table: String, entry: Entry, id: Long): Boolean = {
    val (at, log) = (Position.unpacked(id), entry.id.position.ordinal)
    val free = entry.commit.firstParent
      .filter(_.position.ordinal == log)
      .fold(0L)(states.at(_).nextRows.getOrElse(table, 0L))
    at.ordinal == log && at.seq >= free
  }

  /** A row that is gone is sought in the versions of the table, back from the newest. */
  private def deleted[A](
      table: TableState,
      id: Long,
      find: (TableState, CommitId) => Option[RowFound[A]]
  ): Seq[RowVersion[A]] = {
    val steps = versions(table).map(_._2)
    steps
      .flatMap { entry =>
        for {
          parent <- entry.commit.firstParent
          older <- states.at(parent).tables.get(table.id)
          _ = resolver.expired.refuse(parent)
          row <- find(older, parent)
        } yield RowVersion("delete", info(entry), row.row) +: written(older, id, row, find)
      }
      .nextOption()
      .getOrElse(Nil)
  }

  /** What the commits at these places say of themselves; `_row_commit` names them so. */
  def commitsAt(places: Seq[Position]): Seq[CommitInfo] = places.map(p => info(states.log.get(p)))
}
