package io.anabranch.core.operations.merge

import io.anabranch.core.log.CatalogState

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

/** The merged catalog, and what stands against it.
  *
  * @param facts
  *   a table whose rows or columns both sides changed has the content [[CatalogMerge.Both]]: what it holds has
  *   to be found out by [[TableMerge]]
  */
final case class MergedFacts(facts: CatalogFacts, conflicts: Seq[MergeConflict])

/** Three-way merge of catalogs, by table: pure. */
object CatalogMerge {

  /** The content of a table that both sides changed; in a virtual base, of one whose bases contradict each
    * other. No side can have it.
    */
  val Both: String = "?"

  /** Takes for each table and namespace the side that changed it; where both did, and not in the same
    * way, there is a conflict. Name and content of a table are merged on their own, so a rename on one
    * side and new rows on the other combine.
    *
    * @param choose
    *   the choice for a table or namespace of this name; None leaves it open
    */
  def threeWay(
      base: CatalogFacts,
      ours: CatalogFacts,
      theirs: CatalogFacts,
      choose: Seq[String] => Option[Choice] = _ => None
  ): MergedFacts = {
    val (tableParts, spaceParts) = combined(base, ours, theirs)
    val tables = tableParts.collect { case (id, Part(Some(facts), None)) => id -> facts }
    val namespaces = spaceParts.collect { case (n, Part(Some(properties), None)) => n -> properties }
    val torn = tableParts.collect { case (id, Part(_, Some(problem))) =>
      val name = ours.tables.getOrElse(id, theirs.tables(id)).name
      MergeConflict(ConflictKind.Table, Some(id), name, problem)
    } ++ spaceParts.collect { case (n, Part(_, Some(problem))) =>
      MergeConflict(ConflictKind.Namespace, None, n, problem)
    }
    new DecidedCatalog(ours, theirs, choose).of(CatalogFacts(tables.toMap, namespaces.toMap), torn)
  }

  /** Tables that have one name. */
  def sameNames(tables: Iterable[(String, TableFacts)]): Seq[MergeConflict] =
    tables.groupBy(_._2.name).toSeq.filter(_._2.size > 1).flatMap { case (name, several) =>
      several.map { case (id, _) =>
        MergeConflict(ConflictKind.Name, Some(id), name, "different tables have this name on the two sides")
      }
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
  private val NoTable = TableFacts(NoName, Both)
  private val NoValue = "\u0000"
  private val NoNamespace = Map(NoValue -> NoValue)

  private def table(
      base: Option[TableFacts],
      ours: Option[TableFacts],
      theirs: Option[TableFacts]
  ): Part[TableFacts] = {
    val known = base.forall(b => b.name != NoName && b.content != Both)
    (base, ours, theirs) match {
      case (_, o, t) if o == t => Part(o)
      case (b, o, t) if known && b == o => Part(t)
      case (b, o, t) if known && b == t => Part(o)
      case (b, Some(o), Some(t)) =>
        val name = pick(b.map(_.name).filter(_ != NoName), o.name, t.name)
        val content = pick(b.map(_.content).filter(_ != Both), o.content, t.content)
        val problem = Option.when(name.isEmpty)("both sides renamed it")
        Part(Some(TableFacts(name.getOrElse(NoName), content.getOrElse(Both))), problem)
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
