package io.anabranch.spark.catalog

import io.anabranch.core.AnabranchException
import io.anabranch.core.repository.{LoadedTable, Repository, ResolvedRef}
import io.anabranch.core.transaction.{CommitContext, Intent}
import io.anabranch.spark.CommitSettings
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog.Identifier

/** What all parts of a catalog share: its name, settings, repository, and the ref in use. */
final class CatalogContext(val name: String, options: Map[String, String]) {
  import CatalogContext._

  /** Settings of the catalog that are meant for the file system. */
  val fileSystemOptions: Map[String, String] = options -- Seq("warehouse", "branch")

  lazy val repository: Repository = {
    val root = options.getOrElse(
      "warehouse",
      throw AnabranchException(
        "ANABRANCH_REPOSITORY.INVALID_LOCATION",
        "location" -> "",
        "reason" -> s"the setting is missing",
        "catalog" -> name
      )
    )
    Repositories.get(root, fileSystemOptions, SparkBridge.hadoopConf(fileSystemOptions))
  }

  /** The ref that names without one mean: a session setting, so that cloned sessions have it too. */
  def currentRef: String =
    SparkBridge.conf.getConfString(refKey(name), options.getOrElse("branch", "main"))

  def currentState: ResolvedRef = repository.resolve(currentRef)

  /** Name and ref of a table as users write it: `t` or `t@ref`. */
  def parse(ident: Identifier): TableRef = {
    val namespace = namespaceOf(ident.namespace.toSeq)
    ident.name.indexOf('@') match {
      case -1 => TableRef(namespace :+ ident.name, currentRef)
      case 0 =>
        throw AnabranchException("ANABRANCH_TABLE.INVALID_NAME", "name" -> ident.name, "reason" -> "no table stands before '@'")
      case at => TableRef(namespace :+ ident.name.substring(0, at), ident.name.substring(at + 1))
    }
  }

  /** Tables named without a namespace are in `default`. */
  def namespaceOf(parts: Seq[String]): Seq[String] = if (parts.isEmpty) DefaultNamespace else parts

  def load(ident: Identifier): LoadedTable = {
    val t = parse(ident)
    repository.load(t.ref, t.name)
  }

  /** Commits to the branch that a ref names, from the state that it has now. */
  def commit(ref: String, parameters: Map[String, String] = Map.empty)(intent: ResolvedRef => Intent): Unit = {
    val r = repository.resolve(ref)
    val branch = r.writable
    repository.commit(branch, r.state, intent(r), context(parameters)): Unit
  }

  def context(parameters: Map[String, String] = Map.empty): CommitContext =
    CommitSettings.context(SparkBridge.conf, None, parameters)
}

/** A table by its full name, at a ref. */
final case class TableRef(name: Seq[String], ref: String)

object CatalogContext {
  val DefaultNamespace: Seq[String] = Seq("default")

  /** The session setting that holds the ref in use. */
  def refKey(catalog: String): String = s"spark.sql.catalog.$catalog.branch"
}
