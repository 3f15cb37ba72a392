package org.apache.spark.sql.anabranch

import org.apache.parquet.bytes.{BytesInput, BytesUtils, HeapByteBufferAllocator}
import org.apache.parquet.column.page.{DataPage, DataPageV1, DictionaryPage, PageReadStore, PageReader}
import org.apache.parquet.column.values.rle.RunLengthBitPackingHybridEncoder
import org.apache.parquet.column.ColumnDescriptor
import org.apache.parquet.hadoop.metadata.BlockMetaData
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName

import java.io.ByteArrayOutputStream
import java.nio.{ByteBuffer, ByteOrder}
import scala.jdk.CollectionConverters._

/** The pages of a row group with nothing but the picked rows in them, so that whoever decodes them never sees the others.
  *
  * Parquet's encodings are described at https://parquet.apache.org/docs/file-format/data-pages/encodings/.
  *
  * @param rows
  *   numbers of the rows in the row group, ascending
  */
final private class PickedPages(whole: PageReadStore, rows: Array[Int]) extends PageReadStore {
  override def getRowCount: Long = rows.length.toLong
  override def getPageReader(column: ColumnDescriptor): PageReader =
    new PickedColumn(whole.getPageReader(column), column, rows)
  override def close(): Unit = whole.close()
}

private object PickedPages {

  /** Whether rows can be picked from all columns of a row group: flat ones, in encodings that tell where a value is. */
  def fit(columns: Seq[ColumnDescriptor], rowGroup: BlockMetaData): Boolean =
    columns.forall(_.getMaxRepetitionLevel == 0) && {
      val paths = columns.map(_.getPath.toSeq).toSet
      rowGroup.getColumns.asScala
        .filter(c => paths(c.getPath.toArray.toSeq))
        .forall { c =>
          // other writers need not tell
          val isOfPagesV1 = Option(c.getEncodingStats).exists(!_.usesV2Pages())
          isOfPagesV1 && c.getEncodings.asScala.forall(e => Known(e.name))
        }
    }

  /** The last two are those of levels; one of them is deprecated, and found in the metadata of every file. */
  private val Known: Set[String] = Set("PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED")
}

final private class PickedColumn(whole: PageReader, column: ColumnDescriptor, rows: Array[Int])
    extends PageReader {
  private val kind = column.getPrimitiveType.getPrimitiveTypeName
  private val present = column.getMaxDefinitionLevel

  /** The row that the next page starts with. */
  private var first = 0

  /** How many of the picked rows stand in pages before. */
  private var done = 0

  /** A copy, since it is needed longer than [[PageCodecs]] keeps a page. */
  override def readDictionaryPage(): DictionaryPage = {
    val page = whole.readDictionaryPage()
    if (page == null) null
    else
      new DictionaryPage(
        BytesInput.from(page.getBytes.toInputStream.readAllBytes()),
        page.getDictionarySize,
        page.getEncoding
      )
  }
  override def getTotalValueCount: Long = rows.length.toLong

  /** The next page that has some of the rows; null if there is none. */
  override def readPage(): DataPage = {
    var picked: DataPage = null
    while (picked == null && done < rows.length) {
      val page = whole.readPage().asInstanceOf[DataPageV1]
      // pages without any of the rows are not read, so the next one need not follow the last
      page.getFirstRowIndex.ifPresent(row => first = row.toInt)
      val from = done
      while (done < rows.length && rows(done) < first + page.getValueCount) done += 1
      if (done > from) picked = pick(page, Array.tabulate(done - from)(i => rows(from + i) - first))
      first += page.getValueCount
    }
    picked
  }

  private def pick(page: DataPageV1, chosen: Array[Int]): DataPage = {
    val bytes = PageCodecs.inHeap(page.getBytes).order(ByteOrder.LITTLE_ENDIAN)
    val levels = if (present == 0) None else Some(new PickedLevels(bytes, present, chosen))
    val values = levels.fold(chosen)(_.values)
    val encoding = page.getValueEncoding
    val content =
      if (encoding.usesDictionary) dictionaryIds(bytes, values)
      else if (kind == PrimitiveTypeName.BOOLEAN) bits(bytes, values)
      else if (kind == PrimitiveTypeName.BINARY) texts(bytes, values)
      else fixed(bytes, values)
    val all = BytesInput.concat((levels.map(_.written).toSeq :+ content).asJava)
    new DataPageV1(
      all,
      chosen.length,
      all.size.toInt,
      null,
      page.getRlEncoding,
      page.getDlEncoding,
      encoding
    )
  }

  private def dictionaryIds(bytes: ByteBuffer, values: Array[Int]): BytesInput = {
    val width = if (bytes.hasRemaining) bytes.get().toInt else 0
    val runs = new Runs(bytes, width, Runs.Nothing)
    BytesInput.concat(BytesInput.from(Array(width.toByte)), Runs.encoded(width, values.map(runs(_))))
  }

  private def bits(bytes: ByteBuffer, values: Array[Int]): BytesInput = {
    val start = bytes.position()
    val out = new Array[Byte]((values.length + 7) / 8)
    values.indices.foreach { i =>
      val bit = bytes.get(start + values(i) / 8) >> (values(i) % 8) & 1
      out(i / 8) = (out(i / 8) | bit << (i % 8)).toByte
    }
    BytesInput.from(out)
  }

  /** Values with their lengths before them: all up to the last one have to be passed. */
  private def texts(bytes: ByteBuffer, values: Array[Int]): BytesInput = {
    val out = new ByteArrayOutputStream
    val raw = bytes.array
    val base = bytes.arrayOffset
    var at = bytes.position()
    var value = 0
    values.foreach { wanted =>
      while (value < wanted) {
        at += 4 + bytes.getInt(at)
        value += 1
      }
      out.write(raw, base + at, 4 + bytes.getInt(at))
    }
    BytesInput.from(out)
  }

  private def fixed(bytes: ByteBuffer, values: Array[Int]): BytesInput = {
    val width = kind match {
      case PrimitiveTypeName.INT32 | PrimitiveTypeName.FLOAT => 4
      case PrimitiveTypeName.INT64 | PrimitiveTypeName.DOUBLE => 8
      case PrimitiveTypeName.INT96 => 12
      case _ => column.getPrimitiveType.getTypeLength
    }
    val start = bytes.position()
    val out = new Array[Byte](values.length * width)
    values.indices.foreach(i => bytes.get(start + values(i) * width, out, i * width, width))
    BytesInput.from(out)
  }
}

/** Which of some rows of a page have a value at all. Reads the page up to its values.
  *
  * @param present
  *   the level of a row that has a value
  */
final private class PickedLevels(bytes: ByteBuffer, present: Int, chosen: Array[Int]) {
  private val width = BytesUtils.getWidthFromMaxInt(present)
  private val picked = new Array[Int](chosen.length)
  private val places = Array.newBuilder[Int]

  locally {
    val length = bytes.getInt()
    val end = bytes.position() + length
    val runs = new Runs(bytes, width, present)
    chosen.indices.foreach { i =>
      picked(i) = runs(chosen(i))
      // rows without a value take no place among the values
      if (picked(i) == present) places += runs.equalBefore
    }
    bytes.position(end)
  }

  /** The numbers of the rows' values among the values of the page. */
  val values: Array[Int] = places.result()

  def written: BytesInput = {
    val runs = Runs.encoded(width, picked)
    BytesInput.concat(BytesInput.fromInt(runs.size.toInt), runs)
  }
}

/** Numbers in runs, each either one number many times, or numbers of some bits each (RLE/bit-packing hybrid); to be asked in
  * ascending order. Runs that nobody asks for are passed without unpacking them.
  *
  * @param bytes
  *   from the first run on
  * @param counted
  *   the number of which is counted how often it stands before the last one that was asked for
  */
final private class Runs(bytes: ByteBuffer, width: Int, counted: Int) {
  private var at = bytes.position()
  private var (start, end) = (0, 0)
  private var isPacked = false
  private var repeated = 0

  /** How often `counted` stands before the number at `countedTo`. */
  private var (count, countedTo) = (0, 0)

  def apply(i: Int): Int = {
    while (i >= end) nextRun()
    countTo(i)
    if (isPacked) unpacked(i - start) else repeated
  }

  def equalBefore: Int = count

  private def nextRun(): Unit = {
    countTo(end)
    if (isPacked) at += (end - start) / 8 * width
    val header = varInt()
    start = end
    isPacked = (header & 1) == 1
    end += (if (isPacked) (header >>> 1) * 8 else header >>> 1)
    if (!isPacked) {
      repeated = 0
      (0 until (width + 7) / 8).foreach { i =>
        repeated |= (bytes.get(at) & 0xff) << (8 * i)
        at += 1
      }
    }
  }

  private def countTo(i: Int): Unit = if (counted != Runs.Nothing) {
    if (isPacked)
      while (countedTo < i) {
        if (unpacked(countedTo - start) == counted) count += 1
        countedTo += 1
      }
    else {
      if (repeated == counted) count += i - countedTo
      countedTo = i
    }
  }

  /** The lowest bits of the first byte come first. */
  private def unpacked(i: Int): Int = {
    val firstBit = i.toLong * width
    var byte = at + (firstBit / 8).toInt
    var shift = -(firstBit % 8).toInt
    var value = 0L
    while (shift < width) {
      val next = (bytes.get(byte) & 0xff).toLong
      value |= (if (shift < 0) next >>> -shift else next << shift)
      byte += 1
      shift += 8
    }
    (value & ((1L << width) - 1)).toInt
  }

  private def varInt(): Int = {
    var (value, shift, more) = (0, 0, true)
    while (more) {
      val byte = bytes.get(at)
      at += 1
      value |= (byte & 0x7f) << shift
      shift += 7
      more = byte < 0
    }
    value
  }
}

private object Runs {
  val Nothing: Int = -1

  def encoded(width: Int, numbers: Array[Int]): BytesInput = {
    val encoder = new RunLengthBitPackingHybridEncoder(width, 64, 1 << 20, new HeapByteBufferAllocator)
    numbers.foreach(encoder.writeInt)
    encoder.toBytes
  }
}
