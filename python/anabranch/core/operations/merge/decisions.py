"""What is decided about conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from anabranch.core.format.commits import Name


@dataclass(frozen=True)
class Chosen:
    """Another value for a cell, as text that is cast to the column's type; None for NULL."""

    text: str | None


Choice = Literal["ours", "theirs"] | Chosen
OPEN = "open"
"""What stands for no choice."""


@dataclass(frozen=True)
class Decision:
    """A choice for all conflicts, or those of a table, column, row or cell.

    Attributes:
        choice: the side that is right, or a value; None takes back those before it about the same.
        table: full name; None for all tables.
        row: row id; None for all rows.
        column: logical name; None for all columns.
    """

    choice: Choice | None
    table: Name | None = None
    row: int | None = None
    column: str | None = None

    def covers(self, table: Name, row: int | None, column: str | None) -> bool:
        """Whether it is about a conflict."""
        return (
            self.table in (None, table)
            and self.row in (None, row)
            and (self.column is None or (column is not None and column.lower() == self.column.lower()))
        )

    @property
    def weight(self) -> int:
        """A choice for a cell comes before one for a row, that before one for a column, then a table."""
        return (self.table is not None) + 2 * (self.column is not None) + 4 * (self.row is not None)


@dataclass(frozen=True)
class Decisions:
    """All choices for a merge, oldest first.

    Attributes:
        all: the choices.
        of_rows: whether they hold for rows and cells, too, and not only for tables, columns and namespaces as
            such.
    """

    all: Sequence[Decision] = ()
    of_rows: bool = True

    def about(self, table: Name, row: int | None = None, column: str | None = None) -> Choice | None:
        """The choice that names most closely what it is about; of several, the newest.

        Only those count that were not taken back.
        """
        if row is not None and not self.of_rows:
            return None
        standing: list[Decision] = []
        for d in self.all:
            if d.covers(table, row, column):
                standing = [*standing, d] if d.choice is not None else []
        return max(reversed(standing), key=lambda d: d.weight).choice if standing else None
