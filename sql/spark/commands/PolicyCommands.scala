package io.anabranch.spark.commands

import io.anabranch.core.format.Protection
import io.anabranch.core.operations.Names
import io.anabranch.spark.AnabranchCatalog
import io.anabranch.spark.gates.SparkGates
import org.apache.spark.sql.Row
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}

/** `CREATE GATE`: from now on the query must return no row on any state that such a branch gets. */
final case class CreateGate(
    catalog: Option[String],
    name: String,
    branches: String,
    query: String,
    replace: Boolean,
    ifNotExists: Boolean,
    message: Option[String]
) extends RefCommand {
  override protected def columns: String = ""
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val by =
      Commands.author(session, message, Map("gate" -> name, "branches" -> branches, "query" -> query))
    val state = c.repository.resolve(c.currentRef).state
    val gate = SparkGates.define(session, c, name, branches, query, state)
    c.repository.policies.create(name, gate, replace, ifNotExists, by)
    Nil
  }
}

final case class DropGate(catalog: Option[String], name: String, ifExists: Boolean) extends RefCommand {
  override protected def columns: String = ""
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    c.repository.policies.drop(name, ifExists, Commands.author(session, parameters = Map("gate" -> name)))
    Nil
  }
}

final case class ShowGates(catalog: Option[String]) extends RefCommand {
  override protected def columns: String =
    "name STRING, branches STRING, query STRING, tables ARRAY<STRING>"
  override protected def onlyReads: Boolean = true
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] =
    c.repository.policies.gates.map { case (name, g) =>
      Row(name, g.branches, g.query, g.tables.map(Names.show))
    }
}

/** `RUN GATES`: whether a branch passes its gates as it is; nothing is written. */
final case class RunGates(catalog: Option[String], branch: Option[String]) extends RefCommand {
  override protected def columns: String = "gate STRING, branch STRING, passed BOOLEAN, problem STRING"
  override protected def onlyReads: Boolean = true
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val ref = c.repository.resolve(branch.getOrElse(c.currentRef))
    c.repository.policies.run(ref.writable, ref.state, Commands.author(session)).map { r =>
      Row(r.name, r.branch, r.problem.isEmpty, r.problem.map(_.getMessage).orNull)
    }
  }
}

/** `PROTECT BRANCH`: from now on only merges by these authors commit to such branches. */
final case class ProtectBranch(
    catalog: Option[String],
    branches: String,
    principals: Seq[String],
    message: Option[String]
) extends RefCommand {
  override protected def columns: String = ""
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val told = Map("branches" -> branches, "principals" -> principals.mkString(", "))
    c.repository.policies.protect(
      Protection(branches, principals),
      Commands.author(session, message, told.filter(_._2.nonEmpty))
    )
    Nil
  }
}

final case class UnprotectBranch(catalog: Option[String], branches: String, ifProtected: Boolean)
    extends RefCommand {
  override protected def columns: String = ""
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] = {
    val by = Commands.author(session, parameters = Map("branches" -> branches))
    c.repository.policies.unprotect(branches, ifProtected, by)
    Nil
  }
}

final case class ShowProtectedBranches(catalog: Option[String]) extends RefCommand {
  override protected def columns: String = "branches STRING, principals ARRAY<STRING>"
  override protected def onlyReads: Boolean = true
  override protected def run(session: ClassicSession, c: AnabranchCatalog): Seq[Row] =
    c.repository.policies.protections.map(p => Row(p.branches, p.principals))
}
