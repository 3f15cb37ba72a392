package io.anabranch.core.operations.merge

import io.anabranch.core.format._
import io.anabranch.core.log.{Bounds, FileSet, ManifestReader, TableState}
import io.anabranch.core.operations.RebaseContext
import io.anabranch.core.transaction.StagedFiles

/** What a merged table is to be, on top of our state of it. Nothing is written yet.
  *
  * @param files
  *   by id
  * @param combined
  *   rows put together from cells of both sides, with their ids
  */
final case class TablePlan(
    ours: TableState,
    name: Seq[String],
    metadata: TableMetadata,
    files: Map[String, MergedFile],
    combined: Seq[(Long, IndexedSeq[Any])],
    conflicts: Seq[MergeConflict],
    carries: Boolean
) {

  /** The table as it would be; rows put together stand for a file that is not there yet. */
  def preview(reader: ManifestReader, vector: DataFile => RowPositions): TableState = {
    val settled = files.map { case (id, f) =>
      id -> f.dead.fold(f.file)(d =>
        if (f.file.deletions.isDefined && vector(f.file) == d) f.file
        else f.file.copy(deletions = Option.when(d.nonEmpty)(VirtualTable.inMemory(d)))
      )
    }
    val added = Option.when(combined.nonEmpty)(
      DataFile(TablePlan.Combined, 0, combined.size.toLong, "", lineage = Seq(Lineage.RowId))
    )
    ours.copy(
      content = Position(Ordinal.Main, Position.MaxSeq),
      metadata = metadata,
      files = FileSet.of(settled ++ added.map(f => f.id -> f), reader)
    )
  }
}

object TablePlan {

  /** What a preview calls the file with the rows that were put together. */
  val Combined: String = "?"
}

/** What becomes of two rows with one key. */
final private case class SettledClash(mask: Option[RowVersion], conflict: Option[MergeConflict])

/** Three-way merge of one table that both sides changed: columns, then rows, then cells.
  *
  * @param name
  *   the full name that the table has in the merged catalog
  * @param knows
  *   whether the base knows a commit
  * @param single
  *   whether the base is one state, and not several merged
  * @param picked
  *   whether their side does not become a parent, so that our side may have its rows already
  * @param told
  *   decisions, in which columns have their names of either side
  */
final class TableMerge(
    name: Seq[String],
    base: BaseTable,
    ours: TableState,
    theirs: TableState,
    knows: Position => Boolean,
    single: Boolean,
    picked: Boolean,
    told: Decisions,
    rows: MergeRows,
    vector: DataFile => RowPositions
) {
  private val decisions = {
    def names(side: TableState) =
      side.metadata.columns.map(c => Decisions.fold(c.physical) -> Decisions.fold(c.name)).toMap
    told.ofColumns(Decisions.synonyms(names(ours), names(theirs)))
  }
  private def conflict(kind: String, reason: String) = MergeConflict(kind, Some(ours.id), name, reason)

  private val (metadata, torn) =
    new MetadataMerge(column => decisions.about(name, None, column))
      .merge(base.table.map(_.metadata), ours.metadata, theirs.metadata)

  private lazy val contested =
    new ContestedRows(ours, base, ours.files.files, theirs.files.files, rows, vector)

  // whether a side may have rows of the other, or both those of a third, that the base does not have
  private val carries = picked || Seq(ours, theirs).exists(_.carried.exists(p => !knows(p)))

  private lazy val moved = new OnlyMoved(base, rows, vector, knows)

  private val toldApart = single && !carries

  private def changed(side: TableState, news: Seq[RowsAt]): Seq[RowsAt] =
    news.map(r => r.copy(rows = r.rows.minus(movedIn(side)(r.file)))).filter(_.rows.nonEmpty)
  private lazy val ourNews = changed(ours, contested.ourNews)
  private lazy val theirNews = changed(theirs, contested.theirNews)

  private def movedIn(side: TableState)(f: DataFile): RowPositions =
    if (toldApart) moved.in(side, f).fold(RowPositions.Empty)(_.rows) else RowPositions.Empty

  /** What follows for rows that both sides took away from where they were, if one of them only moved them. */
  private def movedByBoth(gone: Seq[(DataFile, RowPositions)]): MovedByBoth =
    if (!toldApart || gone.isEmpty) MovedByBoth(Map.empty, gone)
    else {
      val before = gone.map { case (f, rows) => moved.numbered(f, rows) }
      val ids = before.map(_.ids).reduce(_ union _)
      def of(side: TableState, other: TableState) = side.files.files.valuesIterator
        .filter(f => !other.files.files.contains(f.id) && ContestedRows.mayHave(f, ids.first, ids.last))
        .toSeq
        .sortBy(_.id)
        .flatMap(moved.in(side, _))
      MovedByBoth.settle(before, of(ours, theirs), of(theirs, ours))
    }

  def plan(): TablePlan = {
    val schema = torn.map(c =>
      conflict(ConflictKind.Schema, c.reason)
        .copy(column = c.column, base = c.base, ours = c.ours, theirs = c.theirs)
    )
    val merged = RowMerge.merge(base.files, ours.files.files, theirs.files.files, vector, carries)
    // rows can only be compared where the columns are clear
    if (schema.nonEmpty) TablePlan(ours, name, metadata, merged.files, Nil, schema, carries)
    else {
      val quiet = movedByBoth(merged.contested)
      val loud = contested.find(quiet.left, carries, movedIn(ours), movedIn(theirs))
      val settled = new SettledRows(name, ours, metadata, base, decisions, rows).settle(loud)
      val combined = settled.combined.map(_._1).toSet
      // keys of rows that are put together are those of their sides
      val (apart, gone) = settled.masks.partition(v => combined(v.id))
      val kept = masked(MovedByBoth.without(merged.files, quiet, vector), gone)
      val clashing = clashes(kept)
      val checks = violations(settled.combined)
      val files = masked(kept, apart ++ clashing.flatMap(_.mask))
      val doubled = ownClashes(files) ++ doubledByCells(settled, files)
      TablePlan(
        ours,
        name,
        metadata,
        files,
        settled.combined,
        settled.conflicts ++ clashing.flatMap(_.conflict) ++ doubled ++ checks ++ misplaced(files.keySet),
        carries
      )
    }
  }

  /** Files tell the partitions of their rows, so all of them must do so in the same way. */
  private def misplaced(merged: Set[String]): Option[MergeConflict] = {
    def strays(side: TableState, other: TableState) =
      side.metadata.partitioning != metadata.partitioning &&
        (side.files.files.keySet.intersect(merged) -- other.files.files.keySet).nonEmpty
    Option.when(strays(ours, theirs) || strays(theirs, ours))(
      conflict(
        ConflictKind.Schema,
        "one side partitioned the table anew, and the other has rows that are partitioned otherwise"
      )
    )
  }

  private def masked(files: Map[String, MergedFile], versions: Seq[RowVersion]): Map[String, MergedFile] = {
    val masks = versions.groupMap(_.file.id)(_.position)
    files.flatMap { case (id, f) =>
      val more = RowPositions.of(masks.getOrElse(id, Nil).toArray)
      val dead = if (more.isEmpty) f.dead else Some(f.dead.getOrElse(vector(f.file)).union(more))
      Option.when(!dead.exists(_.size >= f.file.rows))(id -> f.copy(dead = dead))
    }
  }

  /** Rows of both sides with one declared key. New rows of a side that knows nothing of the key must stand beside all rows of
    * the other.
    */
  private def clashes(merged: Map[String, MergedFile]): Seq[SettledClash] =
    metadata.keys.flatMap { key =>
      def kept(side: TableState) = side.files.files.keys.toSeq.sorted.flatMap(merged.get).map(left)
      val (mine, other) = overlapping(
        key.columns,
        if (theirs.metadata.keys.contains(key)) ourNews else kept(ours),
        if (ours.metadata.keys.contains(key)) theirNews else kept(theirs)
      )
      if (mine.isEmpty || other.isEmpty) Nil
      else
        rows.clashes(ours, metadata, key.columns, mine, other).map { c =>
          val choice = if (c.equal) Some(Choice.Ours) else decisions.about(name, Some(c.ours.id))
          choice match {
            case Some(Choice.Theirs) => SettledClash(Some(c.ours), None)
            case Some(_) => SettledClash(Some(c.theirs), None)
            case None =>
              val at = ConflictRow(c.ours.id, Some(c.key), Some(c.ours.writtenBy), Some(c.theirs.writtenBy))
              val reason = s"both sides have a row with the key ${c.key}"
              SettledClash(None, Some(conflict(ConflictKind.DuplicateKey, reason).copy(row = Some(at))))
          }
        }
    }

  /** The rows that are left of a file. */
  private def left(f: MergedFile): RowsAt = {
    val all = ContestedRows.live(f.file, vector)
    RowsAt(f.file, f.dead.fold(all)(all.minus))
  }

  /** New rows with one key of a side that knows nothing of it. */
  private def ownClashes(merged: Map[String, MergedFile]): Seq[MergeConflict] =
    for {
      key <- metadata.keys
      (side, news, whose) <- Seq((ours, ourNews, "our"), (theirs, theirNews, "their"))
      if !side.metadata.keys.contains(key)
      own = news.flatMap(r => merged.get(r.file.id).map(f => r.copy(rows = r.rows.intersect(left(f).rows))))
      if own.map(_.rows.size).sum > 1
      c <- rows.clashes(ours, metadata, key.columns, own, own)
      if c.ours.id < c.theirs.id
    } yield duplicate(c.ours.id, c.key, s"$whose side has two rows with the key ${c.key}")

  /** Rows put together that have got the key of another one. */
  private def doubledByCells(settled: Settled, merged: Map[String, MergedFile]): Seq[MergeConflict] = {
    lazy val others = merged.toSeq.sortBy(_._1).map(f => left(f._2))
    settled.rekeyed.toSeq.sortBy(_._1.name).flatMap { case (key, ids) =>
      rows.doubled(ours, metadata, key.columns, settled.combined, ids, others).map { case (id, shown) =>
        duplicate(id, shown, s"the cells of both sides make the key $shown, which another row has")
      }
    }
  }

  private def duplicate(row: Long, key: String, reason: String): MergeConflict =
    conflict(ConflictKind.DuplicateKey, reason).copy(row = Some(ConflictRow(row, Some(key), None, None)))

  /** Rows of both sides, of the files whose bounds allow equal keys. */
  private def overlapping(
      columns: Seq[String],
      ourRows: Seq[RowsAt],
      theirRows: Seq[RowsAt]
  ): (Seq[RowsAt], Seq[RowsAt]) = {
    // other orders than that of bytes have equal values beyond bounds
    def ordered(column: String) = !metadata.columns.find(_.physical == column).map(_.dataType).exists {
      case ColumnType.Primitive(name) => name.contains(" collate ")
      case _ => false
    }
    val compared = columns.filter(ordered)
    def bounds(r: RowsAt) = compared.map { c =>
      val b = Bounds.of(r.file, c, partitioned = false)
      (b.min, b.max)
    }
    def below(a: Option[Value], b: Option[Value]) =
      (for { x <- a; y <- b; c <- Value.compare(x, y) } yield c < 0).getOrElse(false)
    def near(mine: Seq[RowsAt], others: Seq[RowsAt]) = {
      val known = others.map(bounds)
      mine.filter { r =>
        val own = bounds(r)
        known.exists(_.zip(own).forall { case ((aMin, aMax), (bMin, bMax)) =>
          !below(aMax, bMin) && !below(bMax, aMin)
        })
      }
    }
    (near(ourRows, theirRows), near(theirRows, ourRows))
  }

  /** New rows of a side that break what the other side demands, and rows put together that break anything. */
  private def violations(combined: Seq[(Long, IndexedSeq[Any])]): Seq[MergeConflict] = {
    val (checks, required) = (metadata.checks, metadata.required)
    def of(side: TableState, news: => Seq[RowsAt]) = {
      val (c, r) = (checks.filterNot(side.metadata.checks.contains), required -- side.metadata.required)
      if (c.isEmpty && r.isEmpty) Nil else rows.violations(ours, metadata, c, r, news)
    }
    val found = of(ours, ourNews) ++ of(theirs, theirNews) ++
      (if (combined.isEmpty || (checks.isEmpty && required.isEmpty)) Nil
       else rows.violationsOf(metadata, checks, required, combined))
    found.distinct.map { v =>
      conflict(ConflictKind.Constraint, s"the row ${v.shown} breaks ${v.constraint}")
        .copy(row = Some(ConflictRow(v.row, None, None, None)))
    }
  }
}

object TableMerge {

  /** Writes what a plan needs, and tells the change of our table. */
  def change(
      plan: TablePlan,
      theirs: TableState,
      context: RebaseContext,
      rows: MergeRows,
      stage: Seq[DataFile] => StagedFiles
  ): TableChange = {
    val ours = plan.ours.files.files
    def vector(f: MergedFile): Option[DeletionVector] =
      f.dead.fold(f.file.deletions) { dead =>
        if (dead.isEmpty) None
        else
          Seq(ours, theirs.files.files) // one that is there already will do
            .flatMap(_.get(f.file.id))
            .flatMap(known => known.deletions.filter(_ => context.read(known) == dead))
            .headOption
            .orElse(Some(context.write(dead)))
      }
    val settled = plan.files.map { case (id, f) => id -> f.file.copy(deletions = vector(f)) }
    val changed = settled.filter { case (id, f) => !ours.get(id).exists(_.deletions == f.deletions) }
    // a vector may only grow; a file of which rows come back is taken out and put in again
    val (grown, other) = changed.partition { case (id, f) =>
      ours.get(id).exists(o => f.deletions.isDefined && context.read(o).minus(context.read(f)).isEmpty)
    }
    val written = if (plan.combined.isEmpty) Nil else rows.write(plan.ours, plan.metadata, plan.combined)
    val staged = stage(other.values.toSeq.sortBy(_.id) ++ written)
    TableChange(
      0,
      metadata = Option.when(plan.metadata != plan.ours.metadata)(plan.metadata),
      remove = ((ours.keySet -- settled.keySet) ++ other.keySet.intersect(ours.keySet)).toSeq.sorted,
      deletions = grown.map { case (id, f) => id -> f.deletions.get },
      add = staged.inEntry,
      manifests = staged.manifests,
      carries = plan.carries
    )
  }
}
