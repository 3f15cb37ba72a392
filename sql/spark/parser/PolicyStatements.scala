package io.anabranch.spark.parser

import io.anabranch.core.format.Grant
import io.anabranch.spark.commands._
import org.apache.spark.sql.catalyst.parser.{ParseException, ParserInterface}
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan

/** The statements about gates and protected branches. */
private object PolicyStatements {
  val Pattern = "the name of a branch, in which * stands for any characters"

  def create(t: Tokens, delegate: ParserInterface): LogicalPlan = {
    t.usage = "CREATE [OR REPLACE] GATE [IF NOT EXISTS] gate [IN catalog] ON BRANCH 'pattern' " +
      "[MESSAGE 'text'] AS query"
    t.expect("CREATE")
    val replace = t.accept("OR", "REPLACE")
    t.expect("GATE")
    val ifNotExists = !replace && t.accept("IF", "NOT", "EXISTS")
    val name = t.name("the name of a gate")
    val catalog = Statements.in(t)
    t.expect("ON", "BRANCH")
    val branches = t.name(Pattern)
    val message = Statements.message(t)
    t.expect("AS")
    CreateGate(catalog, name, branches, query(t, delegate), replace, ifNotExists, message)
  }

  /** The rest of the statement; its errors point into the whole. */
  private def query(t: Tokens, delegate: ParserInterface): String = {
    val (text, start) = t.rest("a query")
    val blank = t.sql.take(start).map(c => if (c == '\n') c else ' ')
    try delegate.parseQuery(blank + text): Unit
    catch { case e: ParseException => throw e.withCommand(t.sql) }
    text
  }

  def drop(t: Tokens): LogicalPlan = {
    t.usage = "DROP GATE [IF EXISTS] gate [IN catalog]"
    t.expect("DROP", "GATE")
    val ifExists = t.accept("IF", "EXISTS")
    val name = t.name("the name of a gate")
    DropGate(Statements.in(t), name, ifExists)
  }

  def show(t: Tokens): LogicalPlan = {
    t.usage = "SHOW GATES [IN catalog]"
    t.expect("SHOW", "GATES")
    ShowGates(Statements.in(t))
  }

  def run(t: Tokens): LogicalPlan = {
    t.usage = "RUN GATES [ON branch] [IN catalog]"
    t.expect("RUN", "GATES")
    val branch = Option.when(t.accept("ON"))(t.name("the name of a branch"))
    RunGates(Statements.in(t), branch)
  }

  def protect(t: Tokens): LogicalPlan = {
    t.usage = "PROTECT BRANCH 'pattern' [IN catalog] [FOR author [, author] …] [MESSAGE 'text']"
    t.expect("PROTECT", "BRANCH")
    val branches = t.name(Pattern)
    val catalog = Statements.in(t)
    val principals = if (t.accept("FOR")) authors(t) else Nil
    ProtectBranch(catalog, branches, principals, Statements.message(t))
  }

  def authors(t: Tokens): Seq[String] =
    author(t) +: Iterator.continually(t.accept(",")).takeWhile(identity).map(_ => author(t)).toList

  /** Everybody is a word of the language, in whatever case; in quotes it is a name as any other. */
  private def author(t: Tokens): String = {
    val word = t.peek().exists(_.is(Grant.Public))
    val name = t.name("the name of an author")
    if (word && name.equalsIgnoreCase(Grant.Public)) Grant.Public else name
  }

  def unprotect(t: Tokens): LogicalPlan = {
    t.usage = "UNPROTECT BRANCH [IF PROTECTED] 'pattern' [IN catalog]"
    t.expect("UNPROTECT", "BRANCH")
    val ifProtected = t.accept("IF", "PROTECTED")
    val branches = t.name(Pattern)
    UnprotectBranch(Statements.in(t), branches, ifProtected)
  }

  def showProtected(t: Tokens): LogicalPlan = {
    t.usage = "SHOW PROTECTED BRANCHES [IN catalog]"
    t.expect("SHOW", "PROTECTED", "BRANCHES")
    ShowProtectedBranches(Statements.in(t))
  }
}
