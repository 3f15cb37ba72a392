package io.anabranch.core.repository

import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations._

/** What two sides of a merge have in common. */
final private[repository] case class MergeBases(states: States) {

  /** The facts of the merge base; of a virtual one where there are several. */
  def facts(ours: CatalogState, theirs: CatalogState): CatalogFacts =
    facts(ours.vector, theirs.vector, Set(ours.position.ordinal, theirs.position.ordinal))

  private def facts(a: Ancestry, b: Ancestry, first: Set[Ordinal]): CatalogFacts =
    MergeBase
      .maximal(MergeBase.candidates(a, b), first, at(_).vector)
      .map(at)
      .sortBy(_.position.packed)
      .toList match {
      case Nil => CatalogFacts.of(Replay.empty)
      case first :: rest =>
        // as if they were merged one after the other: what is merged so far knows what each of them knew
        val (merged, _) = rest.foldLeft((CatalogFacts.of(first), first.vector)) {
          case ((merged, known), next) =>
            val under = facts(known, next.vector, Set(next.position.ordinal))
            (Merge.virtualBase(under, merged, CatalogFacts.of(next)), union(known, next.vector))
        }
        merged
    }

  private type Ancestry = Map[Ordinal, Long]

  private def union(a: Ancestry, b: Ancestry): Ancestry =
    b.foldLeft(a) { case (all, (o, seq)) => all.updated(o, all.get(o).fold(seq)(_.max(seq))) }

  private def at(p: Position): CatalogState = states.at(states.log.get(p))
}
