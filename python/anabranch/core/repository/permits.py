"""Who may see rows of which tables."""

from __future__ import annotations

from anabranch.core.format.names import MAIN, Position
from anabranch.core.format.policies import SELECT, GrantedTable
from anabranch.core.log.environment import Environment
from anabranch.core.log.refs import Refs
from anabranch.core.log.replay import TableState
from anabranch.core.log.states import States
from anabranch.core.repository.resolver import ResolvedRef
from anabranch.core.transaction.permissions import may_select

FRESH_MILLIS = 60 * 1000
"""So old grants may be, when rows are asked for."""


class Permits:
    """What an author may see of a repository."""

    def __init__(self, refs: Refs, states: States, env: Environment, author: str) -> None:
        self._refs = refs
        self._states = states
        self._env = env
        self._author = author
        self._looked = env.now()  # whoever opens a repository looks at main

    def may_select(self, table: TableState, ref: ResolvedRef | None = None) -> None:
        """Refuses to show rows of a table to an author who was not granted to see them [POL-6].

        Grants are known as of the last look at main, which is at most a minute ago.

        Args:
            table: the table.
            ref: where it was found; None where its rows come from several branches.

        Raises:
            PermissionDenied: naming who may.
        """
        main, now = self._refs.known(MAIN), self._env.now()
        if main is None or now - self._looked > FRESH_MILLIS:
            main, self._looked = self._refs.head(MAIN), now
        grants = {name: p for name, p in main.policies.items() if p.privilege == SELECT} if main else {}
        if grants:
            branch = None if ref is None else self._branch_of(ref)
            may_select(grants, branch, GrantedTable(table.id, table.name), self._author)

    def _branch_of(self, ref: ResolvedRef) -> str:
        """A branch, or the one to whose log a commit belongs."""
        if ref.kind == "branch":
            return ref.writable
        first = self._states.log.get(Position(ref.state.position.ordinal, 0))
        return first.commit.branch or MAIN
