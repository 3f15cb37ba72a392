package io.anabranch.core.operations.merge

/** Conflicts about whole tables, their names and namespaces, as decided for one side. Pure.
  *
  * @param choose
  *   the choice for a table or namespace of this name; None leaves it open
  */
final private[merge] class DecidedCatalog(
    ours: CatalogFacts,
    theirs: CatalogFacts,
    choose: Seq[String] => Option[Choice]
) {

  /** @param torn
    *   tables and namespaces that both sides changed, which are not in the merged catalog
    */
  def of(merged: CatalogFacts, torn: Seq[MergeConflict]): MergedFacts = {
    val (open, facts) = torn.foldLeft((Seq.empty[MergeConflict], merged)) { case ((open, m), c) =>
      decided(m, c).fold((open :+ c, m))((open, _))
    }
    val unclear = open.filter(_.kind == ConflictKind.Namespace).map(_.name).toSet
    placed(MergedFacts(facts, open), unclear, DecidedCatalog.Rounds)
  }

  /** A decision may give a table another name, or take its namespace: so it is looked once more where all are. */
  @annotation.tailrec
  private def placed(m: MergedFacts, unclear: Set[Seq[String]], rounds: Int): MergedFacts = {
    val found = CatalogMerge.sameNames(m.facts.tables) ++ homeless(m.facts, unclear)
    val next = found.foldLeft(m.facts)((facts, c) => decided(facts, c).getOrElse(facts))
    if (rounds == 0 || next == m.facts) m.copy(conflicts = m.conflicts ++ found)
    else placed(m.copy(facts = next), unclear, rounds - 1)
  }

  /** Tables and namespaces in a namespace that is not there. */
  private def homeless(facts: CatalogFacts, unclear: Set[Seq[String]]): Seq[MergeConflict] = {
    def lost(name: Seq[String]) =
      name.size > 1 && !facts.namespaces.contains(name.init) && !unclear(name.init)
    facts.tables.toSeq.filter(t => lost(t._2.name)).sortBy(_._1).map { case (id, t) =>
      val reason = "one side dropped its namespace, the other kept or made the table"
      MergeConflict(ConflictKind.Namespace, Some(id), t.name, reason)
    } ++ facts.namespaces.keys.toSeq.filter(lost).sortBy(_.mkString(".")).map { n =>
      val reason = "one side dropped the namespace that it is in, the other kept or made it"
      MergeConflict(ConflictKind.Namespace, None, n, reason)
    }
  }

  /** The catalog as a side has it; None if the conflict is not decided. */
  private def decided(m: CatalogFacts, c: MergeConflict): Option[CatalogFacts] = {
    val side = choose(c.name).collect {
      case Choice.Ours => ours
      case Choice.Theirs => theirs
    }
    side.map { s =>
      c.tableId match {
        case None =>
          val without = m.copy(namespaces = m.namespaces - c.name)
          s.namespaces.get(c.name).fold(without)(_ => housed(without, c.name, s))
        case Some(id) =>
          s.tables.get(id).fold(m.copy(tables = m.tables - id)) { f =>
            // a table that is in the merged catalog is merged as any other, under the name that this side gave it
            val facts = if (c.kind == ConflictKind.Table) f else m.tables(id).copy(name = f.name)
            housed(m.copy(tables = m.tables.updated(id, facts)), f.name.init, s)
          }
      }
    }
  }

  /** With a namespace, and those that it is in, as far as a side has them. */
  private def housed(m: CatalogFacts, namespace: Seq[String], side: CatalogFacts): CatalogFacts = {
    val missing = namespace.inits.filter(n => n.nonEmpty && !m.namespaces.contains(n))
    m.copy(namespaces = m.namespaces ++ missing.flatMap(n => side.namespaces.get(n).map(n -> _)))
  }
}

private object DecidedCatalog {

  /** Decisions for different sides could move names to and fro; what is open then stays a conflict. */
  val Rounds = 10
}
