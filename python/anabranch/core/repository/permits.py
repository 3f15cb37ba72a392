"""Whose rows may be seen, and by whom."""

from __future__ import annotations

from anabranch.core.format.names import MAIN, Position
from anabranch.core.format.policies import SELECT, GrantedTable
from anabranch.core.log.replay import TableState
from anabranch.core.log.states import States
from anabranch.core.repository.expired import Expired
from anabranch.core.repository.main_policies import MainPolicies
from anabranch.core.repository.resolver import ResolvedRef
from anabranch.core.transaction.permissions import may_select


class Permits:
    """What an author may see of a repository."""

    def __init__(self, states: States, policies: MainPolicies, expired: Expired, author: str) -> None:
        self._states = states
        self._policies = policies
        self._expired = expired
        self._author = author

    def may_select(self, table: TableState, ref: ResolvedRef | None = None) -> None:
        """Refuses to show rows of a table to an author who was not granted to see them [POL-6].

        And whoever asks, those of a state that was given up since it was found [EXP-2].

        Args:
            table: the table.
            ref: where it was found; None where its rows come from several branches.

        Raises:
            PermissionDenied: naming who may.
            RefExpired: telling who gave them up.
        """
        grants = {name: p for name, p in self._policies.recent().items() if p.privilege == SELECT}
        if ref is not None:
            self._expired.refuse_ref(ref)
        if grants:
            branch = None if ref is None else self._branch_of(ref)
            may_select(grants, branch, GrantedTable(table.id, table.name), self._author)

    def _branch_of(self, ref: ResolvedRef) -> str:
        """A branch, or the one to whose log a commit belongs."""
        if ref.kind == "branch":
            return ref.writable
        first = self._states.log.get(Position(ref.state.position.ordinal, 0))
        return first.commit.branch or MAIN
