"""The rule of every three-way merge: whoever changed it is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TORN: Any = object()
"""What there is where both sides changed it, in different ways; as a base, that there is no one base."""


def pick(base: Any, ours: Any, theirs: Any) -> Any:
    """The value of the side that changed it; TORN where both did, in different ways."""
    if ours == theirs or base == theirs:
        return ours
    return theirs if base == ours else TORN


def members(base: frozenset[str], ours: frozenset[str], theirs: frozenset[str]) -> frozenset[str]:
    """What both have or one has added, without what one has removed."""
    return (ours & theirs) | ((ours | theirs) - base)


def interleaved(lead: Sequence[str], rest: Sequence[str]) -> list[str]:
    """One order, with what only the other has behind what it stands behind there."""
    placed, known = list(lead), {*rest}
    for i, name in enumerate(rest):
        if name not in lead:
            at = placed.index(rest[i - 1]) + 1 if i else 0
            while at < len(placed) and placed[at] not in known:
                at += 1
            placed.insert(at, name)
    return placed
