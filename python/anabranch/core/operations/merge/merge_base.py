"""The merge base, by arithmetic on version vectors: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from anabranch.core.format.names import Position

Vector = Mapping[int, int]


def candidates(a: Vector, b: Vector) -> list[Position]:
    """Of each log that both sides know, the last entry that both know. The merge bases are among these."""
    return [Position(o, min(seq, b[o])) for o, seq in a.items() if o in b]


def maximal(
    all: Iterable[Position], first: Iterable[int], vector_of: Callable[[Position], Vector]
) -> list[Position]:
    """The candidates that no other candidate has as an ancestor.

    Args:
        all: the candidates.
        first: logs to look at first: those of the two sides, which mostly dominate all others.
        vector_of: the version vector of a candidate.
    """
    early = set(first)
    kept: list[Position] = []
    for p in sorted(all, key=lambda p: (p.ordinal not in early, p)):
        if any(vector_of(k).get(p.ordinal, -1) >= p.seq for k in kept):
            continue
        vector = vector_of(p)
        kept = [k for k in kept if vector.get(k.ordinal, -1) < k.seq] + [p]
    return kept
