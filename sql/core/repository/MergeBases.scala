package io.anabranch.core.repository

import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations._

/** What two sides of a merge have in common. */
final private[repository] case class MergeBases(states: States) {

  /** The facts of the merge base; of a virtual one where there are several. */
  def facts(ours: CatalogState, theirs: CatalogState): CatalogFacts = {
    val bases = MergeBase.maximal(
      MergeBase.candidates(ours.vector, theirs.vector),
      Set(ours.position.ordinal, theirs.position.ordinal),
      at(_).vector
    )
    bases.map(at).sortBy(_.position.packed) match {
      case Seq() => CatalogFacts.of(Replay.empty)
      case Seq(one) => CatalogFacts.of(one)
      case several =>
        val (first, rest) = (several.head, several.tail)
        rest
          .foldLeft((CatalogFacts.of(first), first)) { case ((merged, before), next) =>
            (Merge.virtualBase(facts(before, next), merged, CatalogFacts.of(next)), next)
          }
          ._1
    }
  }

  private def at(p: Position): CatalogState = states.at(states.log.get(p))
}
