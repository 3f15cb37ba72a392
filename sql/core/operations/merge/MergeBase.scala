package io.anabranch.core.operations.merge

import io.anabranch.core.format.{Ordinal, Position}

/** The merge base, by arithmetic on version vectors: pure. */
object MergeBase {

  /** Of each log that both sides know, the last entry that both know. The merge bases are among these. */
  def candidates(a: Map[Ordinal, Long], b: Map[Ordinal, Long]): Seq[Position] =
    a.toSeq.collect { case (o, seq) if b.contains(o) => Position(o, seq.min(b(o))) }

  /** What one knows of whom both know. */
  def union(a: Map[Ordinal, Long], b: Map[Ordinal, Long]): Map[Ordinal, Long] =
    b.foldLeft(a) { case (all, (o, seq)) => all.updated(o, all.get(o).fold(seq)(_.max(seq))) }

  /** The candidates that no other candidate has as an ancestor.
    *
    * @param first
    *   logs to look at first: those of the two sides, which mostly dominate all others
    * @param vectorOf
    *   the version vector of a candidate
    */
  def maximal(
      all: Seq[Position],
      first: Set[Ordinal],
      vectorOf: Position => Map[Ordinal, Long]
  ): Seq[Position] = {
    val (early, late) = all.partition(p => first(p.ordinal))
    (early ++ late).foldLeft(Seq.empty[Position]) { (kept, p) =>
      if (kept.exists(k => vectorOf(k).get(p.ordinal).exists(_ >= p.seq))) kept
      else {
        val vector = vectorOf(p)
        kept.filterNot(k => vector.get(k.ordinal).exists(_ >= k.seq)) :+ p
      }
    }
  }
}
