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
final case class CatalogFacts(
    tables: Map[String, TableFacts],
    namespaces: Map[Seq[String], Map[String, String]]
)

object CatalogFacts {
  def of(state: CatalogState): CatalogFacts =
    CatalogFacts(
      state.tables.map { case (id, t) => id -> TableFacts(t.name, t.content.toString) },
      state.namespaces
    )
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
    val (tableParts, spaceParts) = combined(base, ours, theirs)
    val tables = tableParts.collect { case (id, Part(Some(facts), None)) => id -> facts }
    val namespaces = spaceParts.collect { case (n, Part(Some(properties), None)) => n -> properties }.toMap
    val torn = tableParts.collect { case (id, Part(_, Some(problem))) =>
      MergeConflict(Some(id), ours.tables.getOrElse(id, theirs.tables(id)).name, problem)
    } ++ spaceParts.collect { case (n, Part(_, Some(problem))) => MergeConflict(None, n, problem) }
    val sameName = tables.groupBy(_._2.name).toSeq.filter(_._2.size > 1).flatMap { case (name, several) =>
      several.map { case (id, _) =>
        MergeConflict(Some(id), name, "different tables have this name on the two sides")
      }
    }
    val spaces = spaceParts.collect { case (n, Part(Some(_), _)) => n }.toSet
    val homeless = tables.collect {
      case (id, facts) if !spaces(facts.name.init) =>
        MergeConflict(
          Some(id),
          facts.name,
          "one side dropped its namespace, the other kept or made the table"
        )
    }
    MergedFacts(CatalogFacts(tables.toMap, namespaces), torn ++ sameName ++ homeless)
  }

  /** A base for two sides with several merge bases: the bases merged with each other. Where they
    * contradict each other there is no base: equal sides agree on it, others conflict. So it is given
    * there a value that no side can have.
    */
  def virtualBase(under: CatalogFacts, one: CatalogFacts, other: CatalogFacts): CatalogFacts = {
    val (tables, spaces) = combined(under, one, other)
    CatalogFacts(
      tables.collect { case (id, Part(Some(facts), _)) => id -> facts }.toMap,
      spaces.collect { case (n, Part(Some(properties), _)) => n -> properties }.toMap
    )
  }

  /** A merged table or namespace, None if it is gone, and why its sides can't both be right, if so. */
  final private case class Part[T](value: Option[T], problem: Option[String] = None)

  /** Each table by id and each namespace by name. */
  private def combined(base: CatalogFacts, ours: CatalogFacts, theirs: CatalogFacts) = {
    val ids = (base.tables.keySet ++ ours.tables.keySet ++ theirs.tables.keySet).toSeq.sorted
    val names = (base.namespaces.keySet ++ ours.namespaces.keySet ++ theirs.namespaces.keySet).toSeq
    (
      ids.map(id => id -> table(base.tables.get(id), ours.tables.get(id), theirs.tables.get(id))),
      names.map(n => n -> namespace(base.namespaces.get(n), ours.namespaces.get(n), theirs.namespaces.get(n)))
    )
  }

  // What a virtual base has where its bases contradict each other.
  private val NoName = Seq.empty[String]
  private val NoContent = "?"
  private val NoTable = TableFacts(NoName, NoContent)
  private val NoValue = "\u0000"
  private val NoNamespace = Map(NoValue -> NoValue)

  private def table(
      base: Option[TableFacts],
      ours: Option[TableFacts],
      theirs: Option[TableFacts]
  ): Part[TableFacts] = {
    val known = base.forall(b => b.name != NoName && b.content != NoContent)
    (base, ours, theirs) match {
      case (_, o, t) if o == t => Part(o)
      case (b, o, t) if known && b == o => Part(t)
      case (b, o, t) if known && b == t => Part(o)
      case (b, Some(o), Some(t)) =>
        val name = pick(b.map(_.name).filter(_ != NoName), o.name, t.name)
        val content = pick(b.map(_.content).filter(_ != NoContent), o.content, t.content)
        val problem =
          if (name.isEmpty) Some("both sides renamed it")
          else Option.when(content.isEmpty)("both sides changed it since the merge base")
        Part(Some(TableFacts(name.getOrElse(NoName), content.getOrElse(NoContent))), problem)
      case (_, Some(_), _) => Part(Some(NoTable), Some("their side dropped it, ours changed it"))
      case _ => Part(Some(NoTable), Some("our side dropped it, theirs changed it"))
    }
  }

  private type Properties = Map[String, String]

  private def namespace(
      base: Option[Properties],
      ours: Option[Properties],
      theirs: Option[Properties]
  ): Part[Properties] = {
    val known = base.forall(!_.valuesIterator.contains(NoValue))
    (base, ours, theirs) match {
      case (_, o, t) if o == t => Part(o)
      case (b, o, t) if known && b == o => Part(t)
      case (b, o, t) if known && b == t => Part(o)
      case (b, Some(o), Some(t)) =>
        val under = b.filter(!_.contains(NoValue))
        val keys = (under.getOrElse(Map.empty).keySet ++ o.keySet ++ t.keySet).toSeq
        val values =
          keys.map(k => k -> pick(under.map(_.get(k)).filter(!_.contains(NoValue)), o.get(k), t.get(k)))
        val problem =
          Option.when(values.exists(_._2.isEmpty))("both sides changed the same property of the namespace")
        Part(Some(values.flatMap { case (k, v) => v.getOrElse(Some(NoValue)).map(k -> _) }.toMap), problem)
      case _ => Part(Some(NoNamespace), Some("one side dropped the namespace, the other changed it"))
    }
  }

  /** The value of the side that changed it; None where both did, in different ways. */
  private def pick[T](base: Option[T], ours: T, theirs: T): Option[T] =
    if (ours == theirs || base.contains(theirs)) Some(ours)
    else if (base.contains(ours)) Some(theirs)
    else None
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
  def maximal(
      all: Seq[Position],
      first: Set[Ordinal],
      vectorOf: Position => Map[Ordinal, Long]
  ): Seq[Position] = {
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
final case class MergeBranch(
    source: CatalogState,
    base: CatalogState => CatalogFacts,
    sourceName: String,
    targetName: String
) extends Intent {
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
          "conflicts" -> merged.conflicts
            .map(c => s"${Names.show(c.name)}: ${c.reason}")
            .distinct
            .mkString("; ")
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
    facts.namespaces.collect {
      case (n, p) if !now.namespaces.get(n).contains(p) => n -> NamespaceChange(Some(p))
    } ++
      (now.namespaces.keySet -- facts.namespaces.keySet).map(_ -> NamespaceChange(None))
}
