package io.anabranch.spark.write

import io.anabranch.core.format.{ColumnStats, DataFile, Paths, Value}
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.Path
import org.apache.parquet.hadoop.api.WriteSupport
import org.apache.parquet.hadoop.metadata.{CompressionCodecName, ParquetMetadata}
import org.apache.parquet.hadoop.util.HadoopOutputFile
import org.apache.parquet.hadoop.{ParquetOutputFormat, ParquetWriter}
import org.apache.parquet.io.{LocalOutputFile, OutputFile, PositionOutputStream}
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.execution.datasources.parquet.ParquetWriteSupport

import java.nio.file.Files
import java.security.MessageDigest
import java.util.{HexFormat, UUID}

/** Writes one Parquet data file; knows its size, digest, row count and bounds when it is closed, without
  * reading it again.
  */
final class TableFileWriter(target: FileTarget, conf: Configuration, partition: Map[String, Value]) {
  private val id = UUID.randomUUID().toString.replace("-", "") + ".parquet"
  private val path = new Path(s"${target.root}/${Paths.dataFile(target.tableId, id)}")
  private val output = new DigestingOutputFile(TableFileWriter.outputFile(path, conf))
  private val writer = new TableFileWriter.Builder(output, conf).build()
  private var rows = 0L

  def write(row: InternalRow): Unit = {
    writer.write(row)
    rows += 1
  }

  /** Bytes written or buffered so far, roughly. */
  def sizeBytes: Long = writer.getDataSize
  def rowCount: Long = rows

  def close(): DataFile = {
    writer.close()
    val stats = FileStats.of(writer.getFooter: ParquetMetadata, target.statsColumns)
    // a lineage column of NULLs alone says nothing
    val (held, void) = target.lineage.partition(!stats.get(_).flatMap(_.nulls).contains(rows))
    DataFile(id, output.sizeBytes, rows, output.sha256, partition, stats -- void, lineage = held)
  }

  /** Gives the file up; what was written of it is removed if that can be done. */
  def abort(): Unit = {
    scala.util.Try(writer.close()): Unit
    scala.util.Try(path.getFileSystem(conf).delete(path, false)): Unit
  }
}

/** Where files of a table go, and what is to be known of them.
  *
  * @param statsColumns
  *   physical paths of the columns whose bounds are kept, with their kind of value
  * @param lineage
  *   the columns of [[io.anabranch.core.format.Lineage]] that the rows have
  */
final case class FileTarget(
    root: String,
    tableId: String,
    statsColumns: Map[String, String],
    lineage: Seq[String] = Nil
)

object TableFileWriter {

  /** Hadoop's own way to a local file starts two processes (`chmod` for it and for its checksums) where its
    * native library is missing; the digest in the commit makes these checksums needless anyway.
    */
  private def outputFile(path: Path, conf: Configuration): OutputFile =
    if (path.toUri.getScheme == "file") {
      val file = java.nio.file.Paths.get(path.toUri.getPath)
      Files.createDirectories(file.getParent)
      new LocalOutputFile(file)
    } else HadoopOutputFile.fromPath(path, conf)

  /** A Parquet writer of Spark's rows; the schema and all settings travel in the configuration. */
  final private class Builder(file: OutputFile, conf: Configuration)
      extends ParquetWriter.Builder[InternalRow, Builder](file) {
    withConf(conf)
    withCompressionCodec(CompressionCodecName.fromConf(conf.get(ParquetOutputFormat.COMPRESSION)))
    withRowGroupSize(ParquetOutputFormat.getLongBlockSize(conf))
    withDictionaryEncoding(ParquetOutputFormat.getEnableDictionary(conf))
    withWriterVersion(ParquetOutputFormat.getWriterVersion(conf))
    override def self(): Builder = this
    override protected def getWriteSupport(conf: Configuration): WriteSupport[InternalRow] =
      new ParquetWriteSupport
  }
}

/** Passes bytes through, and digests them on the way. */
final private class DigestingOutputFile(inner: OutputFile) extends OutputFile {
  private val digest = MessageDigest.getInstance("SHA-256")
  private var written = 0L

  def sizeBytes: Long = written
  lazy val sha256: String = HexFormat.of().formatHex(digest.digest())

  override def create(blockSizeHint: Long): PositionOutputStream = digesting(inner.create(blockSizeHint))
  override def createOrOverwrite(blockSizeHint: Long): PositionOutputStream = create(blockSizeHint)
  override def supportsBlockSize: Boolean = inner.supportsBlockSize
  override def defaultBlockSize: Long = inner.defaultBlockSize
  override def getPath: String = inner.getPath

  private def digesting(out: PositionOutputStream): PositionOutputStream = new PositionOutputStream {
    override def getPos: Long = out.getPos
    override def write(b: Int): Unit = {
      out.write(b)
      digest.update(b.toByte)
      written += 1
    }
    override def write(b: Array[Byte], offset: Int, length: Int): Unit = {
      out.write(b, offset, length)
      digest.update(b, offset, length)
      written += length
    }
    override def flush(): Unit = out.flush()
    override def close(): Unit = out.close()
  }
}

/** Bounds from the statistics that Parquet keeps per row group. */
private object FileStats {
  import org.apache.parquet.column.statistics.Statistics
  import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation
  import org.apache.parquet.schema.PrimitiveType
  import scala.jdk.CollectionConverters._

  def of(footer: ParquetMetadata, columns: Map[String, String]): Map[String, ColumnStats] = {
    // a column `a.b` must not be taken for the field b of a column a
    val chunks = footer.getBlocks.asScala.toSeq
      .flatMap(_.getColumns.asScala)
      .filterNot(_.getPath.toArray.exists(_.contains('.')))
    chunks
      .groupBy(_.getPath.toDotString)
      .collect {
        case (path, parts) if columns.contains(path) =>
          path -> parts
            .map(c => one(c.getStatistics, c.getPrimitiveType, columns(path), c.getValueCount))
            .reduce(merged)
      }
      .map { case (path, group) => path -> group.stats }
  }

  /** Bounds of a column in one row group, and whether all its values are NULL. */
  final private case class Group(stats: ColumnStats, allNull: Boolean)

  private def one(s: Statistics[_], t: PrimitiveType, kind: String, count: Long): Group = {
    val nulls = Option.when(s != null && s.isNumNullsSet)(s.getNumNulls)
    if (s == null || !s.hasNonNullValue) Group(ColumnStats(None, None, nulls), nulls.contains(count))
    else {
      val (min, max) = (value(s.genericGetMin, t, kind), value(s.genericGetMax, t, kind))
      Group(ColumnStats.bounded(min, max, nulls), allNull = false)
    }
  }

  private def value(v: Any, t: PrimitiveType, kind: String): Option[Value] = (kind, v) match {
    case ("whole", n: Integer) => Some(Value.Whole(n.toLong))
    case ("whole", n: java.lang.Long) => Some(Value.Whole(n))
    case ("floating", f: java.lang.Float) => Some(Value.Floating(f.toDouble))
    case ("floating", d: java.lang.Double) => Some(Value.Floating(d))
    case ("bool", b: java.lang.Boolean) => Some(Value.Bool(b))
    case ("text", b: org.apache.parquet.io.api.Binary) => text(b)
    case ("bytes", b: org.apache.parquet.io.api.Binary) => Some(Value.Bytes(b.getBytes))
    case ("decimal", n) =>
      val scale = t.getLogicalTypeAnnotation match {
        case d: DecimalLogicalTypeAnnotation => Some(d.getScale)
        case _ => None
      }
      scale.flatMap { s =>
        n match {
          case i: Integer => Some(Value.Decimal(java.math.BigDecimal.valueOf(i.toLong, s)))
          case l: java.lang.Long => Some(Value.Decimal(java.math.BigDecimal.valueOf(l, s)))
          case b: org.apache.parquet.io.api.Binary =>
            Some(Value.Decimal(new java.math.BigDecimal(new java.math.BigInteger(b.getBytes), s)))
          case _ => None
        }
      }
    case _ => None
  }

  /** Text that is not UTF-8 has no bound: it could not be written down. */
  private def text(b: org.apache.parquet.io.api.Binary): Option[Value] = {
    val s = org.apache.spark.unsafe.types.UTF8String.fromBytes(b.getBytes)
    Option.when(s.isValid)(Value.Text(s.toString))
  }

  private def merged(a: Group, b: Group): Group = {
    def pick(x: Option[Value], y: Option[Value], sign: Int) =
      for { l <- x; r <- y; c <- Value.compare(l, r) } yield if (c * sign <= 0) l else r
    // a row group of NULLs alone has no bounds, and takes nothing from those of others
    val (min, max) =
      if (a.allNull) (b.stats.min, b.stats.max)
      else if (b.allNull) (a.stats.min, a.stats.max)
      else (pick(a.stats.min, b.stats.min, 1), pick(a.stats.max, b.stats.max, -1))
    val nulls = for { x <- a.stats.nulls; y <- b.stats.nulls } yield x + y
    Group(ColumnStats(min, max, nulls), a.allNull && b.allNull)
  }
}
