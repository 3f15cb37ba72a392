package io.anabranch.core.repository

import io.anabranch.core.format._
import io.anabranch.core.log.{Bounds, TableState}
import io.anabranch.core.operations.merge.{ContestedRows, MergeRows, RowsAt, RowVersion => Located}

/** A cell of a table, and the commit that made it what it is.
  *
  * @param column
  *   its place among the table's columns
  * @param shown
  *   the cell as people read it; None for NULL
  * @param commit
  *   None where what was before the last one that wrote the row was given up
  */
final case class CellOrigin(rowId: Long, column: Int, shown: Option[String], commit: Option[CommitInfo])

/** Who wrote each cell: from each version of a row the commit that wrote it leads to the one before, for all asked rows that
  * it wrote together. Other commits are not looked at, nor are other rows, but for the ids in files that hold some.
  */
private[repository] trait CellBlame extends RowHistory {

  /** @param ids
    *   of rows that the table has
    * @param rows
    *   reads them
    * @return
    *   by row and column
    */
  def blameCells(table: TableState, ids: Seq[Long], rows: MergeRows): Seq[CellOrigin] = {
    val metadata = table.metadata
    def cellsOf(t: TableState, found: Iterable[Located]) = rows.cells(t, metadata, found.toSeq)
    val now = find(table, ids, rows)
    val cells = cellsOf(table, now.values)

    @annotation.tailrec
    def walk(open: Seq[Open], known: Seq[CellOrigin]): Seq[CellOrigin] =
      if (open.isEmpty) known
      else {
        val steps = open.groupBy(_.at.commit).toSeq.sortBy(_._1).map { case (_, group) =>
          val entry = states.log.get(group.head.at.writtenBy)
          lazy val commit = info(entry)
          val older = entry.commit.parents.flatMap(p => states.at(p).tables.get(table.id).map(p -> _))
          val isKnown = !older.exists { case (p, _) => resolver.expired.contains(p) }
          val parents = (if (isKnown) older else Nil).map { case (_, t) =>
            val found = find(t, group.map(_.at.id), rows)
            (found, cellsOf(t, found.values))
          }
          val places = for { row <- group; column <- row.columns } yield {
            val id = row.at.id
            (id, column) -> parents.indexWhere(_._2.get(id).exists(_(column) == cells(id)(column)))
          }
          val (blamed, earlier) = places.partition(_._2 < 0)
          val further = earlier.groupMap { case ((id, _), parent) => (id, parent) }(_._1._2)
          (
            further.toSeq.map { case ((id, parent), columns) => Open(parents(parent)._1(id), columns) },
            blamed.map { case ((id, column), _) =>
              val told = Option.when(isKnown || numbers(table.id, entry, id))(commit)
              CellOrigin(id, column, rows.show(metadata, column, cells(id)(column)), told)
            }
          )
        }
        walk(steps.flatMap(_._1), known ++ steps.flatMap(_._2))
      }

    walk(now.values.toSeq.map(Open(_, metadata.columns.indices)), Nil).sortBy(c => (c.rowId, c.column))
  }

  /** Rows of a state of the table by their ids. */
  private def find(t: TableState, ids: Seq[Long], rows: MergeRows): Map[Long, Located] = {
    val wanted = ids.toSet
    val vector = context(t).read(_)
    val near = t.files.files.values.toSeq.filter(mayHold(_, ids)).map { f =>
      val live =
        if (f.numbersRows) RowPositions.of(ids.flatMap(f.ids.positionOf(_)).toArray).minus(vector(f))
        else ContestedRows.live(f, vector)
      RowsAt(f, live)
    }
    rows.versions(t, near).filter(v => wanted(v.id)).map(v => v.id -> v).toMap
  }

  private def mayHold(f: DataFile, ids: Seq[Long]): Boolean =
    Bounds.of(f, Lineage.RowId, partitioned = false) match {
      case Bounds(Some(Value.Whole(low)), Some(Value.Whole(high)), _, _) =>
        ids.exists(id => low <= id && id <= high)
      case _ => true
    }
}

/** A version of a row, and the columns whose cells are still as they are now. */
final private case class Open(at: Located, columns: Seq[Int])
