package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.CatalogState
import io.anabranch.core.transaction._

/** What decides a merge of catalogs: names, and which commit made each table what it is.
  *
  * @param content
  *   equal keys mean equal metadata and files
  */
final case class TableFacts(name: Seq[String], content: String)

/** A catalog as far as a merge looks at it. */
final case class CatalogFacts(tables: Map[String, TableFacts], namespaces: Map[Seq[String], Map[String, String]])

object CatalogFacts {
  def of(state: CatalogState): CatalogFacts =
    CatalogFacts(state.tables.map { case (id, t) => id -> TableFacts(t.name, t.content.toString) }, state.namespaces)
}

/** Two sides that can't both be right.
  *
  * @param name
  *   the table's full name, or the namespace's
  */
final case class MergeConflict(tableId: Option[String], name: Seq[String], reason: String)

/** The merged catalog, and what stands against it. */
final case class MergedFacts(facts: CatalogFacts, conflicts: Seq[MergeConflict])

/** Three-way merge of catalogs, by table: pure. */
object Merge {

  /** Takes for each table and namespace the side that changed it; where both did, and not in the same
    * way, there is a conflict. Name and content of a table are merged on their own, so a rename on one
    * side and new rows on the other combine.
    */
  def threeWay(base: CatalogFacts, ours: CatalogFacts, theirs: CatalogFacts): MergedFacts = {
    val ids = (base.tables.keySet ++ ours.tables.keySet ++ theirs.tables.keySet).toSeq.sorted
    val merged = ids.map(id => id -> table(id, base.tables.get(id), ours.tables.get(id), theirs.tables.get(id)))
    val tables = merged.collect { case (id, Right(Some(facts))) => id -> facts }
    val spaces = (base.namespaces.keySet ++ ours.namespaces.keySet ++ theirs.namespaces.keySet).toSeq.map { n =>
      n -> namespace(n, base.namespaces.get(n), ours.namespaces.get(n), theirs.namespaces.get(n))
    }
    val namespaces = spaces.collect { case (n, Right(Some(properties))) => n -> properties }.toMap
    val sameName = tables.groupBy(_._2.name).toSeq.collect {
      case (name, (id, _) +: rest) if rest.nonEmpty =>
        MergeConflict(Some(id), name, "different tables have this name on the two sides")
    }
    val homeless = tables.collect {
      case (id, facts) if !namespaces.contains(facts.name.init) && spaces.forall(s => s._1 != facts.name.init || s._2.isRight) =>
        MergeConflict(Some(id), facts.name, "one side dropped its namespace, the other kept or made the table")
    }
    val conflicts = merged.collect { case (_, Left(c)) => c } ++ spaces.collect { case (_, Left(c)) => c }
    MergedFacts(CatalogFacts(tables.toMap, namespaces), conflicts ++ sameName ++ homeless)
  }

  private def table(
      id: String,
      base: Option[TableFacts],
      ours: Option[TableFacts],
      theirs: Option[TableFacts]
  ): Either[MergeConflict, Option[TableFacts]] = (base, ours, theirs) match {
    case (_, o, t) if o == t => Right(o)
    case (b, o, t) if b == o => Right(t)
    case (b, o, t) if b == t => Right(o)
    case (b, Some(o), Some(t)) =>
      for {
        name <- pick(b.map(_.name), o.name, t.name).toRight(conflict(id, o, "both sides renamed it"))
        content <- pick(b.map(_.content), o.content, t.content)
          .toRight(conflict(id, o, "both sides changed it since the merge base"))
      } yield Some(TableFacts(name, content))
    case (_, Some(o), _) => Left(conflict(id, o, "their side dropped it, ours changed it"))
    case (_, _, Some(t)) => Left(conflict(id, t, "our side dropped it, theirs changed it"))
    case _ => Right(None)
  }

  private def conflict(id: String, t: TableFacts, reason: String) = MergeConflict(Some(id), t.name, reason)

  private def namespace(
      name: Seq[String],
      base: Option[Map[String, String]],
      ours: Option[Map[String, String]],
      theirs: Option[Map[String, String]]
  ): Either[MergeConflict, Option[Map[String, String]]] = (base, ours, theirs) match {
    case (_, o, t) if o == t => Right(o)
    case (b, o, t) if b == o => Right(t)
    case (b, o, t) if b == t => Right(o)
    case (b, Some(o), Some(t)) =>
      val keys = (b.getOrElse(Map.empty).keySet ++ o.keySet ++ t.keySet).toSeq
      val values = keys.map(k => k -> pick(b.map(_.get(k)), o.get(k), t.get(k)))
      if (values.exists(_._2.isEmpty)) Left(MergeConflict(None, name, "both sides changed the same property of the namespace"))
      else Right(Some(values.collect { case (k, Some(Some(v))) => k -> v }.toMap))
    case _ => Left(MergeConflict(None, name, "one side dropped the namespace, the other changed it"))
  }

  /** The value of the side that changed it; None where both did, in different ways. */
  private def pick[T](base: Option[T], ours: T, theirs: T): Option[T] =
    if (ours == theirs || base.contains(theirs)) Some(ours)
    else if (base.contains(ours)) Some(theirs)
    else None

  /** A base for two sides with several merge bases: the bases merged with each other. Where they
    * contradict each other there is no base: equal sides agree on it, others conflict. So it is given
    * there a value that no side can have.
    */
  def virtualBase(under: CatalogFacts, one: CatalogFacts, other: CatalogFacts): CatalogFacts = {
    val merged = threeWay(under, one, other)
    val tables = merged.conflicts.flatMap(_.tableId).map(_ -> Contradiction)
    val spaces = merged.conflicts.filter(_.tableId.isEmpty).map(_.name -> ContradictoryProperties)
    CatalogFacts(merged.facts.tables ++ tables, merged.facts.namespaces ++ spaces)
  }

  private val Contradiction = TableFacts(Nil, "?")
  private val ContradictoryProperties = Map("\u0000" -> "")
}

/** The merge base, by arithmetic on version vectors: pure. */
object MergeBase {

  /** Of each log that both sides know, the last entry that both know. The merge bases are among these. */
  def candidates(a: Map[Ordinal, Long], b: Map[Ordinal, Long]): Seq[Position] =
    a.toSeq.collect { case (o, seq) if b.contains(o) => Position(o, seq.min(b(o))) }

  /** The candidates that no other candidate has as an ancestor.
    *
    * @param first
    *   logs to look at first: those of the two sides, which mostly dominate all others
    * @param vectorOf
    *   the version vector of a candidate
    */
  def maximal(all: Seq[Position], first: Set[Ordinal], vectorOf: Position => Map[Ordinal, Long]): Seq[Position] = {
    val (early, late) = all.partition(p => first(p.ordinal))
    (early ++ late).foldLeft(Seq.empty[Position]) { (kept, p) =>
      if (kept.exists(k => vectorOf(k).get(p.ordinal).exists(_ >= p.seq))) kept
      else {
        val vector = vectorOf(p)
        kept.filterNot(k => vector.get(k.ordinal).exists(_ >= k.seq)) :+ p
      }
    }
  }
}

/** Merges a branch's head into another branch, planned anew when the target moves.
  *
  * @param base
  *   gives the facts of the merge base of the target's state and the source
  */
final case class MergeBranch(source: CatalogState, base: CatalogState => CatalogFacts, sourceName: String, targetName: String)
    extends Intent {
  override val operation: String = "MERGE BRANCH"

  override def onto(now: CatalogState): Proposal =
    if (now.knows(source.position)) Proposal()
    else {
      val (merged, _) = plan(now)
      if (merged.conflicts.nonEmpty)
        throw io.anabranch.core.AnabranchException(
          "ANABRANCH_MERGE.CONFLICT",
          "source" -> sourceName,
          "target" -> targetName,
          "conflicts" -> merged.conflicts.map(c => s"${Names.show(c.name)}: ${c.reason}").mkString("; ")
        )
      Proposal(changes(now, merged.facts), spaces(now, merged.facts), merges = Some(source))
    }

  /** The merged facts, and whether the target had changed nothing since the base. */
  def plan(now: CatalogState): (MergedFacts, Boolean) = {
    val (b, ours) = (base(now), CatalogFacts.of(now))
    (Merge.threeWay(b, ours, CatalogFacts.of(source)), b == ours)
  }

  private def changes(now: CatalogState, facts: CatalogFacts): Map[String, TableChange] = {
    val taken = facts.tables.flatMap { case (id, f) =>
      val here = now.tables.get(id)
      val newName = Option.when(!here.exists(_.name == f.name))(f.name)
      val adopt = Option.when(!here.exists(_.content.toString == f.content))(source.id)
      Option.when(newName.isDefined || adopt.isDefined)(id -> TableChange(0, name = newName, adopt = adopt))
    }
    taken ++ (now.tables.keySet -- facts.tables.keySet).map(_ -> TableChange(0, dropped = true))
  }

  private def spaces(now: CatalogState, facts: CatalogFacts): Map[Seq[String], NamespaceChange] =
    facts.namespaces.collect { case (n, p) if !now.namespaces.get(n).contains(p) => n -> NamespaceChange(Some(p)) } ++
      (now.namespaces.keySet -- facts.namespaces.keySet).map(_ -> NamespaceChange(None))
}
