"""The rule of every three-way merge: whoever changed it is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")

TORN: Any = object()
"""What there is where both sides changed it, in different ways; as a base, that there is no one base."""


@dataclass(frozen=True)
class Versions(Generic[T_co]):
    """One thing as both sides have it, and as it was in what they started from.

    Attributes:
        base: TORN where there is no one value that both started from.
        ours: what we have.
        theirs: what they have.
    """

    base: T_co
    ours: T_co
    theirs: T_co

    def map(self, f: Callable[[T_co], S]) -> Versions[S]:
        """The same of something about it."""
        base: Any = TORN if self.base is TORN else f(self.base)
        return Versions(base, f(self.ours), f(self.theirs))

    @property
    def picked(self) -> T_co:
        """The value of the side that changed it; TORN where both did, in different ways."""
        found: T_co = pick(self.base, self.ours, self.theirs)
        return found


def under(name: str, versions: Versions[Mapping[str, T]]) -> Versions[T | None]:
    """What each version has under a name; None where it has no such thing."""
    return versions.map(lambda named: named.get(name))


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
