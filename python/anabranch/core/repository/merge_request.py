"""What somebody wants to bring into a branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anabranch.core.operations.merge.decisions import Decision, Decisions
from anabranch.core.repository.names import parts
from anabranch.results import Side


@dataclass(frozen=True)
class MergeRequest:
    """What somebody wants to bring into a branch.

    Attributes:
        source: a ref: the branch to merge, or the commit to pick or to revert.
        into: the branch that it goes into.
        decisions: how conflicts are decided.
        squash: whether the commit has one parent, and forgets where the changes came from.
        fast_forward_only: whether to refuse if something has to be combined.
        parent: which parent the changes of a commit are told against, counted from 1; None for its only one.
        called: what `source` is called before people; None as it is.
    """

    source: str
    into: str
    decisions: Decisions = field(default_factory=Decisions)
    squash: bool = False
    fast_forward_only: bool = False
    parent: int | None = None
    called: str | None = None


def decided(sides: Side | Mapping[str, Side] | None) -> Decisions:
    """Sides as users give them: one for all, or by ``"*"``, ``"db.t"`` and ``"db.t:column"``."""
    given: Mapping[str, Side] = {"*": sides} if isinstance(sides, str) else dict(sides or {})
    found: list[Decision] = []
    for scope, side in given.items():
        if side not in ("ours", "theirs"):
            raise ValueError(f"{side!r} is no side of a merge: say 'ours' or 'theirs'")
        table, _, column = scope.partition(":")
        found.append(Decision(side, None if scope == "*" else parts(table), None, column or None))
    return Decisions(found)
