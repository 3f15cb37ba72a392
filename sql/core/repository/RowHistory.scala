package io.anabranch.core.repository

import io.anabranch.core.format.{CommitId, Position}
import io.anabranch.core.log.TableState

/** A row in a state of its table: what it holds, and the commit that wrote it so. */
final case class RowFound[A](row: A, writtenBy: Position)

/** One version of a row.
  *
  * @param change
  *   insert, update or delete
  * @param row
  *   as it was written; for a deletion, as it was before
  */
final case class RowVersion[A](change: String, commit: CommitInfo, row: A)

/** The versions of a row, newest first: from each the commit that wrote it leads to the one before, so that only
  * commits that wrote the row are looked at.
  */
private[repository] trait RowHistory extends Differences {

  /** @param find
    *   looks for the row in a state of the table, at a commit
    */
  def rowHistory[A](
      ref: ResolvedRef,
      table: TableState
  )(find: (TableState, CommitId) => Option[RowFound[A]]): Seq[RowVersion[A]] =
    find(table, ref.state.id) match {
      case Some(found) => written(table, found, find)
      case None => deleted(table, find)
    }

  private def written[A](
      table: TableState,
      found: RowFound[A],
      find: (TableState, CommitId) => Option[RowFound[A]]
  ): List[RowVersion[A]] = {
    val entry = states.log.get(found.writtenBy)
    val before = entry.commit.firstParent.flatMap { parent =>
      states.at(parent).tables.get(table.id).flatMap(t => find(t, parent).map(t -> _))
    }
    before match {
      case Some((older, row)) => RowVersion("update", info(entry), found.row) :: written(older, row, find)
      case None => List(RowVersion("insert", info(entry), found.row))
    }
  }

  /** A row that is gone is sought in the versions of the table, back from the newest. */
  private def deleted[A](
      table: TableState,
      find: (TableState, CommitId) => Option[RowFound[A]]
  ): Seq[RowVersion[A]] = {
    val steps = versions(table).map(_._2)
    steps
      .flatMap { entry =>
        for {
          parent <- entry.commit.firstParent
          older <- states.at(parent).tables.get(table.id)
          row <- find(older, parent)
        } yield RowVersion("delete", info(entry), row.row) +: written(older, row, find)
      }
      .nextOption()
      .getOrElse(Nil)
  }

  /** What the commits at these places say of themselves; `_row_commit` names them so. */
  def commitsAt(places: Seq[Position]): Seq[CommitInfo] = places.map(p => info(states.log.get(p)))
}
