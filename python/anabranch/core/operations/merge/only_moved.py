"""Tells rows that a side only moved since the base, by a compaction, from those that it changed.

Only where the base is one state and neither side carries rows: then a row that has a commit which the base
knows is as it was there, wherever it lies. Where all rows of a file are, its entry says so, and nothing is
read; otherwise ids and commits are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from anabranch.core.format.files import ROW_COMMIT, DataFile
from anabranch.core.format.names import Position
from anabranch.core.log.bounds import bounds_of
from anabranch.core.log.replay import TableState
from anabranch.core.operations.merge.base_table import BaseTable
from anabranch.core.operations.merge.numbered_rows import NumberedRows
from anabranch.core.operations.merge.row_access import RowAccess, RowsAt
from anabranch.core.operations.merge.row_merge import ReadVector, live

if TYPE_CHECKING:
    from pyroaring import BitMap64


class OnlyMoved:
    """The rows that sides only moved.

    Args:
        base: what both sides started from.
        rows: the I/O.
        vector: reads the deleted rows of a file.
        knows: whether the base knows a commit.
    """

    def __init__(
        self, base: BaseTable, rows: RowAccess, vector: ReadVector, knows: Callable[[Position], bool]
    ) -> None:
        self._base = base
        self._rows = rows
        self._vector = vector
        self._knows = knows
        self._found: dict[str, NumberedRows | None] = {}

    def of(self, side: TableState, f: DataFile) -> NumberedRows | None:
        """The rows of a file of a side that were only moved there; None if there are none."""
        if f.id not in self._found:
            self._found[f.id] = self._look(side, f)
        return self._found[f.id]

    def _look(self, side: TableState, f: DataFile) -> NumberedRows | None:
        if f.id in self._base.files:
            return None
        if self._all(f):
            return NumberedRows.of(f, live(f, self._vector))
        if ROW_COMMIT not in f.lineage:
            return None  # all its rows are of the commit that added it
        here = RowsAt(f, live(f, self._vector))
        return self._rows.numbered(side, here, lambda commit: self._knows(Position.unpacked(commit)))

    def numbered(self, f: DataFile, some: BitMap64) -> NumberedRows:
        """Some rows of the base with their ids."""
        if self._base.table is None or _tells_ids(f):
            return NumberedRows.of(f, some)
        return self._rows.numbered(self._base.table, RowsAt(f, some))

    def _all(self, f: DataFile) -> bool:
        """Whether the entry of a file says that all its rows are as they were."""
        b = bounds_of(f, ROW_COMMIT, partitioned=False)
        if not _tells_ids(f) or b.min is None or b.max is None:
            return False
        first, last = Position.unpacked(b.min.value), Position.unpacked(b.max.value)
        return first.ordinal == last.ordinal and self._knows(last)


def _tells_ids(f: DataFile) -> bool:
    """Whether the ids of all its rows follow from its entry."""
    return not f.holds_ids and not f.numbers_rows
