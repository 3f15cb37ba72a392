package io.anabranch.core.repository

import io.anabranch.core.format._
import io.anabranch.core.log.{CatalogState, DeletionVectors, States, TableState}
import io.anabranch.core.operations.RebaseContext
import io.anabranch.core.store.ObjectStore
import io.anabranch.core.transaction.{Committer, StagedFiles}

/** What changes of a table's rows need to know of their repository. */
final private[repository] class TableContext(
    store: ObjectStore,
    states: States,
    committer: Committer,
    table: TableState,
    newId: () => String
) extends RebaseContext {
  private val vectors = new DeletionVectors(store)

  override def read(file: DataFile): RowPositions = vectors.read(file, table.name.mkString("."))
  override def write(positions: RowPositions): DeletionVector = vectors.write(positions, newId)

  override def stage(files: Seq[DataFile]): StagedFiles = committer.stage(files)

  override def since(base: CatalogState, now: CatalogState): Option[Seq[Commit]] =
    entries(base, now).map(_.map(_.commit))

  override def rearranged(
      base: CatalogState,
      now: CatalogState,
      table: String
  ): Seq[(TableState, TableState)] =
    for {
      entry <- entries(base, now).getOrElse(Nil)
      if entry.commit.tables.get(table).exists(_.rearranged)
      parent <- entry.commit.firstParent
    } yield (states.at(parent).tables(table), states.at(entry).tables(table))

  private def entries(base: CatalogState, now: CatalogState): Option[Seq[Entry]] = {
    val (from, to) = (base.position, now.position)
    Option.when(from.ordinal == to.ordinal)(
      if (from.seq == to.seq) Nil else states.log.range(to.ordinal, from.seq + 1, to.seq)
    )
  }

  override def rowIds(file: DataFile, positions: RowPositions): Seq[Long] = {
    val held: Long => Option[Long] = if (file.numbersRows) _ => None else heldIn(file)
    positions.iterator.map(p => held(p).getOrElse(file.rowId(p))).toSeq
  }

  /** The row ids that stand in the file itself. */
  private def heldIn(file: DataFile): Long => Option[Long] = {
    val ids: IndexedSeq[Option[Long]] =
      if (file.isInline) {
        val place = file.inlineColumns.indexOf(Lineage.RowId)
        file.inline.toSeq.flatten.map {
          case Json.Arr(values) => Value.decode(values(place)).collect { case Value.Whole(n) => n }
          case _ => None
        }.toIndexedSeq
      } else
        store
          .read(Paths.dataFile(table.id, file.id))
          .fold(IndexedSeq.empty[Option[Long]])(LongColumn.read(_, Lineage.RowId))
    p => ids.lift(p.toInt).flatten
  }
}
