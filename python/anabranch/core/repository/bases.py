"""What two sides of a merge have in common."""

from __future__ import annotations

from collections.abc import Callable

from anabranch.core.format.names import CommitId, Position
from anabranch.core.log.replay import EMPTY, CatalogState
from anabranch.core.log.states import States
from anabranch.core.operations.merge.base_table import BaseCatalog, BaseTable
from anabranch.core.operations.merge.catalog_facts import CatalogFacts
from anabranch.core.operations.merge.catalog_merge import OPEN, virtual_base
from anabranch.core.operations.merge.merge_base import Vector, candidates, maximal
from anabranch.core.operations.merge.table_merge import MergeContext
from anabranch.core.operations.merge.virtual_table import virtual_table


def single(state: CatalogState, refuse: Callable[[CommitId], None] | None = None) -> BaseCatalog:
    """One state as a base.

    Args:
        state: the state.
        refuse: is asked before a table is looked at, which takes more than the log.
    """

    def table(id: str) -> BaseTable:
        there = state.tables.get(id)
        if there is not None and refuse is not None:
            refuse(state.id)
        return BaseTable.of(there)

    return BaseCatalog(CatalogFacts.of(state), table, state.knows, single=True)


class MergeBases:
    """Merge bases of one repository [MRG-1]; `refuse` is as in `single`."""

    def __init__(
        self, states: States, context: MergeContext, refuse: Callable[[CommitId], None] | None
    ) -> None:
        self._states = states
        self._context = context
        self._refuse = refuse

    def of(self, ours: CatalogState, theirs: CatalogState) -> BaseCatalog:
        """The merge base of two states; a virtual one where there are several."""
        return self._base(ours.vector, theirs.vector, {ours.position.ordinal, theirs.position.ordinal})

    def _base(self, a: Vector, b: Vector, first: set[int]) -> BaseCatalog:
        bases = sorted(
            map(self._at, maximal(candidates(a, b), first, lambda p: self._at(p).vector)),
            key=lambda s: s.position,
        )
        if not bases:
            return single(EMPTY)
        merged, known = single(bases[0], self._refuse), bases[0].vector
        for base in bases[1:]:
            # as if they were merged one after the other: what is merged so far knows what each of them knew
            under = self._base(known, base.vector, {base.position.ordinal})
            merged = self._virtual(under, merged, single(base, self._refuse))
            known = {o: max(known.get(o, -1), base.vector.get(o, -1)) for o in {*known, *base.vector}}
        return merged

    def _virtual(self, under: BaseCatalog, one: BaseCatalog, other: BaseCatalog) -> BaseCatalog:
        facts = virtual_base(under.facts, one.facts, other.facts)

        def table(id: str) -> BaseTable:
            found = facts.tables.get(id)
            for side in (one, other):
                there = side.facts.tables.get(id)
                same = (there and there.content) == (found and found.content)
                if same and (found is None or found.content != OPEN):
                    return side.table(id)
            rows, vector = self._context.rows, self._context.vector
            return virtual_table(under.table(id), one.table(id), other.table(id), rows, vector)

        return BaseCatalog(facts, table, lambda p: one.knows(p) or other.knows(p), single=False)

    def _at(self, p: Position) -> CatalogState:
        return self._states.after(self._states.log.get(p))
