"""What two sides of a merge have in common."""

from __future__ import annotations

from anabranch.core.format.names import Position
from anabranch.core.log.replay import CatalogState
from anabranch.core.log.states import States
from anabranch.core.operations.merge import CatalogFacts, Vector, candidates, maximal, virtual_base


class MergeBases:
    """Merge bases of one repository [MRG-1]."""

    def __init__(self, states: States) -> None:
        self._states = states

    def facts(self, ours: CatalogState, theirs: CatalogState) -> CatalogFacts:
        """The facts of the merge base; of a virtual one where there are several."""
        return self._facts(ours.vector, theirs.vector, {ours.position.ordinal, theirs.position.ordinal})

    def _facts(self, a: Vector, b: Vector, first: set[int]) -> CatalogFacts:
        bases = sorted(
            map(self._at, maximal(candidates(a, b), first, lambda p: self._at(p).vector)),
            key=lambda s: s.position,
        )
        if not bases:
            return CatalogFacts()
        merged, known = CatalogFacts.of(bases[0]), bases[0].vector
        for base in bases[1:]:
            # as if they were merged one after the other: what is merged so far knows what each of them knew
            under = self._facts(known, base.vector, {base.position.ordinal})
            merged = virtual_base(under, merged, CatalogFacts.of(base))
            known = {o: max(known.get(o, -1), base.vector.get(o, -1)) for o in {*known, *base.vector}}
        return merged

    def _at(self, p: Position) -> CatalogState:
        return self._states.after(self._states.log.get(p))
