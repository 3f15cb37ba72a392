package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.transaction.Conflict

/** What a statement read of a table.
  *
  * @param id
  *   of the table
  * @param mayCover
  *   whether a file may hold rows that the statement would have read
  * @param changesToo
  *   whether rows that went since matter as well; not so where the statement changed all that it read, since
  *   then the rows themselves are in conflict
  */
final case class TableRead(id: String, mayCover: DataFile => Boolean, changesToo: Boolean)

/** The commits between two states of a branch. */
trait CommitsSince {

  /** None if the branch was reset in between: then they do not follow on each other. */
  def since(base: CatalogState, now: CatalogState): Option[Seq[Commit]]

  /** The commits in between that wrote rows of a table to other files and changed none: the table before and
    * after each, oldest first.
    */
  def rearranged(base: CatalogState, now: CatalogState, table: String): Seq[(TableState, TableState)] = Nil
}

/** All that a statement read, for serializable isolation.
  *
  * It stands in the order of the log where it would have read the same after the commits that came between. Or
  * else it may be thought to have come before them; but not where one of these read a table that it
  * writes. (Two such reads, of each other's writes, are what makes a history not serializable: Cahill, Roehm,
  * Fekete, "Serializable isolation for snapshot databases", 2008.)
  *
  * @param checked
  *   false for snapshot isolation
  */
final case class Reads(all: Seq[TableRead], checked: Boolean = true) {

  def tables: Set[String] = all.map(_.id).toSet

  /** @param writes
    *   ids of the tables that the statement changes
    * @throws Conflict
    *   if there is no order in which the statement and the commits since `base` give what they gave
    */
  def check(base: CatalogState, now: CatalogState, writes: Set[String], log: CommitsSince): Unit =
    if (checked && base.id != now.id) {
      def readers = log.since(base, now).forall(_.exists(_.reads.exists(writes)))
      all.iterator.flatMap(Reads.broken(base, now, _, log)).nextOption().filter(_ => readers).foreach(throw _)
    }
}

object Reads {
  val Nothing: Reads = Reads(Nil)

  /** What others did since that the read would have seen. */
  private def broken(
      base: CatalogState,
      now: CatalogState,
      read: TableRead,
      log: CommitsSince
  ): Option[Conflict] =
    (base.tables.get(read.id), now.tables.get(read.id)) match {
      case (Some(was), Some(is)) if was.at != is.at =>
        // rows that were only moved are no news: what came before such a move is looked at, and what came after
        val moves = log.rearranged(base, now, read.id)
        val spans = (was +: moves.map(_._2)).zip(moves.map(_._1) :+ is)
        spans.iterator.flatMap { case (from, to) => news(from, to, read) }.nextOption()
      case (Some(was), None) =>
        Some(
          new Conflict(
            s"the table ${was.name.mkString(".")}, which the statement reads, was dropped meanwhile",
            now.position
          )
        )
      case _ => None
    }

  private def news(was: TableState, is: TableState, read: TableRead): Option[Conflict] = {
    val (old, current) = (was.files.files, is.files.files)
    val added = current.valuesIterator.filter(f => !old.contains(f.id))
    val lost =
      if (!read.changesToo) Iterator.empty
      else old.valuesIterator.filter(f => !current.get(f.id).exists(_.deletions == f.deletions))
    (added ++ lost).find(read.mayCover).map { f =>
      val by = current.get(f.id).flatMap(c => c.deletions.flatMap(_.writtenBy).orElse(c.addedBy))
      new Conflict(
        s"rows of ${is.name.mkString(".")} that the statement would have read were added or changed meanwhile",
        by.getOrElse(is.at)
      )
    }
  }
}
