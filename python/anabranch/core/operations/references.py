"""What states refer to: data files, and objects that hold deletion vectors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from anabranch.core.format.commits import TableChange
from anabranch.core.format.files import DataFile, DeletionVector
from anabranch.core.format.names import Position
from anabranch.core.log.replay import CatalogState, TableState


@dataclass
class References:
    """What states refer to.

    Attributes:
        files: data files, as tables and ids.
        vectors: ids of objects that hold deletion vectors.
    """

    files: set[tuple[str, str]] = field(default_factory=set)
    vectors: set[str] = field(default_factory=set)
    _seen: set[tuple[str, Position]] = field(default_factory=set)

    def state(self, state: CatalogState) -> None:
        """Adds all that a state refers to."""
        for t in state.tables.values():
            self.table(t)

    def table(self, t: TableState) -> None:
        """Adds all that a state of a table refers to; equal content is equal files [TAB-3]."""
        if (t.id, t.content) not in self._seen:
            self._seen.add((t.id, t.content))
            self.add(t.id, t.files.files.values())

    def add(self, table: str, files: Iterable[DataFile]) -> None:
        """Adds some files of a table."""
        for f in files:
            if not f.is_inline:
                self.files.add((table, f.id))
            self._vector(f.deletions)

    def change(self, id: str, change: TableChange, listed: Iterable[DataFile]) -> None:
        """Adds what a change of a table names, apart from what it adopts.

        Args:
            id: of the table.
            change: of it.
            listed: the files on the lists that the change names.
        """
        self.add(id, change.add)
        self.add(id, listed)
        for vector in change.deletions.values():
            self._vector(vector)

    def _vector(self, vector: DeletionVector | None) -> None:
        if vector is not None and vector.object is not None:
            self.vectors.add(vector.object)
