package io.anabranch.core.operations.merge

import io.anabranch.core.format.{DataFile, RowPositions}

/** A file of the merged table.
  *
  * @param dead
  *   its rows that are deleted; None for those of its own deletion vector
  */
final case class MergedFile(file: DataFile, dead: Option[RowPositions] = None)

/** The files of a merged table, and the rows that need a closer look.
  *
  * @param contested
  *   rows of the base that are gone, from where they were, on both sides: deleted, replaced or moved
  */
final case class MergedRows(files: Map[String, MergedFile], contested: Seq[(DataFile, RowPositions)])

/** Three-way merge of a table's rows by where they lie. A row is there in the merged table if the side says so that
  * changed it. From lists of files and deletion vectors alone: no data is read.
  *
  * New versions of rows are rows of new files, so each side's come along, and where only one side changed a
  * row, that is all. What remains are rows that both sides took away from where they were.
  */
object RowMerge {

  /** @param vector
    *   reads the deleted rows of a file
    * @param carried
    *   whether both sides may have a deletion of one commit that the base does not know
    */
  def merge(
      base: Map[String, DataFile],
      ours: Map[String, DataFile],
      theirs: Map[String, DataFile],
      vector: DataFile => RowPositions,
      carried: Boolean
  ): MergedRows = {
    val merged = (base.keySet ++ ours.keySet ++ theirs.keySet).toSeq.sorted
      .map(id => one(base.get(id), ours.get(id), theirs.get(id), vector, carried))
    MergedRows(
      merged.flatMap(_.file).map(f => f.file.id -> f).toMap,
      merged.flatMap(_.contested).filter(_._2.nonEmpty)
    )
  }

  final private case class One(file: Option[MergedFile], contested: Option[(DataFile, RowPositions)] = None)

  private def one(
      base: Option[DataFile],
      ours: Option[DataFile],
      theirs: Option[DataFile],
      vector: DataFile => RowPositions,
      carried: Boolean
  ): One = {
    def whole(f: DataFile) = One(Some(MergedFile(f)))
    (base, ours, theirs) match {
      case (b, Some(o), Some(t)) if o.deletions == t.deletions =>
        One(Some(MergedFile(o)), b.filter(_ => carried).map(f => f -> vector(o).minus(vector(f))))
      case (Some(b), Some(o), Some(t)) if o.deletions == b.deletions => whole(t)
      case (Some(b), Some(o), Some(t)) if t.deletions == b.deletions => whole(o)
      case (Some(b), Some(o), Some(t)) =>
        val (db, d1, d2) = (vector(b), vector(o), vector(t))
        val both = d1.intersect(d2)
        One(left(o, both.union(d1.union(d2).minus(both).minus(db))), Some(b -> both.minus(db)))
      case (Some(b), Some(one), None) => goneOnOne(b, one, vector)
      case (Some(b), None, Some(one)) => goneOnOne(b, one, vector)
      case (Some(b), None, None) => One(None, Some(b -> all(b).minus(vector(b))))
      case (None, Some(o), Some(t)) => One(left(o, vector(o).intersect(vector(t))))
      case (None, one, other) => One(one.orElse(other).map(MergedFile(_)))
    }
  }

  /** A file that one side gave up: what is left are rows that the other has brought back. */
  private def goneOnOne(base: DataFile, kept: DataFile, vector: DataFile => RowPositions): One =
    if (base.deletions == kept.deletions) One(None)
    else {
      val (was, is) = (vector(base), vector(kept))
      val back = was.minus(is)
      One(if (back.isEmpty) None else left(kept, all(kept).minus(back)), Some(base -> is.minus(was)))
    }

  private def left(file: DataFile, dead: RowPositions): Option[MergedFile] =
    Option.when(dead.size < file.rows)(MergedFile(file, Some(dead)))

  private def all(file: DataFile): RowPositions =
    RowPositions.of(Array.range(0, file.rows.toInt).map(_.toLong))
}
