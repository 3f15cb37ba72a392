package io.anabranch.spark

import io.anabranch.core.AnabranchException
import io.anabranch.core.log.CatalogState
import io.anabranch.core.repository.{OpenTransaction, Repository}
import io.anabranch.core.operations.merge.MergeRows
import io.anabranch.spark.catalog._
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis._
import org.apache.spark.sql.connector.catalog._
import org.apache.spark.sql.connector.catalog.procedures.UnboundProcedure
import org.apache.spark.sql.util.CaseInsensitiveStringMap

import java.util
import scala.jdk.CollectionConverters._

/** The Spark catalog of a repository: `spark.sql.catalog.<name>=io.anabranch.spark.AnabranchCatalog` with
  * `.warehouse`, the root URI, and optionally `.branch`. It only hands on.
  */
final class AnabranchCatalog
    extends StagingTableCatalog
    with RelationCatalog
    with SupportsNamespaces
    with ProcedureCatalog {
  private var context: CatalogContext = _
  private lazy val tables = new TableOperations(context)
  private lazy val views = new ViewOperations(context)
  private lazy val namespaces = new NamespaceOperations(context)
  private lazy val system = new SystemTables(context)
  private lazy val procedures = new Procedures(context)

  override def initialize(name: String, options: CaseInsensitiveStringMap): Unit =
    context = new CatalogContext(name, options.asCaseSensitiveMap.asScala.toMap)

  override def name(): String = context.name
  def repository: Repository = context.repository
  def fileSystemOptions: Map[String, String] = context.fileSystemOptions

  /** Looks at the rows that branches contradict each other about. */
  def mergeRows: MergeRows = system.rows

  /** The ref that names without one mean in this session. */
  def currentRef: String = context.currentRef

  /** Puts a state that nobody has committed under the ref in use. */
  private[spark] def show(state: CatalogState): Unit = context.show(state)

  /** The transaction that is open in this session. */
  def transaction: Option[OpenTransaction] = context.transaction
  def startTransaction(): OpenTransaction = context.startTransaction()
  def leaveTransaction(): Option[OpenTransaction] = context.leaveTransaction()

  /** Name and ref of a table as users write it. */
  def parse(ident: Identifier): TableRef = context.parse(ident)

  override def defaultNamespace(): Array[String] = CatalogContext.DefaultNamespace.toArray

  override def capabilities(): util.Set[TableCatalogCapability] =
    util.EnumSet.of(
      TableCatalogCapability.SUPPORT_COLUMN_DEFAULT_VALUE,
      TableCatalogCapability.SUPPORT_TABLE_CONSTRAINT
    )

  // ---- tables

  override def listTables(namespace: Array[String]): Array[Identifier] =
    found(Identifier.of(namespace, ""))(tables.list(namespace.toSeq).toArray)

  // Spark's own way loads each table
  override def listTableSummaries(namespace: Array[String]): Array[TableSummary] =
    listTables(namespace).map(TableSummary.of(_, TableSummary.MANAGED_TABLE_TYPE))
  override def loadRelation(ident: Identifier): Relation =
    found(ident)(system.find(ident).orElse(views.find(ident)).getOrElse(tables.load(ident)))
  override def loadTable(ident: Identifier): Table =
    found(ident)(system.find(ident).getOrElse(tables.load(ident)))
  override def loadTable(ident: Identifier, version: String): Table =
    found(ident)(tables.load(ident, version))
  override def loadTable(ident: Identifier, timestamp: Long): Table =
    found(ident)(tables.load(ident, timestamp))

  override def loadChangelog(
      ident: Identifier,
      asked: ChangelogContext,
      options: CaseInsensitiveStringMap
  ): Changelog = found(ident)(tables.changelog(ident, asked, options))

  override def tableExists(ident: Identifier): Boolean = exists {
    tables.load(ident): Unit
    true
  }

  private def exists(found: => Boolean): Boolean =
    try found
    catch {
      case e: AnabranchException if AnabranchCatalog.Missing(e.condition) => false
      case e: AnabranchException => throw new AnabranchAnalysisException(e)
    }

  override def createTable(ident: Identifier, info: TableInfo): Table =
    found(ident)(tables.create(ident, info))
  override def createTableLike(ident: Identifier, info: TableInfo, source: Table): Table =
    found(ident)(tables.createLike(ident, info, source))
  override def alterTable(ident: Identifier, changes: TableChange*): Table =
    found(ident)(
      if (SparkBridge.isEvolving) tables.evolve(ident, changes) else tables.alter(ident, changes)
    )
  override def dropTable(ident: Identifier): Boolean = found(ident)(tables.drop(ident))
  override def renameTable(from: Identifier, to: Identifier): Unit =
    found(from, Some(to))(tables.rename(from, to))

  override def stageCreate(ident: Identifier, info: TableInfo): StagedTable =
    found(ident)(tables.stage(ident, info, Replacing.Never))
  override def stageReplace(ident: Identifier, info: TableInfo): StagedTable =
    found(ident)(tables.stage(ident, info, Replacing.Always))
  override def stageCreateOrReplace(ident: Identifier, info: TableInfo): StagedTable =
    found(ident)(tables.stage(ident, info, Replacing.IfThere))

  // ---- views

  override def listViews(namespace: Array[String]): Array[Identifier] =
    found(Identifier.of(namespace, ""))(views.list(namespace.toSeq).toArray)
  override def loadView(ident: Identifier): View = viewed(ident)(
    views.find(ident).getOrElse(throw new NoSuchViewException(ident))
  )
  override def viewExists(ident: Identifier): Boolean = exists(views.find(ident).isDefined)
  override def createView(ident: Identifier, info: View): View = viewed(ident)(views.create(ident, info))
  override def replaceView(ident: Identifier, info: View): View = viewed(ident)(views.replace(ident, info))
  override def dropView(ident: Identifier): Boolean = found(ident)(views.drop(ident))
  override def renameView(from: Identifier, to: Identifier): Unit = viewed(from, to)(views.rename(from, to))

  /** As [[found]], with the exceptions that Spark looks for where a view is missing or its name is taken. */
  private def viewed[T](ident: Identifier, target: Identifier*)(body: => T): T =
    try found(ident, target.headOption)(body)
    catch {
      case _: NoSuchTableException => throw new NoSuchViewException(ident)
      case _: TableAlreadyExistsException =>
        throw new ViewAlreadyExistsException(target.headOption.getOrElse(ident))
    }

  // ---- namespaces

  override def listNamespaces(): Array[Array[String]] = listNamespaces(Array.empty[String])
  override def listNamespaces(namespace: Array[String]): Array[Array[String]] =
    found(Identifier.of(namespace, ""))(namespaces.list(namespace.toSeq).map(_.toArray).toArray)
  override def loadNamespaceMetadata(namespace: Array[String]): util.Map[String, String] =
    found(Identifier.of(namespace, ""))(namespaces.load(namespace.toSeq).asJava)
  override def createNamespace(namespace: Array[String], metadata: util.Map[String, String]): Unit =
    found(Identifier.of(namespace, ""))(namespaces.create(namespace.toSeq, metadata.asScala.toMap))
  override def alterNamespace(namespace: Array[String], changes: NamespaceChange*): Unit =
    found(Identifier.of(namespace, ""))(namespaces.alter(namespace.toSeq, changes))
  override def dropNamespace(namespace: Array[String], cascade: Boolean): Boolean =
    found(Identifier.of(namespace, ""))(namespaces.drop(namespace.toSeq, cascade))

  // ---- procedures

  override def loadProcedure(ident: Identifier): UnboundProcedure =
    AnabranchErrors.translated(procedures.load(ident))
  override def listProcedures(namespace: Array[String]): Array[Identifier] = procedures.list(namespace.toSeq)

  /** Gives Spark the exceptions that it looks for, where a name at the current ref is missing or taken;
    * all else as our own.
    */
  private def found[T](ident: Identifier, target: Option[Identifier] = None)(body: => T): T = {
    val plain = !ident.name.contains('@')
    try body
    catch {
      case e: AnabranchException if plain && e.parameters.get("ref").contains(context.currentRef) =>
        val namespace = context.namespaceOf(ident.namespace.toSeq).toArray
        e.condition match {
          case "ANABRANCH_TABLE.NOT_FOUND" =>
            throw new NoSuchTableException(Identifier.of(namespace, ident.name))
          case "ANABRANCH_TABLE.ALREADY_EXISTS" =>
            throw new TableAlreadyExistsException(target.getOrElse(Identifier.of(namespace, ident.name)))
          case "ANABRANCH_NAMESPACE.NOT_FOUND" =>
            throw new NoSuchNamespaceException(e.parameters("namespace").split('.'))
          case "ANABRANCH_NAMESPACE.ALREADY_EXISTS" => throw new NamespaceAlreadyExistsException(namespace)
          case _ => throw new AnabranchAnalysisException(e)
        }
      case e: AnabranchException => throw new AnabranchAnalysisException(e)
    }
  }
}

object AnabranchCatalog {
  private val Missing =
    Set(
      "ANABRANCH_TABLE.NOT_FOUND",
      "ANABRANCH_TABLE.IS_VIEW",
      "ANABRANCH_NAMESPACE.NOT_FOUND",
      "ANABRANCH_REF.NOT_FOUND"
    )
}
