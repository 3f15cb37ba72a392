package io.anabranch.core.repository

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log.{Generations, Log, Parallel}
import io.anabranch.core.operations.Names
import io.anabranch.core.operations.merge._
import io.anabranch.core.store.ObjectStore
import io.anabranch.core.transaction.CommitContext

/** A conflict of an unfinished merge, and what was decided about it. */
final case class KeptConflict(conflict: MergeConflict, choice: Option[Choice])

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
      change(asked.into, Some(kept))
      planned
    }
  }

  /** All conflicts of the unfinished merge into a branch, as they are now. */
  def conflicts(branch: String, rows: MergeRows): Seq[KeptConflict] = find(branch).toSeq.flatMap { m =>
    planned(branch, m, rows).map { c =>
      KeptConflict(c, m.decisions.about(c.name, c.row.map(_.id), c.column))
    }
  }

  private def planned(branch: String, m: UnfinishedMerge, rows: MergeRows): Seq[MergeConflict] =
    merges
      .merge(asked(branch, m).copy(decisions = Decisions.None), rows, dryRun = true, CommitContext(""))
      .conflicts

  private def asked(branch: String, m: UnfinishedMerge) =
    MergeRequest(m.commit.toString, branch, m.decisions, m.squash)

  /** Adds decisions.
    *
    * @return
    *   how many conflicts are left open
    * @throws AnabranchException
    *   ANABRANCH_MERGE.NONE_UNFINISHED, NO_SUCH_CONFLICT, INVALID_VALUE
    */
  def resolve(branch: String, decisions: Seq[Decision], rows: MergeRows): Int = {
    val m = get(branch)
    val all = planned(branch, m, rows)
    decisions
      .find(d => !all.exists(c => Decisions(Seq(d)).about(c.name, c.row.map(_.id), c.column).isDefined))
      .foreach { d =>
        val what = Seq(
          d.table.map(t => s"table ${Names.show(t)}"),
          d.row.map(r => s"_row_id $r"),
          d.column.map(c => s"column $c")
        ).flatten
        throw AnabranchException(
          "ANABRANCH_MERGE.NO_SUCH_CONFLICT",
          "what" -> what.mkString(", "),
          "branch" -> branch
        )
      }
    val next = m.copy(decisions = Decisions(m.decisions.all ++ decisions), transaction = newId())
    val left = merges.merge(asked(branch, next), rows, dryRun = true, CommitContext("")).conflicts
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
