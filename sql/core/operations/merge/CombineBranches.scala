package io.anabranch.core.operations.merge

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.operations.{Names, RebaseContext}
import io.anabranch.core.transaction._

/** What a merge reads and writes. */
trait MergeContext {
  def rows: MergeRows
  def of(table: TableState): RebaseContext
  def stage(files: Seq[DataFile]): StagedFiles
}

/** A merged catalog that nobody has committed yet.
  *
  * @param tables
  *   plans of the tables that both sides changed
  * @param fastForward
  *   whether our side had changed nothing since the base
  */
final case class CatalogPlan(
    facts: CatalogFacts,
    tables: Map[String, TablePlan],
    conflicts: Seq[MergeConflict],
    fastForward: Boolean
)

/** Puts what one state changed since a base on top of a branch: MERGE BRANCH, CHERRY PICK, REVERT. Planned anew
  * when the branch moves.
  *
  * @param theirs
  *   the state with the changes
  * @param base
  *   what the changes are told against, given our state
  * @param parent
  *   whether `theirs` becomes a parent of the commit
  * @param fastForwardOnly
  *   whether to refuse if our side has changed anything since the base
  * @param source
  *   its name, for people
  */
final case class CombineBranches(
    operation: String,
    theirs: CatalogState,
    base: CatalogState => BaseCatalog,
    parent: Boolean,
    fastForwardOnly: Boolean,
    decisions: Decisions,
    context: MergeContext,
    source: String,
    target: String
) extends Intent {

  // a race that is lost to a commit on other tables changes nothing for a table
  private val planned = scala.collection.mutable.Map.empty[(String, Position), TablePlan]

  override def merges: Boolean = operation == CombineBranches.Merge

  override def onto(now: CatalogState): Proposal =
    if (parent && now.knows(theirs.position)) Proposal()
    else {
      val p = plan(now)
      if (fastForwardOnly && !p.fastForward)
        throw AnabranchException("ANABRANCH_MERGE.NOT_FAST_FORWARD", "source" -> source, "target" -> target)
      if (p.conflicts.nonEmpty) throw CombineBranches.conflict(source, target, p.conflicts)
      val tables = changes(now, p)
      Proposal(
        tables,
        spaces(now, p.facts),
        metrics = Map("rows_combined" -> p.tables.values.map(_.combined.size.toLong).sum).filter(_._2 > 0),
        merges = Option.when(parent)(theirs)
      )
    }

  def plan(now: CatalogState): CatalogPlan = {
    val (b, ours, others) = (base(now), CatalogFacts.of(now), CatalogFacts.of(theirs))
    def names(side: CatalogFacts) = side.tables.view.mapValues(_.name).toMap
    val told = decisions.ofTables(Decisions.synonyms(names(ours), names(others)))
    val merged = CatalogMerge.threeWay(b.facts, ours, others, told.about(_))
    val tables = merged.facts.tables.collect {
      case (id, f) if f.content == CatalogMerge.Both => id -> table(now, b, id, f.name, told)
    }
    CatalogPlan(
      merged.facts,
      tables,
      merged.conflicts ++ tables.values.flatMap(_.conflicts),
      b.facts == ours
    )
  }

  private def table(
      now: CatalogState,
      b: BaseCatalog,
      id: String,
      name: Seq[String],
      told: Decisions
  ): TablePlan = {
    val ours = now.tables(id)
    planned.getOrElseUpdate(
      (id, ours.at),
      new TableMerge(
        name,
        b.table(id),
        ours,
        theirs.tables(id),
        b.knows,
        b.state.isDefined,
        !parent,
        told,
        context.rows,
        context.of(ours).read
      ).plan()
    )
  }

  private def changes(now: CatalogState, p: CatalogPlan): Map[String, TableChange] = {
    val taken = p.facts.tables.flatMap { case (id, f) =>
      val here = now.tables.get(id)
      val newName = Option.when(!here.exists(_.name == f.name))(f.name)
      val change = p.tables.get(id) match {
        case Some(plan) =>
          TableMerge.change(plan, theirs.tables(id), context.of(plan.ours), context.rows, context.stage)
        case None =>
          TableChange(0, adopt = Option.when(!here.exists(_.content.toString == f.content))(theirs.id))
      }
      val named = change.copy(name = newName)
      Option.when(newName.isDefined || named.touchesFiles || named.metadata.isDefined)(id -> named)
    }
    taken ++ (now.tables.keySet -- p.facts.tables.keySet).map(_ -> TableChange(0, dropped = true))
  }

  private def spaces(now: CatalogState, facts: CatalogFacts): Map[Seq[String], NamespaceChange] =
    facts.namespaces.collect {
      case (n, p) if !now.namespaces.get(n).contains(p) => n -> NamespaceChange(Some(p))
    } ++
      (now.namespaces.keySet -- facts.namespaces.keySet).map(_ -> NamespaceChange(None))
}

object CombineBranches {
  val Merge: String = "MERGE BRANCH"
  private val Shown = 5

  def conflict(source: String, target: String, conflicts: Seq[MergeConflict]): AnabranchException = {
    val few = conflicts.map(told).distinct
    AnabranchException(
      "ANABRANCH_MERGE.CONFLICT",
      "source" -> source,
      "target" -> target,
      "count" -> (if (conflicts.size == 1) "1 conflict" else s"${conflicts.size} conflicts"),
      "conflicts" -> (few.take(Shown).mkString("; ") + (if (few.size > Shown) "; …" else ""))
    )
  }

  private def told(c: MergeConflict): String = {
    val column = c.column.filter(_ => c.kind == ConflictKind.Schema).fold("")(n => s" (column $n)")
    s"${Names.show(c.name)}: ${c.reason}$column${c.row.fold("")(r => s" (_row_id ${r.id})")}"
  }
}
