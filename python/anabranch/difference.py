"""What differs between two refs: tables, rows and cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from anabranch import _sql
from anabranch.changes import cell_changes, row_changes
from anabranch.results import TableChange

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Difference(Sequence[TableChange]):
    """What differs from one ref to another.

    As a sequence it holds one `TableChange` for each table, for which no data is read; rows and cells are
    told on demand.

        for change in lake.diff("main", "fix-units"):
            print(change.table, change.rows_changed)
        lake.diff("main", "fix-units").cell_changes("clinical.observation").show()

    Attributes:
        from_ref: the one side.
        to_ref: the other side.
    """

    def __init__(
        self, spark: SparkSession, catalog: str, from_ref: str, to_ref: str, tables: Sequence[TableChange]
    ) -> None:
        self._spark = spark
        self._catalog = catalog
        self._tables = tuple(tables)
        self.from_ref = from_ref
        self.to_ref = to_ref

    @overload
    def __getitem__(self, index: int) -> TableChange: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TableChange]: ...
    def __getitem__(self, index: int | slice) -> TableChange | Sequence[TableChange]:
        return self._tables[index]

    def __len__(self) -> int:
        return len(self._tables)

    def __iter__(self) -> Iterator[TableChange]:
        return iter(self._tables)

    def __repr__(self) -> str:
        return f"Difference({self.from_ref!r}, {self.to_ref!r}, {list(self._tables)!r})"

    def changes(self, table: str | Sequence[str]) -> DataFrame:
        """The rows of a table that differ, as net changes of `Table.changes`: same columns.

        Args:
            table: the table, which both sides have; its name is that on the other side.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_TABLE.NOT_FOUND``, ``.ANOTHER_TABLE``.
        """
        parts = _sql.split(table) if isinstance(table, str) else list(table)
        name = _sql.table(self._catalog, [*parts[:-1], f"{parts[-1]}@{self.to_ref}"])
        return row_changes(self._spark, name, self.from_ref, self.to_ref, net=True)

    def cell_changes(self, table: str | Sequence[str]) -> DataFrame:
        """The cells of a table that differ in rows that both sides have: columns as of `Table.cell_changes`.

        Args:
            table: as in `changes`.
        """
        return cell_changes(self.changes(table))
