package io.anabranch.spark.commands

import io.anabranch.core.format.GrantedTable
import io.anabranch.core.operations.{Granted, Names}
import io.anabranch.spark.AnabranchCatalog
import org.apache.spark.sql.Row
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

/** `GRANT`: from now on only these may do something on some branches, or with a table; and `REVOKE`.
  *
  * @param table
  *   with the catalog; None for whole branches
  */
final case class ChangeGrant(
    catalog: Option[String],
    privileges: Seq[String],
    table: Option[Seq[String]],
    branches: String,
    principals: Seq[String],
    grants: Boolean,
    message: Option[String]
) extends AnabranchCommand {
  override def nodeName: String = if (grants) "Grant" else "Revoke"
  override protected def columns: String = ""

  override protected def execute(session: ClassicSession): Seq[Row] = {
    val (c, granted) = table match {
      case Some(parts) =>
        val (c, ref) = Commands.table(session, parts)
        val found = c.repository.load(ref.ref, ref.name).table
        (c, Some(GrantedTable(found.id, found.name)))
      case None => (Commands.catalog(session, catalog), None)
    }
    Commands.notInTransaction(c, this)
    val what = Granted(privileges, branches, granted)
    val told = Map(
      "privileges" -> privileges.mkString(", "),
      "branches" -> branches,
      "table" -> granted.fold("")(t => Names.show(t.name)),
      "principals" -> principals.mkString(", ")
    )
    val by = Commands.author(session, message, told.filter(_._2.nonEmpty))
    if (grants) c.repository.policies.grant(what, principals, by)
    else c.repository.policies.revoke(what, principals, by)
    Nil
  }
}

final case class ShowGrants(catalog: Option[String]) extends RefCommand {
  override protected def columns: String =
    "privilege STRING, branches STRING, table STRING, principals ARRAY<STRING>, owner STRING"
  override protected def onlyReads: Boolean = true
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] =
    c.repository.policies.grants.map { g =>
      Row(g.privilege, g.branches, g.table.map(t => Names.show(t.name)).orNull, g.principals, g.owner)
    }
}
