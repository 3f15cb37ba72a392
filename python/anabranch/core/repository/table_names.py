"""Names of tables at commits that are looked at one after the other, without the state at each."""

from __future__ import annotations

from collections.abc import Mapping

from anabranch.core.format.commits import Entry, Name, TableChange
from anabranch.core.format.names import Position
from anabranch.core.log.replay import CatalogState
from anabranch.core.log.states import States

LINKS = 8
"""So many earlier versions of a table are asked for its name before a state is: of most, it is at hand."""

Names = Mapping[str, Name]


class TableNames:
    """Walks back: what a commit does not name was named so before it, too.

    Each commit is asked for after those that come after it, as a log has them; in any other order, names are
    right, and take longer.
    """

    def __init__(self, states: States) -> None:
        self._states = states
        self._after: dict[Position, Names] = {}  # of commits that are still to come

    def begin(self, state: CatalogState) -> None:
        """Takes names from a state that is at hand."""
        self._after[state.position] = _names(state)

    def of(self, e: Entry) -> list[str]:
        """The tables that a commit touches, by the names that they have after it; before it if they went."""
        known, found = self._after.pop(e.id.position, None), list[str]()
        if known is None:
            at_hand = self._states.cached(e.id)
            known = _names(at_hand) if at_hand else {}
        for id, change in e.commit.tables.items():
            name = change.name or known.get(id) or self._linked(id, change)
            if name is None and not change.dropped:
                known = _names(self._states.after(e))
                name = known.get(id)
            if name is None and e.commit.first_parent is not None:
                name = _names(self._states.at(e.commit.first_parent)).get(id)
            found.append(".".join(name) if name else id)
        parent, other = e.commit.first_parent, [i for i, c in e.commit.tables.items() if _renames(c)]
        if parent is not None:
            before = {id: n for id, n in known.items() if id not in other} if other else known
            self._after.setdefault(parent.position, before)
        return sorted(found)

    def _linked(self, id: str, change: TableChange) -> Name | None:
        for _ in range(LINKS):
            if change.name is not None or change.previous is None or change.adopt is not None:
                break
            change = self._states.log.get(change.previous).commit.tables[id]
        return change.name


def _renames(change: TableChange) -> bool:
    return change.name is not None or change.dropped or change.adopt is not None


def _names(state: CatalogState) -> Names:
    return {id: t.name for id, t in state.tables.items()}
