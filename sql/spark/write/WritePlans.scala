package io.anabranch.spark.write

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{TableMetadata, Value}
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.read.{InlineRows, LineageColumns}
import io.anabranch.spark.schema.ColumnMapping
import org.apache.hadoop.conf.Configuration
import org.apache.parquet.hadoop.ParquetOutputFormat
import org.apache.parquet.hadoop.codec.ZstandardCodec
import org.apache.parquet.hadoop.metadata.CompressionCodecName
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.execution.datasources.parquet.{ParquetOptions, ParquetWriteSupport}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.StructType

import scala.jdk.CollectionConverters._
import scala.util.Try

/** Settings of writes: from table properties, and what Parquet has to be told. */
object WritePlans {

  /** More rows or bytes than these never stand in a commit. */
  val MaxInlineRows: Int = 100
  val MaxInlineBytes: Long = 32 * 1024

  private val TargetBytes = ("anabranch.write.target-file-bytes", 512L * 1024 * 1024)
  private val InlineRowsLimit = ("anabranch.write.inline-rows", MaxInlineRows.toLong)
  private val StatsColumns = ("anabranch.stats.columns", 32L)
  private val DeletedPercent = ("anabranch.optimize.deleted-percent", 5L)
  private val Mode = "anabranch.write.mode"
  private val MergeOnRead = "merge-on-read"
  private val CopyOnWrite = "copy-on-write"

  /** Name, default and meaning of each table property; the documentation's table is made of these. */
  val Properties: Seq[(String, String, String)] = Seq(
    (
      CommitSettings.IsolationProperty,
      "serializable",
      s"serializable or snapshot, where the session does not set ${CommitSettings.Isolation}."
    ),
    (
      Mode,
      MergeOnRead,
      s"What UPDATE, DELETE and MERGE do with files that hold other rows, too: $MergeOnRead marks the rows that go; " +
        s"$CopyOnWrite writes the others anew, so that reads find nothing marked."
    ),
    (
      TargetBytes._1,
      TargetBytes._2.toString,
      "A data file is closed when it has grown to about this many bytes."
    ),
    (
      InlineRowsLimit._1,
      InlineRowsLimit._2.toString,
      "Up to so many rows of one write stand in the commit; 0 turns that off."
    ),
    (
      StatsColumns._1,
      StatsColumns._2.toString,
      "Bounds are kept for the first so many columns, nested fields counted."
    ),
    (
      DeletedPercent._1,
      DeletedPercent._2.toString,
      "OPTIMIZE writes a file anew when at least so many percent of its rows are deleted."
    )
  )

  /** Checks properties of a table when they are set.
    *
    * @throws AnabranchException
    *   ANABRANCH_WRITE.OPTION
    */
  def check(properties: Map[String, String]): Unit = {
    val m = TableMetadata(Nil, properties = properties)
    Seq(TargetBytes, InlineRowsLimit, StatsColumns, DeletedPercent).foreach(number(m, _))
    CommitSettings.isolation(properties): Unit
    copiesOnWrite(m): Unit
  }

  /** Whether changes of rows write files anew. */
  def copiesOnWrite(m: TableMetadata): Boolean = m.properties.getOrElse(Mode, MergeOnRead) match {
    case CopyOnWrite => true
    case MergeOnRead => false
    case other => throw wrong(Mode, s"'$other' is no mode of writing", s"Set $MergeOnRead or $CopyOnWrite.")
  }

  def targetBytes(m: TableMetadata): Long = number(m, TargetBytes).max(1)

  /** From how many deleted rows on OPTIMIZE writes a file anew, in percent of its rows. */
  def deletedPercent(m: TableMetadata): Long = number(m, DeletedPercent)

  /** @param lineage
    *   the columns of [[Lineage]] that the rows have besides their own, at the end
    */
  def of(root: String, tableId: String, m: TableMetadata, lineage: Seq[String] = Nil): WritePlan = {
    val schema = StructType(ColumnMapping.physical(m.columns).fields ++ LineageColumns.stored(lineage))
    val inline = number(m, InlineRowsLimit).min(MaxInlineRows.toLong).toInt
    WritePlan(
      FileTarget(root, tableId, statsColumns(m) ++ lineage.map(_ -> "whole"), lineage),
      schema,
      m.partitioning,
      targetBytes(m),
      if (schema.fields.forall(f => InlineRows.supports(f.dataType))) inline else 0
    )
  }

  private def statsColumns(m: TableMetadata): Map[String, String] = {
    val kinds = leavesInOrder(m).flatMap { case (path, t) => Value.kindOf(t).map(path -> _) }
    kinds.take(number(m, StatsColumns).min(Int.MaxValue.toLong).toInt).toMap
  }

  private def leavesInOrder(m: TableMetadata) = m.columns.flatMap { c =>
    TableMetadata(Seq(c)).leaves.toSeq.sortBy(_._1)
  }

  private def number(m: TableMetadata, property: (String, Long)): Long =
    m.properties.get(property._1).fold(property._2) { text =>
      Try(text.toLong)
        .filter(_ >= 0)
        .getOrElse(
          throw wrong(
            property._1,
            s"'$text' is not a number from 0 up",
            "ALTER TABLE … SET TBLPROPERTIES with a whole number."
          )
        )
    }

  private def wrong(property: String, reason: String, advice: String) =
    AnabranchException("ANABRANCH_WRITE.OPTION", "option" -> property, "reason" -> reason, "advice" -> advice)

  /** What Spark's Parquet write support needs to know besides the settings of the session. */
  def parquetSettings(schema: StructType): Map[String, String] =
    parquetSettings(
      schema,
      new ParquetOptions(Map.empty[String, String], SparkBridge.conf).compressionCodecClassName
    )

  /** For rows that were changed: few of many, so that they are worth a closer packing, unless the session says
    * otherwise.
    */
  def settingsForChanges(schema: StructType): Map[String, String] =
    if (SparkBridge.conf.contains(SQLConf.PARQUET_COMPRESSION.key)) parquetSettings(schema)
    else
      parquetSettings(
        schema,
        CompressionCodecName.ZSTD.name
      ) + (ZstandardCodec.PARQUET_COMPRESS_ZSTD_LEVEL -> "5")

  private def parquetSettings(schema: StructType, codec: String): Map[String, String] = {
    val session = SparkBridge.conf
    val conf = new Configuration(false)
    ParquetWriteSupport.setSchema(schema, conf)
    conf.set(SQLConf.PARQUET_WRITE_LEGACY_FORMAT.key, "false")
    conf.set(
      SQLConf.PARQUET_OUTPUT_TIMESTAMP_TYPE.key,
      SQLConf.ParquetOutputTimestampType.TIMESTAMP_MICROS.toString
    )
    conf.set(SQLConf.PARQUET_FIELD_ID_WRITE_ENABLED.key, "true")
    conf.set(SQLConf.LEGACY_PARQUET_NANOS_AS_LONG.key, "false")
    conf.set(
      SQLConf.PARQUET_ANNOTATE_VARIANT_LOGICAL_TYPE.key,
      session.parquetAnnotateVariantLogicalType.toString
    )
    conf.set(SQLConf.PARQUET_REBASE_MODE_IN_WRITE.key, "CORRECTED")
    conf.set(ParquetOutputFormat.COMPRESSION, codec)
    conf.asScala.map(e => e.getKey -> e.getValue).toMap
  }
}
