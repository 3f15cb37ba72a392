"""What is decided about conflicts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from anabranch.core.format.commits import Name

N = TypeVar("N", bound=Hashable)


@dataclass(frozen=True)
class Chosen:
    """Another value for a cell, as text that is cast to the column's type; None for NULL."""

    text: str | None


Choice = Literal["ours", "theirs"] | Chosen
OPEN = "open"
"""What stands for no choice."""

FAIL: Literal["fail"] = "fail"
"""No side: the conflict stays open, whatever a wider decision says."""


@dataclass(frozen=True)
class Decision:
    """A choice for all conflicts, or those of a table, column, row or cell.

    Attributes:
        choice: the side that is right, a value, or `FAIL`; None takes back those before it about the same.
        table: full name; None for all tables.
        row: row id; None for all rows.
        column: logical name; None for all columns.
    """

    choice: Choice | Literal["fail"] | None
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
        choice = max(reversed(standing), key=lambda d: d.weight).choice if standing else None
        return None if choice == "fail" else choice

    def of_tables(self, also: Mapping[Name, Name]) -> Decisions:
        """With what is decided about a table under one of its names decided under the other as well."""
        found = []
        for d in self.all:
            found.append(d)
            if d.table is not None and d.table in also:
                found.append(replace(d, table=also[d.table]))
        return replace(self, all=found)

    def of_columns(self, also: Mapping[str, str]) -> Decisions:
        """The same of columns; their names in lower case."""
        found = []
        for d in self.all:
            found.append(d)
            if d.column is not None and d.column.lower() in also:
                found.append(replace(d, column=also[d.column.lower()]))
        return replace(self, all=found)


def synonyms(ours: Mapping[str, N], theirs: Mapping[str, N]) -> dict[N, N]:
    """The other name of what two sides call differently; none where something else has one of these names.

    Args:
        ours: names of things, by what they are.
        theirs: those of the other side.
    """
    things: dict[N, set[str]] = {}
    for side in (ours, theirs):
        for thing, name in side.items():
            things.setdefault(name, set()).add(thing)
    found: dict[N, N] = {}
    for thing, mine in ours.items():
        other = theirs.get(thing, mine)
        if other != mine and len(things[mine]) == len(things[other]) == 1:
            found |= {mine: other, other: mine}
    return found
