package io.anabranch.core.repository

import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations.merge.{Decisions, MergeRows}
import io.anabranch.core.transaction._

/** A commit that was replayed elsewhere.
  *
  * @param commit
  *   what it became; None if all that it did was there already
  */
final case class Rebased(from: CommitInfo, commit: Option[CommitId])

/** Moves the commits of a branch onto another commit, one by one, by the engine of merges.
  *
  * @param openLog
  *   opens a log for a branch on top of a state, with the policies that it begins with
  */
final class Rebases private[repository] (
    resolver: RefResolver,
    refs: Refs,
    states: States,
    committer: Committer,
    merges: Merges,
    openLog: (String, CatalogState, CommitContext, Map[String, Policy]) => CatalogState,
    info: Entry => CommitInfo
) {

  /** Replays what a branch has and the new base has not, oldest first; then the branch goes on from there. A merge is
    * replayed as one commit with one parent. Authors, messages and metadata stay.
    *
    * @param decisions
    *   how conflicts are decided: ours is the new base, theirs the commit that is replayed
    * @return
    *   the branch's commit, and what became of each; nothing if it stands on the base already
    * @throws io.anabranch.core.AnabranchException
    *   ANABRANCH_MERGE.CONFLICT, ANABRANCH_COMMIT.CONFLICT if the branch moved meanwhile, ANABRANCH_REF.PROTECTED: then the
    *   branch is as it was
    */
  def rebase(
      branch: String,
      onto: String,
      decisions: Decisions,
      rows: MergeRows,
      by: CommitContext
  ): (CommitId, Seq[Rebased]) = {
    val generation = refs.nextBranch(branch)
    val old = resolver.resolve(s"branch:$branch").state
    val target = resolver.resolve(onto).state
    merges.check(decisions, branch, target, old)
    admit(branch, old, old, by)
    if (old.knows(ground(target.id).position)) (old.id, Nil)
    else {
      val line = own(old, target)
      line.filterNot(_.commit.onlyMoves).flatMap(e => e.id +: e.commit.firstParent.toSeq).foreach {
        resolver.expired.refuse(_)
      }
      val start = openLog(branch, target, by, old.policies)
      val (state, done) =
        try {
          val replayed = replay(branch, start, line, decisions, rows, by)
          admit(branch, old, replayed._1, by)
          close(branch, old, replayed._1, by)
          replayed
        } catch {
          case e: Throwable =>
            abandon(branch, start, by)
            throw e
        }
      // the closing entry has moved the branch; its name only saves readers the way through the old log
      try refs.nameLog(branch, generation, state.position.ordinal): Unit
      catch { case _: io.anabranch.core.AnabranchException => () }
      refs.remember(branch, state)
      (state.id, done)
    }
  }

  /** A commit, or the one that it only opens a log upon. */
  @annotation.tailrec
  private def ground(id: CommitId): CommitId =
    if (id.position.seq > 0) id
    else
      states.log.get(id).commit.firstParent match {
        case Some(parent) => ground(parent)
        case None => id
      }

  /** The commits of a branch along first parents that the new base does not know, oldest first. */
  private def own(branch: CatalogState, base: CatalogState): Seq[Entry] =
    Iterator
      .iterate(Option(states.log.get(branch.id)))(_.flatMap(_.commit.firstParent.map(states.log.get)))
      .takeWhile(_.exists(e => !base.knows(e.id.position)))
      .flatten
      .filter(e => e.id.position.seq > 0) // entry 0 opens a log, and changes nothing
      .toSeq
      .reverse

  private def replay(
      branch: String,
      start: CatalogState,
      line: Seq[Entry],
      decisions: Decisions,
      rows: MergeRows,
      by: CommitContext
  ): (CatalogState, Seq[Rebased]) =
    line.foldLeft((start, Vector.empty[Rebased])) { case ((now, done), entry) =>
      val c = entry.commit
      val told = by.copy(
        author = c.author,
        message = c.message,
        metadata = c.metadata,
        parameters = Map("source" -> entry.id.toString, "rebased by" -> by.author)
      )
      val intent = merges.replay("REBASE", entry, branch, decisions, rows)
      val next = if (c.onlyMoves) now else committer.commit(Rebases.unnamed(branch), now, intent, told)
      (next, done :+ Rebased(info(entry), Option.when(next.id != now.id)(next.id)))
    }

  private def admit(branch: String, before: CatalogState, after: CatalogState, by: CommitContext): Unit = {
    val main = if (branch == Refs.Main) before else refs.head(Refs.Main).getOrElse(before)
    committer.admit(branch, "REBASE BRANCH", Some(before), after, main, by)
  }

  private def close(branch: String, old: CatalogState, state: CatalogState, by: CommitContext): Unit =
    committer.commit(
      branch,
      old,
      CloseLog(
        Closing(Closing.Reset, Some(state.position.ordinal)),
        "REBASE BRANCH",
        Some(old.policies),
        Some(old.position)
      ),
      by
    ): Unit

  /** Ends a log that no branch got. It may stay open where that fails: nobody names it. */
  private def abandon(branch: String, start: CatalogState, by: CommitContext): Unit =
    try
      committer.commit(
        Rebases.unnamed(branch),
        states.head(start.position.ordinal).getOrElse(start),
        CloseLog(Closing(Closing.Drop, None), "DROP BRANCH"),
        by
      ): Unit
    catch { case _: io.anabranch.core.AnabranchException => () }
}

private object Rebases {

  /** What a log is called while no branch has it: no branch can have such a name. */
  def unnamed(branch: String): String = s"rebase of $branch"
}
