package io.anabranch.spark.catalog

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.TableMetadata
import io.anabranch.core.operations._
import io.anabranch.core.repository.{ChangeRange, LoadedTable, RestorePoint}
import io.anabranch.core.transaction.StagedFiles
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.schema.{ColumnMapping, SchemaChanges}
import io.anabranch.spark.table.{AnabranchChangelog, AnabranchTable, TableOptions}
import io.anabranch.spark.write.WritePlans
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog._
import org.apache.spark.sql.util.CaseInsensitiveStringMap

import scala.jdk.CollectionConverters._
import scala.jdk.OptionConverters._

/** Tables of a catalog: loading, creating, changing. Throws the core's own errors. */
final class TableOperations(context: CatalogContext) {
  import context.repository

  def list(namespace: Seq[String]): Seq[Identifier] = {
    val state = context.currentState.state
    val wanted = context.namespaceOf(namespace)
    Names.namespaceMustExist(state, wanted, context.currentRef)
    CatalogContext.identifiers(
      state.tables.values.filter(t => t.metadata.view.isEmpty && t.name.init == wanted)
    )
  }

  def load(ident: Identifier): AnabranchTable = table(context.load(ident))

  /** VERSION AS OF: a version number of the table, or a ref. */
  def load(ident: Identifier, version: String): AnabranchTable = {
    val t = context.parse(ident)
    if (RestorePoint.isNumber(version)) past(t, RestorePoint.Version(version))
    else table(context.load(t.copy(ref = version)))
  }

  /** TIMESTAMP AS OF, in microseconds since 1970. */
  def load(ident: Identifier, timestampMicros: Long): AnabranchTable =
    past(context.parse(ident), RestorePoint.Time(Math.floorDiv(timestampMicros, 1000L)))

  private def past(t: TableRef, point: RestorePoint): AnabranchTable = {
    val now = context.committed(t)
    table(repository.at(now.ref, now.table, point))
  }

  private def table(loaded: LoadedTable) =
    new AnabranchTable(repository, context.name, loaded, context.fileSystemOptions)

  def create(ident: Identifier, info: TableInfo): AnabranchTable = {
    val t = context.parse(ident)
    val intent =
      CreateTable(repository.newId(), t.name, metadata(t, info), StagedFiles.None, t.ref, "CREATE TABLE")
    context.commit(t.ref, parameters(info))(_ => intent)
    load(ident)
  }

  /** CREATE TABLE LIKE: `info` has columns, partitioning and constraints of the other table; what is said of it and how it
    * is written comes along from one of ours, unless the statement says otherwise.
    */
  def createLike(ident: Identifier, info: TableInfo, source: Table): AnabranchTable = {
    val (columns, taken) = source match {
      case t: AnabranchTable =>
        val metadata = t.loaded.table.metadata
        (
          SparkBridge.columns(ColumnMapping.ofNew(metadata.columns)),
          metadata.properties.filter { case (key, _) =>
            key == TableCatalog.PROP_COMMENT || key.startsWith("anabranch.")
          }
        )
      case _ => (info.columns, Map.empty[String, String])
    }
    val all = new TableInfo.Builder()
      .withColumns(columns)
      .withPartitions(info.partitions)
      .withConstraints(info.constraints)
      .withProperties((taken ++ info.properties.asScala).asJava)
      .build()
    create(ident, all)
  }

  def changelog(ident: Identifier, asked: ChangelogContext, options: CaseInsensitiveStringMap): Changelog = {
    val t = context.parse(ident)
    val found = TableOptions.forChanges(repository, context.committed(t), options)
    val range = asked.range match {
      case r: ChangelogRange.VersionRange =>
        ChangeRange.Versions(
          r.startingVersion,
          r.endingVersion.toScala,
          r.startingBoundInclusive,
          r.endingBoundInclusive
        )
      case r: ChangelogRange.TimestampRange =>
        ChangeRange.Times(
          r.startingTimestamp,
          r.endingTimestamp.toScala.map(_.longValue),
          r.startingBoundInclusive,
          r.endingBoundInclusive
        )
      case _ => ChangeRange.All
    }
    repository.policies.maySelect(found, CommitSettings.author(SparkBridge.conf))
    val net = asked.deduplicationMode == ChangelogContext.DeduplicationMode.NET_CHANGES
    new AnabranchChangelog(
      repository.root,
      (context.name +: t.name).mkString("."),
      repository.changes(found.ref, found.table, range, net),
      SparkBridge.hadoopConf(context.fileSystemOptions)
    )
  }

  private def metadata(t: TableRef, info: TableInfo, replaced: Option[TableMetadata] = None) = {
    val properties = info.properties.asScala.toMap
    TableOperations.check(t, properties)
    WritePlans.check(properties)
    SchemaChanges.create(
      t.name.mkString("."),
      info.schema,
      info.partitions.toSeq,
      properties,
      repository.nowMillis(),
      info.constraints.toSeq,
      replaced
    )
  }

  /** A table that comes into being together with its rows.
    *
    * @param replaces
    *   whether one of that name may, or must, be there already
    */
  def stage(ident: Identifier, info: TableInfo, replaces: Replacing): StagedAnabranchTable = {
    val t = context.parse(ident)
    val target = context.now(t.ref)
    target.writable: Unit
    val existing = target.state.byName.get(t.name)
    existing.foreach(e => CatalogContext.mustBeTable(LoadedTable(target, e)))
    replaces match {
      case Replacing.Never => Names.mustBeFree(target.state, t.name, t.ref)
      case Replacing.Always => Names.table(target.state, t.name, t.ref): Unit
      case Replacing.IfThere => ()
    }
    Names.check(t.name)
    Names.namespaceMustExist(target.state, t.name.init, t.ref)
    val all = metadata(t, info, existing.map(_.metadata))
    new StagedAnabranchTable(context, t, target, existing, all, parameters(info))
  }

  private def parameters(info: TableInfo): Map[String, String] =
    Map("partitioned_by" -> info.partitions.map(_.describe).mkString(", ")).filter(_._2.nonEmpty)

  def alter(ident: Identifier, changes: Seq[TableChange]): AnabranchTable = {
    val t = context.parse(ident)
    // only what is set now: a table may have a wrong one from elsewhere, which another change must not stumble over
    WritePlans.check(changes.collect { case s: TableChange.SetProperty => s.property -> s.value }.toMap)
    // rows are checked before a constraint is added: none may have come since
    val base = Option
      .when(changes.exists(_.isInstanceOf[TableChange.AddConstraint]))(context.pinned(t.ref))
      .flatten
    context.commit(t.ref) { r =>
      val state = base.getOrElse(r).state
      val now = Names.table(state, t.name, t.ref)
      AlterTable(state, now.id, SchemaChanges.alter(t.name.mkString("."), now.metadata, changes))
    }
    load(ident)
  }

  /** Changes columns for a statement that is about to write rows with them: they are committed together. */
  def evolve(ident: Identifier, changes: Seq[TableChange]): AnabranchTable = {
    val now = context.load(ident)
    val name = now.table.name.mkString(".")
    val metadata = SchemaChanges.alter(name, now.table.metadata, changes)
    val evolved = now.ref.evolve(AlterTable(now.state, now.table.id, metadata))
    context.evolved(evolved)
    load(ident)
  }

  def drop(ident: Identifier): Boolean = {
    val t = context.parse(ident)
    val there = context.now(t.ref).state.byName.get(t.name).exists(_.metadata.view.isEmpty)
    if (there) context.commit(t.ref)(r => DropTable(r.state, Names.table(r.state, t.name, t.ref).id))
    there
  }

  def rename(from: Identifier, to: Identifier): Unit = {
    val (f, t) = (context.parse(from), context.parseTarget(to))
    if (to.name.contains('@') && f.ref != t.ref)
      throw AnabranchException(
        "ANABRANCH_TABLE.INVALID_NAME",
        "name" -> to.name,
        "reason" -> "a table can't move to another branch"
      )
    context.commit(f.ref) { r =>
      val now = CatalogContext.mustBeTable(LoadedTable(r, Names.table(r.state, f.name, f.ref)))
      RenameTable(r.state, now.table.id, t.name, f.ref)
    }
  }
}

/** What CREATE, REPLACE and CREATE OR REPLACE say of a table that is there already. */
sealed trait Replacing
object Replacing {
  case object Never extends Replacing
  case object Always extends Replacing
  case object IfThere extends Replacing
}

object TableOperations {

  /** Clauses of CREATE TABLE that have no meaning here are refused, not ignored. */
  private def check(t: TableRef, properties: Map[String, String]): Unit = {
    def refuse(reason: String, advice: String) = throw AnabranchException(
      "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE",
      "table" -> t.name.mkString("."),
      "reason" -> reason,
      "advice" -> advice
    )
    // saveAsTable without a format comes with the session's default one
    val known = Seq("anabranch", SparkBridge.conf.defaultDataSourceName)
    properties.get("provider").filterNot(p => known.exists(_.equalsIgnoreCase(p))).foreach { p =>
      refuse(s"this catalog has no tables of the format $p", "Write USING anabranch, or leave it out.")
    }
    if (properties.contains("location"))
      refuse(
        "the place of its files can't be chosen",
        "Leave LOCATION out: the repository keeps all data under its own root."
      )
  }
}
