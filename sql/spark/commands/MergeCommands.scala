package io.anabranch.spark.commands

import io.anabranch.core.operations.Names
import io.anabranch.core.operations.merge.MergeConflict
import io.anabranch.core.repository.{MergeRequest, MergeResult}
import io.anabranch.core.transaction.CommitContext
import io.anabranch.spark.AnabranchCatalog
import org.apache.spark.sql.Row
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

/** A statement that brings changes of one line of history into another. */
trait MergeCommand extends RefCommand {
  def source: String
  def into: Option[String]
  def options: MergeOptions

  protected def combine(c: AnabranchCatalog, asked: MergeRequest, by: CommitContext): MergeResult

  override protected def columns: String =
    if (options.dryRun || options.keep)
      s"${MergeCommand.Done}, ${MergeCommand.Contradiction}, ${MergeCommand.Counts}"
    else MergeCommand.Done

  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val target = into.getOrElse(c.currentRef).stripPrefix("branch:")
    val by = Commands.author(session, options.message, Map("source" -> source, "target" -> target))
    val asked = MergeRequest(
      source,
      target,
      options.decisions(c),
      options.squash,
      options.fastForwardOnly,
      options.parent
    )
    val result = combine(c, asked, by)
    if (result.commit.isDefined) Commands.recache(session, c, result.changes.map(_.table))
    if (options.dryRun || options.keep) MergeCommand.review(result) else MergeCommand.done(result)
  }
}

private object MergeCommand {
  val Done: String = "table STRING, change STRING, detail STRING, commit STRING, fast_forward BOOLEAN"
  val Contradiction: String =
    "kind STRING, row_id BIGINT, key STRING, `column` STRING, base STRING, ours STRING, theirs STRING, " +
      "our_commit STRING, their_commit STRING"

  /** Of what would change, where metadata tell. */
  val Counts: String = "rows_added BIGINT, rows_changed BIGINT, rows_removed BIGINT"

  def done(result: MergeResult): Seq[Row] =
    result.changes.map(t => Row(t.table, t.change, t.detail, result.commit.orNull, result.fastForward))

  /** Conflicts first, then what would change, then what gates say. */
  def review(result: MergeResult): Seq[Row] =
    result.conflicts.map(conflict(_, result.fastForward)) ++ changes(result) ++
      result.gates.map { case (gate, told) =>
        Row.fromSeq(Seq[Any](gate, "gate", told, null, result.fastForward) ++ Seq.fill(12)(null))
      }

  private def changes(result: MergeResult): Seq[Row] =
    result.changes.map { t =>
      Row.fromSeq(
        Seq[Any](t.table, t.change, t.detail, result.commit.orNull, result.fastForward) ++ Seq.fill(9)(
          null
        ) ++
          t.rows.fold(Seq[Any](null, null, null))(r => Seq(r.added, r.changed, r.removed))
      )
    }

  private def conflict(c: MergeConflict, fastForward: Boolean): Row = Row(
    Names.show(c.name),
    "conflict",
    c.reason,
    null,
    fastForward,
    c.kind,
    c.row.map(_.id).orNull,
    c.row.flatMap(_.key).orNull,
    c.column.orNull,
    c.base.orNull,
    c.ours.orNull,
    c.theirs.orNull,
    c.row.flatMap(_.ourCommit).map(_.toString).orNull,
    c.row.flatMap(_.theirCommit).map(_.toString).orNull,
    null,
    null,
    null
  )
}

/** `MERGE BRANCH`: into a branch, or into the one in use. */
final case class MergeBranchCommand(
    catalog: Option[String],
    source: String,
    into: Option[String],
    options: MergeOptions
) extends MergeCommand {
  override protected def combine(c: AnabranchCatalog, asked: MergeRequest, by: CommitContext): MergeResult =
    if (options.dryRun) c.repository.merges.merge(asked, c.mergeRows, dryRun = true, by)
    else if (options.keep) c.repository.unfinishedMerges.mergeOrKeep(asked, c.mergeRows, by)
    else c.repository.unfinishedMerges.merge(asked, c.mergeRows, by)
}

/** `REBASE BRANCH`: replays the commits of a branch on top of another ref. */
final case class RebaseBranch(
    catalog: Option[String],
    branch: String,
    onto: String,
    options: MergeOptions
) extends RefCommand {
  override protected def columns: String =
    "branch STRING, commit STRING, rebased_from STRING, author STRING, operation STRING, message STRING"

  /** A row for each commit that was replayed, oldest first; `commit` is NULL where nothing of it was left to do. */
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val by = Commands.author(session, options.message, Map("branch" -> branch, "onto" -> onto))
    val (_, replayed) = c.repository.rebases.rebase(branch, onto, options.decisions(c), c.mergeRows, by)
    Commands.recache(session, c, replayed.flatMap(_.from.tables).distinct)
    replayed.map { r =>
      Row(branch, r.commit.map(_.toString).orNull, r.from.id, r.from.author, r.from.operation, r.from.message)
    }
  }
}

/** `CHERRY PICK`: does on a branch what a commit did elsewhere. */
final case class CherryPickCommand(
    catalog: Option[String],
    source: String,
    into: Option[String],
    options: MergeOptions
) extends MergeCommand {
  override protected def combine(c: AnabranchCatalog, asked: MergeRequest, by: CommitContext): MergeResult =
    c.repository.merges.cherryPick(asked, c.mergeRows, options.dryRun, by)
}

/** `REVERT`: undoes on a branch what a commit did. */
final case class RevertCommand(
    catalog: Option[String],
    source: String,
    into: Option[String],
    options: MergeOptions
) extends MergeCommand {
  override protected def combine(c: AnabranchCatalog, asked: MergeRequest, by: CommitContext): MergeResult =
    c.repository.merges.revert(asked, c.mergeRows, options.dryRun, by)
}

/** `CONTINUE MERGE`: commits a merge that was kept, with what was decided meanwhile. */
final case class ContinueMerge(catalog: Option[String], into: Option[String], message: Option[String])
    extends RefCommand {
  override protected def columns: String = MergeCommand.Done
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val target = into.getOrElse(c.currentRef).stripPrefix("branch:")
    val by = Commands.author(session, message, Map("target" -> target))
    val result = c.repository.unfinishedMerges.finish(target, c.mergeRows, by)
    Commands.recache(session, c, result.changes.map(_.table))
    MergeCommand.done(result)
  }
}

/** `ABORT MERGE`: gives a merge up that was kept. */
final case class AbortMerge(catalog: Option[String], into: Option[String]) extends RefCommand {
  override protected def columns: String = ""
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    c.repository.unfinishedMerges.abort(into.getOrElse(c.currentRef).stripPrefix("branch:"))
    Nil
  }
}
