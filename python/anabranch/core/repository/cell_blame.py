"""Who wrote each cell: from each version of a row the commit that wrote it leads to the one before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anabranch.core.format.commits import Entry
from anabranch.core.format.files import ROW_ID, DataFile
from anabranch.core.log.bounds import bounds_of
from anabranch.core.log.replay import TableState
from anabranch.core.log.vectors import DeletionVectors
from anabranch.core.operations.merge.cell_merge import Cells
from anabranch.core.operations.merge.cell_text import shown
from anabranch.core.operations.merge.row_access import RowAccess, RowsAt, RowVersion
from anabranch.core.operations.merge.row_merge import everything
from anabranch.core.repository.row_history import numbers

if TYPE_CHECKING:
    from pyroaring import BitMap64

    from anabranch.core.repository.repository import Repository

MAX_ROWS = 1000
"""More are hardly asked for on purpose, and each takes looks at its past."""


@dataclass(frozen=True)
class CellOrigin:
    """A cell, and the commit that made it what it is.

    Attributes:
        row_id: of its row.
        column: its place among the table's columns.
        shown: the cell as people read it; None for NULL.
        entry: the commit; None where what was before the last one that wrote the row was given up.
    """

    row_id: int
    column: int
    shown: str | None
    entry: Entry | None


@dataclass(frozen=True)
class _Open:
    """A version of a row, and the columns whose cells are still as they are now."""

    at: RowVersion
    columns: Sequence[int]


@dataclass(frozen=True)
class _Past:
    """Some rows as they are in a state of the table."""

    rows: dict[int, RowVersion]
    cells: dict[int, Cells]


class CellBlame:
    """Looks back from the rows of a table. Only commits that wrote these rows are looked at."""

    def __init__(self, repo: Repository, table: TableState) -> None:
        self._states = repo.states
        self._expired = repo.expired
        self._table = table
        self._rows = RowAccess(repo.store, repo.env, repo.permits.may_select)
        self._vectors = DeletionVectors(repo.store)

    def origins(self, ids: Collection[int]) -> list[CellOrigin]:
        """The origins of all cells of some rows that the table has, by row and column."""
        now = self._past(self._table, ids)
        columns = range(len(self._table.metadata.columns))
        open = [_Open(row, columns) for row in now.rows.values()]
        found: list[CellOrigin] = []
        while open:
            by_commit: dict[int, list[_Open]] = defaultdict(list)
            for row in open:
                by_commit[row.at.commit].append(row)
            open = []
            for _, group in sorted(by_commit.items()):
                open += self._step(group, now, found)
        return sorted(found, key=lambda c: (c.row_id, c.column))

    def _step(self, group: Sequence[_Open], now: _Past, found: list[CellOrigin]) -> list[_Open]:
        """Looks at what rows were before the commit that wrote them; what is left to look for there.

        A merge may have a cell from either parent: the first that has it is followed.
        """
        entry = self._states.log.get(group[0].at.written_by)
        befores = [p for p in entry.commit.parents if self._table.id in self._states.at(p).tables]
        unknown = any(p in self._expired for p in befores)
        parents = []
        for p in befores if not unknown else ():
            table = self._states.at(p).tables[self._table.id]
            parents.append(self._past(table, [row.at.id for row in group]))
        older: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row in group:
            for column in row.columns:
                id, cell = row.at.id, now.cells[row.at.id][column]
                same = (i for i, p in enumerate(parents) if id in p.cells and p.cells[id][column] == cell)
                parent = next(same, None)
                if parent is None:
                    text = shown(self._table.metadata.columns[column].type, cell)
                    told = not unknown or numbers(self._states, self._table.id, entry, id)
                    found.append(CellOrigin(id, column, text, entry if told else None))
                else:
                    older[id, parent].append(column)
        return [_Open(parents[p].rows[id], columns) for (id, p), columns in older.items()]

    def _past(self, t: TableState, ids: Collection[int]) -> _Past:
        wanted = set(ids)
        near = [RowsAt(f, self._live(t, f, wanted)) for f in t.files.files.values() if _may_hold(f, wanted)]
        rows = {v.id: v for v in self._rows.versions(t, near) if v.id in wanted}
        return _Past(rows, self._rows.cells(t, self._table.metadata, list(rows.values())))

    def _live(self, t: TableState, f: DataFile, ids: Collection[int]) -> BitMap64:
        """The rows to look at: those of these ids, or all where the ids stand in the file."""
        from pyroaring import BitMap64

        gone = self._vectors.of(f, t.full_name)
        if f.holds_ids:
            return everything(f) - gone
        return f.ids.rows_of(BitMap64(ids)) - gone


def _may_hold(f: DataFile, ids: Collection[int]) -> bool:
    b = bounds_of(f, ROW_ID, partitioned=False)
    if b.min is None or b.max is None:
        return True
    return any(b.min.value <= id <= b.max.value for id in ids)
