package io.anabranch.core.repository

import io.anabranch.core.format.{Entry, Position, TableChange}
import io.anabranch.core.log.{CatalogState, States}
import io.anabranch.core.operations.Names

import scala.annotation.tailrec
import scala.collection.mutable

/** Names of tables at commits that are looked at one after the other, without the state at each. Walks back: what a
  * commit does not name was named so before it, too.
  *
  * Each commit is asked for after those that come after it, as a log has them; in any other order, names are right, and
  * take longer.
  */
final private[repository] class TableNames(states: States) {
  private type Known = Map[String, Seq[String]]

  /** At commits that are still to come. */
  private val after = mutable.Map.empty[Position, Known]

  /** Takes names from a state that is at hand. */
  def begin(state: CatalogState): TableNames = {
    after(state.position) = namesOf(state)
    this
  }

  /** The tables that a commit touches, by the names that they have after it; before it if they went. */
  def of(e: Entry): Seq[String] = {
    var known: Known = after
      .remove(e.id.position)
      .orElse(states.cached(e.id).map(namesOf))
      .getOrElse(Map.empty)
    val tables = e.commit.tables
    val parent = e.commit.firstParent
    val found = tables.toSeq.map { case (id, change) =>
      def here = {
        known = namesOf(states.at(e))
        known.get(id)
      }
      change.name
        .orElse(known.get(id))
        .orElse(linked(id, change))
        .orElse(if (change.dropped) None else here)
        .orElse(parent.flatMap(p => states.at(p).tables.get(id)).map(_.name))
        .getOrElse(Seq(id))
    }
    val others = tables.collect { case (id, change) if renames(change) => id }
    parent.foreach(p => after.getOrElseUpdate(p.position, known -- others))
    found.map(Names.show).sorted
  }

  /** The name that a few earlier versions tell. */
  private def linked(id: String, change: TableChange): Option[Seq[String]] = {
    @tailrec def from(c: TableChange, links: Int): Option[Seq[String]] = c.previous match {
      case Some(before) if links > 0 && c.name.isEmpty && c.adopt.isEmpty =>
        from(states.log.get(before).commit.tables(id), links - 1)
      case _ => c.name
    }
    from(change, TableNames.Links)
  }

  private def renames(c: TableChange) = c.name.isDefined || c.dropped || c.adopt.isDefined

  private def namesOf(state: CatalogState): Known = state.tables.map { case (id, t) => id -> t.name }.toMap
}

private object TableNames {

  /** So many earlier versions of a table are asked for its name before a state is: of most, it is at hand. */
  val Links = 8
}
