package io.anabranch.spark.catalog

import io.anabranch.core.format.{DataFile, TableMetadata}
import io.anabranch.core.log.TableState
import io.anabranch.core.operations.{CreateTable, Reads, ReplaceTable, TableIntents}
import io.anabranch.core.repository.{LoadedTable, ResolvedRef}
import io.anabranch.spark.AnabranchErrors.translated
import io.anabranch.spark.schema.{ColumnMapping, Constraints, SchemaChanges}
import io.anabranch.spark.table.TableOptions
import io.anabranch.spark.write.{AnabranchWriteBuilder, CommitsOnce, RowWriter, WritePlans, WriteSink}
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog._
import org.apache.spark.sql.connector.catalog.constraints.Constraint
import org.apache.spark.sql.connector.expressions.Transform
import org.apache.spark.sql.connector.write.{LogicalWriteInfo, WriteBuilder}

import java.util
import scala.jdk.CollectionConverters._

/** A table that is created or replaced together with its rows, in one commit. */
final class StagedAnabranchTable(
    context: CatalogContext,
    t: TableRef,
    branch: ResolvedRef,
    existing: Option[TableState],
    val metadata: TableMetadata,
    parameters: Map[String, String]
) extends StagedTable
    with SupportsWrite
    with WriteSink
    with CommitsOnce {

  private var staged: Seq[DataFile] = Nil
  private var wrote = false

  override val tableId: String = existing.fold(context.repository.newId())(_.id)
  override def root: String = context.repository.root
  override def files: Iterable[DataFile] = Nil

  override def name(): String = (context.name +: t.name).mkString(".")
  override lazy val columns: Array[Column] = SparkBridge.columns(schema())
  override def schema(): org.apache.spark.sql.types.StructType = ColumnMapping.logical(metadata.columns)
  override def constraints(): Array[Constraint] = Constraints.toSpark(metadata)
  override def partitioning(): Array[Transform] = SchemaChanges.partitioning(metadata)
  override def properties(): util.Map[String, String] = metadata.properties.asJava
  override def capabilities(): util.Set[TableCapability] =
    util.EnumSet.of(TableCapability.BATCH_WRITE, TableCapability.TRUNCATE)

  override def newWriteBuilder(info: LogicalWriteInfo): WriteBuilder = translated {
    TableOptions.forCreate(t.ref, t.name.last, info.options)
    new AnabranchWriteBuilder(this, name(), SparkBridge.hadoopConf(context.fileSystemOptions))
  }

  override def target: Option[LoadedTable] = None
  override def replaced: Option[LoadedTable] = existing.map(LoadedTable(branch, _))

  override def finish(
      operation: String,
      added: Seq[DataFile],
      remove: Option[Seq[DataFile]],
      reads: Reads
  ): Unit = {
    staged = added
    wrote = true
  }

  override def commitStagedChanges(): Unit = translated {
    val repository = context.repository
    val removed = existing.fold(Iterable.empty[DataFile])(_.files.files.values)
    val metrics =
      if (wrote || existing.isDefined) TableIntents.metrics(staged, removed) else Map.empty[String, Long]
    val files = repository.stage(staged)
    val suffix = if (wrote) " AS SELECT" else ""
    val intent = existing match {
      case Some(e) => ReplaceTable(branch.state, e.id, metadata, files, "REPLACE TABLE" + suffix, metrics)
      case None => CreateTable(tableId, t.name, metadata, files, t.ref, "CREATE TABLE" + suffix, metrics)
    }
    committing(
      repository.commit(branch, intent, context.context(parameters))
    ): Unit
    staged = Nil
  }

  override def abortStagedChanges(): Unit = unlessCommitted {
    val conf = SparkBridge.hadoopConf(context.fileSystemOptions)
    staged.foreach(RowWriter.delete(WritePlans.of(root, tableId, metadata).target, conf, _))
  }
}
