package io.anabranch.spark.merge

import io.anabranch.core.format._
import io.anabranch.core.log.TableState
import io.anabranch.core.operations.merge._
import io.anabranch.spark.read.LineageColumns
import io.anabranch.spark.write.{RowWriter, TaskResult, WritePlans}
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow
import org.apache.spark.sql.connector.read.{InputPartition, PartitionReader, PartitionReaderFactory}
import org.apache.spark.sql.functions.{col, concat_ws, expr}
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.{Column => SparkColumn, DataFrame}

import scala.jdk.CollectionConverters._

/** Looks at rows for a merge by Spark's reader of data files: in this process, since they are few where branches
  * changed different rows; what concerns all new rows of a side runs as a query.
  *
  * @param conf
  *   Hadoop settings of the catalog
  * @param mayRead
  *   refuses tables whose rows must not be shown
  */
final class SparkMergeRows(root: String, conf: => Configuration, mayRead: TableState => Unit)
    extends MergeRows {
  private lazy val settings = conf

  override def versions(table: TableState, rows: Seq[RowsAt]): Iterator[RowVersion] = {
    val (implied, held) = rows.filter(_.rows.nonEmpty).partition(_.file.lineage.isEmpty)
    val known =
      for { r <- implied.iterator; p <- r.rows.iterator } yield RowVersion(
        r.file.rowId(p),
        r.file.addedBy.fold(0L)(_.packed),
        r.file,
        p
      )
    known ++ read(table, table.metadata, held, StructType(RowsTable.Hidden)) { row =>
      val place = row.getLong(2)
      RowVersion(
        row.getLong(0),
        row.getLong(1),
        held(LineageColumns.fileOf(place)).file,
        LineageColumns.positionOf(place)
      )
    }
  }

  override def cells(
      table: TableState,
      metadata: TableMetadata,
      rows: Seq[RowVersion]
  ): Map[Long, IndexedSeq[Any]] = {
    mayRead(table)
    val cells = new Cells(metadata)
    val at = places(rows)
    val schema = StructType(SparkBridge.nullable(cells.schema).fields :+ RowsTable.Hidden.head)
    read(table, metadata, at, schema)(row => row.getLong(cells.schema.size) -> cells.of(row)).toMap
  }

  private def places(rows: Seq[RowVersion]): Seq[RowsAt] =
    rows
      .groupBy(_.file.id)
      .values
      .toSeq
      .map(g => RowsAt(g.head.file, RowPositions.of(g.map(_.position).toArray)))

  private def read[T](table: TableState, metadata: TableMetadata, rows: Seq[RowsAt], schema: StructType)(
      of: InternalRow => T
  ): Iterator[T] =
    if (rows.isEmpty) Iterator.empty
    else {
      val scan = new RowsTable(root, table, metadata, rows, settings).scan(schema)
      val factory = scan.createReaderFactory()
      scan.planInputPartitions().iterator.flatMap(SparkMergeRows.rowsOf(factory, _).map(of))
    }

  override def write(
      table: TableState,
      metadata: TableMetadata,
      rows: Seq[(Long, IndexedSeq[Any])]
  ): Seq[DataFile] = {
    val plan = WritePlans.of(root, table.id, metadata, Seq(Lineage.RowId))
    val parquet = WritePlans.settingsForChanges(plan.schema)
    val writer = new RowWriter(plan, RowWriter.settings(settings, parquet))
    try {
      rows.foreach { case (id, cells) =>
        writer.write(SparkMergeRows.row(cells, id))
      }
      val files = writer.commit().asInstanceOf[TaskResult].files
      RowWriter.settled(plan, settings, files)
    } catch {
      case e: Throwable =>
        writer.abort()
        throw e
    }
  }

  override def show(metadata: TableMetadata, column: Int, cell: Any): Option[String] =
    new Cells(metadata).show(column, cell)

  override def parse(metadata: TableMetadata, column: Int, text: Option[String]): Any =
    new Cells(metadata).parse(column, text)

  override def violations(
      table: TableState,
      metadata: TableMetadata,
      constraints: Seq[TableConstraint.Check],
      required: Set[String],
      rows: Seq[RowsAt]
  ): Seq[Violation] =
    if (rows.isEmpty) Nil else broken(frame(table, metadata, rows), metadata, constraints, required)

  override def violationsOf(
      metadata: TableMetadata,
      constraints: Seq[TableConstraint.Check],
      required: Set[String],
      rows: Seq[(Long, IndexedSeq[Any])]
  ): Seq[Violation] = broken(frame(metadata, rows), metadata, constraints, required)

  /** Rows put together, with their ids. */
  private def frame(metadata: TableMetadata, rows: Seq[(Long, IndexedSeq[Any])]): DataFrame =
    SparkBridge.frame(
      StructType(SparkBridge.nullable(new Cells(metadata).schema).fields :+ RowsTable.Hidden.head),
      rows.map { case (id, cells) => SparkMergeRows.row(cells, id) }
    )

  private def broken(
      rows: DataFrame,
      metadata: TableMetadata,
      constraints: Seq[TableConstraint.Check],
      required: Set[String]
  ): Seq[Violation] = {
    val nulls = metadata.columns.filter(c => required(c.physical)).map { c =>
      s"NOT NULL of ${c.name}" -> SparkMergeRows.named(c.name).isNull
    }
    val checks = constraints.map(c => s"CHECK ${c.name} (${c.condition})" -> !expr(c.condition))
    val shown = SparkMergeRows.shown(metadata)
    (nulls ++ checks).flatMap { case (what, fails) =>
      rows
        .where(fails)
        .select(col(Lineage.RowId), shown)
        .limit(SparkMergeRows.Shown)
        .collect()
        .map(r => Violation(what, r.getLong(0), r.getString(1)))
    }
  }

  private def frame(table: TableState, metadata: TableMetadata, rows: Seq[RowsAt]): DataFrame = {
    mayRead(table)
    SparkBridge.frame(new RowsTable(root, table, metadata, rows, settings))
  }

  override def clashes(
      table: TableState,
      metadata: TableMetadata,
      columns: Seq[String],
      ours: Seq[RowsAt],
      theirs: Seq[RowsAt]
  ): Seq[KeyClash] = {
    val names = SparkMergeRows.names(metadata, columns)
    val hidden = RowsTable.Hidden.map(_.name)
    def side(rows: Seq[RowsAt], prefix: String) = frame(table, metadata, rows).select(
      (names.zipWithIndex.map { case (n, i) => SparkMergeRows.named(n).as(s"$prefix$i") } ++
        hidden.map(h => col(h).as(s"$prefix$h"))): _*
    )
    val (same, key) = SparkMergeRows.sameKey(names.size)
    val found = side(ours, "o")
      .join(side(theirs, "t"), same && col(s"o${Lineage.RowId}") =!= col(s"t${Lineage.RowId}"))
      .select(key +: Seq("o", "t").flatMap(p => hidden.map(h => col(p + h))): _*)
      .collect()
      .toSeq
    def version(rows: Seq[RowsAt], id: Long, commit: Long, place: Long) =
      RowVersion(id, commit, rows(LineageColumns.fileOf(place)).file, LineageColumns.positionOf(place))
    val pairs = found.map { r =>
      (
        r.getString(0),
        version(ours, r.getLong(1), r.getLong(2), r.getLong(3)),
        version(theirs, r.getLong(4), r.getLong(5), r.getLong(6))
      )
    }
    val (mine, other) =
      (cells(table, metadata, pairs.map(_._2).distinct), cells(table, metadata, pairs.map(_._3).distinct))
    pairs.map { case (k, o, t) => KeyClash(k, o, t, mine(o.id) == other(t.id)) }
  }

  override def doubled(
      table: TableState,
      metadata: TableMetadata,
      columns: Seq[String],
      combined: Seq[(Long, IndexedSeq[Any])],
      sought: Set[Long],
      others: Seq[RowsAt]
  ): Seq[(Long, String)] = {
    val names = SparkMergeRows.names(metadata, columns)
    def side(rows: DataFrame, prefix: String) = rows.select(
      (names.zipWithIndex.map { case (n, i) => SparkMergeRows.named(n).as(s"$prefix$i") } :+
        col(Lineage.RowId).as(s"$prefix${Lineage.RowId}")): _*
    )
    val (same, key) = SparkMergeRows.sameKey(names.size)
    val all = side(frame(metadata, combined), "t").union(side(frame(table, metadata, others), "t"))
    side(frame(metadata, combined.filter(r => sought(r._1))), "o")
      .join(all, same && col(s"o${Lineage.RowId}") =!= col(s"t${Lineage.RowId}"))
      .select(col(s"o${Lineage.RowId}"), key)
      .distinct()
      .collect()
      .toSeq
      .map(r => (r.getLong(0), r.getString(1)))
      .sorted
  }
}

private object SparkMergeRows {

  /** So many rows that break a constraint are told. */
  val Shown = 5

  def names(metadata: TableMetadata, physical: Seq[String]): Seq[String] =
    physical.flatMap(p => metadata.columns.find(_.physical == p)).map(_.name)

  /** Whether the columns o0, o1, … of a row and t0, t1, … of another are a key of both, and that key as text. */
  def sameKey(columns: Int): (SparkColumn, SparkColumn) = (
    (0 until columns).map(i => col(s"o$i") === col(s"t$i")).reduce(_ && _),
    concat_ws(", ", (0 until columns).map(i => col(s"o$i").cast("string")): _*)
  )

  def named(column: String): SparkColumn = col("`" + column.replace("`", "``") + "`")

  def shown(metadata: TableMetadata): SparkColumn = {
    val columns = metadata.columns.map(c => "`" + c.name.replace("`", "``") + "`").mkString(", ")
    expr(s"to_json(struct($columns), map('ignoreNullFields', 'false'))")
  }

  /** A row of these cells, with its id behind them. */
  def row(cells: IndexedSeq[Any], id: Long): InternalRow =
    new GenericInternalRow((cells.collect { case c: Cell => c.raw } :+ id).toArray[Any])

  /** All rows of a part of a scan. */
  def rowsOf(factory: PartitionReaderFactory, part: InputPartition): Iterator[InternalRow] =
    if (factory.supportColumnarReads(part))
      all(factory.createColumnarReader(part)).flatMap(_.rowIterator().asScala)
    else all(factory.createReader(part))

  private def all[T](reader: PartitionReader[T]): Iterator[T] = new Iterator[T] {
    private var known = false
    private var more = false
    override def hasNext: Boolean = {
      if (!known) {
        more = reader.next()
        known = true
        if (!more) reader.close()
      }
      more
    }
    override def next(): T = {
      if (!hasNext) throw new NoSuchElementException
      known = false
      reader.get()
    }
  }
}
