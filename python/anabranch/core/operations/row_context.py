"""What changes of rows need to see and to write: deletion vectors, ids of rows, commits in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from anabranch.core.format.commits import Commit, Entry
from anabranch.core.format.files import ROW_ID, DataFile, DeletionVector
from anabranch.core.format.names import Position
from anabranch.core.log.environment import Environment
from anabranch.core.log.replay import CatalogState, FileSet, TableState
from anabranch.core.log.states import States
from anabranch.core.log.vectors import DeletionVectors
from anabranch.core.operations.scan import Scan
from anabranch.core.store.objects import ObjectStore
from anabranch.core.transaction.proposals import Conflict

if TYPE_CHECKING:
    from pyroaring import BitMap64

SHOWN = 5


class RowContext:
    """The I/O of changes of rows."""

    def __init__(self, store: ObjectStore, states: States, env: Environment) -> None:
        self._store = store
        self._states = states
        self._env = env
        self._vectors = DeletionVectors(store)

    def deleted(self, t: TableState, file: DataFile) -> BitMap64:
        """The deleted rows of a file."""
        return self._vectors.of(file, t.full_name)

    def vector(self, rows: BitMap64) -> DeletionVector:
        """A deletion vector of these rows; a large one is written."""
        return self._vectors.write(rows, self._env.new_id)

    def row_ids(self, t: TableState, file: DataFile, positions: Iterable[int]) -> list[int]:
        """The ids of some rows of a file. The file is only read if they stand there."""
        if not file.holds_ids:
            return [file.ids.id_at(p) for p in positions]
        alone = replace(t, files=FileSet.of([replace(file, deletions=None)]))
        ids = Scan(self._store, alone, [ROW_ID]).reader().read_all().column(ROW_ID)
        return [ids[p].as_py() for p in positions]

    def since(self, base: CatalogState, now: CatalogState) -> Sequence[Commit] | None:
        """The commits between two states of a branch; None if it was reset in between."""
        entries = self._entries(base, now)
        return None if entries is None else [e.commit for e in entries]

    def rearranged(
        self, base: CatalogState, now: CatalogState, table: str
    ) -> list[tuple[TableState, TableState]]:
        """The table before and after each of them that only wrote its rows to other files, oldest first."""
        found = []
        for e in self._entries(base, now) or ():
            change, parent = e.commit.tables.get(table), e.commit.first_parent
            if change is not None and change.rearranged and parent is not None:
                before, after = self._states.at(parent), self._states.after(e)
                found.append((before.tables[table], after.tables[table]))
        return found

    def _entries(self, base: CatalogState, now: CatalogState) -> Sequence[Entry] | None:
        first, last = base.position, now.position
        if first.ordinal != last.ordinal:
            return None
        return self._states.log.range(last.ordinal, first.seq + 1, last.seq)

    def changed_meanwhile(self, t: TableState, file: DataFile, rows: BitMap64, at: Position) -> Conflict:
        """The conflict about rows of a file that somebody else changed, too."""
        ids = self.row_ids(t, file, list(islice(rows, SHOWN + 1)))
        shown = ", ".join(map(str, ids[:SHOWN])) + (", …" if len(ids) > SHOWN else "")
        reason = f"rows of {t.full_name} that are changed here were changed meanwhile: _row_id {shown}"
        return Conflict(reason, at)
