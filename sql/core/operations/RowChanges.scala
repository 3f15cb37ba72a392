package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}
import io.anabranch.core.transaction._

/** What a rebase of row changes has to see and to write: the I/O of [[RowChanges]]. */
trait RebaseContext extends CommitsSince {
  def read(file: DataFile): RowPositions
  def write(positions: RowPositions): DeletionVector

  /** The ids of some rows of a file. */
  def rowIds(file: DataFile, positions: RowPositions): Seq[Long]

  /** Prepares added files for a commit. */
  def stage(files: Seq[DataFile]): StagedFiles
}

/** Deletes and replaces rows of a table, wherever they are, and adds others: UPDATE, DELETE, MERGE.
  *
  * Others may have changed other rows meanwhile, of the same files, too: the deletion vectors are united.
  *
  * @param gone
  *   the rows that the statement deletes or replaces, by file
  * @param files
  *   new rows and new versions of rows
  * @param whole
  *   ids of those files that go as a whole, with all rows that they have
  * @param rewritten
  *   ids of those files that go since their other rows stand in `files` as well
  */
final case class RowChanges(
    base: CatalogState,
    id: String,
    gone: Map[String, RowPositions],
    files: StagedFiles,
    whole: Set[String],
    reads: Reads,
    operation: String,
    override val metrics: Map[String, Long],
    context: RebaseContext,
    rewritten: Set[String] = Set.empty
) extends TableIntent {

  // a vector that was written for a try that lost is good for the next, if the rows are the same
  private val written = scala.collection.mutable.Map.empty[RowPositions, DeletionVector]

  override def onto(now: CatalogState): Proposal = {
    // a row that both changed is the clearer thing to say
    val masked = masks(now)
    reads.check(base, now, Set(id), context)
    val (out, part) = masked.partition { case (file, rows) => goes(file.id) || rows.size >= file.rows }
    val vanished = out.map(_._1)
    val change = TableChange(
      0,
      remove = vanished.map(_.id),
      deletions = part.map { case (f, rows) =>
        f.id -> written.getOrElseUpdate(rows, context.write(rows))
      }.toMap,
      add = files.inEntry,
      manifests = files.manifests
    )
    if (change.touchesFiles)
      Proposal(
        Map(id -> change),
        metrics = metrics ++ RowChanges.metricsOf(vanished, part.size),
        reads = reads.tables
      )
    else Proposal()
  }

  /** The files in which its rows are, with all rows that none of them has after it.
    *
    * @throws Conflict
    *   if somebody else changed one of its rows, or the columns of the table
    */
  def masks(now: CatalogState): Seq[(DataFile, RowPositions)] = {
    Rebase.sameLayout(base, now, id)
    val (was, is) = (base.tables(id), now.tables(id))
    here(now).toSeq.sortBy(_._1).map { case (file, rows) =>
      val (current, others) = alone(was, is, file, rows)
      (current, others.union(rows))
    }
  }

  /** The same rows, of those files that were there in an earlier state. */
  def of(earlier: CatalogState): RowChanges = {
    val files = earlier.tables(id).files.files
    copy(
      base = earlier,
      gone = gone.filter { case (file, _) => files.contains(file) },
      files = StagedFiles.None,
      whole = whole.filter(files.contains),
      reads = Reads.Nothing
    )
  }

  private def goes(file: String): Boolean = whole(file) || rewritten(file)

  /** The rows that go, where a compaction may have moved them since. */
  private def here(now: CatalogState): Map[String, RowPositions] = {
    val files = now.tables(id).files.files
    val (there, moved) = gone.partition { case (file, _) => files.contains(file) }
    if (moved.isEmpty) there
    else {
      val movable = moved.filter { case (file, _) => !rewritten(file) }.map { case (file, rows) =>
        file -> (if (whole(file)) live(base.tables(id).files.files(file)) else rows)
      }
      val followed = MovedRows.follow(base, now, id, movable, context)
      followed.foldLeft(there ++ (moved -- movable.keys)) { case (all, (file, rows)) =>
        all.updated(file, all.getOrElse(file, RowPositions.Empty).union(rows))
      }
    }
  }

  private def live(file: DataFile): RowPositions =
    RowPositions.of(Array.range(0, file.rows.toInt).map(_.toLong)).minus(context.read(file))

  /** The file as it is now, and the rows of it that others deleted: none of which may be ours. */
  private def alone(was: TableState, is: TableState, file: String, rows: RowPositions) = {
    def conflict(at: Position, taken: Seq[Long]) = RowChanges.conflict(is, at, taken)
    // rows of a file that came since were moved there, and are known to have been untouched until then
    val before = was.files.files.get(file)
    val current = is.files.files.getOrElse(
      file,
      throw conflict(is.at, before.fold(Seq.empty[Long])(context.rowIds(_, RowChanges.first(rows))))
    )
    val others = context.read(current)
    if (!before.exists(_.deletions == current.deletions)) {
      val at = current.deletions.flatMap(_.writtenBy).getOrElse(is.at)
      // in a file that goes all rows are ours, those too that others brought back
      val taken =
        if (goes(file)) before.map(context.read).fold(others)(b => others.minus(b).union(b.minus(others)))
        else others.intersect(rows)
      if (taken.nonEmpty) throw conflict(at, context.rowIds(current, RowChanges.first(taken)))
    }
    (current, others)
  }
}

object RowChanges {
  private val Shown = 5

  /** Rows that somebody else changed, too. */
  def conflict(table: TableState, at: Position, taken: Seq[Long]): Conflict = new Conflict(
    s"rows of ${table.name.mkString(".")} that this statement changes were changed meanwhile: ${show(taken)}",
    at
  )

  /** Enough of them to show. */
  def first(rows: RowPositions): RowPositions =
    if (rows.size <= Shown + 1) rows else RowPositions.of(rows.iterator.take(Shown + 1).toArray)

  private def show(ids: Seq[Long]): String =
    if (ids.isEmpty) "they were moved to other files first"
    else "_row_id " + ids.take(Shown).mkString(", ") + (if (ids.size > Shown) ", …" else "")

  private def metricsOf(vanished: Seq[DataFile], masked: Int): Map[String, Long] = {
    val stored = vanished.filterNot(_.isInline)
    Map(
      "files_removed" -> stored.size.toLong,
      "bytes_removed" -> stored.map(_.sizeBytes).sum,
      "files_masked" -> masked.toLong
    ).filter(_._2 != 0)
  }
}
