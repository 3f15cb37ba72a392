package io.anabranch.spark.read

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.DeletionVector
import io.anabranch.core.log.DeletionVectors
import io.anabranch.core.store.Stores
import io.anabranch.spark.AnabranchAnalysisException
import org.apache.hadoop.conf.Configuration
import org.apache.parquet.hadoop.ParquetFileReader
import org.apache.parquet.hadoop.util.HadoopInputFile
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.sql.anabranch.{PickedRows, SparkBridge}
import org.apache.spark.sql.catalyst.{FileSourceOptions, InternalRow}
import org.apache.spark.sql.catalyst.util.{CaseInsensitiveMap, GenericArrayData, ResolveDefaultColumns}
import org.apache.spark.sql.connector.read.{InputPartition, PartitionReader}
import org.apache.spark.sql.execution.datasources.{FilePartition, PartitionedFile}
import org.apache.spark.sql.execution.datasources.parquet.{
  ParquetFileFormat,
  ParquetOptions,
  ParquetReadSupport,
  ParquetWriteSupport
}
import org.apache.spark.sql.execution.datasources.v2.FilePartitionReaderFactory
import org.apache.spark.sql.execution.datasources.v2.parquet.ParquetPartitionReaderFactory
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.sources.Filter
import org.apache.spark.sql.types.{Decimal, LongType, StructField, StructType}
import org.apache.spark.sql.vectorized.ColumnarBatch
import org.apache.spark.unsafe.types.UTF8String
import org.apache.spark.util.SerializableConfiguration

import java.io.FileNotFoundException
import scala.annotation.tailrec
import scala.jdk.CollectionConverters._

/** Reads files by Spark's own Parquet reader, and blocks of inline rows; leaves out deleted rows, and adds what
  * is known of a row besides its columns.
  *
  * @param straight
  *   reads the files' columns
  * @param indexed
  *   reads the position of each row as well, as its last column, which costs time: for files of which rows
  *   have to be told apart while filters leave out some of them
  * @param filtered
  *   whether `straight` may leave out rows
  * @param search
  *   finds the few rows that are wanted before other columns than those of the condition are read
  */
final class AnabranchReaderFactory(
    straight: ParquetPartitionReaderFactory,
    indexed: Option[ParquetPartitionReaderFactory],
    filtered: Boolean,
    plan: ReadPlan,
    root: String,
    table: String,
    conf: Broadcast[SerializableConfiguration],
    search: Option[(RowSearch, PickedRows)]
) extends FilePartitionReaderFactory {

  override protected def options: FileSourceOptions = straight.options

  // all partitions of a scan must agree, and whether Parquet reads batches depends on the schema only
  override def supportColumnarReads(partition: InputPartition): Boolean =
    straight.supportColumnarReads(partition)

  override def createReader(partition: InputPartition): PartitionReader[InternalRow] = partition match {
    case p: InlinePartition => new SequenceReader(p.rows(plan, wanted))
    case files => explained(files, super.createReader(files))
  }

  override def createColumnarReader(partition: InputPartition): PartitionReader[ColumnarBatch] =
    partition match {
      case p: InlinePartition =>
        new SequenceReader(Iterator(SparkBridge.batchOf(p.rows(plan, wanted).toSeq, plan.output)))
      case files => explained(files, super.createColumnarReader(files))
    }

  override def buildReader(piece: PartitionedFile): PartitionReader[InternalRow] =
    if (direct(piece)) straight.buildReader(piece)
    else fileReader(piece).rowsOf(chosenFactory(piece).buildReader(piece))

  override def buildColumnarReader(piece: PartitionedFile): PartitionReader[ColumnarBatch] =
    picked(piece).getOrElse {
      if (direct(piece)) straight.buildColumnarReader(piece)
      else fileReader(piece).batches(chosenFactory(piece).buildColumnarReader(piece))
    }

  private def picked(piece: PartitionedFile): Option[PartitionReader[ColumnarBatch]] =
    for {
      (found, picked) <- search
      matching <- found.positions(piece)
      positions = left(matching, FileRows.of(piece))
      inner <-
        if (positions.isEmpty) Some(new SequenceReader[ColumnarBatch](Iterator.empty))
        else picked.reader(piece, positions)
    } yield new FileReader(plan, FileRows.of(piece), Wanted.All, Positions.Listed(positions)).batches(inner)

  private def left(positions: Array[Long], rows: FileRows): Array[Long] = {
    val isWanted = wanted(rows)
    positions.filter(isWanted(_))
  }

  private def direct(piece: PartitionedFile): Boolean =
    plan.asStored && FileRows.of(piece).choice == RowChoice.All

  private def positioned(piece: PartitionedFile): Boolean =
    plan.needsPositions || FileRows.of(piece).choice != RowChoice.All

  private def chosenFactory(piece: PartitionedFile): ParquetPartitionReaderFactory =
    if (filtered && positioned(piece)) indexed.getOrElse(straight) else straight

  private def fileReader(piece: PartitionedFile): FileReader = {
    val rows = FileRows.of(piece)
    val positions =
      if (!positioned(piece)) Positions.From(0L) // nobody asks
      else if (filtered) Positions.LastColumn
      else Positions.From(AnabranchReaderFactory.firstPosition(piece, conf.value.value))
    new FileReader(plan, rows, wanted(rows), positions)
  }

  private def wanted(rows: FileRows): Wanted = {
    def positions(v: DeletionVector) =
      new DeletionVectors(Stores.open(root, conf.value.value)).read(v, rows.file.id, table)
    explaining(
      rows.choice match {
        case RowChoice.All => Wanted.All
        case RowChoice.Without(v) => new Wanted.Listed(positions(v), only = false)
        case RowChoice.Only(v) => new Wanted.Listed(positions(v), only = true)
      }
    )
  }

  /** Errors as Spark's own exceptions, which it hands on as they are; others would be text in a failed stage. */
  private def explaining[T](body: => T): T =
    try body
    catch { case e: AnabranchException => throw new AnabranchAnalysisException(e) }

  private def explained[T](partition: InputPartition, reader: PartitionReader[T]): PartitionReader[T] =
    new PartitionReader[T] {
      override def next(): Boolean =
        try reader.next()
        catch {
          case e: Exception if AnabranchReaderFactory.ours(e).isDefined =>
            throw AnabranchReaderFactory.ours(e).get
          case e: Exception if AnabranchReaderFactory.missing(e).isDefined => throw fileMissing(partition, e)
        }
      override def get(): T = reader.get()
      override def close(): Unit = reader.close()
      override def currentMetricsValues() = reader.currentMetricsValues()
    }

  private def fileMissing(partition: InputPartition, e: Exception): AnabranchAnalysisException = {
    val text = AnabranchReaderFactory.missing(e).getOrElse("") + " " + e.getMessage
    val files = partition match {
      case p: FilePartition => p.files.toSeq.map(FileRows.of(_).file)
      case _ => Nil
    }
    val file = files.find(f => text.contains(f.id))
    val missing = AnabranchException.caused(
      e,
      "ANABRANCH_DATA.FILE_MISSING",
      "file" -> file.fold(text)(_.id),
      "table" -> table,
      "commit" -> file.flatMap(_.addedBy).fold("unknown")(_.toString)
    )
    new AnabranchAnalysisException(missing)
  }
}

object AnabranchReaderFactory {

  /** @param dataSchema
    *   of the files, by physical names
    * @param filters
    *   conditions on physical names, for row groups
    * @param positions
    *   whether some file's rows have to be told apart
    * @param search
    *   finds few rows of a file
    */
  def create(
      root: String,
      table: String,
      dataSchema: StructType,
      plan: ReadPlan,
      filters: Seq[Filter],
      positions: Boolean,
      hadoopConf: Configuration,
      search: Option[RowSearch] = None
  ): AnabranchReaderFactory = {
    val withIndex = StructType(plan.stored.fields :+ RowIndex)
    val filtered = filters.nonEmpty
    val straight = parquet(dataSchema, plan.stored, filters, hadoopConf)
    new AnabranchReaderFactory(
      straight,
      Option.when(positions && filtered)(parquet(dataSchema, withIndex, filters, hadoopConf)),
      filtered,
      plan,
      root,
      table,
      SparkBridge.broadcast(hadoopConf),
      search.zip(PickedRows.like(straight))
    )
  }

  /** Spark's reader fills it with positions; it must be nullable. */
  private val RowIndex =
    StructField(ParquetFileFormat.ROW_INDEX_TEMPORARY_COLUMN_NAME, LongType, nullable = true)

  private def parquet(
      dataSchema: StructType,
      readSchema: StructType,
      filters: Seq[Filter],
      hadoopConf: Configuration
  ): ParquetPartitionReaderFactory = {
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
    val options = CaseInsensitiveMap(
      Map(
        "ignoreMissingFiles" -> "false",
        "ignoreCorruptFiles" -> "false",
        // all our files are written so; those of other writers than Spark don't say it
        ParquetOptions.DATETIME_REBASE_MODE -> "CORRECTED",
        ParquetOptions.INT96_REBASE_MODE -> "CORRECTED"
      )
    )
    ParquetPartitionReaderFactory(
      conf,
      SparkBridge.broadcast(own),
      dataSchema,
      readSchema,
      new StructType,
      filters.toArray,
      None,
      new ParquetOptions(options, conf)
    )
  }

  /** The position of the first row of a piece of a file, where nothing is filtered: a row group belongs to
    * the piece that its middle lies in.
    */
  private def firstPosition(piece: PartitionedFile, conf: Configuration): Long =
    if (piece.start == 0) 0L
    else {
      val reader = ParquetFileReader.open(HadoopInputFile.fromPath(piece.toPath, conf))
      try
        reader.getFooter.getBlocks.asScala.iterator
          .filter(b => b.getStartingPos + b.getCompressedSize / 2 < piece.start)
          .map(_.getRowCount)
          .sum
      finally reader.close()
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

  /** Our own error, which Spark has put into one of its own that names the file. */
  @tailrec
  private def ours(e: Throwable): Option[AnabranchAnalysisException] = e match {
    case null => None
    case a: AnabranchAnalysisException => Some(a)
    case other => ours(other.getCause)
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
