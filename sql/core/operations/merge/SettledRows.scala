package io.anabranch.core.operations.merge

import io.anabranch.core.format.{Json, TableConstraint, TableMetadata}
import io.anabranch.core.log.TableState

/** What becomes of contested rows.
  *
  * @param masks
  *   versions that are not in the merged table
  * @param combined
  *   rows put together, with their ids
  * @param rekeyed
  *   of each declared key that neither side has given to such a row: the ids of these
  */
final case class Settled(
    masks: Seq[RowVersion],
    combined: Seq[(Long, IndexedSeq[Any])],
    conflicts: Seq[MergeConflict],
    rekeyed: Map[TableConstraint.Key, Set[Long]] = Map.empty
)

object Settled {
  def of(parts: Seq[Settled]): Settled = Settled(
    parts.flatMap(_.masks),
    parts.flatMap(_.combined),
    parts.flatMap(_.conflicts),
    parts.flatMap(_.rekeyed).groupMapReduce(_._1)(_._2)(_ ++ _)
  )
}

/** Decides what becomes of rows that both sides took away from where they were. Reads the cells of those that
  * both changed, and of no others.
  */
final class SettledRows(
    name: Seq[String],
    ours: TableState,
    metadata: TableMetadata,
    base: BaseTable,
    decisions: Decisions,
    rows: MergeRows
) {
  private type Cells = IndexedSeq[Any]

  def settle(all: Seq[ContestedRow]): Settled = Settled.of(all.grouped(SettledRows.AtOnce).map(some).toSeq)

  private def some(all: Seq[ContestedRow]): Settled = {
    val (quiet, loud) = all.partition(r => r.agreed || !r.ourChange || !r.theirChange)
    val masks = quiet.flatMap(r => if (r.agreed || !r.theirChange) r.theirs else r.ours)
    val (mine, other) = (read(loud.flatMap(_.ours)), read(loud.flatMap(_.theirs)))
    val before = read(loud.flatMap(_.base))
    val disputes = disputed(loud.map(_.id))
    val settled = loud.map { r =>
      (r.ours, r.theirs) match {
        case (Some(o), Some(t)) =>
          val under = disputes
            .get(r.id)
            .orElse(before.get(r.id).map(_.map(Option(_))))
            .getOrElse(metadata.columns.map(_ => None).toIndexedSeq)
          bothChanged(r, o, t, under, mine(r.id), other(r.id))
        case _ => deletedOnOne(r, before.get(r.id), mine.get(r.id), other.get(r.id))
      }
    }
    Settled.of(Settled(masks, Nil, Nil) +: settled)
  }

  private def read(versions: Seq[RowVersion]): Map[Long, Cells] =
    if (versions.isEmpty) Map.empty else rows.cells(ours, metadata, versions)

  /** What the bases of a virtual base agree on about a row. */
  private def disputed(ids: Seq[Long]): Map[Long, IndexedSeq[Option[Any]]] = {
    val found = ids.flatMap(id => base.disputed.get(id).map(id -> _))
    def of(part: DisputedRow => Option[RowVersion]) = read(found.flatMap(f => part(f._2)))
    val (under, one, other) = (of(_.under), of(_.one), of(_.other))
    found.map { case (id, _) =>
      id -> CellMerge.virtualBase(under.get(id), one.get(id), other.get(id), metadata.columns.size)
    }.toMap
  }

  private def bothChanged(
      r: ContestedRow,
      o: RowVersion,
      t: RowVersion,
      base: IndexedSeq[Option[Any]],
      mine: Cells,
      other: Cells
  ): Settled = {
    val (cells, torn) = CellMerge.merge(base, mine, other)
    val (decided, open) =
      torn
        .map(c => c -> decisions.about(name, Some(r.id), Some(columnName(c.column))))
        .partition(_._2.isDefined)
    val merged = decided.foldLeft(cells) {
      case (row, (c, Some(Choice.Theirs))) => row.updated(c.column, c.theirs)
      case (row, (c, Some(Choice.Value(text)))) => row.updated(c.column, rows.parse(metadata, c.column, text))
      case (row, _) => row
    }
    val conflicts = open.map { case (c, _) =>
      MergeConflict(
        ConflictKind.Cell,
        Some(ours.id),
        name,
        s"both sides changed ${columnName(c.column)} of the row",
        Some(at(r, Some(mine))),
        Some(columnName(c.column)),
        c.base.flatMap(rows.show(metadata, c.column, _)),
        rows.show(metadata, c.column, c.ours),
        rows.show(metadata, c.column, c.theirs)
      )
    }
    if (merged == mine) Settled(Seq(t), Nil, conflicts)
    else if (merged == other) Settled(Seq(o), Nil, conflicts)
    else {
      val rekeyed = keys.filter(k => Seq(mine, other).forall(side => at(k, side) != at(k, merged)))
      Settled(Seq(o, t), Seq(r.id -> merged), conflicts, rekeyed.map(_ -> Set(r.id)).toMap)
    }
  }

  private def deletedOnOne(
      r: ContestedRow,
      base: Option[Cells],
      mine: Option[Cells],
      other: Option[Cells]
  ): Settled = {
    val gone = if (r.ours.isEmpty) "we deleted it, they changed it" else "they deleted it, we changed it"
    decisions.about(name, Some(r.id)) match {
      case Some(Choice.Theirs) => Settled(r.ours.toSeq, Nil, Nil)
      case Some(_) => Settled(r.theirs.toSeq, Nil, Nil)
      case None =>
        val conflict = MergeConflict(
          ConflictKind.DeleteChange,
          Some(ours.id),
          name,
          gone,
          Some(at(r, mine.orElse(other))),
          None,
          base.map(shown),
          mine.map(shown),
          other.map(shown)
        )
        Settled(Nil, Nil, Seq(conflict))
    }
  }

  private def columnName(column: Int): String = metadata.columns(column).name

  private def at(r: ContestedRow, cells: Option[Cells]): ConflictRow =
    ConflictRow(r.id, cells.flatMap(key), r.ours.map(_.writtenBy), r.theirs.map(_.writtenBy))

  private lazy val keys = metadata.keys.sortBy(!_.primary)

  private def places(key: TableConstraint.Key): Seq[Int] =
    key.columns.map(c => metadata.columns.indexWhere(_.physical == c)).filter(_ >= 0)

  private def at(key: TableConstraint.Key, cells: Cells): Seq[Any] = places(key).map(cells)

  /** The values of the primary key, or of the first other key, that the table declares. */
  private def key(cells: Cells): Option[String] = keys.headOption.map {
    places(_).map(i => rows.show(metadata, i, cells(i)).getOrElse("NULL")).mkString(", ")
  }

  private def shown(cells: Cells): String = {
    val values = cells.indices.map(i =>
      columnName(i) -> rows.show(metadata, i, cells(i)).fold(Json.Null: Json)(Json.Text(_))
    )
    new String(Json.canonical(Json.obj(values: _*)), "UTF-8")
  }
}

private object SettledRows {

  /** So many rows are in memory at a time. */
  val AtOnce = 50000
}
