package io.anabranch.spark.parser

import io.anabranch.core.format.RefName
import io.anabranch.spark.commands._
import org.apache.spark.sql.catalyst.expressions.{Expression, Literal}
import org.apache.spark.sql.catalyst.parser.{ParseException, ParserInterface}
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan

import java.util.Locale

/** Our statements, by hand-written descent over Spark's tokens. */
private object Statements {

  /** The statement, or None if it is Spark's. */
  def parse(t: Tokens, delegate: ParserInterface): Option[LogicalPlan] = rule(t, delegate).map { r =>
    val plan = r(t)
    t.end()
    plan
  }

  /** Whether the statement is ours: its first words decide. */
  def isOurs(t: Tokens, delegate: ParserInterface): Boolean = rule(t, delegate).isDefined

  private def rule(t: Tokens, delegate: ParserInterface): Option[Tokens => LogicalPlan] = {
    val byFirstTwoWords = Seq[((String, String), Tokens => LogicalPlan)](
      ("CREATE", "BRANCH") -> create("BRANCH", CreateBranch.apply),
      ("CREATE", "TAG") -> create("TAG", CreateTag.apply),
      ("DROP", "BRANCH") -> drop("BRANCH", DropBranch.apply),
      ("DROP", "TAG") -> drop("TAG", DropTag.apply),
      ("SHOW", "BRANCHES") -> showBranches,
      ("SHOW", "TAGS") -> showTags,
      ("CREATE", "GATE") -> (PolicyStatements.create(_, delegate)),
      ("DROP", "GATE") -> PolicyStatements.drop,
      ("SHOW", "GATES") -> PolicyStatements.show,
      ("RUN", "GATES") -> PolicyStatements.run,
      ("PROTECT", "BRANCH") -> PolicyStatements.protect,
      ("UNPROTECT", "BRANCH") -> PolicyStatements.unprotect,
      ("SHOW", "GRANTS") -> GrantStatements.show,
      ("SHOW", "COMMITS") -> showCommits,
      ("RESET", "BRANCH") -> reset,
      ("MERGE", "BRANCH") -> MergeStatements.merge,
      ("REBASE", "BRANCH") -> MergeStatements.rebase,
      ("CONTINUE", "MERGE") -> MergeStatements.continue,
      ("ABORT", "MERGE") -> MergeStatements.abort,
      ("CHERRY", "PICK") -> MergeStatements.cherryPick,
      ("START", "TRANSACTION") -> TransactionStatements.start
    ).collectFirst { case ((first, second), r) if starts(t, first, second) => r }
    def second(words: String*) = t.peek(1).exists(w => words.exists(w.is))
    def third = t.peek(2)
    byFirstTwoWords.orElse(
      t.peek()
        .map(_.text.toUpperCase(Locale.ROOT))
        .collect {
          case "CREATE" if second("OR") && third.exists(_.is("REPLACE")) && t.peek(3).exists(_.is("GATE")) =>
            PolicyStatements.create(_, delegate)
          case "SHOW" if second("PROTECTED") && third.exists(_.is("BRANCHES")) =>
            PolicyStatements.showProtected
          case "SHOW" if second("CURRENT") && third.exists(_.is("REFERENCE")) => showCurrent
          // USE branch, DESCRIBE detail and DESCRIBE history.t are Spark's
          case "USE" if second("BRANCH", "TAG", "REFERENCE") && third.isDefined => use
          case "DESCRIBE" | "DESC" if second("HISTORY", "DETAIL") && third.exists(_.text != ".") => describe
          case "RESTORE" => restore(_, delegate)
          case "GRANT" => GrantStatements.grant
          case "REVOKE" => GrantStatements.revoke
          case "REVERT" => MergeStatements.revert
          case "OPTIMIZE" => optimize(_, delegate)
          case "VACUUM" => vacuum
          case "COMMIT" => TransactionStatements.commit
          case "ROLLBACK" => TransactionStatements.rollback
        }
    )
  }

  private def starts(t: Tokens, first: String, second: String): Boolean =
    t.peek().exists(_.is(first)) && t.peek(1).exists(_.is(second))

  private def begin(t: Tokens, usage: String, keywords: String*): Unit = {
    t.usage = usage
    t.expect(keywords: _*)
  }

  def in(t: Tokens): Option[String] = Option.when(t.accept("IN"))(t.name("the name of a catalog"))

  private def newName(t: Tokens, what: String): String = {
    val name = t.name(what)
    RefName.problem(name).foreach(p => t.refuse(RefName.invalid(name, p), back = 1))
    name
  }

  /** @param kind
    *   BRANCH or TAG
    */
  private def create(kind: String, command: (Option[String], String, Option[String], Boolean) => LogicalPlan)(
      t: Tokens
  ): LogicalPlan = {
    val noun = kind.toLowerCase(Locale.ROOT)
    begin(t, s"CREATE $kind [IF NOT EXISTS] $noun [IN catalog] [FROM ref]", "CREATE", kind)
    val ifNotExists = t.accept("IF", "NOT", "EXISTS")
    val name = newName(t, s"the name of a $noun")
    val catalog = in(t)
    command(catalog, name, Option.when(t.accept("FROM"))(t.name("a ref")), ifNotExists)
  }

  /** @param kind
    *   BRANCH or TAG
    */
  private def drop(kind: String, command: (Option[String], String, Boolean) => LogicalPlan)(
      t: Tokens
  ): LogicalPlan = {
    val noun = kind.toLowerCase(Locale.ROOT)
    begin(t, s"DROP $kind [IF EXISTS] $noun [IN catalog]", "DROP", kind)
    val ifExists = t.accept("IF", "EXISTS")
    val name = t.name(s"the name of a $noun")
    command(in(t), name, ifExists)
  }

  private def use(t: Tokens): LogicalPlan = {
    begin(t, "USE BRANCH|TAG|REFERENCE ref [IN catalog]", "USE")
    val kind =
      t.acceptOne("BRANCH", "TAG", "REFERENCE").getOrElse(t.fail("expected BRANCH, TAG or REFERENCE"))
    val ref = t.name("a ref")
    UseReference(in(t), if (kind == "REFERENCE") None else Some(kind.toLowerCase(Locale.ROOT)), ref)
  }

  private def showBranches(t: Tokens): LogicalPlan = {
    begin(t, "SHOW BRANCHES [IN catalog]", "SHOW", "BRANCHES")
    ShowBranches(in(t))
  }

  private def showTags(t: Tokens): LogicalPlan = {
    begin(t, "SHOW TAGS [IN catalog]", "SHOW", "TAGS")
    ShowTags(in(t))
  }

  private def showCurrent(t: Tokens): LogicalPlan = {
    begin(t, "SHOW CURRENT REFERENCE [IN catalog]", "SHOW", "CURRENT", "REFERENCE")
    ShowCurrentReference(in(t))
  }

  private def showCommits(t: Tokens): LogicalPlan = {
    begin(t, "SHOW COMMITS [ON ref] [IN catalog] [GRAPH] [LIMIT n]", "SHOW", "COMMITS")
    val ref = Option.when(t.accept("ON"))(t.name("a ref"))
    val catalog = in(t)
    val graph = t.accept("GRAPH")
    ShowCommits(catalog, ref, Option.when(t.accept("LIMIT"))(t.number("a limit")), graph)
  }

  private def reset(t: Tokens): LogicalPlan = {
    begin(t, "RESET BRANCH branch TO ref [IN catalog] [MESSAGE 'text']", "RESET", "BRANCH")
    val name = t.name("the name of a branch")
    t.expect("TO")
    val to = t.name("a ref")
    val catalog = in(t)
    ResetBranch(catalog, name, to, message(t))
  }

  def message(t: Tokens): Option[String] = Option.when(t.accept("MESSAGE"))(t.string("a message"))

  private def restore(t: Tokens, delegate: ParserInterface): LogicalPlan = {
    begin(
      t,
      "RESTORE [TABLE] table TO VERSION AS OF version | TIMESTAMP AS OF time [MESSAGE 'text']",
      "RESTORE"
    )
    if (t.peek(1).exists(w => !w.is("TO"))) t.accept("TABLE"): Unit
    val table = t.multipart("the name of a table")
    t.expect("TO")
    val to = t.acceptOne("VERSION", "TIMESTAMP") match {
      case Some("VERSION") =>
        t.expect("AS", "OF")
        Left(t.version())
      case Some(_) =>
        t.expect("AS", "OF")
        Right(time(t, delegate))
      case None => t.fail("expected VERSION or TIMESTAMP")
    }
    RestoreTableCommand(table, to, message(t))
  }

  private def optimize(t: Tokens, delegate: ParserInterface): LogicalPlan = {
    begin(t, "OPTIMIZE [TABLE] table [WHERE condition] [MESSAGE 'text']", "OPTIMIZE")
    if (t.peek(1).exists(w => !w.is("WHERE") && !w.is("MESSAGE") && w.text != ".")) t.accept("TABLE"): Unit
    val table = t.multipart("the name of a table")
    val condition = Option.when(t.accept("WHERE"))(
      t.bound(t.textUntil("MESSAGE", "a condition") { text =>
        try Some(delegate.parseExpression(text))
        catch { case _: ParseException => None }
      })
    )
    if (t.peek().exists(_.is("ZORDER"))) t.fail("rows can't be ordered by columns yet: leave ZORDER BY out,")
    OptimizeTable(table, condition.map(FileCondition(_)), message(t))
  }

  private def vacuum(t: Tokens): LogicalPlan = {
    begin(t, "VACUUM [[TABLE] table | IN catalog] [RETAIN n HOURS] [DRY RUN]", "VACUUM")
    val catalog = in(t)
    val named = catalog.isEmpty && t.peek().exists(w => !w.is("RETAIN") && !w.is("DRY"))
    if (named && t.peek(1).exists(w => w.text != "." && !w.is("RETAIN") && !w.is("DRY")))
      t.accept("TABLE"): Unit
    val table = Option.when(named)(t.multipart("the name of a table"))
    val hours = Option.when(t.accept("RETAIN")) {
      val n = t.number("a number of hours")
      t.expect("HOURS")
      n
    }
    val dryRun = t.accept("DRY", "RUN")
    VacuumCommand(catalog, table, hours, dryRun)
  }

  private def time(t: Tokens, delegate: ParserInterface): Expression =
    t.parameter()
      .getOrElse(t.textUntil("MESSAGE", "a time") { text =>
        if (text.startsWith("'") && text.endsWith("'") && !text.dropRight(1).drop(1).contains('\''))
          Some(Literal(text.drop(1).dropRight(1)))
        else
          try Some(delegate.parseExpression(text))
          catch { case _: ParseException => None }
      })

  private def describe(t: Tokens): LogicalPlan = {
    t.acceptOne("DESCRIBE", "DESC"): Unit
    if (t.accept("HISTORY")) {
      t.usage = "DESCRIBE HISTORY table [LIMIT n]"
      val table = t.multipart("the name of a table")
      DescribeHistory(table, Option.when(t.accept("LIMIT"))(t.number("a limit")))
    } else {
      t.usage = "DESCRIBE DETAIL table"
      t.expect("DETAIL")
      DescribeDetail(t.multipart("the name of a table"))
    }
  }
}
