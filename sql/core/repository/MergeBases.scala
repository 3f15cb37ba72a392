package io.anabranch.core.repository

import io.anabranch.core.format._
import io.anabranch.core.log._
import io.anabranch.core.operations.merge._

/** What two sides of a merge have in common.
  *
  * @param refuse
  *   is asked before a table of a base is looked at, which takes more than the log
  */
final private[repository] class MergeBases(states: States, context: MergeContext, refuse: CommitId => Unit) {
  private def single(state: CatalogState) = MergeBases.single(state, refuse)

  /** The merge base of two states; a virtual one where there are several. */
  def of(ours: CatalogState, theirs: CatalogState): BaseCatalog =
    base(ours.vector, theirs.vector, Set(ours.position.ordinal, theirs.position.ordinal))

  private type Ancestry = Map[Ordinal, Long]

  private def base(a: Ancestry, b: Ancestry, first: Set[Ordinal]): BaseCatalog =
    MergeBase
      .maximal(MergeBase.candidates(a, b), first, at(_).vector)
      .map(at)
      .sortBy(_.position.packed)
      .toList match {
      case Nil => single(Replay.empty)
      case first :: rest =>
        // as if they were merged one after the other: what is merged so far knows what each of them knew
        rest
          .foldLeft((single(first), first.vector)) { case ((merged, known), next) =>
            val under = base(known, next.vector, Set(next.position.ordinal))
            (virtual(under, merged, single(next)), MergeBase.union(known, next.vector))
          }
          ._1
    }

  private def virtual(under: BaseCatalog, one: BaseCatalog, other: BaseCatalog): BaseCatalog = {
    val facts = CatalogMerge.virtualBase(under.facts, one.facts, other.facts)
    def table(id: String): BaseTable = {
      val content = facts.tables.get(id).map(_.content)
      def has(side: BaseCatalog) = side.facts.tables.get(id).map(_.content) == content
      if (!content.contains(CatalogMerge.Both) && has(one)) one.table(id)
      else if (!content.contains(CatalogMerge.Both) && has(other)) other.table(id)
      else VirtualTable.of(under.table(id), one.table(id), other.table(id), context)
    }
    BaseCatalog(facts, table, p => one.knows(p) || other.knows(p))
  }

  private def at(p: Position): CatalogState = states.at(states.log.get(p))
}

private[repository] object MergeBases {

  /** One state as a base. */
  def single(state: CatalogState, refuse: CommitId => Unit = _ => ()): BaseCatalog = BaseCatalog(
    CatalogFacts.of(state),
    id =>
      state.tables.get(id).fold(BaseTable.Nothing) { t =>
        refuse(state.id)
        BaseTable.of(t)
      },
    state.knows,
    Some(state)
  )
}
