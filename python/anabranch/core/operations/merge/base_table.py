"""What two sides of a merge started from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from anabranch.core.format.files import DataFile
from anabranch.core.format.names import Position
from anabranch.core.log.replay import TableState
from anabranch.core.operations.merge.catalog_facts import CatalogFacts
from anabranch.core.operations.merge.row_access import RowVersion


@dataclass(frozen=True)
class DisputedRow:
    """The versions of a row in two bases, and in what these started from."""

    under: RowVersion | None
    one: RowVersion | None
    other: RowVersion | None


@dataclass(frozen=True)
class BaseTable:
    """What two sides of a table started from.

    Attributes:
        table: None where it was not there.
        files: by id.
        disputed: of a virtual base, rows whose versions in the bases contradict each other, by id. They are
            nowhere in `files`.
    """

    table: TableState | None = None
    files: Mapping[str, DataFile] = field(default_factory=dict)
    disputed: Mapping[int, DisputedRow] = field(default_factory=dict)

    @staticmethod
    def of(table: TableState | None) -> BaseTable:
        """A table of one state."""
        return BaseTable() if table is None else BaseTable(table, table.files.files)


@dataclass(frozen=True)
class BaseCatalog:
    """What two sides started from: the merge base, or a virtual one.

    Attributes:
        facts: its tables and namespaces.
        table: gives one of its tables, by id.
        knows: whether a commit is one of it, or an ancestor.
        single: whether it is one state, and not several merged.
    """

    facts: CatalogFacts
    table: Callable[[str], BaseTable]
    knows: Callable[[Position], bool]
    single: bool
