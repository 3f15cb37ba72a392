package io.anabranch.spark.read

import io.anabranch.core.format.{DataFile, RowPositions}
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow
import org.apache.spark.sql.connector.read.PartitionReader
import org.apache.spark.sql.execution.vectorized.{ColumnVectorUtils, ConstantColumnVector}
import org.apache.spark.sql.vectorized.{ColumnVector, ColumnarBatch}

import scala.annotation.tailrec

/** The wanted rows of a file, by position. */
sealed private[read] trait Wanted {

  /** Whether a row is wanted. To be asked in ascending order of positions. */
  def apply(position: Long): Boolean

  /** Which of the rows from a position on are wanted: their numbers, counted from there; None for all of them. */
  def among(from: Long, count: Int): Option[Array[Int]]
}

private[read] object Wanted {
  val All: Wanted = new Wanted {
    override def apply(position: Long): Boolean = true
    override def among(from: Long, count: Int): Option[Array[Int]] = None
  }

  /** @param only
    *   whether these rows are wanted, or all others
    */
  final class Listed(rows: RowPositions, only: Boolean) extends Wanted {
    private var next = 0
    override def apply(position: Long): Boolean = {
      while (next < rows.size && rows(next) < position) next += 1
      (next < rows.size && rows(next) == position) == only
    }
    override def among(from: Long, count: Int): Option[Array[Int]] = {
      val (first, last) = (rows.below(from), rows.below(from + count))
      if (only) Some(Array.tabulate(last - first)(i => (rows(first + i) - from).toInt))
      else Option.when(first < last)(others(from, count, first, last))
    }

    /** All but some, copied stretch by stretch: this is done for each batch of a file of which rows were deleted. */
    private def others(from: Long, count: Int, first: Int, last: Int): Array[Int] = {
      val chosen = new Array[Int](count - (last - first))
      var (n, row, gap) = (0, 0, first)
      while (gap <= last) {
        val end = if (gap < last) (rows(gap) - from).toInt else count
        while (row < end) {
          chosen(n) = row
          n += 1
          row += 1
        }
        row += 1
        gap += 1
      }
      chosen
    }
  }
}

/** How the positions of the rows that a reader gives are known. */
sealed private[read] trait Positions
private[read] object Positions {

  /** It gives all rows from this one on. */
  final case class From(start: Long) extends Positions

  /** It may leave out rows, and gives positions in its last column. */
  case object LastColumn extends Positions

  /** It gives just these rows. */
  final case class Listed(positions: Array[Long]) extends Positions
}

/** Turns what Spark's Parquet reader gives of one file into the rows that a scan wants. */
final private[read] class FileReader(plan: ReadPlan, rows: FileRows, wanted: Wanted, positions: Positions) {
  private val file: DataFile = rows.file
  private val addedBy = file.addedBy.fold(0L)(_.packed)
  private val indexColumn = plan.stored.size

  /** How many rows the reader has given. */
  private var passed = 0L

  /** Positions of the rows of the next batch, by their numbers in it. */
  private def positionsOf(batch: ColumnarBatch): Int => Long = {
    val before = passed
    positions match {
      case Positions.From(start) => i => start + before + i
      case Positions.LastColumn => batch.column(indexColumn).getLong(_)
      case Positions.Listed(all) => i => all(before.toInt + i)
    }
  }

  /** Numbers of the wanted rows of a batch; None for all of them. */
  private def chosen(rows: Int, position: Int => Long): Option[Array[Int]] = positions match {
    case Positions.From(start) => wanted.among(start + passed, rows)
    case _ =>
      Option.unless(wanted == Wanted.All) {
        val found = Array.newBuilder[Int]
        var i = 0
        while (i < rows) {
          if (wanted(position(i))) found += i
          i += 1
        }
        found.result()
      }
  }

  def batches(inner: PartitionReader[ColumnarBatch]): PartitionReader[ColumnarBatch] =
    new Filtering[ColumnarBatch, ColumnarBatch](inner) {
      override def convert(batch: ColumnarBatch): Option[ColumnarBatch] = {
        val position = positionsOf(batch)
        val some = chosen(batch.numRows, position)
        passed += batch.numRows
        val columns = plan.sources.map(column(batch, _, position)).toArray
        some match {
          case None => Some(new ColumnarBatch(columns, batch.numRows))
          case Some(few) =>
            Option.when(few.nonEmpty)(
              new ColumnarBatch(columns.map(c => new ChosenRows(c, few): ColumnVector), few.length)
            )
        }
      }
    }

  private def column(batch: ColumnarBatch, source: Source, positions: Int => Long): ColumnVector =
    source match {
      case Source.Stored(i) => batch.column(i)
      case Source.Place => new ComputedLongs(i => LineageColumns.place(rows.number, positions(i)))
      case Source.RowId(stored) => heldOr(batch, stored, i => file.rowId(positions(i)))
      case Source.RowCommit(stored) => heldOr(batch, stored, _ => addedBy)
      case Source.Constant(i) => constants(i)
    }

  private def heldOr(batch: ColumnarBatch, stored: Option[Int], implied: Int => Long): ColumnVector =
    stored.map(batch.column) match {
      case Some(held) => new ComputedLongs(i => if (held.isNullAt(i)) implied(i) else held.getLong(i))
      case None => new ComputedLongs(implied)
    }

  private lazy val constants: Map[Int, ColumnVector] = plan.output.fields
    .zip(plan.sources)
    .collect { case (f, Source.Constant(i)) =>
      val vector = new ConstantColumnVector(1, f.dataType)
      ColumnVectorUtils.populate(vector, new GenericInternalRow(Array(rows.constants(i))), 0)
      i -> vector
    }
    .toMap

  def rowsOf(inner: PartitionReader[InternalRow]): PartitionReader[InternalRow] = {
    val output = new RowOutput(plan, rows)
    new Filtering[InternalRow, InternalRow](inner) {
      override def convert(row: InternalRow): Option[InternalRow] = {
        val position = positions match {
          case Positions.From(start) => start + passed
          case Positions.LastColumn => row.getLong(indexColumn)
          case Positions.Listed(all) => all(passed.toInt)
        }
        passed += 1
        Option.when(wanted(position))(output(row, position))
      }
    }
  }

  /** A reader of what another one gives, converted; what converts to nothing is left out. */
  abstract private class Filtering[A, B](inner: PartitionReader[A]) extends PartitionReader[B] {
    private var current: B = _
    def convert(item: A): Option[B]

    @tailrec
    final override def next(): Boolean = inner.next() && {
      convert(inner.get()) match {
        case Some(b) =>
          current = b
          true
        case None => next()
      }
    }
    override def get(): B = current
    override def close(): Unit = inner.close()
    override def currentMetricsValues() = inner.currentMetricsValues()
  }
}

/** Puts rows of the output together from what is stored of a row, and its position. In a file that no commit has added
  * yet, a new row has neither id nor commit.
  */
final private[read] class RowOutput(plan: ReadPlan, rows: FileRows) {
  private val file = rows.file
  private val addedBy: Any = file.addedBy.map(_.packed).orNull
  private val isNumbered = !file.ids.isEmpty

  def apply(row: InternalRow, position: Long): InternalRow = new GenericInternalRow(
    plan.sources
      .map {
        case Source.Stored(i) => if (row.isNullAt(i)) null else row.get(i, plan.stored(i).dataType)
        case Source.Place => LineageColumns.place(rows.number, position)
        case Source.RowId(stored) =>
          held(row, stored).getOrElse(if (isNumbered) file.rowId(position) else null)
        case Source.RowCommit(stored) => held(row, stored).getOrElse(addedBy)
        case Source.Constant(i) => rows.constants(i)
      }
      .toArray[Any]
  )

  private def held(row: InternalRow, stored: Option[Int]): Option[Long] =
    stored.filterNot(row.isNullAt).map(row.getLong)
}
