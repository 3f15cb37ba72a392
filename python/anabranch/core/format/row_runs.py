"""The row ids of a file by position, and the reverse, where they are a few runs: no data is read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyroaring import BitMap64

MAX_RUNS = 256
"""More runs than these don't stand in the entry of a file: it then has the column ``_row_id`` instead."""

Run = tuple[int, int]
"""The next `count` rows of a file have ids `first`, `first + 1`, …"""


class RowRuns:
    """Runs of ids, in the order of the rows.

    Args:
        runs: first id and count of each.
        starts: the position of the first row of each, where they don't follow on each other.
    """

    def __init__(self, runs: Sequence[Run], starts: Sequence[int] | None = None) -> None:
        self._firsts = [first for first, _ in runs]
        self._counts = [count for _, count in runs]
        self._starts = [0, *accumulate(self._counts)] if starts is None else starts

    def id_at(self, position: int) -> int:
        """The id of a row of the file, by its position, counted from 0."""
        i = min(bisect_right(self._starts, position), len(self._firsts)) - 1
        return self._firsts[i] + position - self._starts[i]

    def ids_of(self, rows: BitMap64) -> BitMap64:
        """The ids of some rows; as cheap for all rows of a file as for a few."""
        return self._moved(rows, self._starts, self._firsts)

    def rows_of(self, ids: BitMap64) -> BitMap64:
        """The rows of the file that have one of these ids."""
        return self._moved(ids, self._firsts, self._starts)

    def _moved(self, numbers: BitMap64, start: Sequence[int], to: Sequence[int]) -> BitMap64:
        """The numbers that are in a run by one count, as they are by the other."""
        from pyroaring import BitMap64

        found = BitMap64()
        for i, count in enumerate(self._counts):
            found |= (numbers & BitMap64(range(start[i], start[i] + count))).shift(to[i] - start[i])
        return found
