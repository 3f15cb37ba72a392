package io.anabranch.core.transaction

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._

/** What grants allow. Those of one privilege add up: whom any of them names may. */
object Permissions {

  /** Refuses who may not commit to a branch.
    *
    * @param policies
    *   of the branch
    * @throws AnabranchException
    *   ANABRANCH_PERMISSION.DENIED
    */
  def mayCommit(branch: String, policies: Map[String, Policy], operation: String, by: String): Unit =
    require(by, operation, Grant.Modify, s"branch $branch", grants(policies).filter(_.table.isEmpty))

  /** The same for who may not change one of some tables. */
  def mayModify(
      policies: Map[String, Policy],
      tables: => Seq[GrantedTable],
      operation: String,
      by: String
  ): Unit = ofTables(policies, tables, Grant.Modify, operation, by)

  /** Refuses who may not see the rows of a table.
    *
    * @param policies
    *   all of the repository
    * @param branch
    *   on which the rows are; None where they come from several: any grant will do
    * @throws AnabranchException
    *   ANABRANCH_PERMISSION.DENIED
    */
  def maySelect(
      policies: Map[String, Policy],
      branch: => Option[String],
      table: GrantedTable,
      by: String
  ): Unit = if (grants(policies).exists(_.privilege == Grant.Select)) {
    val here = branch.fold(policies)(b => policies.filter(_._2.appliesTo(b)))
    branch.foreach { b =>
      require(by, "read", Grant.Select, s"branch $b", grants(here).filter(_.table.isEmpty))
    }
    ofTables(here, Seq(table), Grant.Select, "read", by)
  }

  private def ofTables(
      policies: Map[String, Policy],
      tables: => Seq[GrantedTable],
      privilege: String,
      operation: String,
      by: String
  ): Unit = {
    val about = grants(policies).filter(g => g.privilege == privilege && g.table.isDefined)
    if (about.nonEmpty) tables.foreach { t =>
      val name = s"table ${t.name.mkString(".")}"
      require(by, operation, privilege, name, about.filter(_.table.exists(_.is(t))))
    }
  }

  private def require(
      by: String,
      operation: String,
      privilege: String,
      on: String,
      about: Seq[Grant]
  ): Unit = {
    val due = about.filter(_.privilege == privilege)
    if (due.nonEmpty && !due.exists(_.allows(by))) throw denied(by, operation, privilege, on, due)
  }

  /** Refuses who may not change a rule about some branches.
    *
    * @param branches
    *   as the rule has them
    * @throws AnabranchException
    *   ANABRANCH_PERMISSION.DENIED
    */
  def mayManage(all: Map[String, Policy], branches: String, operation: String, by: String): Unit =
    require(by, operation, Grant.Manage, s"branches '$branches'", managers(all, branches))

  /** Who was granted to change rules about some branches. */
  def managers(all: Map[String, Policy], branches: String): Seq[Grant] =
    grants(all).filter(g => g.privilege == Grant.Manage && g.appliesTo(branches))

  private def denied(by: String, operation: String, privilege: String, on: String, due: Seq[Grant]) =
    AnabranchException(
      "ANABRANCH_PERMISSION.DENIED",
      "author" -> by,
      "operation" -> operation,
      "privilege" -> privilege,
      "object" -> on,
      "who" -> who(due)
    )

  /** The principals of some grants, for people. */
  def who(grants: Seq[Grant]): String = grants.flatMap(_.principals).distinct.sorted match {
    case Seq() => "nobody"
    case names => names.mkString(", ")
  }

  def grants(policies: Map[String, Policy]): Seq[Grant] =
    policies.valuesIterator.collect { case g: Grant => g }.toSeq

  private val MaxCharacters = 255

  /** Why a text can't be the name of an author, or None if it can. */
  def problem(principal: String): Option[String] =
    if (principal.isEmpty) Some("it is empty")
    else if (principal.length > MaxCharacters) Some(s"it is longer than $MaxCharacters characters")
    else if (principal != principal.strip) Some("white space stands at its start or end")
    else if (principal.codePoints.anyMatch(c => invisible(Character.getType(c))))
      Some("it holds a character that can't be seen")
    else None

  private def invisible(category: Int): Boolean = Set(
    Character.CONTROL,
    Character.FORMAT,
    Character.SURROGATE,
    Character.UNASSIGNED,
    Character.LINE_SEPARATOR,
    Character.PARAGRAPH_SEPARATOR
  ).map(_.toInt)(category)

  /** @throws AnabranchException
    *   ANABRANCH_PERMISSION.INVALID_PRINCIPAL
    */
  def check(principal: String): Unit = problem(principal).foreach { reason =>
    throw AnabranchException(
      "ANABRANCH_PERMISSION.INVALID_PRINCIPAL",
      "principal" -> principal,
      "reason" -> reason
    )
  }
}
