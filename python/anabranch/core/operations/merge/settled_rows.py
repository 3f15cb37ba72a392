"""Decides what becomes of rows that both sides took away from where they were.

Reads the cells of those that both changed, and of no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from anabranch.core.format.canonical import canonical
from anabranch.core.format.commits import Name
from anabranch.core.format.tables import Key, TableMetadata
from anabranch.core.log.replay import TableState
from anabranch.core.operations.merge.base_table import BaseTable
from anabranch.core.operations.merge.cell_merge import CellConflict, Cells, merge_cells, virtual_cells
from anabranch.core.operations.merge.cell_text import parsed, shown
from anabranch.core.operations.merge.conflicts import CELL, DELETE_CHANGE, ConflictRow, MergeConflict
from anabranch.core.operations.merge.contested_rows import ContestedRow
from anabranch.core.operations.merge.decisions import Chosen, Decisions
from anabranch.core.operations.merge.row_access import RowAccess, RowVersion
from anabranch.core.operations.merge.three_way import TORN

AT_ONCE = 50_000  # so many rows are in memory at a time


@dataclass
class Settled:
    """What becomes of contested rows.

    Attributes:
        masks: versions that are not in the merged table.
        combined: rows put together, with their ids.
        conflicts: what is open.
        rekeyed: of each declared key that neither side has given to such a row: the ids of these.
    """

    masks: list[RowVersion] = field(default_factory=list)
    combined: list[tuple[int, Cells]] = field(default_factory=list)
    conflicts: list[MergeConflict] = field(default_factory=list)
    rekeyed: dict[Key, set[int]] = field(default_factory=dict)

    def add(self, other: Settled) -> None:
        """More rows."""
        self.masks += other.masks
        self.combined += other.combined
        self.conflicts += other.conflicts
        for key, ids in other.rekeyed.items():
            self.rekeyed.setdefault(key, set()).update(ids)


class SettledRows:
    """Settles rows of one table; `metadata` is what the merged table has."""

    def __init__(
        self,
        name: Name,
        ours: TableState,
        metadata: TableMetadata,
        base: BaseTable,
        decisions: Decisions,
        rows: RowAccess,
    ) -> None:
        self._name = name
        self._ours = ours
        self._metadata = metadata
        self._base = base
        self._decisions = decisions
        self._rows = rows
        self._keys = sorted(metadata.keys, key=lambda k: not k.primary)

    def settle(self, rows: Sequence[ContestedRow]) -> Settled:
        """What becomes of them."""
        found = Settled()
        for start in range(0, len(rows), AT_ONCE):
            found.add(self._some(rows[start : start + AT_ONCE]))
        return found

    def _some(self, rows: Sequence[ContestedRow]) -> Settled:
        found = Settled([r.masked for r in rows if r.quiet and r.masked is not None])
        loud = [r for r in rows if not r.quiet]
        mine, other, before = (
            self._read(getattr(r, side) for r in loud) for side in ("ours", "theirs", "base")
        )
        disputed = self._disputed([r.id for r in loud])
        nothing = [TORN] * len(self._metadata.columns)
        for r in loud:
            if r.ours is not None and r.theirs is not None:
                under = disputed.get(r.id) or before.get(r.id) or nothing
                found.add(self._both_changed(r, r.ours, r.theirs, under, mine[r.id], other[r.id]))
            else:
                found.add(self._deleted_on_one(r, before.get(r.id), mine.get(r.id), other.get(r.id)))
        return found

    def _read(self, versions: Iterable[RowVersion | None]) -> dict[int, Cells]:
        wanted = [v for v in versions if v is not None]
        return self._rows.cells(self._ours, self._metadata, wanted)

    def _disputed(self, ids: Iterable[int]) -> dict[int, Cells]:
        """What the bases of a virtual base agree on about a row."""
        found = {id: self._base.disputed[id] for id in ids if id in self._base.disputed}
        under, one, other = (
            self._read(getattr(row, part) for row in found.values()) for part in ("under", "one", "other")
        )
        columns = len(self._metadata.columns)
        return {id: virtual_cells(under.get(id), one.get(id), other.get(id), columns) for id in found}

    def _both_changed(
        self, r: ContestedRow, o: RowVersion, t: RowVersion, base: Cells, mine: Cells, other: Cells
    ) -> Settled:
        merged, torn = merge_cells(base, mine, other)
        conflicts = []
        for c in torn:
            column = self._metadata.columns[c.column]
            match self._decisions.about(self._name, r.id, column.name):
                case "theirs":
                    merged[c.column] = c.theirs
                case Chosen(text):
                    merged[c.column] = parsed(column, text)
                case None:
                    conflicts.append(self._cell_conflict(r, c, mine))
        if merged == mine:
            return Settled([t], conflicts=conflicts)
        if merged == other:
            return Settled([o], conflicts=conflicts)
        rekeyed = {k: {r.id} for k in self._keys if self._is_new(k, merged, mine, other)}
        return Settled([o, t], [(r.id, merged)], conflicts, rekeyed)

    def _is_new(self, key: Key, merged: Cells, *sides: Cells) -> bool:
        """Whether no side has this key."""
        places = self._places(key)
        return all(any(side[i] != merged[i] for i in places) for side in sides)

    def _cell_conflict(self, r: ContestedRow, c: CellConflict, mine: Cells) -> MergeConflict:
        column = self._metadata.columns[c.column]

        def text(cell: Any) -> str | None:
            return None if cell is TORN else shown(column.type, cell)

        return MergeConflict(
            CELL,
            self._ours.id,
            self._name,
            f"both sides changed {column.name} of the row",
            self._at(r, mine),
            column.name,
            text(c.base),
            text(c.ours),
            text(c.theirs),
        )

    def _deleted_on_one(
        self, r: ContestedRow, base: Cells | None, mine: Cells | None, other: Cells | None
    ) -> Settled:
        choice = self._decisions.about(self._name, r.id)
        if choice is not None:
            gone = r.ours if choice == "theirs" else r.theirs
            return Settled([gone] if gone is not None else [])
        reason = "we deleted it, they changed it" if r.ours is None else "they deleted it, we changed it"
        conflict = MergeConflict(
            DELETE_CHANGE,
            self._ours.id,
            self._name,
            reason,
            self._at(r, mine or other),
            None,
            *(None if cells is None else self._row(cells) for cells in (base, mine, other)),
        )
        return Settled(conflicts=[conflict])

    def _at(self, r: ContestedRow, cells: Cells | None) -> ConflictRow:
        return ConflictRow(
            r.id,
            None if cells is None else self._key(cells),
            None if r.ours is None else r.ours.written_by,
            None if r.theirs is None else r.theirs.written_by,
        )

    def _key(self, cells: Cells) -> str | None:
        """The values of the primary key, or of the first other key, that the table declares."""
        if not self._keys:
            return None
        return ", ".join(self._shown(i, cells) or "NULL" for i in self._places(self._keys[0]))

    def _places(self, key: Key) -> list[int]:
        places = {c.physical: i for i, c in enumerate(self._metadata.columns)}
        return [places[c] for c in key.columns if c in places]

    def _shown(self, column: int, cells: Cells) -> str | None:
        return shown(self._metadata.columns[column].type, cells[column])

    def _row(self, cells: Cells) -> str:
        named = {c.name: self._shown(i, cells) for i, c in enumerate(self._metadata.columns)}
        return canonical(named).decode()
