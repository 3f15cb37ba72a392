package io.anabranch.spark.write

import io.anabranch.core.format._
import io.anabranch.core.log.TableState
import io.anabranch.spark.AnabranchAnalysisException
import io.anabranch.spark.read._
import io.anabranch.spark.schema.ColumnMapping
import org.apache.hadoop.conf.Configuration
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.{InternalRow, ProjectingInternalRow}
import org.apache.spark.sql.connector.read.{InputPartition, PartitionReaderFactory}
import org.apache.spark.sql.types.StructType
import org.apache.spark.util.SerializableConfiguration

import scala.annotation.tailrec
import scala.collection.mutable

/** Writes rows of files to other files, unchanged: they keep row id and row commit. Rows of files that no commit has added
  * yet keep what they have of these.
  */
final class Rewriter(root: String, table: TableState, conf: Configuration) {

  /** Runs a job with a task for each group.
    *
    * @param groups
    *   rows that are to stand in one file, in this order; the files of a group have the same partition values
    * @param inlineLimit
    *   so few rows of a group become a block that can stand in the commit
    * @return
    *   a file for each group
    */
  def run(groups: Seq[Seq[FileRows]], inlineLimit: Int): Seq[DataFile] = if (groups.isEmpty) Nil
  else {
    val parquet = Seq(byRuns, byColumn).map(p => WritePlans.parquetSettings(p.schema))
    val task = new RewriteTask(
      Output(byRuns, parquet.head),
      Output(byColumn.copy(inlineLimit = inlineLimit), parquet.last),
      reader(groups.flatten, everything),
      reader(groups.flatten, StructType(LineageColumns.stored(Seq(Lineage.RowId)))),
      SparkBridge.broadcast(conf)
    )
    val jobs = groups.map { g =>
      val live = g.map(r => RowChoice.rows(r.file, r.choice)).sum
      RewriteJob(g.map(scan(g, everything).whole), g.head.file.partition, live)
    }
    val done = new Array[DataFile](jobs.size)
    try {
      val context = SparkBridge.session.sparkContext
      context.runJob(
        context.makeRDD(jobs, jobs.size),
        (items: Iterator[RewriteJob]) => items.map(task.run).toSeq.head,
        (i: Int, file: DataFile) => done(i) = file
      )
      done.toSeq
    } catch {
      case e: Throwable =>
        discard(done.toSeq.filter(_ != null))
        throw Rewriter.cause(e).getOrElse(e)
    }
  }

  /** Removes files that no commit names. */
  def discard(files: Seq[DataFile]): Unit = files.foreach(RowWriter.delete(byColumn.target, conf, _))

  /** How files with both lineage columns are written, in any number and size. */
  def plan: WritePlan = WritePlans.of(root, table.id, table.metadata, Rewriter.Held)

  // what is in one group has its place
  private lazy val byColumn = plan.copy(partitioning = Nil, targetBytes = Long.MaxValue)
  private lazy val byRuns = WritePlans
    .of(root, table.id, table.metadata, Rewriter.Held.take(1))
    .copy(partitioning = Nil, targetBytes = Long.MaxValue, inlineLimit = 0)

  private lazy val everything = StructType(
    ColumnMapping.logical(table.metadata.columns).fields ++ LineageColumns.stored(Rewriter.Held)
  )

  private def reader(rows: Seq[FileRows], columns: StructType) = scan(rows, columns).createReaderFactory()

  private def scan(rows: Seq[FileRows], columns: StructType) =
    new AnabranchScan(new ScanInput(root, table, columns, Nil, Nil, () => "", rows), None, conf)
}

private object Rewriter {

  /** Row ids come last: a file that has them as runs leaves them out. */
  val Held: Seq[String] = Seq(Lineage.RowCommit, Lineage.RowId)

  /** Our own error in that of a job. */
  @tailrec
  private def cause(e: Throwable): Option[AnabranchAnalysisException] = e match {
    case null => None
    case ours: AnabranchAnalysisException => Some(ours)
    case other => cause(other.getCause)
  }
}

/** What one task reads, all of one partition of the table.
  *
  * @param rows
  *   how many there are
  */
final private case class RewriteJob(sources: Seq[InputPartition], partition: Map[String, Value], rows: Long)

final private case class Output(plan: WritePlan, parquet: Map[String, String])

/** Writes the rows of a group to a file: without their ids, where these are few runs. */
final private class RewriteTask(
    byRuns: Output,
    byColumn: Output,
    reader: PartitionReaderFactory,
    ids: PartitionReaderFactory,
    conf: Broadcast[SerializableConfiguration]
) extends Serializable {

  def run(job: RewriteJob): DataFile = {
    val runs = if (job.rows <= byColumn.plan.inlineLimit) None else fewRuns(job.sources)
    val output = if (runs.isDefined) byRuns else byColumn
    val writer = new RowWriter(output.plan, RowWriter.settings(conf.value.value, output.parquet))
    try {
      // without its last column, the row id, where that is not written
      val written = ProjectingInternalRow(output.plan.schema, output.plan.schema.indices)
      rows(reader, job.sources) { row =>
        written.project(row)
        writer.write(written)
        true
      }
      val files = writer.commit().asInstanceOf[TaskResult].files
      require(files.map(_.rows) == Seq(job.rows), s"${files.map(_.rows)} rows written, not ${job.rows}")
      files.head.copy(partition = job.partition, runs = runs.getOrElse(Nil))
    } catch {
      case e: Throwable =>
        writer.abort()
        throw e
    }
  }

  private def fewRuns(sources: Seq[InputPartition]): Option[Seq[RowRun]] = {
    val runs = mutable.ArrayBuffer.empty[RowRun]
    val few = rows(ids, sources) { row =>
      !row.isNullAt(0) && {
        val id = row.getLong(0)
        runs.lastOption match {
          case Some(RowRun(first, count)) if first + count == id =>
            runs(runs.size - 1) = RowRun(first, count + 1)
          case _ => runs += RowRun(id, 1)
        }
        runs.size <= RowRuns.Max
      }
    }
    Option.when(few)(runs.toSeq)
  }

  /** Goes through all rows while somebody wants more of them; gives whether that was so to the end. */
  private def rows(factory: PartitionReaderFactory, sources: Seq[InputPartition])(
      more: InternalRow => Boolean
  ): Boolean = sources.forall { source =>
    val open = factory.createReader(source)
    try Iterator.continually(open).takeWhile(_.next()).forall(r => more(r.get()))
    finally open.close()
  }
}
