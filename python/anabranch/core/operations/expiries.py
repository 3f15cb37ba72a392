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
    """What merges of some heads may need as bases, now and after any of them was merged [MRG-1].

    These are the bases of any two; and of any two of these, since several bases are merged first; and so on.

    Args:
        heads: places and version vectors.
        vector_of: the version vector of an ancestor.
    """
    found: dict[Position, Vector] = {}
    seen: set[frozenset[Position]] = set()
    level = dict(heads)
    while level:
        new: dict[Position, Vector] = {}
        for (one, a), (other, b) in combinations(level.items(), 2):
            common = frozenset(candidates(a, b))  # of most pairs these are the same few
            if common not in seen:
                seen.add(common)
                for p in maximal(common, {one.ordinal, other.ordinal}, vector_of):
                    if p not in found and p not in new:
                        new[p] = vector_of(p)
        found |= new
        level = found if new else {}
    return {*found}
