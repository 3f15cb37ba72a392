package io.anabranch.core.operations

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.log.CatalogState
import io.anabranch.core.transaction._

/** What GRANT and REVOKE are about.
  *
  * @param table
  *   None for whole branches
  */
final case class Granted(privileges: Seq[String], branches: String, table: Option[GrantedTable]) {

  /** The grants of one of the privileges on the same, by name: a table may have some from another life of it. */
  def of(policies: Map[String, Policy], privilege: String): Map[String, Grant] = policies.collect {
    case (key, g: Grant) if g.privilege == privilege && g.branches == branches && sameTable(g) => key -> g
  }

  /** Those on branches that may be the same ones: they add up with these. */
  def beside(policies: Map[String, Policy], privilege: String): Seq[Grant] = Permissions
    .grants(policies)
    .filter(g => g.privilege == privilege && sameTable(g) && Policy.overlap(g.branches, branches))

  private def sameTable(g: Grant): Boolean = (table, g.table) match {
    case (Some(t), Some(other)) => t.is(other)
    case (None, None) => true
    case _ => false
  }

  def name(privilege: String): String = Policy.grant(privilege, branches, table)

  def show(privilege: String): String = s"$privilege on " +
    table.fold(s"branches '$branches'")(t => s"table ${Names.show(t.name)}")
}

/** GRANT and REVOKE: they change the log of main, as all rules do.
  *
  * @param grants
  *   false takes away
  * @param author
  *   who asks for it
  */
final case class ChangeGrants(what: Granted, principals: Seq[String], grants: Boolean, author: String)
    extends Intent {

  override def operation: String = if (grants) "GRANT" else "REVOKE"

  override def onto(now: CatalogState): Proposal = {
    PolicyIntents.mayChange(now.policies, what.branches, operation, author)
    val changed = for {
      privilege <- what.privileges
      is = what.of(now.policies, privilege)
      _ = (if (grants) what.beside(now.policies, privilege) else is.values)
        .foreach(mayChange(now.policies, _))
      (name, g) <- if (grants) granted(privilege, is) else revoked(privilege, is)
      if !is.get(name).contains(g)
    } yield name -> Some(g)
    if (!grants) principals.foreach(mustHave(now, _))
    Proposal(policies = changed.toMap)
  }

  private def granted(privilege: String, is: Map[String, Grant]): Map[String, Grant] = {
    val g = is.getOrElse(what.name(privilege), none(privilege))
    Map(what.name(privilege) -> g.copy(principals = (g.principals ++ principals).distinct))
  }

  /** What everybody may do without a grant, nobody may once it is taken from the public. */
  private def revoked(privilege: String, is: Map[String, Grant]): Map[String, Grant] =
    if (is.isEmpty && principals.contains(Grant.Public)) Map(what.name(privilege) -> none(privilege))
    else
      is.map { case (name, g) =>
        val left = g.principals.filterNot(principals.contains)
        if (privilege == Grant.Manage && left.isEmpty)
          throw AnabranchException("ANABRANCH_PERMISSION.LAST_MANAGER", "branches" -> what.branches)
        name -> g.copy(principals = left)
      }

  private def none(privilege: String) = Grant(privilege, what.branches, what.table, Nil, author)

  private def mayChange(policies: Map[String, Policy], g: Grant): Unit =
    if (Permissions.managers(policies, g.branches).nonEmpty)
      PolicyIntents.mayChange(policies, g.branches, operation, author)
    else if (g.owner != author)
      throw AnabranchException(
        "ANABRANCH_PERMISSION.NOT_OWNER",
        "author" -> author,
        "operation" -> operation,
        "grant" -> Granted(Nil, g.branches, g.table).show(g.privilege),
        "owner" -> g.owner
      )

  private def mustHave(now: CatalogState, principal: String): Unit = {
    val is = what.privileges.flatMap(p => what.of(now.policies, p).values)
    val open = principal == Grant.Public && what.privileges.exists(what.of(now.policies, _).isEmpty)
    if (!open && !is.exists(_.principals.contains(principal)))
      throw AnabranchException(
        "ANABRANCH_PERMISSION.NOT_GRANTED",
        "grant" -> what.privileges.map(what.show).mkString(", "),
        "principal" -> principal,
        "who" -> (if (is.isEmpty) "everybody" else Permissions.who(is))
      )
  }
}
