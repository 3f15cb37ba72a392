package io.anabranch.spark.write

import io.anabranch.core.format._
import io.anabranch.core.repository.{LoadedTable, Repository}
import io.anabranch.spark.read.{FileRows, RowChoice}
import org.apache.hadoop.conf.Configuration

import scala.collection.mutable

/** Copy on write: files of which rows go are written anew, together with what the statement wrote.
  *
  * The changes are found as for merge-on-read; so only files that hold such rows are touched, whatever the statement is.
  */
final private class CopyOnWrite(repository: Repository, loaded: LoadedTable, conf: Configuration) {
  private val table = loaded.table
  private val rewriter = new Rewriter(repository.root, table, conf)
  private val plan = rewriter.plan

  /** @param gone
    *   the rows that the statement deletes or replaces, by the id of their file
    * @param written
    *   what it wrote; those that stand in other files now are removed
    */
  def apply(gone: Map[String, RowPositions], written: Seq[DataFile]): CopiedFiles = {
    val context = repository.context(table)
    val touched = gone.toSeq
      .map { case (id, rows) => table.files.files(id) -> rows.union(context.read(table.files.files(id))) }
      .filter { case (file, dead) => dead.size < file.rows }
      .sortBy { case (file, _) =>
        (file.addedBy.fold(0L)(_.packed), file.ids.headOption.getOrElse(0L), file.id)
      }
      .map { case (file, dead) => FileRows(file, 0, RowChoice.without(dead), Nil) }
    val groups = packed(touched, written)
    val files = rewriter.run(groups, plan.inlineLimit)
    val placed = groups.flatten.map(_.file.id).toSet
    val (inside, alone) = written.partition(f => placed(f.id))
    rewriter.discard(inside)
    CopiedFiles(
      RowWriter.settled(plan, conf, files ++ alone),
      touched.map(_.file.id).toSet,
      touched.map(r => RowChoice.rows(r.file, r.choice)).sum
    )
  }

  /** Groups of about the size of a file: each has rows that must be copied. What was written goes where there is room. */
  private def packed(touched: Seq[FileRows], written: Seq[DataFile]): Seq[Seq[FileRows]] =
    touched.groupBy(_.file.partition).toSeq.flatMap { case (partition, rows) =>
      val bins = mutable.ArrayBuffer.empty[Bin]
      rows.foreach { r =>
        if (!bins.lastOption.exists(_.takes(r, plan.targetBytes))) bins += new Bin
        bins.last.add(r)
      }
      written.filter(_.partition == partition).map(FileRows(_, 0, RowChoice.All, Nil)).foreach { r =>
        bins.find(_.takes(r, plan.targetBytes)).foreach(_.add(r))
      }
      bins.map(_.rows)
    }
}

/** @param files
  *   all files and blocks that the statement adds
  * @param rewritten
  *   ids of the files in whose place some of them stand
  * @param rowsCopied
  *   rows that are only copied
  */
final private[write] case class CopiedFiles(files: Seq[DataFile], rewritten: Set[String], rowsCopied: Long)

/** Rows that are to stand in one file. */
final private[write] class Bin {
  private val held = mutable.ArrayBuffer.empty[FileRows]
  private var bytes = 0L

  def rows: Seq[FileRows] = held.toSeq
  def takes(r: FileRows, targetBytes: Long): Boolean = held.isEmpty || bytes + Bin.bytes(r) <= targetBytes
  def add(r: FileRows): Unit = {
    held += r
    bytes += Bin.bytes(r)
  }
}

private[write] object Bin {

  /** About what the wanted rows of a file take. */
  def bytes(r: FileRows): Long =
    (r.file.sizeBytes.toDouble * RowChoice.rows(r.file, r.choice) / r.file.rows.max(1)).toLong
}
