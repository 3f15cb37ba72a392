package io.anabranch.spark.write

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.DataFile
import io.anabranch.core.log.CatalogState
import io.anabranch.core.operations.{Compact, Compacted}
import io.anabranch.core.repository.{LoadedTable, Repository}
import io.anabranch.core.transaction.CommitContext
import io.anabranch.spark.read.{FileRows, RowChoice}
import org.apache.hadoop.conf.Configuration

import scala.collection.mutable

/** Puts the rows of small files and of inline blocks together in files of the table's size, and leaves out deleted rows
  * where they are many. No row changes.
  */
final private[spark] class Compaction(repository: Repository, loaded: LoadedTable, conf: Configuration) {
  private val table = loaded.table
  private val targetBytes = WritePlans.targetBytes(table.metadata)
  private val deletedPercent = WritePlans.deletedPercent(table.metadata)

  /** @param candidates
    *   the files that it may touch
    * @return
    *   the state after the commit; None if there was nothing to do
    */
  def run(candidates: Seq[DataFile], by: CommitContext): Option[CatalogState] = {
    val branch = loaded.ref.writable
    val found = groups(candidates)
    if (found.isEmpty) None
    else {
      val rewriter = new Rewriter(repository.root, table, conf)
      val files = rewriter.run(found, inlineLimit = 0)
      val compacted = found.zip(files).map { case (rows, file) => Compacted(rows.map(_.file), file) }
      val intent = Compact(loaded.state, table.id, compacted, repository.context(table))
      val state =
        try repository.commit(branch, loaded.state, intent, by)
        catch {
          case e: AnabranchException if e.condition != "ANABRANCH_COMMIT.OUTCOME_UNKNOWN" =>
            rewriter.discard(files)
            throw e
        }
      // what was made of files that others have removed since is not in it
      val placed = state.tables(table.id).files.files
      val (kept, unused) = files.partition(f => placed.contains(f.id))
      rewriter.discard(unused)
      Option.when(kept.nonEmpty)(state)
    }
  }

  /** Files that are to become one, of the same partition and in the order of their rows' ids. */
  private def groups(candidates: Seq[DataFile]): Seq[Seq[FileRows]] =
    candidates
      .filter(f => isWorn(f) || Bin.bytes(live(f)) < targetBytes * Compaction.SmallPercent / 100)
      .groupBy(_.partition)
      .values
      .toSeq
      .flatMap(packed)

  private def packed(files: Seq[DataFile]): Seq[Seq[FileRows]] = {
    val bins = mutable.ArrayBuffer.empty[Bin]
    files.sortBy(f => (f.ids.headOption.getOrElse(0L), f.id)).map(live).foreach { rows =>
      if (!bins.lastOption.exists(_.takes(rows, targetBytes))) bins += new Bin
      bins.last.add(rows)
    }
    bins.map(_.rows).filter(b => b.size > 1 || b.exists(r => isWorn(r.file))).toSeq
  }

  private def live(file: DataFile): FileRows = FileRows(file, 0, RowChoice.live(file), Nil)

  private def isWorn(file: DataFile): Boolean =
    file.deletions.exists(_.cardinality * 100 >= deletedPercent * file.rows)
}

private object Compaction {

  /** A file that is not smaller than this part of the target size is left as it is. */
  val SmallPercent = 75
}
