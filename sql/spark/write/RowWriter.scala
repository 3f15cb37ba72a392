package io.anabranch.spark.write

import io.anabranch.core.format._
import io.anabranch.spark.read.{InlineBlock, InlineRows}
import org.apache.hadoop.conf.Configuration
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.write._
import org.apache.spark.sql.types.StructType
import org.apache.spark.util.SerializableConfiguration

import java.util.UUID
import scala.collection.mutable

/** What a task needs to write rows of a table.
  *
  * @param schema
  *   physical
  * @param targetBytes
  *   a file is closed when it has grown to this size
  * @param inlineLimit
  *   up to so many rows of a task stay in memory, to stand in the commit
  */
final case class WritePlan(
    target: FileTarget,
    schema: StructType,
    partitioning: Seq[PartitionField],
    targetBytes: Long,
    inlineLimit: Int
)

/** Files and inline rows that a task made. */
final case class TaskResult(files: Seq[DataFile]) extends WriterCommitMessage

/** @param parquet
  *   settings that come on top of those of the session
  */
final class RowWriterFactory(
    plan: WritePlan,
    conf: Broadcast[SerializableConfiguration],
    parquet: Map[String, String]
) extends DataWriterFactory {
  override def createWriter(partitionId: Int, taskId: Long): DataWriter[InternalRow] =
    new RowWriter(plan, RowWriter.settings(conf.value.value, parquet))
}

/** Writes the rows of one task: few rows stay in memory, more go to one file a partition, of which a
  * bounded number is open at a time.
  *
  * @param settings
  *   asked for with the first file: a write of few rows has none
  */
final class RowWriter(plan: WritePlan, settings: => Configuration) extends DataWriter[InternalRow] {
  private lazy val conf = settings
  private val partitionOf = new PartitionOf(plan.schema, plan.partitioning)
  private val open = mutable.LinkedHashMap.empty[Map[String, Value], TableFileWriter]
  private val done = mutable.ArrayBuffer.empty[DataFile]
  private var pending = mutable.ArrayBuffer.empty[InternalRow]
  private var spilled = plan.inlineLimit <= 0
  private var rows = 0L

  override def write(row: InternalRow): Unit = {
    rows += 1
    if (spilled) toFile(row)
    else if (pending.size < plan.inlineLimit) pending += row.copy()
    else {
      spill()
      toFile(row)
    }
  }

  private def spill(): Unit = {
    spilled = true
    pending.foreach(toFile)
    pending = mutable.ArrayBuffer.empty
  }

  private def toFile(row: InternalRow): Unit = {
    val partition = if (plan.partitioning.isEmpty) RowWriter.Unpartitioned else partitionOf(row)
    val writer = open.getOrElse(partition, opened(partition))
    writer.write(row)
    if (writer.rowCount % RowWriter.CheckEveryRows == 0 && writer.sizeBytes >= plan.targetBytes) {
      open.remove(partition)
      done += writer.close()
    }
  }

  private def opened(partition: Map[String, Value]): TableFileWriter = {
    if (open.size >= RowWriter.MaxOpenFiles) {
      val (oldest, writer) = open.head
      open.remove(oldest)
      done += writer.close()
    }
    val writer = new TableFileWriter(plan.target, conf, partition)
    open(partition) = writer
    writer
  }

  override def commit(): WriterCommitMessage = {
    val inline =
      try RowWriter.inlineBlocks(plan, partitionOf, pending.toSeq)
      catch {
        // text that is not UTF-8 can't stand in JSON
        case _: IllegalArgumentException =>
          spill()
          Nil
      }
    while (open.nonEmpty) {
      val (partition, writer) = open.head
      done += writer.close()
      open.remove(partition)
    }
    TaskResult(done.toSeq ++ inline)
  }

  override def abort(): Unit = {
    open.values.foreach(_.abort())
    open.clear()
    done.foreach(RowWriter.delete(plan.target, conf, _))
    done.clear()
  }

  override def close(): Unit = ()
}

object RowWriter {
  private val Unpartitioned = Map.empty[String, Value]
  private val CheckEveryRows = 1000
  private val MaxOpenFiles = 64

  /** A session's settings with those for Parquet. */
  def settings(base: Configuration, parquet: Map[String, String]): Configuration = {
    val conf = new Configuration(base)
    parquet.foreach { case (name, value) => conf.set(name, value) }
    conf
  }

  def delete(target: FileTarget, conf: => Configuration, file: DataFile): Unit = if (!file.isInline) {
    val path = new org.apache.hadoop.fs.Path(s"${target.root}/${Paths.dataFile(target.tableId, file.id)}")
    scala.util.Try(path.getFileSystem(conf).delete(path, false)): Unit
  }

  /** Rows as blocks that stand in the commit, one a partition. */
  private def inlineBlocks(plan: WritePlan, partitionOf: PartitionOf, rows: Seq[InternalRow]): Seq[DataFile] =
    rows.groupBy(partitionOf(_)).toSeq.map { case (partition, group) =>
      val json = group.map(r =>
        Json.Arr(plan.schema.fields.indices.map { i =>
          val t = plan.schema(i).dataType
          InlineRows.encode(if (r.isNullAt(i)) null else r.get(i, t), t)
        })
      )
      val bytes = Json.canonical(Json.Arr(json))
      DataFile(
        UUID.randomUUID().toString.replace("-", ""),
        bytes.length.toLong,
        group.size.toLong,
        Sha256.hex(bytes),
        partition,
        inline = Some(json),
        inlineColumns = plan.schema.fieldNames.toSeq,
        lineage = plan.target.lineage
      )
    }

  /** What all tasks together wrote, with blocks as files where they have more rows than may stand in a
    * commit.
    */
  def settled(plan: WritePlan, conf: Configuration, written: Seq[DataFile]): Seq[DataFile] = {
    val (blocks, files) = written.partition(_.isInline)
    val few = blocks.map(_.rows).sum <= WritePlans.MaxInlineRows &&
      blocks.map(_.sizeBytes).sum <= WritePlans.MaxInlineBytes
    if (few) written
    else files ++ asFiles(plan, settings(conf, WritePlans.parquetSettings(plan.schema)), blocks)
  }

  private def asFiles(plan: WritePlan, conf: Configuration, blocks: Seq[DataFile]): Seq[DataFile] = {
    val writer = new RowWriter(plan.copy(inlineLimit = 0), conf)
    try {
      blocks.foreach(b =>
        InlineBlock(b.inlineColumns, b.inline.get).decoded(plan.schema).foreach(writer.write)
      )
      writer.commit().asInstanceOf[TaskResult].files
    } catch {
      case e: Throwable =>
        writer.abort()
        throw e
    }
  }
}
