package io.anabranch.spark.commands

import io.anabranch.core.AnabranchException
import io.anabranch.core.operations.Names
import io.anabranch.core.repository.{CommitInfo, OpenTransaction}
import io.anabranch.spark.{AnabranchCatalog, AnabranchErrors, CommitSettings}
import io.anabranch.spark.catalog.TableRef
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.expressions.{Attribute, AttributeReference}
import org.apache.spark.sql.classic.{SparkSession => ClassicSession}
import org.apache.spark.sql.connector.catalog.{CatalogPlugin, Identifier}
import org.apache.spark.sql.execution.command.LeafRunnableCommand
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.{Row, SparkSession}

import java.sql.Timestamp

/** One of our statements, which runs on the catalog that it names or that is current. */
trait AnabranchCommand extends LeafRunnableCommand {

  /** Result columns, as DDL. */
  protected def columns: String

  protected def execute(session: ClassicSession): Seq[Row]

  override lazy val output: Seq[Attribute] =
    if (columns.isEmpty) Nil
    else StructType.fromDDL(columns).map(f => AttributeReference(f.name, f.dataType, f.nullable)())

  override def run(session: SparkSession): Seq[Row] =
    AnabranchErrors.translated(execute(session.asInstanceOf[ClassicSession]))
}

/** A statement about refs: `… [IN catalog]`. */
trait RefCommand extends AnabranchCommand {
  def catalog: Option[String]

  protected def run(session: ClassicSession, catalog: AnabranchCatalog): Seq[Row]

  /** Whether it changes nothing, so that it may stand in a transaction. */
  protected def onlyReads: Boolean = false

  override protected def execute(session: ClassicSession): Seq[Row] = {
    val chosen = Commands.catalog(session, catalog)
    if (!onlyReads) Commands.notInTransaction(chosen, this)
    run(session, chosen)
  }
}

/** A statement about a table: `[catalog.]namespace.table[@ref]`. */
trait TableCommand extends AnabranchCommand {
  def table: Seq[String]

  protected def run(session: ClassicSession, catalog: AnabranchCatalog, t: TableRef): Seq[Row]

  override protected def execute(session: ClassicSession): Seq[Row] = {
    val (catalog, t) = Commands.table(session, table)
    run(session, catalog, t)
  }
}

private object Commands {
  def ours(plugin: CatalogPlugin): AnabranchCatalog = plugin match {
    case c: AnabranchCatalog => c
    case other => throw AnabranchException("ANABRANCH_CATALOG.NOT_ANABRANCH", "catalog" -> other.name)
  }

  /** The catalog of that name, or the current one. */
  def catalog(session: ClassicSession, name: Option[String]): AnabranchCatalog = {
    val manager = session.sessionState.catalogManager
    name.filterNot(manager.isCatalogRegistered).foreach { c =>
      throw AnabranchException("ANABRANCH_CATALOG.NOT_FOUND", "catalog" -> c)
    }
    ours(name.fold(manager.currentCatalog)(manager.catalog))
  }

  /** A table by its name, with or without catalog and namespace. */
  def table(session: ClassicSession, name: Seq[String]): (AnabranchCatalog, TableRef) = {
    val manager = session.sessionState.catalogManager
    val (plugin, rest) =
      if (name.size > 1 && manager.isCatalogRegistered(name.head)) (manager.catalog(name.head), name.tail)
      else (manager.currentCatalog, if (name.size == 1) manager.currentNamespace.toSeq ++ name else name)
    val catalog = ours(plugin)
    (catalog, catalog.parse(Identifier.of(rest.init.toArray, rest.last)))
  }

  /** @param tables
    *   full names, without the catalog
    */
  def recache(session: ClassicSession, c: AnabranchCatalog, tables: Seq[String]): Unit = {
    // a dot may be part of a name, too
    lazy val known = c.repository.resolve(c.currentRef).state.byName.keys.toSeq
    val names = tables.flatMap { t =>
      val plain = t.split("\\.").toSeq
      if (plain.size < 3) Seq(plain) else plain +: known.filter(Names.show(_) == t)
    }
    SparkBridge.recache(session, names.distinct.map(c.name +: _))
  }

  /** Refuses a statement that would commit by itself. */
  def notInTransaction(c: AnabranchCatalog, statement: AnabranchCommand): Unit = if (
    c.transaction.isDefined
  ) {
    val words = statement.nodeName.stripSuffix("Command").replaceAll("(?<=[a-z])(?=[A-Z])", " ")
    throw OpenTransaction.refused(
      words.toUpperCase(java.util.Locale.ROOT),
      "it can't stand in a transaction"
    )
  }

  def time(millis: Long): Timestamp = new Timestamp(millis)

  def author(
      session: ClassicSession,
      message: Option[String] = None,
      parameters: Map[String, String] = Map.empty
  ) =
    CommitSettings.context(session.sessionState.conf, message, parameters)

  /** Commit id, time, author and message: what branches and tags show of their commit. */
  def shown(c: CommitInfo): Seq[Any] = Seq(c.id, time(c.timeMillis), c.author, c.message)
}
