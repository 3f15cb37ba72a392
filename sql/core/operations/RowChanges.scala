package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.transaction._

/** What a statement read of a table, for as far as it matters to a commit that comes later.
  *
  * @param id
  *   of the table
  * @param mayCover
  *   whether a file may hold rows that the statement would have read
  * @param changesToo
  *   whether rows that went since matter as well; not so where the statement changed all that it read
  */
final case class TableRead(id: String, mayCover: DataFile => Boolean, changesToo: Boolean)

object TableRead {

  /** A read of the rows for which a condition holds, decided by the bounds of files.
    *
    * @param metadata
    *   of the table as it was read
    */
  def where(id: String, metadata: TableMetadata, condition: Predicate, changesToo: Boolean): TableRead =
    TableRead(id, Pruning.mayMatch(condition, _, metadata.partitioning), changesToo)
}

/** What deletion vectors a rebase needs to see and to write. The I/O of [[RowChanges]]. */
trait VectorStore {
  def read(file: DataFile): RowPositions
  def write(positions: RowPositions): DeletionVector

  /** The ids of some rows of a file, for people. */
  def rowIds(file: DataFile, positions: RowPositions): Seq[Long]
}

/** Deletes and replaces rows of a table, wherever they are, and adds others: UPDATE, DELETE, MERGE.
  *
  * Others may have changed other rows meanwhile, of the same files, too: the deletion vectors are united.
  *
  * @param gone
  *   the rows that the statement deletes or replaces, by file
  * @param files
  *   new rows and new versions of rows
  * @param rewritten
  *   ids of files whose other rows stand in `files` as well: copy on write
  * @param reads
  *   checked against what others wrote since: empty under snapshot isolation
  */
final case class RowChanges(
    base: CatalogState,
    id: String,
    gone: Map[String, RowPositions],
    files: StagedFiles,
    rewritten: Set[String],
    reads: Seq[TableRead],
    operation: String,
    metrics: Map[String, Long],
    vectors: VectorStore
) extends TableIntent {

  // a vector that was written for a try that lost is good for the next, if the rows are the same
  private val written = scala.collection.mutable.Map.empty[RowPositions, DeletionVector]

  override def onto(now: CatalogState): Proposal = {
    Rebase.sameLayout(base, now, id)
    val (was, is) = (base.tables(id), now.tables(id))
    // a row that both changed is the clearer thing to say
    val masks = gone.toSeq.sortBy(_._1).map { case (file, rows) =>
      val (current, others) = alone(was, is, file, rows)
      (current, others.union(rows))
    }
    reads.foreach(ReadCheck.unchanged(base, now, _))
    val (whole, part) = masks.partition { case (file, rows) => rewritten(file.id) || rows.size >= file.rows }
    val vanished = whole.map(_._1)
    val change = TableChange(
      0,
      remove = vanished.map(_.id),
      deletions = part.map { case (f, rows) =>
        f.id -> written.getOrElseUpdate(rows, vectors.write(rows))
      }.toMap,
      add = files.inEntry,
      manifests = files.manifests
    )
    if (change.touchesFiles)
      Proposal(Map(id -> change), metrics = metrics ++ RowChanges.metricsOf(vanished, part.size))
    else Proposal()
  }

  /** The file as it is now, and the rows of it that others deleted: none of which may be ours. */
  private def alone(was: TableState, is: TableState, file: String, rows: RowPositions) = {
    def conflict(at: Position, taken: Seq[Long]) = new Conflict(
      s"rows of ${is.name.mkString(".")} that this statement changes were changed meanwhile: ${RowChanges.show(taken)}",
      at
    )
    val before = was.files.files(file)
    val current =
      is.files.files.getOrElse(file, throw conflict(is.at, vectors.rowIds(before, RowChanges.first(rows))))
    val others = vectors.read(current)
    if (current.deletions != before.deletions) {
      val at = current.deletions.flatMap(_.writtenBy).getOrElse(is.at)
      // in a file that is written anew all rows are ours
      val taken = if (rewritten(file)) others.minus(vectors.read(before)) else others.intersect(rows)
      if (taken.nonEmpty) throw conflict(at, vectors.rowIds(current, RowChanges.first(taken)))
    }
    (current, others)
  }
}

object RowChanges {
  private val Shown = 5

  private def first(rows: RowPositions): RowPositions =
    if (rows.size <= Shown + 1) rows else RowPositions.of(rows.iterator.take(Shown + 1).toArray)

  private def show(ids: Seq[Long]): String =
    "_row_id " + ids.take(Shown).mkString(", ") + (if (ids.size > Shown) ", …" else "")

  private def metricsOf(vanished: Seq[DataFile], masked: Int): Map[String, Long] = {
    val stored = vanished.filterNot(_.isInline)
    Map(
      "files_removed" -> stored.size.toLong,
      "bytes_removed" -> stored.map(_.sizeBytes).sum,
      "files_masked" -> masked.toLong
    ).filter(_._2 != 0)
  }
}

/** Whether what a statement read still stands: for serializable isolation. */
object ReadCheck {

  /** @throws Conflict
    *   if another commit may have changed what was read
    */
  def unchanged(base: CatalogState, now: CatalogState, read: TableRead): Unit = {
    val (before, after) = (base.tables.get(read.id), now.tables.get(read.id))
    (before, after) match {
      case (Some(was), Some(is)) if was.at != is.at =>
        val (old, current) = (was.files.files, is.files.files)
        val added = current.valuesIterator.filter(f => !old.contains(f.id))
        val lost =
          if (!read.changesToo) Iterator.empty
          else old.valuesIterator.filter(f => !current.get(f.id).exists(_.deletions == f.deletions))
        (added ++ lost).find(read.mayCover).foreach { f =>
          throw conflict(
            is,
            current.get(f.id).flatMap(c => c.deletions.flatMap(_.writtenBy).orElse(c.addedBy))
          )
        }
      case (Some(was), None) =>
        throw new Conflict(
          s"the table ${was.name.mkString(".")}, which it reads, was dropped meanwhile",
          now.position
        )
      case _ => ()
    }
  }

  private def conflict(table: TableState, by: Option[Position]) = new Conflict(
    s"rows of ${table.name.mkString(".")} that the statement would have read were added or changed meanwhile",
    by.getOrElse(table.at)
  )
}
