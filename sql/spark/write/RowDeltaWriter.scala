package io.anabranch.spark.write

import io.anabranch.core.format.DataFile
import org.apache.hadoop.conf.Configuration
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.sql.catalyst.{InternalRow, ProjectingInternalRow}
import org.apache.spark.sql.catalyst.expressions.{GenericInternalRow, JoinedRow}
import org.apache.spark.sql.connector.write._
import org.apache.spark.sql.types.StructType
import org.apache.spark.util.SerializableConfiguration

/** What a task of a row-level statement did.
  *
  * @param files
  *   new rows and new versions of rows
  * @param gone
  *   rows deleted or replaced, by the number of their file: positions as a bitmap
  * @param scanNanos
  *   time of the task that did not go into writing
  */
final case class DeltaResult(
    files: Seq[DataFile],
    gone: Map[Int, Array[Byte]],
    inserted: Long,
    updated: Long,
    scanNanos: Long,
    writeNanos: Long
) extends WriterCommitMessage

final class RowDeltaWriterFactory(
    plan: WritePlan,
    conf: Broadcast[SerializableConfiguration],
    parquet: Map[String, String]
) extends DeltaWriterFactory {
  override def createWriter(partitionId: Int, taskId: Long): DeltaWriter[InternalRow] =
    new RowDeltaWriter(plan, RowWriter.settings(conf.value.value, parquet))
}

/** Takes the changes of one task: the places of rows that go, and rows that come. A new version of a row
  * keeps its row id.
  *
  * @param plan
  *   whose schema ends with `_row_id`
  */
final private class RowDeltaWriter(plan: WritePlan, settings: => Configuration)
    extends DeltaWriter[InternalRow] {
  private val rows = new RowWriter(plan, settings)
  private val gone = new Places
  private val joined = new JoinedRow
  // a statement that asks for hidden columns has them behind the table's own
  private val own = {
    val columns = plan.schema.fields.dropRight(plan.target.lineage.size)
    ProjectingInternalRow(StructType(columns), columns.indices)
  }
  private val rowId = new GenericInternalRow(1)
  private var inserted = 0L
  private var updated = 0L
  private val started = System.nanoTime()
  private var writing = 0L

  override def delete(metadata: InternalRow, id: InternalRow): Unit = gone.mark(id.getLong(0))

  override def update(metadata: InternalRow, id: InternalRow, row: InternalRow): Unit = timed {
    gone.mark(id.getLong(0))
    updated += 1
    val known = metadata.getLong(0)
    // a row of an open transaction gets its id by the commit
    if (known >= 0) rowId.update(0, known) else rowId.setNullAt(0)
    rows.write(joined(ownColumns(row), rowId))
  }

  override def insert(row: InternalRow): Unit = timed {
    inserted += 1
    rowId.update(0, null)
    rows.write(joined(ownColumns(row), rowId))
  }

  private def ownColumns(row: InternalRow): InternalRow =
    if (row.numFields == own.numFields) row
    else {
      own.project(row)
      own
    }

  private def timed(body: => Unit): Unit = {
    val start = System.nanoTime()
    body
    writing += System.nanoTime() - start
  }

  override def commit(): WriterCommitMessage = {
    var files = Seq.empty[DataFile]
    timed { files = rows.commit().asInstanceOf[TaskResult].files }
    DeltaResult(
      files,
      gone.result(),
      inserted,
      updated,
      System.nanoTime() - started - writing,
      writing
    )
  }

  override def abort(): Unit = rows.abort()
  override def close(): Unit = rows.close()
}
