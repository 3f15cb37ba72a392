package io.anabranch.spark.table

import io.anabranch.core.format.{DataFile, TableMetadata}
import io.anabranch.core.operations.{Append, Overwrite, Reads, TableIntents}
import io.anabranch.core.repository.{LoadedTable, Repository}
import io.anabranch.spark.AnabranchErrors.translated
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.read.{AnabranchScanBuilder, LineageColumns}
import io.anabranch.spark.schema.{ColumnMapping, Constraints, SchemaChanges}
import io.anabranch.spark.write._
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog._
import org.apache.spark.sql.connector.catalog.constraints.Constraint
import org.apache.spark.sql.connector.expressions.Transform
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.read.ScanBuilder
import org.apache.spark.sql.connector.write._
import org.apache.spark.sql.util.CaseInsensitiveStringMap

import java.util
import scala.jdk.CollectionConverters._

/** A table at a ref, as Spark sees it. What it reads never changes: it is fixed at one commit.
  *
  * @param catalog
  *   name of the catalog, for display
  * @param options
  *   settings of the catalog for the file system
  */
final class AnabranchTable(
    val repository: Repository,
    catalog: String,
    val loaded: LoadedTable,
    options: Map[String, String]
) extends Table
    with SupportsRead
    with SupportsWrite
    with SupportsMetadataColumns
    with SupportsRowLevelOperations
    with SupportsSchemaEvolution
    with SupportsDeleteV2 {

  private val metadata: TableMetadata = loaded.table.metadata

  override def name(): String = (catalog +: loaded.table.name).mkString(".")

  /** The ref is a part of it: Spark's cache of tables goes by name and id, and a name means another table
    * once another branch is in use.
    */
  override def id(): String = s"${loaded.table.id}@${loaded.ref.text}"
  override lazy val columns: Array[Column] = SparkBridge.columns(ColumnMapping.logical(metadata.columns))
  override def schema(): org.apache.spark.sql.types.StructType = ColumnMapping.logical(metadata.columns)
  override def constraints(): Array[Constraint] = Constraints.toSpark(metadata)
  override def partitioning(): Array[Transform] = SchemaChanges.partitioning(metadata)

  override def properties(): util.Map[String, String] =
    (metadata.properties + (TableCatalog.PROP_PROVIDER -> "anabranch")).asJava

  override def capabilities(): util.Set[TableCapability] = util.EnumSet.of(
    TableCapability.BATCH_READ,
    TableCapability.BATCH_WRITE,
    TableCapability.TRUNCATE,
    TableCapability.OVERWRITE_BY_FILTER,
    TableCapability.OVERWRITE_DYNAMIC,
    TableCapability.AUTOMATIC_SCHEMA_EVOLUTION
  )

  override def supportsColumnChange(change: TableChange.ColumnChange): Boolean =
    SchemaChanges.mayEvolve(metadata, change)

  override def newScanBuilder(options: CaseInsensitiveStringMap): ScanBuilder = translated {
    val read = TableOptions.forRead(repository, loaded, options)
    repository.policies.maySelect(read, CommitSettings.author(SparkBridge.conf))
    new AnabranchScanBuilder(repository.root, read, hadoopConf)
  }

  override def newWriteBuilder(info: LogicalWriteInfo): WriteBuilder = translated {
    val target = TableOptions.forWrite(repository, loaded, info.options)
    val dynamic = TableOptions.overwritesPartitions(info.options)
    val rows = new RowReplacement(
      repository,
      new AnabranchTable(repository, catalog, target, options),
      hadoopConf
    )
    new AnabranchWriteBuilder(new CommitSink(repository, target), name(), hadoopConf, dynamic, Some(rows))
  }

  override def metadataColumns(): Array[MetadataColumn] = LineageColumns.All

  override def newRowLevelOperationBuilder(info: RowLevelOperationInfo): RowLevelOperationBuilder =
    translated {
      val target = TableOptions.forWrite(repository, loaded, info.options)
      () => new RowChangeOperation(repository, target, info, hadoopConf)
    }

  private def hadoopConf = SparkBridge.hadoopConf(options)

  override def truncateTable(): Boolean = translated {
    new CommitSink(repository, loaded).finish("TRUNCATE", Nil, None, Reads.Nothing)
    true
  }

  override def canDeleteWhere(predicates: Array[Predicate]): Boolean =
    WholeFileDelete.of(loaded, predicates).isDefined

  override def deleteWhere(predicates: Array[Predicate]): Unit = translated {
    val target = TableOptions.forWrite(repository, loaded, CaseInsensitiveStringMap.empty())
    WholeFileDelete.of(target, predicates).foreach(_.commit(repository, target))
  }

  /** Equal tables hold equal rows. */
  override def equals(other: Any): Boolean = other match {
    case t: AnabranchTable => t.key == key
    case _ => false
  }
  override def hashCode(): Int = key.hashCode
  private def key =
    (repository.root, loaded.table.id, loaded.table.content, loaded.table.name, loaded.ref.evolved.keySet)

  override def toString: String = name()
}

/** Commits written files to the branch that the table was loaded from. */
final class CommitSink(repository: Repository, loaded: LoadedTable) extends WriteSink {
  loaded.ref.writable: Unit

  override def metadata: TableMetadata = loaded.table.metadata
  override def tableId: String = loaded.table.id
  override def root: String = repository.root
  override def files: Iterable[DataFile] = loaded.table.files.files.values

  override def target: Option[LoadedTable] = Some(loaded)

  override def finish(
      operation: String,
      added: Seq[DataFile],
      remove: Option[Seq[DataFile]],
      reads: Reads
  ): Unit = {
    val gone = remove.getOrElse(files)
    val counted = TableIntents.metrics(added, gone)
    val metrics =
      if (operation == "MERGE") Map("rows_updated" -> 0L, "rows_deleted" -> 0L) ++ counted else counted
    val staged = repository.stage(added)
    val id = loaded.table.id
    val log = repository.context(loaded.table)
    val intent =
      if (remove.exists(_.isEmpty) && operation != "OVERWRITE")
        Append(loaded.state, id, staged, operation, metrics, reads, log)
      else Overwrite(loaded.state, id, remove.map(_.map(_.id)), staged, operation, metrics, reads, log)
    repository.commit(loaded.ref, intent, CommitSettings.context(SparkBridge.conf)): Unit
  }
}
