package io.anabranch.core.operations.merge

/** A cell that both sides changed, in different ways. */
final case class CellConflict(column: Int, base: Option[Any], ours: Any, theirs: Any)

/** Three-way merge of the versions of one row, cell by cell. Pure. */
object CellMerge {

  /** @param base
    *   of each column the cell that both sides started from; None where there is no one such
    * @return
    *   the cells that one side changed or both agree on, ours where they contradict each other, and these
    *   contradictions
    */
  def merge(
      base: IndexedSeq[Option[Any]],
      ours: IndexedSeq[Any],
      theirs: IndexedSeq[Any]
  ): (IndexedSeq[Any], Seq[CellConflict]) = {
    val picked = ours.indices.map(i => ThreeWay.pick(base(i), ours(i), theirs(i)))
    (
      ours.indices.map(i => picked(i).getOrElse(ours(i))),
      ours.indices.filter(picked(_).isEmpty).map(i => CellConflict(i, base(i), ours(i), theirs(i)))
    )
  }

  /** What two versions have as a base that descend from one row by ways that contradict each other: the
    * versions merged, without cells where they do.
    */
  def virtualBase(
      under: Option[IndexedSeq[Any]],
      one: Option[IndexedSeq[Any]],
      other: Option[IndexedSeq[Any]],
      columns: Int
  ): IndexedSeq[Option[Any]] = (one, other) match {
    case (Some(a), Some(b)) =>
      (0 until columns).map(i => ThreeWay.pick(under.map(_(i)), a(i), b(i)))
    case _ => IndexedSeq.fill(columns)(None)
  }
}
