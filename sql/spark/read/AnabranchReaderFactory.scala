package io.anabranch.spark.read

import io.anabranch.core.AnabranchException
import io.anabranch.spark.AnabranchAnalysisException
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.util.{CaseInsensitiveMap, GenericArrayData, ResolveDefaultColumns}
import org.apache.spark.sql.connector.read.{InputPartition, PartitionReader, PartitionReaderFactory}
import org.apache.spark.sql.execution.datasources.parquet.{
  ParquetOptions,
  ParquetReadSupport,
  ParquetWriteSupport
}
import org.apache.spark.sql.execution.datasources.v2.parquet.ParquetPartitionReaderFactory
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.sources.Filter
import org.apache.spark.sql.types.{Decimal, StructType}
import org.apache.spark.sql.vectorized.ColumnarBatch
import org.apache.spark.unsafe.types.UTF8String

import java.io.FileNotFoundException
import scala.annotation.tailrec

/** Which commit added each file of a table: for errors. */
final case class Provenance(table: String, commits: Map[String, String])

/** Reads files by Spark's own Parquet reader, and blocks of inline rows. */
final class AnabranchReaderFactory(
    parquet: ParquetPartitionReaderFactory,
    schema: StructType,
    provenance: Provenance
) extends PartitionReaderFactory {

  // all partitions of a scan must agree, and whether Parquet reads batches depends on the schema only
  override def supportColumnarReads(partition: InputPartition): Boolean =
    parquet.supportColumnarReads(partition)

  override def createReader(partition: InputPartition): PartitionReader[InternalRow] = partition match {
    case p: InlinePartition => new SequenceReader(p.rows(schema))
    case files => explained(parquet.createReader(files))
  }

  override def createColumnarReader(partition: InputPartition): PartitionReader[ColumnarBatch] =
    partition match {
      case p: InlinePartition =>
        new SequenceReader(Iterator(SparkBridge.batchOf(p.rows(schema).toSeq, schema)))
      case files => explained(parquet.createColumnarReader(files))
    }

  private def explained[T](reader: PartitionReader[T]): PartitionReader[T] = new PartitionReader[T] {
    override def next(): Boolean =
      try reader.next()
      catch { case e: Exception if AnabranchReaderFactory.missing(e).isDefined => throw fileMissing(e) }
    override def get(): T = reader.get()
    override def close(): Unit = reader.close()
    override def currentMetricsValues() = reader.currentMetricsValues()
  }

  /** As Spark's own exception, which it hands on as it is; another one would be text in a failed stage. */
  private def fileMissing(e: Exception): AnabranchAnalysisException = {
    val text = AnabranchReaderFactory.missing(e).getOrElse("") + " " + e.getMessage
    val file = provenance.commits.keys.find(text.contains(_)).getOrElse(text)
    val missing = AnabranchException.caused(
      e,
      "ANABRANCH_DATA.FILE_MISSING",
      "file" -> file,
      "table" -> provenance.table,
      "commit" -> provenance.commits.getOrElse(file, "unknown")
    )
    new AnabranchAnalysisException(missing)
  }
}

object AnabranchReaderFactory {

  /** @param dataSchema
    *   of the files, by physical names
    * @param readSchema
    *   the part of it to read
    * @param filters
    *   conditions on physical names, for row groups
    */
  def create(
      dataSchema: StructType,
      readSchema: StructType,
      filters: Seq[Filter],
      hadoopConf: Configuration,
      provenance: Provenance
  ): AnabranchReaderFactory = {
    val conf = settings(readSchema)
    // each factory needs settings of its own: the schema travels in them
    val own = new Configuration(hadoopConf)
    own.set(ParquetReadSupport.SPARK_ROW_REQUESTED_SCHEMA, readSchema.json)
    own.set(ParquetWriteSupport.SPARK_ROW_SCHEMA, readSchema.json)
    own.set(
      org.apache.parquet.hadoop.ParquetInputFormat.READ_SUPPORT_CLASS,
      classOf[ParquetReadSupport].getName
    )
    own.set(SQLConf.SESSION_LOCAL_TIMEZONE.key, conf.sessionLocalTimeZone)
    own.setBoolean(SQLConf.NESTED_SCHEMA_PRUNING_ENABLED.key, conf.nestedSchemaPruningEnabled)
    own.setBoolean(SQLConf.CASE_SENSITIVE.key, conf.caseSensitiveAnalysis)
    own.setBoolean(SQLConf.PARQUET_BINARY_AS_STRING.key, false)
    own.setBoolean(SQLConf.PARQUET_INT96_AS_TIMESTAMP.key, true)
    own.setBoolean(SQLConf.PARQUET_INFER_TIMESTAMP_NTZ_ENABLED.key, true)
    own.setBoolean(SQLConf.LEGACY_PARQUET_NANOS_AS_LONG.key, false)
    own.setBoolean(SQLConf.PARQUET_FIELD_ID_READ_ENABLED.key, false)
    // rows are never left out in silence, whatever the session says
    val options = CaseInsensitiveMap(Map("ignoreMissingFiles" -> "false", "ignoreCorruptFiles" -> "false"))
    val parquet = ParquetPartitionReaderFactory(
      conf,
      SparkBridge.broadcast(own),
      dataSchema,
      readSchema,
      new StructType,
      filters.toArray,
      None,
      new ParquetOptions(options, conf)
    )
    new AnabranchReaderFactory(parquet, readSchema, provenance)
  }

  /** Settings of the session; with batches only where Spark can fill in the defaults of columns that a file
    * does not have.
    */
  private def settings(schema: StructType): SQLConf = {
    def fits(default: Any): Boolean = default match {
      case null | _: java.lang.Boolean | _: java.lang.Number | _: Decimal | _: UTF8String => true
      case list: GenericArrayData => list.array.forall(fits)
      case _ => false
    }
    if (ResolveDefaultColumns.existenceDefaultValues(schema).forall(fits)) SparkBridge.conf
    else {
      val conf = SparkBridge.conf.clone()
      conf.setConf(SQLConf.PARQUET_VECTORIZED_READER_ENABLED, false)
      conf
    }
  }

  @tailrec
  private def missing(e: Throwable): Option[String] = e match {
    case null => None
    case f: FileNotFoundException => Some(String.valueOf(f.getMessage))
    case f: java.nio.file.NoSuchFileException => Some(String.valueOf(f.getMessage))
    case other => missing(other.getCause)
  }
}

/** A reader of what is in memory already. */
final private class SequenceReader[T](items: Iterator[T]) extends PartitionReader[T] {
  private var current: Option[T] = None
  override def next(): Boolean = {
    current = items.nextOption()
    current.isDefined
  }
  override def get(): T = current.get
  override def close(): Unit = ()
}
