package io.anabranch.spark.catalog

import io.anabranch.core.AnabranchException
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.repository.{LoadedTable, OpenTransaction, Repository, ResolvedRef}
import io.anabranch.core.transaction.{CommitContext, Intent}
import io.anabranch.spark.CommitSettings
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.AnalysisContext
import org.apache.spark.sql.connector.catalog.Identifier

import scala.ref.WeakReference

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
        "reason" -> "the setting is missing"
      )
    )
    Repositories.get(root, fileSystemOptions, SparkBridge.hadoopConf(fileSystemOptions))
  }

  /** The ref that names without one mean: a session setting, so that cloned sessions have it too. */
  def currentRef: String =
    SparkBridge.conf.getConfString(refKey(name), options.getOrElse("branch", "main"))

  def currentState: ResolvedRef = resolve(currentRef)

  /** The state that a ref names. Within the analysis of one statement a ref is looked up once, so a query
    * over several tables reads one commit.
    */
  def resolve(ref: String): ResolvedRef = {
    val analysis = AnalysisContext.get
    val altered =
      evolving.get.filter(e => e.ref.text == ref && e.statement.get.exists(_ eq analysis.relationCache))
    if (altered.isDefined) altered.get.ref
    else if (analysis.isDefault) now(ref)
    else
      synchronized {
        // the cache of relations is made anew for each statement, and shared by all its parts
        if (!statement.get.exists(_ eq analysis.relationCache)) {
          statement = new WeakReference(analysis.relationCache)
          resolved = Map.empty
        }
        resolved.getOrElse(
          ref, {
            val found = now(ref)
            resolved += ref -> found
            found
          }
        )
      }
  }

  /** The state that a ref names at this moment, with what the open transaction has changed. */
  def now(ref: String): ResolvedRef =
    shown.filter(_ => ref == currentRef).fold(repository.resolve(ref, open))(ResolvedRef(ref, "commit", _))

  /** Puts a state under the ref in use, in place of the one that the repository has there: for gates, which look at what
    * nobody has committed yet.
    */
  def show(state: CatalogState): Unit = synchronized {
    shown = Some(state)
    resolved = Map.empty
  }
  @volatile private var shown: Option[CatalogState] = None

  /** The transaction that is open. Catalogs belong to sessions, and so does it. */
  def transaction: Option[OpenTransaction] = open
  @volatile private var open: Option[OpenTransaction] = None

  def startTransaction(): OpenTransaction = synchronized {
    val started = repository.startTransaction(currentRef)
    open = Some(started)
    resolved = Map.empty
    started
  }

  /** Leaves the open transaction, which is to be committed or rolled back. */
  def leaveTransaction(): Option[OpenTransaction] = synchronized {
    val left = open
    open = None
    resolved = Map.empty
    left
  }

  /** Within the analysis of this statement, a ref is now what it would be with columns that come along with its rows. */
  def evolved(ref: ResolvedRef): Unit =
    evolving.set(Some(Evolving(new WeakReference(AnalysisContext.get.relationCache), ref)))
  // one thread analyses a statement; others of the session may be at other statements
  private val evolving = ThreadLocal.withInitial[Option[Evolving]](() => None)

  /** The state that the last statement of this session was resolved against. */
  def pinned(ref: String): Option[ResolvedRef] = synchronized(resolved.get(ref))

  private var statement = new WeakReference[AnyRef](null)
  private var resolved = Map.empty[String, ResolvedRef]

  /** The table of that name at a ref. */
  def load(t: TableRef): LoadedTable = CatalogContext.mustBeTable(repository.at(resolve(t.ref), t.name))

  /** The same as it is in the log, without what the open transaction has changed. */
  def committed(t: TableRef): LoadedTable =
    CatalogContext.mustBeTable(repository.at(resolve(t.ref).committed, t.name))

  /** Name and ref of a table as users write it: `t` or `t@ref`. */
  def parse(ident: Identifier): TableRef = {
    val namespace = namespaceOf(ident.namespace.toSeq)
    ident.name.indexOf('@') match {
      case -1 => TableRef(namespace :+ ident.name, currentRef)
      case 0 =>
        throw AnabranchException(
          "ANABRANCH_TABLE.INVALID_NAME",
          "name" -> ident.name,
          "reason" -> "no table stands before '@'"
        )
      case at => TableRef(namespace :+ ident.name.substring(0, at), ident.name.substring(at + 1))
    }
  }

  /** Tables named without a namespace are in `default`. */
  /** The name after RENAME TO. Spark takes it within the catalog, as it stands; many write the catalog's name in front. */
  def parseTarget(ident: Identifier): TableRef = {
    val (within, namespaces) = (ident.namespace.toSeq, currentState.state.namespaces.keySet)
    if (within.size > 1 && within.head == name && !namespaces.contains(within))
      parse(Identifier.of(within.tail.toArray, ident.name))
    else parse(ident)
  }

  def namespaceOf(parts: Seq[String]): Seq[String] = if (parts.isEmpty) DefaultNamespace else parts

  def load(ident: Identifier): LoadedTable = load(parse(ident))

  /** Commits to the branch that a ref names, from the state that it has now. */
  def commit(ref: String, parameters: Map[String, String] = Map.empty)(
      intent: ResolvedRef => Intent
  ): Unit = {
    val r = now(ref)
    r.writable: Unit
    repository.commit(r, intent(r), context(parameters)): Unit
    synchronized { resolved = Map.empty }
  }

  def context(parameters: Map[String, String] = Map.empty): CommitContext =
    CommitSettings.context(SparkBridge.conf, None, parameters)
}

/** A table by its full name, at a ref. */
final case class TableRef(name: Seq[String], ref: String)

final private case class Evolving(statement: WeakReference[AnyRef], ref: ResolvedRef)

object CatalogContext {
  val DefaultNamespace: Seq[String] = Seq("default")

  /** The namespace of names without one, in a catalog. */
  def currentNamespace(catalog: String): Seq[String] = {
    val manager = SparkBridge.session.sessionState.catalogManager
    if (manager.currentCatalog.name == catalog && manager.currentNamespace.nonEmpty)
      manager.currentNamespace.toSeq
    else DefaultNamespace
  }

  /** @throws AnabranchException
    *   ANABRANCH_TABLE.IS_VIEW
    */
  def mustBeTable(loaded: LoadedTable): LoadedTable =
    if (loaded.table.metadata.view.isEmpty) loaded
    else throw AnabranchException("ANABRANCH_TABLE.IS_VIEW", "table" -> loaded.table.name.mkString("."))

  /** Names of tables or views, sorted. */
  def identifiers(tables: Iterable[TableState]): Seq[Identifier] =
    tables.map(_.name).toSeq.sortBy(_.last).map(n => Identifier.of(n.init.toArray, n.last))

  /** The session setting that holds the ref in use. */
  def refKey(catalog: String): String = s"spark.sql.catalog.$catalog.branch"
}
