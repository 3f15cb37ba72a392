package io.anabranch.core.operations

import io.anabranch.core.format._
import io.anabranch.core.operations.merge.MergeBase

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

  /** The merge bases of any two heads, and those under several bases, by which they are merged. */
  def bases(heads: Seq[(Position, Ancestry)], vectorOf: Position => Ancestry): Set[Position] = {
    def between(a: Ancestry, b: Ancestry, first: Set[Ordinal]): Set[Position] =
      MergeBase.maximal(MergeBase.candidates(a, b), first, vectorOf).sortBy(_.packed).toList match {
        case Nil => Set.empty
        case one :: rest =>
          rest
            .foldLeft((Set(one), vectorOf(one))) { case ((found, known), base) =>
              val vector = vectorOf(base)
              val under = between(known, vector, Set(base.ordinal))
              (found + base ++ under, MergeBase.union(known, vector))
            }
            ._1
      }
    // of most pairs these are the same few
    heads
      .combinations(2)
      .collect { case Seq((one, a), (other, b)) => (MergeBase.candidates(a, b).toSet, one, a, other, b) }
      .distinctBy(_._1)
      .flatMap { case (_, one, a, other, b) => between(a, b, Set(one.ordinal, other.ordinal)) }
      .toSet
  }
}
