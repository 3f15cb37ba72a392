package io.anabranch.spark.parser

import io.anabranch.core.operations.merge.Choice
import io.anabranch.spark.commands._
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan

/** The statements that bring changes of one line of history into another. */
private object MergeStatements {
  private val Conflict = "[ON CONFLICT FAIL|OURS|THEIRS [FOR TABLE table | FOR COLUMN table.column]] …"

  def merge(t: Tokens): LogicalPlan = {
    t.usage = "MERGE BRANCH source [INTO branch] [IN catalog] [FF ONLY | SQUASH] " +
      s"$Conflict [DRY RUN | KEEP CONFLICTS] [MESSAGE 'text']"
    t.expect("MERGE", "BRANCH")
    val source = t.name("the ref to merge")
    val into = Option.when(t.accept("INTO"))(t.name("the name of a branch"))
    val catalog = Statements.in(t)
    val fastForwardOnly = t.accept("FF", "ONLY")
    val squash = !fastForwardOnly && t.accept("SQUASH")
    val choices = conflicts(t)
    val dryRun = t.accept("DRY", "RUN")
    val keep = !dryRun && t.accept("KEEP", "CONFLICTS")
    val options =
      MergeOptions(choices, squash, fastForwardOnly, None, dryRun, keep, Statements.message(t))
    MergeBranchCommand(catalog, source, into, options)
  }

  def continue(t: Tokens): LogicalPlan = {
    t.usage = "CONTINUE MERGE [INTO branch] [IN catalog] [MESSAGE 'text']"
    t.expect("CONTINUE", "MERGE")
    val into = Option.when(t.accept("INTO"))(t.name("the name of a branch"))
    ContinueMerge(Statements.in(t), into, Statements.message(t))
  }

  def abort(t: Tokens): LogicalPlan = {
    t.usage = "ABORT MERGE [INTO branch] [IN catalog]"
    t.expect("ABORT", "MERGE")
    val into = Option.when(t.accept("INTO"))(t.name("the name of a branch"))
    AbortMerge(Statements.in(t), into)
  }

  def cherryPick(t: Tokens): LogicalPlan = {
    t.usage = s"CHERRY PICK commit [INTO branch] [IN catalog] [PARENT n] $Conflict [DRY RUN] [MESSAGE 'text']"
    t.expect("CHERRY", "PICK")
    val source = t.name("the commit to pick")
    val into = Option.when(t.accept("INTO"))(t.name("the name of a branch"))
    CherryPickCommand(Statements.in(t), source, into, single(t))
  }

  def rebase(t: Tokens): LogicalPlan = {
    t.usage = s"REBASE BRANCH branch ONTO ref [IN catalog] $Conflict [MESSAGE 'text']"
    t.expect("REBASE", "BRANCH")
    val branch = t.name("the name of a branch")
    t.expect("ONTO")
    val onto = t.name("the ref to put its commits on")
    val catalog = Statements.in(t)
    val choices = conflicts(t)
    RebaseBranch(catalog, branch, onto, MergeOptions(choices, message = Statements.message(t)))
  }

  def revert(t: Tokens): LogicalPlan = {
    t.usage = s"REVERT commit [ON branch] [IN catalog] [PARENT n] $Conflict [DRY RUN] [MESSAGE 'text']"
    t.expect("REVERT")
    val source = t.name("the commit to revert")
    val into =
      Option.when(!t.peek(1).exists(_.is("CONFLICT")) && t.accept("ON"))(t.name("the name of a branch"))
    RevertCommand(Statements.in(t), source, into, single(t))
  }

  private def single(t: Tokens): MergeOptions = {
    val parent = Option.when(t.accept("PARENT"))(t.number("the number of a parent"))
    val choices = conflicts(t)
    val dryRun = t.accept("DRY", "RUN")
    MergeOptions(choices, parent = parent, dryRun = dryRun, message = Statements.message(t))
  }

  private def conflicts(t: Tokens): Seq[(Choice, Scope)] =
    Iterator.continually(t.accept("ON", "CONFLICT")).takeWhile(identity).map(_ => choice(t)).toList

  private def choice(t: Tokens): (Choice, Scope) = {
    val side = t.acceptOne("FAIL", "OURS", "THEIRS") match {
      case Some("FAIL") => Choice.Fail
      case text => text.flatMap(Choice.side).getOrElse(t.fail("expected FAIL, OURS or THEIRS"))
    }
    val scope =
      if (t.accept("FOR", "TABLE")) Scope.OfTable(t.multipart("the name of a table"))
      else if (t.accept("FOR", "COLUMN")) {
        val path = t.multipart("a column, as table.column")
        if (path.size < 2) t.fail("expected the table and its column, as table.column", back = 1)
        Scope.OfColumn(path.init, path.last)
      } else Scope.Everything
    (side, scope)
  }
}
