package org.apache.spark.sql.anabranch

import org.apache.hadoop.mapred.FileSplit
import org.apache.hadoop.mapreduce.task.TaskAttemptContextImpl
import org.apache.hadoop.mapreduce.{JobID, TaskAttemptID, TaskID, TaskType}
import org.apache.parquet.ParquetReadOptions
import org.apache.parquet.column.page.PageReadStore
import org.apache.parquet.hadoop.ParquetFileReader
import org.apache.parquet.hadoop.metadata.BlockMetaData
import org.apache.parquet.internal.column.columnindex.OffsetIndex
import org.apache.parquet.internal.filter2.columnindex.RowRanges
import org.apache.parquet.schema.MessageType
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.read.PartitionReader
import org.apache.spark.sql.execution.datasources.PartitionedFile
import org.apache.spark.sql.execution.datasources.parquet.{
  SpecificParquetRecordReaderBase,
  VectorizedParquetRecordReader
}
import org.apache.spark.sql.execution.datasources.v2.parquet.ParquetPartitionReaderFactory
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.vectorized.ColumnarBatch
import org.apache.spark.util.SerializableConfiguration

import java.lang.reflect.{Field, InvocationTargetException, Method, Proxy}
import java.util.{Arrays, TimeZone}
import scala.jdk.CollectionConverters._
import scala.util.Try

/** Some rows of a Parquet file, by their positions, in batches: Spark's vectorized reader is given pages that hold no others.
  * It can skip rows itself, for its filters' sake, but that takes as long as decoding them. The source of its row groups is
  * private to it, and is replaced here.
  *
  * @param conf
  *   with the columns to be read, as for [[ParquetPartitionReaderFactory]]
  */
final class PickedRows private (
    conf: Broadcast[SerializableConfiguration],
    isOffHeap: Boolean,
    rowsPerBatch: Int
) extends Serializable {
  import PickedRows._

  /** @param positions
    *   in the file, ascending, all within the piece
    * @return
    *   None for a file that can't be read so: it has no index of its pages, or columns that rows can't be picked from
    */
  def reader(
      piece: PartitionedFile,
      positions: Array[Long]
  ): Option[PartitionReader[ColumnarBatch]] = {
    val inner = vectorized(piece)
    val source = rowGroups.get(inner)
    val file = innerReader.get(source).asInstanceOf[ParquetFileReader]
    val columns = requested.get(inner).asInstanceOf[MessageType].getColumns.asScala.toSeq
    if (file.getRowGroups.asScala.forall(g => isIndexed(g) && PickedPages.fit(columns, g))) {
      unpack(file)
      rowGroups.set(inner, proxied(rowGroups.getType, source, new PickedRowGroups(file, positions)))
      inner.initBatch(new StructType, InternalRow.empty)
      inner.enableReturningBatches()
      Some(new PickedBatches(inner, positions.length))
    } else {
      inner.close()
      None
    }
  }

  private def vectorized(piece: PartitionedFile): VectorizedParquetRecordReader = {
    // files of a table have dates and times of the proleptic calendar, whatever the session says
    val (calendar, zone) = ("CORRECTED", TimeZone.getDefault.getID)
    val reader =
      new VectorizedParquetRecordReader(null, calendar, zone, calendar, zone, isOffHeap, rowsPerBatch)
    val attempt = new TaskAttemptID(new TaskID(new JobID(), TaskType.MAP, 0), 0)
    val split = new FileSplit(piece.toPath, piece.start, piece.length, Array.empty[String])
    try reader.initialize(split, new TaskAttemptContextImpl(conf.value.value, attempt))
    catch {
      case e: Throwable =>
        reader.close()
        throw e
    }
    reader
  }
}

object PickedRows {

  /** The same columns as another reader of whole files.
    *
    * @return
    *   None if Spark's reader is not made as it has to be
    */
  def like(whole: ParquetPartitionReaderFactory): Option[PickedRows] =
    Option.when(Try((rowGroups, requested, innerReader, options)).isSuccess) {
      val settings = whole.sqlConf
      new PickedRows(
        whole.broadcastedConf,
        settings.offHeapColumnVectorEnabled,
        settings.parquetVectorizedReaderBatchSize
      )
    }

  private lazy val rowGroups: Field = open(classOf[SpecificParquetRecordReaderBase[_]], "reader")
  private lazy val requested: Field = open(classOf[SpecificParquetRecordReaderBase[_]], "requestedSchema")
  private lazy val innerReader: Field =
    open(
      Class.forName(classOf[SpecificParquetRecordReaderBase[_]].getName + "$ParquetRowGroupReaderImpl"),
      "reader"
    )

  private lazy val options: Field = open(classOf[ParquetFileReader], "options")

  /** Has pages unpacked without copies of them, since none is needed once its rows are picked. */
  private def unpack(file: ParquetFileReader): Unit = {
    val now = options.get(file).asInstanceOf[ParquetReadOptions]
    val codecs = new PageCodecs(now.getCodecFactory)
    options.set(
      file,
      new ParquetReadOptions.Builder(now.getConfiguration).copy(now).withCodecFactory(codecs).build()
    )
  }

  private def open(owner: Class[_], name: String): Field = {
    val field = owner.getDeclaredField(name)
    field.setAccessible(true)
    field
  }

  private def isIndexed(rowGroup: BlockMetaData): Boolean =
    rowGroup.getRowIndexOffset >= 0 && rowGroup.getColumns.asScala.forall(_.getOffsetIndexReference != null)

  /** A source of row groups like another one, but for the pages; the type of both is private to Spark's package. */
  private def proxied(sourceType: Class[_], source: AnyRef, pages: PickedRowGroups): AnyRef =
    Proxy.newProxyInstance(
      sourceType.getClassLoader,
      Array(sourceType),
      (_: Any, method: Method, arguments: Array[AnyRef]) =>
        if (method.getName == "readNextRowGroup") pages.next()
        else
          try method.invoke(source, Option(arguments).toSeq.flatten: _*)
          catch { case e: InvocationTargetException => throw e.getCause }
    )
}

/** The row groups of a file that have some of the rows. */
final private class PickedRowGroups(file: ParquetFileReader, positions: Array[Long]) {
  private val rowGroups = file.getRowGroups.asScala.toIndexedSeq
  private var at = 0

  /** @return
    *   null after the last
    */
  def next(): PageReadStore = {
    var found: PageReadStore = null
    while (found == null && at < rowGroups.size) {
      val first = rowGroups(at).getRowIndexOffset
      val (from, until) = (index(first), index(first + rowGroups(at).getRowCount))
      if (from < until) {
        val rows = Array.tabulate(until - from)(i => (positions(from + i) - first).toInt)
        found = new PickedPages(file.readFilteredRowGroup(at, ranges(rows, rowGroups(at).getRowCount)), rows)
      }
      at += 1
    }
    found
  }

  /** Of the first position that is not below another. */
  private def index(position: Long): Int = {
    val i = Arrays.binarySearch(positions, position)
    if (i < 0) -i - 1 else i
  }

  /** The rows as ranges, by which the pages are chosen that are read; for that each is taken for a page. */
  private def ranges(rows: Array[Int], of: Long): RowRanges = {
    val each = new OffsetIndex {
      override def getPageCount: Int = rows.length
      override def getFirstRowIndex(page: Int): Long = rows(page).toLong
      override def getLastRowIndex(page: Int, total: Long): Long = rows(page).toLong
      override def getOffset(page: Int): Long = 0
      override def getCompressedPageSize(page: Int): Int = 0
    }
    RowRanges.create(of, Arrays.stream(Array.range(0, rows.length)).iterator(), each)
  }
}

/** Spark's reader, as far as there are rows: it expects those of all row groups. */
final private class PickedBatches(inner: VectorizedParquetRecordReader, rows: Int)
    extends PartitionReader[ColumnarBatch] {
  private var left = rows
  private var current: ColumnarBatch = _

  override def next(): Boolean = left > 0 && {
    if (!inner.nextKeyValue()) throw new IllegalStateException(s"$left of $rows rows are not in the file")
    current = inner.getCurrentValue.asInstanceOf[ColumnarBatch]
    left -= current.numRows
    true
  }
  override def get(): ColumnarBatch = current
  override def close(): Unit = inner.close()
}
