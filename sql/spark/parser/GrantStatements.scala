package io.anabranch.spark.parser

import io.anabranch.core.format.Grant
import io.anabranch.spark.commands._
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan

/** The statements about grants. */
private object GrantStatements {
  private val Privileges = Seq(Grant.Select, Grant.Modify, Grant.Manage)
  private val On = "ON BRANCH 'pattern' [IN catalog] | [TABLE] table [ON BRANCH 'pattern']"

  def grant(t: Tokens): LogicalPlan = change(t, "GRANT", "TO")
  def revoke(t: Tokens): LogicalPlan = change(t, "REVOKE", "FROM")

  private def change(t: Tokens, verb: String, preposition: String): LogicalPlan = {
    t.usage = s"$verb ALL PRIVILEGES | SELECT | MODIFY | MANAGE [, …] $On " +
      s"$preposition principal [, principal] … [MESSAGE 'text']"
    t.expect(verb)
    val privileges = named(t)
    t.expect("ON")
    val (catalog, table, branches) =
      if (t.accept("BRANCH")) {
        val branches = t.name(PolicyStatements.Pattern)
        (Statements.in(t), None, branches)
      } else {
        if (!t.peek(1).exists(_.text == ".")) t.accept("TABLE"): Unit
        val table = t.multipart("the name of a table, or BRANCH")
        if (privileges.contains(Grant.Manage)) t.fail("MANAGE is granted ON BRANCH only,", back = 1)
        (None, Some(table), if (t.accept("ON", "BRANCH")) t.name(PolicyStatements.Pattern) else "*")
      }
    t.expect(preposition)
    val principals = PolicyStatements.authors(t)
    ChangeGrant(catalog, privileges, table, branches, principals, verb == "GRANT", Statements.message(t))
  }

  private def named(t: Tokens): Seq[String] =
    if (t.accept("ALL", "PRIVILEGES")) Seq(Grant.Select, Grant.Modify)
    else
      (one(t) +: Iterator.continually(t.accept(",")).takeWhile(identity).map(_ => one(t)).toList).distinct

  private def one(t: Tokens): String =
    t.acceptOne(Privileges: _*).getOrElse(t.fail("expected SELECT, MODIFY, MANAGE or ALL PRIVILEGES"))

  def show(t: Tokens): LogicalPlan = {
    t.usage = "SHOW GRANTS [IN catalog]"
    t.expect("SHOW", "GRANTS")
    ShowGrants(Statements.in(t))
  }
}
