"""The row ids of a file by position, and the reverse, where they are a few runs: no data is read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

MAX_RUNS = 256
"""More runs than these don't stand in the entry of a file: it then has the column ``_row_id`` instead."""

Run = tuple[int, int]
"""The next `count` rows of a file have ids `first`, `first + 1`, …"""


class RowRuns:
    """Runs of ids, in the order of the rows."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._firsts = [first for first, _ in runs]
        self._counts = [count for _, count in runs]
        self._starts = [0, *accumulate(self._counts)]
        self._by_id = sorted(range(len(runs)), key=lambda i: self._firsts[i])
        self._sorted = [self._firsts[i] for i in self._by_id]

    def id_at(self, position: int) -> int:
        """The id of a row of the file, by its position, counted from 0."""
        i = min(bisect_right(self._starts, position), len(self._firsts)) - 1
        return self._firsts[i] + position - self._starts[i]

    def position_of(self, id: int) -> int | None:
        """None if no row of the file has the id."""
        found = bisect_right(self._sorted, id) - 1
        if found < 0:
            return None
        i = self._by_id[found]
        offset = id - self._firsts[i]
        return self._starts[i] + offset if offset < self._counts[i] else None
