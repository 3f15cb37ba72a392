"""Which states were given up, and which of those merges still need: section 11 of SPEC.md. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from anabranch.core.format.commits import Commit
from anabranch.core.format.names import Position
from anabranch.core.format.policies import Policy
from anabranch.core.operations.merge.merge_base import Vector, candidates, maximal


def expiry_for(policies: Mapping[str, Policy], branch: str) -> Policy | None:
    """The expiry by which most of a branch's states are given up; None if there is none."""
    about = [p for p in policies.values() if p.expiry and p.applies_to(branch)]
    return max(about, key=lambda p: p.expiry.before if p.expiry else 0, default=None)


def is_over(commit: Commit, following: Commit | None, before: int) -> bool:
    """Whether a state was over by a time [EXP-1]: what closes a log is over at once, a head never."""
    end = commit if commit.closing else following
    return end is not None and end.time <= before


def first_left(newest: Commit, known: int, before: int, time_of: Callable[[int], int]) -> int:
    """The number of the first entry of a log whose state is not over by a time.

    Times rise along a log, so it is found by halving.

    Args:
        newest: its newest entry.
        known: the newest number that counts as a next entry.
        before: the time.
        time_of: the time of the entry with a number.
    """
    low, high = -1, min(known, newest.position.seq) + 1  # the first is at or before the time, the second not
    while high - low > 1:
        middle = (low + high) // 2
        if time_of(middle) <= before:
            low = middle
        else:
            high = middle
    closed = newest.closing is not None and low == newest.position.seq
    return low + 1 if closed else max(low, 0)


def bases_between(
    heads: Sequence[tuple[Position, Vector]], vector_of: Callable[[Position], Vector]
) -> set[Position]:
    """The merge bases of any two heads, and those under several bases, by which they are merged [MRG-1]."""
    found: set[Position] = set()
    seen: set[frozenset[Position]] = set()
    for (one, a), (other, b) in combinations(heads, 2):
        common = frozenset(candidates(a, b))  # of most pairs these are the same few
        if common not in seen:
            seen.add(common)
            found |= _bases(a, b, {one.ordinal, other.ordinal}, vector_of)
    return found


def _bases(a: Vector, b: Vector, first: set[int], vector_of: Callable[[Position], Vector]) -> set[Position]:
    bases = sorted(maximal(candidates(a, b), first, vector_of))
    found = set(bases)
    if bases:
        known = vector_of(bases[0])
        for base in bases[1:]:
            vector = vector_of(base)
            found |= _bases(known, vector, {base.ordinal}, vector_of)
            known = {o: max(known.get(o, -1), vector.get(o, -1)) for o in {*known, *vector}}
    return found
