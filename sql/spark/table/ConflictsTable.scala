package io.anabranch.spark.table

import io.anabranch.core.operations.Names
import io.anabranch.core.operations.merge.Decision
import io.anabranch.core.repository.{KeptConflict, UnfinishedMerges}
import io.anabranch.spark.AnabranchErrors.translated
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow
import org.apache.spark.sql.connector.catalog._
import org.apache.spark.sql.connector.expressions.{Expressions, NamedReference}
import org.apache.spark.sql.connector.read.{LocalScan, Scan, ScanBuilder, SupportsPushDownRequiredColumns}
import org.apache.spark.sql.connector.write._
import org.apache.spark.sql.types.{DataType, LongType, StructType}
import org.apache.spark.sql.util.CaseInsensitiveStringMap
import org.apache.spark.unsafe.types.UTF8String

import java.util

/** `system.conflicts`: the conflicts of the unfinished merge into a branch, as rows. Who updates `choice` or `value` of
  * some decides these.
  *
  * @param find
  *   looks for them
  * @param decide
  *   keeps decisions about them
  */
final class ConflictsTable(branch: String, find: () => Seq[KeptConflict], decide: Seq[Decision] => Unit)
    extends Table
    with SupportsRead
    with SupportsMetadataColumns
    with SupportsRowLevelOperations {
  import ConflictsTable._

  override def name(): String = ConflictsTable.Name
  override def columns(): Array[Column] = SparkBridge.columns(Schema)
  override def capabilities(): util.Set[TableCapability] = util.EnumSet.of(TableCapability.BATCH_READ)
  override def metadataColumns(): Array[MetadataColumn] = Array(PlaceColumn)

  override def newScanBuilder(options: CaseInsensitiveStringMap): ScanBuilder =
    new ConflictsScanBuilder(() => find())

  override def newRowLevelOperationBuilder(info: RowLevelOperationInfo): RowLevelOperationBuilder = {
    if (info.command() == RowLevelOperation.Command.DELETE) translated(throw invalid(NotRemoved))
    () => new DecisionsOperation(info.command())
  }

  private def invalid(reason: String) = UnfinishedMerges.invalid(branch, reason)

  /** Spark finds the rows to change by a scan, and says by their places in it which are which. */
  private class DecisionsOperation(of: RowLevelOperation.Command) extends SupportsDelta {
    private lazy val found = find()

    override def command(): RowLevelOperation.Command = of
    override def description(): String = s"decisions about ${ConflictsTable.Name}"
    override def rowId(): Array[NamedReference] = Array(Expressions.column(Place))
    override def newScanBuilder(options: CaseInsensitiveStringMap): ScanBuilder =
      new ConflictsScanBuilder(() => found)
    override def newWriteBuilder(info: LogicalWriteInfo): DeltaWriteBuilder = new DeltaWriteBuilder {
      override def build(): DeltaWrite = new DeltaWrite {
        override def toBatch: DeltaBatchWrite = new DecisionsWrite(found)
      }
    }
  }

  private class DecisionsWrite(found: Seq[KeptConflict]) extends DeltaBatchWrite {
    override def createBatchWriterFactory(info: PhysicalWriteInfo): DeltaWriterFactory =
      new ChangedRowsFactory
    override def abort(messages: Array[WriterCommitMessage]): Unit = ()

    override def commit(messages: Array[WriterCommitMessage]): Unit = translated {
      val all = messages.toSeq.collect { case c: ChangedRows => c }
      if (all.exists(_.removed)) throw invalid(NotRemoved)
      if (all.exists(_.added)) throw invalid("conflicts follow from the branches, none can be added")
      val decisions = all.flatMap(_.rows).flatMap { case (place, row) =>
        val was = cells(found(place.toInt))
        Schema.fieldNames.zip(row.zip(was)).foreach {
          case (column, (to, from)) if to != from && !Decided.contains(column) =>
            throw invalid(s"$column tells of a conflict, and only choice and value can be set")
          case _ => ()
        }
        def text(column: String) = Option(row(Schema.fieldIndex(column))).map(_.toString)
        found(place.toInt)
          .rewritten(text(Decided.head), text(Decided.last))
          .fold(reason => throw invalid(reason), _.toSeq)
      }
      if (decisions.nonEmpty) decide(decisions)
    }
  }
}

object ConflictsTable {
  val Name: String = "system.conflicts"
  private val Schema: StructType = StructType.fromDDL(
    "table STRING, kind STRING, detail STRING, row_id BIGINT, key STRING, `column` STRING, base STRING, " +
      "ours STRING, theirs STRING, our_commit STRING, their_commit STRING, choice STRING, value STRING"
  )
  private val Decided = Seq("choice", "value")

  /** Where a conflict stands among those that were found: a hidden column. */
  val Place: String = "_place"
  private val NotRemoved = "a conflict goes when it is decided, not when it is deleted"

  private object PlaceColumn extends MetadataColumn {
    override def name: String = Place
    override def dataType: DataType = LongType
    override def isNullable: Boolean = false
    override def comment: String = "Where the conflict stands during this statement; for internal use."
  }

  /** In the order of [[Schema]]. */
  private def cells(k: KeptConflict): Seq[Any] = {
    val (c, row) = (k.conflict, k.conflict.row)
    val (choice, value) = k.shown
    Seq(
      Names.show(c.name),
      c.kind,
      c.reason,
      row.map(_.id).orNull,
      row.flatMap(_.key).orNull,
      c.column.orNull,
      c.base.orNull,
      c.ours.orNull,
      c.theirs.orNull,
      row.flatMap(_.ourCommit).map(_.toString).orNull,
      row.flatMap(_.theirCommit).map(_.toString).orNull,
      choice.orNull,
      value.orNull
    )
  }

  private def internal(cell: Any): Any = cell match {
    case s: String => UTF8String.fromString(s)
    case other => other
  }

  /** The cells of a row in the order of [[Schema]]. */
  private[table] def external(row: InternalRow): Seq[Any] = Schema.indices.map { i =>
    if (row.isNullAt(i)) null
    else if (Schema(i).dataType == LongType) row.getLong(i)
    else row.getUTF8String(i).toString
  }

  final private class ConflictsScanBuilder(find: () => Seq[KeptConflict])
      extends ScanBuilder
      with SupportsPushDownRequiredColumns {
    private var wanted = Schema
    override def pruneColumns(required: StructType): Unit = wanted = required
    override def build(): Scan = {
      val columns = wanted
      new LocalScan with Scan {
        override def readSchema(): StructType = columns
        override def description(): String = Name
        override def rows(): Array[InternalRow] = translated {
          find().zipWithIndex.map { case (k, place) =>
            val all = Schema.fieldNames.zip(cells(k)).toMap + (Place -> place.toLong)
            new GenericInternalRow(columns.fieldNames.map(c => internal(all(c)))): InternalRow
          }.toArray
        }
      }
    }
  }
}

/** Rows of `system.conflicts` as a task was given them.
  *
  * @param rows
  *   by their places in the scan
  */
final private case class ChangedRows(rows: Seq[(Long, Seq[Any])], added: Boolean, removed: Boolean)
    extends WriterCommitMessage

final private class ChangedRowsFactory extends DeltaWriterFactory {
  override def createWriter(partitionId: Int, taskId: Long): DeltaWriter[InternalRow] =
    new DeltaWriter[InternalRow] {
      private val rows = Seq.newBuilder[(Long, Seq[Any])]
      private var (added, removed) = (false, false)

      override def update(metadata: InternalRow, id: InternalRow, row: InternalRow): Unit =
        rows += id.getLong(0) -> ConflictsTable.external(row)
      override def insert(row: InternalRow): Unit = added = true
      override def delete(metadata: InternalRow, id: InternalRow): Unit = removed = true
      override def commit(): WriterCommitMessage = ChangedRows(rows.result(), added, removed)
      override def abort(): Unit = ()
      override def close(): Unit = ()
    }
}
