package io.anabranch.spark.catalog

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Features, TableMetadata, ViewDefinition}
import io.anabranch.core.log.TableState
import io.anabranch.core.operations._
import io.anabranch.core.repository.ResolvedRef
import io.anabranch.core.transaction.StagedFiles
import io.anabranch.spark.schema.ColumnMapping
import org.apache.spark.sql.connector.catalog._

import scala.jdk.CollectionConverters._

/** Views of a catalog. To the repository they are tables that have a query in the place of rows. */
final class ViewOperations(context: CatalogContext) {
  import context.repository

  def list(namespace: Seq[String]): Seq[Identifier] = {
    val state = context.currentState.state
    val wanted = context.namespaceOf(namespace)
    Names.namespaceMustExist(state, wanted, context.currentRef)
    CatalogContext.identifiers(
      state.tables.values.filter(t => t.metadata.view.isDefined && t.name.init == wanted)
    )
  }

  /** The view of that name; None if it is a table.
    *
    * @throws AnabranchException
    *   ANABRANCH_TABLE.NOT_FOUND; VIEW_AT_REF at another ref than the one in use: the names in its query are at that
    */
  def find(ident: Identifier): Option[View] = {
    val t = context.parse(ident)
    val found = repository.at(context.resolve(t.ref), t.name).table
    found.metadata.view.map { v =>
      if (t.ref != context.currentRef)
        throw AnabranchException(
          "ANABRANCH_TABLE.VIEW_AT_REF",
          "table" -> Names.show(t.name),
          "current" -> context.currentRef,
          "ref" -> t.ref
        )
      shown(found.metadata, v)
    }
  }

  private def shown(m: TableMetadata, v: ViewDefinition): View = new View.Builder()
    .withSchema(ColumnMapping.logical(m.columns))
    .withProperties(m.properties.asJava)
    .withQueryText(v.query)
    .withCurrentCatalog(v.catalog.getOrElse(context.name))
    .withCurrentNamespace(v.namespace.toArray)
    .withSqlConfigs(v.settings.asJava)
    .withSchemaMode(v.schemaMode.orNull)
    .withQueryColumnNames(v.queryColumns.toArray)
    .build()

  /** @throws AnabranchException
    *   ANABRANCH_TABLE.ALREADY_EXISTS
    */
  def create(ident: Identifier, view: View): View = {
    val t = context.parse(ident)
    val intent = CreateTable(
      repository.newId(),
      t.name,
      metadata(t, view, repository.nowMillis()),
      StagedFiles.None,
      t.ref,
      "CREATE VIEW"
    )
    context.commit(t.ref, told(view))(_ => intent)
    view
  }

  /** @throws AnabranchException
    *   ANABRANCH_TABLE.NOT_FOUND
    */
  def replace(ident: Identifier, view: View): View = {
    val t = context.parse(ident)
    context.commit(t.ref, told(view)) { r =>
      val now = existing(r, t)
      val changed = metadata(t, view, now.metadata.createdAtMillis)
      ReplaceTable(r.state, now.id, changed, StagedFiles.None, "ALTER VIEW")
    }
    view
  }

  /** Whether there was one. */
  def drop(ident: Identifier): Boolean = {
    val t = context.parse(ident)
    val there = context.now(t.ref).state.byName.get(t.name).exists(_.metadata.view.isDefined)
    if (there) context.commit(t.ref)(r => DropTable(r.state, existing(r, t).id))
    there
  }

  def rename(from: Identifier, to: Identifier): Unit = {
    val (f, t) = (context.parse(from), context.parseTarget(to))
    context.commit(f.ref)(r => RenameTable(r.state, existing(r, f).id, t.name, f.ref))
  }

  private def existing(r: ResolvedRef, t: TableRef): TableState = {
    val found = Names.table(r.state, t.name, t.ref)
    if (found.metadata.view.isDefined) found
    else throw AnabranchException("ANABRANCH_TABLE.NOT_FOUND", "table" -> Names.show(t.name), "ref" -> t.ref)
  }

  private def metadata(t: TableRef, view: View, createdAtMillis: Long): TableMetadata = {
    val columns = ColumnMapping.columns(view.schema, Set.empty, Names.show(t.name))
    val definition = ViewDefinition(
      view.queryText,
      Option(view.currentCatalog).filter(_ != context.name),
      view.currentNamespace.toSeq,
      view.sqlConfigs.asScala.toMap,
      Option(view.schemaMode),
      Option(view.queryColumnNames).fold(Seq.empty[String])(_.toSeq)
    )
    TableMetadata(
      columns,
      properties = view.properties.asScala.toMap - TableCatalog.PROP_TABLE_TYPE,
      createdAtMillis = createdAtMillis,
      readerFeatures = Set(Features.Views),
      view = Some(definition)
    )
  }

  private def told(view: View) = Map("query" -> view.queryText)
}
