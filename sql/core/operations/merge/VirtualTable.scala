package io.anabranch.core.operations.merge

import io.anabranch.core.format._
import io.anabranch.core.log.TableState

/** A table of a virtual base: two bases, merged. Where they contradict each other it has nothing, so that neither is
  * picked: equal sides agree there, others conflict.
  */
object VirtualTable {

  /** @param under
    *   what the two bases started from
    */
  def of(under: BaseTable, one: BaseTable, other: BaseTable, context: MergeContext): BaseTable =
    (one.table, other.table) match {
      case (Some(a), Some(b)) => merged(under, one, other, a, b, context)
      case _ => BaseTable.Nothing
    }

  private def merged(
      under: BaseTable,
      one: BaseTable,
      other: BaseTable,
      a: TableState,
      b: TableState,
      context: MergeContext
  ): BaseTable = {
    val vector = context.of(a).read _
    val found = RowMerge.merge(under.files, one.files, other.files, vector, carried = true)
    val contested = new ContestedRows(a, under, one.files, other.files, context.rows, vector)
      .find(found.contested, carried = true)
    val (quiet, loud) = contested.partition(r => r.agreed || !r.ourChange || !r.theirChange)
    val masks = quiet.flatMap(r => if (r.agreed || !r.theirChange) r.theirs else r.ours) ++
      loud.flatMap(r => r.ours ++ r.theirs)
    val gone = masks.groupMap(_.file.id)(_.position)
    val files = found.files.flatMap { case (id, f) =>
      val dead = f.dead.getOrElse(vector(f.file)).union(RowPositions.of(gone.getOrElse(id, Nil).toArray))
      Option.when(dead.size < f.file.rows)(id -> f.file.copy(deletions = held(f, dead)))
    }
    val disputed = loud.map(r => r.id -> DisputedRow(r.base, r.ours, r.theirs))
    BaseTable(
      Some(a.copy(metadata = metadata(under.table.map(_.metadata), a.metadata, b.metadata))),
      files,
      one.disputed ++ other.disputed ++ disputed
    )
  }

  private def held(f: MergedFile, dead: RowPositions): Option[DeletionVector] =
    if (dead.isEmpty) None
    else if (f.dead.isEmpty && f.file.deletions.exists(_.cardinality == dead.size)) f.file.deletions
    else Some(inMemory(dead))

  /** The deletion vector of a file in no table: in memory, whatever its size. */
  def inMemory(dead: RowPositions): DeletionVector =
    DeletionVector.ofInline(DeletionVector.serialize(dead), dead.size)

  private def metadata(under: Option[TableMetadata], a: TableMetadata, b: TableMetadata): TableMetadata = {
    val (merged, torn) = new MetadataMerge(_ => None).merge(under, a, b)
    val unclear = torn.flatMap(_.column).map(_.takeWhile(_ != '.').toLowerCase).toSet
    merged.copy(
      columns = merged.columns.filterNot(c => unclear(c.name.toLowerCase)),
      properties =
        if (torn.exists(_.column.isEmpty)) a.properties.toSet.intersect(b.properties.toSet).toMap
        else merged.properties
    )
  }
}
