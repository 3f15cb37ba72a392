package io.anabranch.spark.read

import org.apache.spark.sql.classic.SparkSession
import org.apache.spark.sql.execution.datasources.{FilePartition, PartitionedFile}
import org.apache.spark.sql.internal.SQLConf

import scala.collection.mutable

/** How the files of a scan are dealt to tasks. Spark's own way fills one task after the other up to a limit; what is left over
  * becomes a task that runs while other cores idle, which a scan of few tasks pays dearly for.
  *
  * @param bytes
  *   that a task should read, about; a larger file is split
  * @param openCost
  *   bytes that could be read while a file is opened
  * @param cores
  *   how many tasks may run at once
  * @param most
  *   how many tasks there may be
  */
final class TaskSizes(val bytes: Long, openCost: Long, cores: Int, most: Int) {

  /** Tasks of about the same size, that fill the cores to the end. */
  def partitions(pieces: Seq[PartitionedFile]): Seq[FilePartition] = {
    val rounds = (pieces.iterator.map(cost).sum.toDouble / (bytes * cores)).round.max(1L)
    val wanted = (rounds * cores).min(most.toLong).min(pieces.size.toLong).toInt
    // the largest piece that is left goes to the task that has least
    val tasks = IndexedSeq.fill(wanted)(new TaskSizes.Task)
    val byLoad = mutable.PriorityQueue.from(tasks)(Ordering.by(-_.load))
    pieces.sortBy(-_.length).foreach { piece =>
      val task = byLoad.dequeue()
      task.pieces += piece
      task.load += cost(piece)
      byLoad.enqueue(task)
    }
    tasks.zipWithIndex.map { case (task, i) => FilePartition(i, task.pieces.toArray) }
  }

  private def cost(piece: PartitionedFile): Long = piece.length + openCost
}

object TaskSizes {

  /** By Spark's settings for files (`spark.sql.files.*`). */
  def of(session: SparkSession, fileSizes: Seq[Long]): TaskSizes = {
    val conf = session.sessionState.conf
    val openCost = conf.filesOpenCostInBytes
    new TaskSizes(
      FilePartition.maxSplitBytes(session, fileSizes.iterator.map(_ + openCost).sum),
      openCost,
      conf.filesMinPartitionNum
        .orElse(conf.getConf(SQLConf.LEAF_NODE_DEFAULT_PARALLELISM))
        .getOrElse(session.sparkContext.defaultParallelism),
      conf.filesMaxPartitionNum.getOrElse(Int.MaxValue)
    )
  }

  final private class Task {
    val pieces = mutable.ArrayBuffer.empty[PartitionedFile]
    var load = 0L
  }
}
