package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations._
import io.anabranch.core.operations.merge._
import io.anabranch.core.transaction._

/** What somebody wants to bring into a branch.
  *
  * @param source
  *   a ref: the branch to merge, or the commit to pick or to revert
  * @param into
  *   the branch that it goes into
  * @param decisions
  *   how conflicts are decided
  * @param squash
  *   whether the commit has one parent, and forgets where the changes came from
  * @param fastForwardOnly
  *   whether to refuse if something has to be combined
  * @param parent
  *   which parent the changes of a commit are told against, counted from 1; None for its only one
  * @param called
  *   what people call the source, if not as it is written here
  */
final case class MergeRequest(
    source: String,
    into: String,
    decisions: Decisions = Decisions.None,
    squash: Boolean = false,
    fastForwardOnly: Boolean = false,
    parent: Option[Int] = None,
    called: Option[String] = None
)

/** Brings changes of one line of history into another: all by one three-way merge, from different bases.
  *
  * @param rowCounts
  *   how many rows a merge changes, by base, their state, our table, and a preview of the merged one
  */
final class Merges private[repository] (
    resolver: RefResolver,
    states: States,
    committer: Committer,
    tableContext: TableState => RebaseContext,
    rowCounts: (CatalogState, CatalogState, TableState, TableState) => Option[RowCounts]
) {

  /** Merges a ref into a branch, as one commit with two parents.
    *
    * @param rows
    *   looks at rows that both sides changed
    * @throws AnabranchException
    *   ANABRANCH_MERGE.CONFLICT (not in a dry run), NOT_FAST_FORWARD
    */
  def merge(asked: MergeRequest, rows: MergeRows, dryRun: Boolean, by: CommitContext): MergeResult =
    merge(asked, sides(asked), rows, dryRun, by)

  /** What is merged, and the branch that it goes into.
    *
    * @throws AnabranchException
    *   ANABRANCH_MERGE.INTO_ITSELF, ANABRANCH_REF.READ_ONLY
    */
  private[repository] def sides(asked: MergeRequest): (ResolvedRef, ResolvedRef) = {
    // what an unfinished merge needs is kept for it
    val source = if (asked.called.isDefined) resolver.find(asked.source) else resolver.resolve(asked.source)
    val target = resolver.resolve(asked.into)
    if (source.kind == "branch" && source.writable == target.writable)
      throw AnabranchException("ANABRANCH_MERGE.INTO_ITSELF", "ref" -> asked.source)
    target.writable: Unit
    (source, target)
  }

  private[repository] def merge(
      asked: MergeRequest,
      sides: (ResolvedRef, ResolvedRef),
      rows: MergeRows,
      dryRun: Boolean,
      by: CommitContext
  ): MergeResult = {
    val (theirs, target) = (sides._1.state, sides._2)
    check(asked.decisions, asked.into, target.state, theirs)
    if (target.state.knows(theirs.position)) MergeResult(None, fastForward = true, Nil)
    else {
      val io = context(rows)
      // and so are the bases of branches
      val kept = asked.called.isDefined || sides._1.kind == "branch"
      val bases = new MergeBases(states, io, id => if (!kept) resolver.expired.refuse(id))
      val intent = CombineBranches(
        CombineBranches.Merge,
        theirs,
        now => bases.of(now, theirs),
        parent = !asked.squash,
        asked.fastForwardOnly,
        asked.decisions,
        io,
        asked.called.getOrElse(asked.source),
        asked.into
      )
      run(intent, target, dryRun, by)
    }
  }

  /** Does on a branch what a commit did elsewhere.
    *
    * @throws AnabranchException
    *   ANABRANCH_MERGE.CONFLICT (not in a dry run), PARENT
    */
  def cherryPick(asked: MergeRequest, rows: MergeRows, dryRun: Boolean, by: CommitContext): MergeResult = {
    val (entry, after, before) = changesOf(asked)
    val told = if (by.message.isEmpty) by.copy(message = entry.commit.message) else by
    apply("CHERRY PICK", asked, before, after, rows, dryRun, told)
  }

  /** Undoes on a branch what a commit did.
    *
    * @throws AnabranchException
    *   ANABRANCH_MERGE.CONFLICT (not in a dry run), PARENT
    */
  def revert(asked: MergeRequest, rows: MergeRows, dryRun: Boolean, by: CommitContext): MergeResult = {
    val (entry, after, before) = changesOf(asked)
    val what = if (entry.commit.message.isEmpty) entry.commit.operation else entry.commit.message
    val told = if (by.message.isEmpty) by.copy(message = s"Revert: $what") else by
    apply("REVERT", asked, after, before, rows, dryRun, told)
  }

  /** What does on a branch that goes on elsewhere what a commit of it did, against its first parent. */
  private[repository] def replay(
      operation: String,
      entry: Entry,
      branch: String,
      decisions: Decisions,
      rows: MergeRows
  ): CombineBranches = {
    val before = entry.commit.firstParent.fold(Replay.empty)(states.at(_: CommitId))
    val single = MergeBases.single(before)
    CombineBranches(
      operation,
      states.at(entry),
      _ => single,
      parent = false,
      fastForwardOnly = false,
      decisions,
      context(rows),
      entry.id.short,
      branch
    )
  }

  private def apply(
      operation: String,
      asked: MergeRequest,
      base: CatalogState,
      theirs: CatalogState,
      rows: MergeRows,
      dryRun: Boolean,
      by: CommitContext
  ): MergeResult = {
    val single = MergeBases.single(base)
    val intent = CombineBranches(
      operation,
      theirs,
      _ => single,
      parent = false,
      fastForwardOnly = false,
      asked.decisions,
      context(rows),
      asked.source,
      asked.into
    )
    val target = resolver.resolve(asked.into)
    target.writable: Unit
    check(asked.decisions, asked.into, target.state, theirs)
    run(intent, target, dryRun, by)
  }

  /** A commit, and the states after and before it. */
  private def changesOf(asked: MergeRequest): (Entry, CatalogState, CatalogState) = {
    val after = resolver.resolve(asked.source).state
    val entry = states.log.get(after.id)
    val parents = entry.commit.parents
    def wrong(reason: String) =
      AnabranchException("ANABRANCH_MERGE.PARENT", "commit" -> after.id.short, "reason" -> reason)
    val parent = asked.parent match {
      case None if parents.size > 1 => throw wrong(s"it is a merge and has ${parents.size} parents")
      case Some(n) if n < 1 || n > parents.size => throw wrong(s"it has no parent $n, but ${parents.size}")
      case n => parents.lift(n.getOrElse(1) - 1)
    }
    // a compaction is no change that could be done elsewhere, or undone
    def beforeIt = parent.fold(Replay.empty) { id =>
      resolver.expired.refuse(id)
      states.at(id)
    }
    val before = if (entry.commit.onlyMoves) after else beforeIt
    (entry, after, before)
  }

  /** What is decided must be there on one of the sides.
    *
    * @throws AnabranchException
    *   ANABRANCH_TABLE.NOT_FOUND, ANABRANCH_MERGE.NO_SUCH_COLUMN
    */
  private[repository] def check(decisions: Decisions, into: String, sides: CatalogState*): Unit =
    for { d <- decisions.all; name <- d.table } {
      val tables = sides.flatMap(_.byName.get(name))
      if (tables.isEmpty) Names.table(sides.head, name, into): Unit
      d.column.filterNot(c => tables.exists(t => Column.find(t.metadata.columns, Seq(c)).isDefined)).foreach {
        c =>
          throw AnabranchException(
            "ANABRANCH_MERGE.NO_SUCH_COLUMN",
            "column" -> c,
            "table" -> Names.show(name)
          )
      }
    }

  /** The commit that a ref names. */
  def commitOf(ref: String): CommitId = resolver.resolve(ref).state.id

  private def run(
      intent: CombineBranches,
      target: ResolvedRef,
      dryRun: Boolean,
      by: CommitContext
  ): MergeResult = {
    val ours = target.state
    val plan = intent.plan(ours)
    if (dryRun) {
      val (now, open) = (planned(ours, intent.theirs, plan), plan.conflicts.flatMap(_.tableId))
      val base = intent.base(ours).state
      val clear = Diff.between(
        ours.copy(tables = ours.tables -- open),
        now.copy(tables = now.tables -- open),
        counts = (ours, merged) => base.flatMap(rowCounts(_, intent.theirs, ours, merged))
      )
      val gates = if (plan.conflicts.isEmpty) review(target, now, plan, by) else Nil
      MergeResult(None, plan.fastForward, clear.map(TableChangeInfo.of), plan.conflicts, gates)
    } else {
      val state = committer.commit(target.writable, ours, intent, by)
      val commit = Option.when(state.id != ours.id)(state.id.toString)
      MergeResult(commit, plan.fastForward, Diff.between(ours, state).map(TableChangeInfo.of))
    }
  }

  /** What gates say of a plan; rows that are put together can't be read before they are. */
  private def review(
      target: ResolvedRef,
      now: CatalogState,
      plan: CatalogPlan,
      by: CommitContext
  ): Seq[(String, String)] = {
    val (found, later) = committer.review(
      target.writable,
      target.state,
      now,
      id => plan.tables.get(id).forall(_.combined.isEmpty),
      by
    )
    (found.view.mapValues(_.fold("passed")(_.getMessage)).toSeq ++
      later.map(_ -> "is run when it is merged: it reads rows that are put together then")).sorted
  }

  /** What a plan would make of our state. */
  private def planned(ours: CatalogState, theirs: CatalogState, plan: CatalogPlan): CatalogState = {
    val tables = plan.facts.tables.flatMap { case (id, f) =>
      val state = plan.tables
        .get(id)
        .map(p => p.preview(states, tableContext(p.ours).read))
        .orElse(Seq(ours, theirs).flatMap(_.tables.get(id)).find(_.content.toString == f.content))
      state.map(t => id -> t.copy(name = f.name))
    }
    ours.copy(tables = tables)
  }

  private def context(reader: MergeRows): MergeContext = new MergeContext {
    override def rows: MergeRows = reader
    override def of(table: TableState): RebaseContext = tableContext(table)
    override def stage(files: Seq[DataFile]): StagedFiles = committer.stage(files)
  }
}
