package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.operations.merge.MergeBase

import scala.collection.mutable

/** Which states were given up, and which of those merges still need: section 11 of SPEC.md. Pure. */
object Expiries {
  private type Ancestry = Map[Ordinal, Long]

  /** The expiry by which most of a branch's states are given up. */
  def about(policies: Map[String, Policy], branch: String): Option[Expiry] =
    policies.valuesIterator
      .collect { case e: Expiry if e.appliesTo(branch) => e }
      .maxByOption(_.beforeMillis)

  /** Whether a state was over by a time: what closes a log is over at once, a head never. */
  def isOver(commit: Commit, following: => Option[Commit], beforeMillis: Long): Boolean =
    (if (commit.closing.isDefined) Some(commit) else following).exists(_.timeMillis <= beforeMillis)

  /** The number of the first entry of a log whose state is not over by a time. Times rise along a log, so it is found by
    * halving.
    *
    * @param newest
    *   its newest entry
    * @param known
    *   the newest number that counts as a next entry
    * @param timeOf
    *   the time of the entry with a number
    */
  def firstLeft(newest: Commit, known: Long, beforeMillis: Long, timeOf: Long => Long): Long = {
    // the first is at or before the time, the second not
    var (low, high) = (-1L, known.min(newest.position.seq) + 1)
    while (high - low > 1) {
      val middle = (low + high) / 2
      if (timeOf(middle) <= beforeMillis) low = middle else high = middle
    }
    val closed = newest.closing.isDefined && low == newest.position.seq
    if (closed) low + 1 else low.max(0)
  }

  /** What merges of some heads may need as bases, now and after any of them was merged: the bases of any two; and of any two
    * of these, since several bases are merged first; and so on.
    *
    * @param heads
    *   places and version vectors
    * @param vectorOf
    *   the version vector of an ancestor
    */
  def bases(heads: Map[Position, Ancestry], vectorOf: Position => Ancestry): Set[Position] = {
    val seen = mutable.Set.empty[Set[Position]] // of most pairs the common entries are the same few
    def between(ends: Map[Position, Ancestry]): Set[Position] = ends.toSeq
      .combinations(2)
      .collect { case Seq((one, a), (other, b)) =>
        (Set(one.ordinal, other.ordinal), MergeBase.candidates(a, b))
      }
      .filter { case (_, common) => seen.add(common.toSet) }
      .flatMap { case (first, common) => MergeBase.maximal(common, first, vectorOf) }
      .toSet
    @annotation.tailrec
    def grown(found: Map[Position, Ancestry], level: Map[Position, Ancestry]): Set[Position] = {
      val more = between(level) -- found.keySet
      val all = found ++ more.map(p => p -> vectorOf(p))
      if (more.isEmpty) found.keySet else grown(all, all)
    }
    grown(Map.empty, heads)
  }
}
