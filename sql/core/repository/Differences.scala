package io.anabranch.core.repository

import io.anabranch.core.format.{Entry, Position}
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.operations._
import io.anabranch.core.operations.merge.{MergeBase, TablePlan}

/** What differs between two refs, by table, from metadata alone. */
private[repository] trait Differences extends Changes {

  /** @param table
    *   only this one
    */
  def diff(from: String, to: String, table: Option[Seq[String]]): Seq[TableChangeInfo] = {
    val (a, b) = (resolver.resolve(from).state, resolver.resolve(to).state)
    table.foreach { name =>
      if (!a.byName.contains(name)) Names.table(b, name, to): Unit
    }
    def only(state: CatalogState, other: CatalogState) = table.fold(state) { name =>
      val ids = (state.byName.get(name) ++ other.byName.get(name)).map(_.id).toSet
      state.copy(tables = state.tables.filter { case (id, _) => ids(id) })
    }
    Diff
      .between(only(a, b), only(b, a), made(_).table.content, (x, y) => counts(a, x, b, y))
      .map(TableChangeInfo.of)
  }

  /** How many rows differ; None where metadata do not tell: then RESTORE, a merge, or changes of the same rows on both sides
    * lie between the two.
    */
  private def counts(
      from: CatalogState,
      a: TableState,
      to: CatalogState,
      b: TableState
  ): Option[RowCounts] = {
    def apart(one: TableAt, other: TableAt) = for {
      base <- commonBase(from, to)
      start <- base.tables.get(a.id).flatMap(readable)
      left <- way(start, one)
      right <- way(start, other)
      counts <- RowCounts.across(left, right)
    } yield counts
    for {
      one <- readable(a)
      other <- readable(b)
      counts <- way(one, other).map(_._2).orElse(way(other, one).map(_._2.reversed)).orElse(apart(one, other))
    } yield counts
  }

  /** How many rows a merge of a table changes on our side, if only its own commits lead from the base to their side.
    *
    * @param planned
    *   a preview of what it makes of the table
    */
  protected def mergeCounts(
      base: CatalogState,
      theirs: CatalogState,
      ours: TableState,
      planned: TableState
  ): Option[RowCounts] =
    for {
      start <- base.tables.get(ours.id).flatMap(readable)
      end <- theirs.tables.get(ours.id).flatMap(readable)
      if isWay(start, end)
      after = planned.files.files
      vector = context(ours).read(_)
      found = RowDifference.between(ours.files.files, after - TablePlan.Combined, vector)
      c <- RowCounts.along(start, end, found, vector)
    } yield {
      // each of these takes the place of a row of ours
      val combined = after.get(TablePlan.Combined).fold(0L)(_.rows)
      RowCounts(c.added, c.changed + combined, c.removed - combined)
    }

  /** The state in which a table got the rows that it has, whatever compactions have come since. */
  private def made(t: TableState): TableAt = {
    val entry = states.log.get(t.content)
    val moved = entry.commit.tables.get(t.id).exists(_.rearranged)
    val before =
      if (moved) entry.commit.firstParent.flatMap(states.at(_).tables.get(t.id))
      else None
    before match {
      case Some(older) => made(older)
      case None =>
        val state = states.at(entry)
        TableAt(state, state.tables.getOrElse(t.id, t))
    }
  }

  /** The same, if its deletion vectors are there: those from before a compaction may be deleted, if that state was given up. */
  private def readable(t: TableState): Option[TableAt] = {
    val at = made(t)
    def hasObjects = at.table.files.files.valuesIterator.exists(_.deletions.exists(_.objectId.isDefined))
    val isGone = at.table.content != t.content && hasObjects && resolver.expired.contains(at.catalog.id)
    Option.unless(isGone)(at)
  }

  /** What differs between a state of a table and a later one, if only its own commits lead there. */
  private def way(from: TableAt, to: TableAt): Option[(Seq[FileDifference], RowCounts)] =
    if (!isWay(from, to)) None
    else {
      val vector = context(to.table).read(_)
      val found = RowDifference.between(from.table.files.files, to.table.files.files, vector)
      RowCounts.along(from, to, found, vector).map(found -> _)
    }

  /** Whether only its own commits lead from a state of a table to a later one. */
  private def isWay(from: TableAt, to: TableAt): Boolean = {
    val id = to.table.id
    // where it came by a merge, that may have brought just the state that is looked for
    def arrived(e: Entry) = states.at(e).tables.get(id).exists(_.content == from.table.content)
    val back = versions(to.table).map(_._2).take(Differences.MaxWay)
    back
      .map { e =>
        if (e.id.position == from.table.at) Some(true)
        else if (isPlain(e, id)) None
        else Some(arrived(e))
      }
      .collectFirst { case Some(found) => found }
      .getOrElse(false)
  }

  /** Whether a commit brings no rows of others, nor any back. */
  private def isPlain(e: Entry, table: String): Boolean = {
    val change = e.commit.tables(table)
    e.commit.parents.size < 2 && change.adopt.isEmpty && !change.carries
  }

  private def commonBase(a: CatalogState, b: CatalogState): Option[CatalogState] = {
    def at(p: Position) = states.at(states.log.get(p))
    MergeBase.maximal(
      MergeBase.candidates(a.vector, b.vector),
      Set(a.position.ordinal, b.position.ordinal),
      at(_).vector
    ) match {
      case Seq(one) => Some(at(one))
      case _ => None
    }
  }
}

private object Differences {

  /** Further back nobody looks for the other side. */
  val MaxWay = 1000
}
