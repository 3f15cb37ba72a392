package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log.{Generations, Log, Parallel}
import io.anabranch.core.operations.Names
import io.anabranch.core.operations.merge._
import io.anabranch.core.store.ObjectStore
import io.anabranch.core.transaction.CommitContext

/** Merges that wait for decisions: one a branch, kept in the repository, so that whoever comes next finds it. */
final class UnfinishedMerges private[repository] (
    store: ObjectStore,
    merges: Merges,
    newId: () => String,
    now: () => Long
) {
  private val generations = new Generations(store)

  /** The unfinished merge into a branch, if there is one. */
  def find(branch: String): Option[UnfinishedMerge] =
    generations.newest(Paths.merge(branch)).flatMap { case (_, r) => UnfinishedMerge.decode(r) }

  private def get(branch: String): UnfinishedMerge =
    find(branch).getOrElse(throw AnabranchException("ANABRANCH_MERGE.NONE_UNFINISHED", "branch" -> branch))

  /** Merges, if no other merge into the branch waits for decisions.
    *
    * @throws AnabranchException
    *   ANABRANCH_MERGE.UNFINISHED, or of [[Merges.merge]]
    */
  def merge(asked: MergeRequest, rows: MergeRows, by: CommitContext): MergeResult = {
    val (other, sides) = Parallel.both(find(asked.into.stripPrefix("branch:")))(merges.sides(asked))
    other.foreach(m => throw unfinished(asked.into, m))
    merges.merge(asked, sides, rows, dryRun = false, by)
  }

  private def unfinished(branch: String, m: UnfinishedMerge) = AnabranchException(
    "ANABRANCH_MERGE.UNFINISHED",
    "branch" -> branch,
    "source" -> m.source,
    "author" -> m.author
  )

  /** Merges; where there are conflicts that nobody has decided, the merge is kept, and they are told. */
  def mergeOrKeep(asked: MergeRequest, rows: MergeRows, by: CommitContext): MergeResult = {
    find(asked.into).foreach(m => throw unfinished(asked.into, m))
    val (source, planned) = (merges.commitOf(asked.source), merges.merge(asked, rows, dryRun = true, by))
    if (planned.conflicts.isEmpty) merges.merge(asked, rows, dryRun = false, by)
    else {
      val kept =
        UnfinishedMerge(asked.source, source, asked.squash, by.author, now(), asked.decisions, newId())
      by.began.mustBeInTime()
      change(asked.into, Some(kept))
      planned
    }
  }

  /** All conflicts of the unfinished merge into a branch, as they are now; also those that came to light by decisions. */
  def conflicts(branch: String, rows: MergeRows): Seq[KeptConflict] =
    find(branch).toSeq.flatMap(known(branch, _, rows))

  private def known(branch: String, m: UnfinishedMerge, rows: MergeRows): Seq[KeptConflict] = {
    val all = planned(branch, m, Decisions.None, rows)
    if (m.decisions.all.isEmpty) all.map(KeptConflict(_, None))
    else {
      val left = planned(branch, m, m.decisions, rows)
      // rows are compared only where it is clear what their columns are
      val beneath =
        if (all.forall(_.row.isDefined)) Nil
        else planned(branch, m, m.decisions.copy(ofRows = false), rows)
      val open = left.toSet
      // a constraint holds or not, and is never decided
      val decided = (all ++ beneath).filter(c => open(c) || c.kind != ConflictKind.Constraint)
      (decided ++ left).distinct.map(c => KeptConflict(c, if (open(c)) None else m.decisions.about(c)))
    }
  }

  private def planned(
      branch: String,
      m: UnfinishedMerge,
      decisions: Decisions,
      rows: MergeRows
  ): Seq[MergeConflict] =
    merges
      .merge(asked(branch, m).copy(decisions = decisions), rows, dryRun = true, CommitContext(""))
      .conflicts

  private def asked(branch: String, m: UnfinishedMerge) =
    MergeRequest(m.commit.toString, branch, m.decisions, m.squash, called = Some(m.source))

  /** Adds decisions. One without a choice takes back those before it about the same.
    *
    * @return
    *   how many conflicts are left open
    * @throws AnabranchException
    *   ANABRANCH_MERGE.NONE_UNFINISHED, NO_SUCH_CONFLICT, INVALID_VALUE, INVALID_DECISION
    */
  def resolve(branch: String, decisions: Seq[Decision], rows: MergeRows): Int = {
    val m = get(branch)
    val all = known(branch, m, rows).map(_.conflict)
    val about = decisions.map(d => d -> all.filter(d.isAbout))
    about.find(_._2.isEmpty).foreach { case (d, _) =>
      throw AnabranchException(
        "ANABRANCH_MERGE.NO_SUCH_CONFLICT",
        "what" -> UnfinishedMerges.told(d),
        "branch" -> branch
      )
    }
    about.foreach {
      case (Decision(Some(Choice.Value(_)), _, _, _), found) if !found.exists(_.kind == ConflictKind.Cell) =>
        throw UnfinishedMerges.invalid(branch, s"a value is for a cell, and not for: ${found.head.reason}")
      case _ => ()
    }
    val next = m.copy(decisions = Decisions(m.decisions.all ++ decisions), transaction = newId())
    val left = planned(branch, next, next.decisions, rows)
    about.find { case (d, found) => d.choice.isDefined && found.forall(left.contains) }.foreach {
      case (_, found) =>
        throw UnfinishedMerges.invalid(branch, s"no choice of a side settles that ${found.head.reason}")
    }
    change(branch, Some(next))
    left.size
  }

  /** Commits the merge, on the branch as it is now.
    *
    * @throws AnabranchException
    *   ANABRANCH_MERGE.NONE_UNFINISHED, CONFLICT
    */
  def finish(branch: String, rows: MergeRows, by: CommitContext): MergeResult = {
    val m = get(branch)
    val told = by.copy(parameters = by.parameters + ("source" -> m.source))
    val result = merges.merge(asked(branch, m), rows, dryRun = false, told)
    change(branch, None)
    result
  }

  /** Gives the merge up; the branch stays as it is. */
  def abort(branch: String): Unit = {
    get(branch): Unit
    change(branch, None)
  }

  /** Ends what waits for a branch that is gone: another one may get its name. */
  private[repository] def forget(branch: String): Unit =
    try if (find(branch).isDefined) change(branch, None)
    catch { case _: AnabranchException => () } // the branch is gone, whatever becomes of this

  private def change(branch: String, to: Option[UnfinishedMerge]): Unit = {
    val txn = to.fold(newId())(_.transaction)
    val folder = Paths.merge(branch)
    val value = to.fold(UnfinishedMerge.over(txn))(UnfinishedMerge.encode)
    if (!generations.create(folder, generations.next(folder), value)(Log.unknown(branch, txn, _)))
      find(branch) match {
        case Some(other) => throw unfinished(branch, other)
        case None => throw AnabranchException("ANABRANCH_MERGE.NONE_UNFINISHED", "branch" -> branch)
      }
  }
}

object UnfinishedMerges {
  private def told(d: Decision): String = Seq(
    d.table.map(t => s"table ${Names.show(t)}"),
    d.row.map(r => s"_row_id $r"),
    d.column.map(c => s"column $c")
  ).flatten.mkString(", ")

  /** The error for what can't be decided so. */
  def invalid(branch: String, reason: String): AnabranchException =
    AnabranchException("ANABRANCH_MERGE.INVALID_DECISION", "branch" -> branch, "reason" -> reason)
}
