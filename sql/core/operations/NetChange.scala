package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, TableState}

/** What an open transaction made of a table: of `before` (None: created) `after` (None: dropped). */
final case class NetChange private (before: Option[TableState], after: Option[TableState]) {

  /** The table as it is last known. */
  def table: TableState = after.orElse(before).get

  private val (old, current) = (files(before), files(after))
  private val added: Seq[DataFile] =
    current.values.filterNot(f => old.contains(f.id)).toSeq.sortBy(f => (f.firstRow, f.id))
  private val removed: Iterable[DataFile] = old.values.filterNot(f => current.contains(f.id))
  private val masked: Iterable[(DataFile, DataFile)] =
    current.values.flatMap(f => old.get(f.id).filter(_.deletions != f.deletions).map(_ -> f))

  /** Whether an earlier state came back: then rows are in it that were gone. Only the transaction knows the position of it. */
  private val restored: Boolean = after.flatMap(_.carried).exists(_.seq < 0)

  private def files(t: Option[TableState]): Map[String, DataFile] =
    t.fold(Map.empty[String, DataFile])(_.files.files)

  /** The name that it did not have before. */
  def newName: Option[Seq[String]] = after.map(_.name).filterNot(n => before.exists(_.name == n))

  /** Whether others may have the name that it had. */
  def givesUpName: Boolean = before.exists(b => !after.exists(_.name == b.name))

  private def isEmpty: Boolean = before.isDefined && after.isDefined && newName.isEmpty && metadata.isEmpty &&
    added.isEmpty && removed.isEmpty && masked.isEmpty

  private def metadata: Option[TableMetadata] =
    after.map(_.metadata).filterNot(m => before.exists(_.metadata == m))

  /** The difference as a change of rows, which can be made of a state that others have come to.
    *
    * @param base
    *   the state to which `before` belongs
    */
  def rows(base: CatalogState, operation: String, context: RebaseContext): RowChanges = {
    val deleted = masked.map { case (was, is) => is.id -> context.read(is).minus(context.read(was)) }
    RowChanges(
      base,
      table.id,
      (deleted ++ removed.map(_.id -> RowPositions.Empty)).toMap,
      context.stage(added.map(NetChange.unplaced)),
      removed.map(_.id).toSet,
      Reads.Nothing,
      operation,
      Map.empty,
      context
    )
  }

  /** The difference as a change of the table as it was.
    *
    * @param context
    *   prepares files for a commit
    */
  def change(context: RebaseContext): TableChange =
    if (after.isEmpty) TableChange(0, dropped = true)
    else {
      // a vector may only grow; a file of which rows come back is taken out and put in again
      val (back, marked) = masked.partition { case (was, is) =>
        restored && context.read(was).minus(context.read(is)).nonEmpty
      }
      val staged = context.stage((added ++ back.map(_._2)).map(NetChange.unplaced))
      val all = removed.nonEmpty && removed.size == old.size
      val gone = removed ++ back.map(_._1)
      TableChange(
        0,
        name = newName,
        metadata = metadata,
        clear = all,
        remove = if (all) Nil else gone.map(_.id).toSeq.sorted,
        deletions = marked.flatMap { case (_, f) =>
          f.deletions.map(d => f.id -> d.copy(writtenBy = None))
        }.toMap,
        add = staged.inEntry,
        manifests = staged.manifests,
        carries = restored
      )
    }

  /** What changed, counted. Rows that came and went again are not in it, and a row that was updated twice is once.
    *
    * @param context
    *   tells the ids of rows: those that are there since before keep theirs, the others are below 0
    */
  def metrics(context: RebaseContext): Map[String, Long] = if (after.isEmpty) Map.empty
  else {
    // rows that came back have their old ids as well
    val updated = added
      .filterNot(f => restored || f.numbersRows)
      .map { f =>
        val all = RowPositions.of(Array.range(0, f.rows.toInt).map(_.toLong))
        context.rowIds(f, all.minus(context.read(f))).count(_ >= 0).toLong
      }
      .sum
    val gone = removed.map(_.liveRows).sum + masked.map { case (was, is) => was.liveRows - is.liveRows }.sum
    val counted = TableIntents.metrics(added, removed) ++ Map(
      "rows_inserted" -> (added.map(_.liveRows).sum - updated),
      "rows_updated" -> updated,
      "rows_deleted" -> (gone - updated),
      "files_masked" -> masked.size.toLong
    )
    counted.filter { case (name, n) => n != 0 || name == "rows_inserted" }
  }
}

object NetChange {

  /** None if there is none. */
  def between(before: Option[TableState], after: Option[TableState]): Option[NetChange] =
    Option
      .when(before.isDefined || after.isDefined)(new NetChange(before, after))
      .filterNot(_.isEmpty)

  /** Without what only the commit gives it. */
  private def unplaced(f: DataFile): DataFile = f.copy(
    firstRow = f.firstRow.filter(_ >= 0),
    addedBy = f.addedBy.filter(_.seq >= 0),
    deletions = f.deletions.map(d => d.copy(writtenBy = d.writtenBy.filter(_.seq >= 0)))
  )
}
