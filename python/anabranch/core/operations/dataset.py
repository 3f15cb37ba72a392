"""A table as a dataset of Arrow: DuckDB, Polars and others push columns and conditions down into it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs

from anabranch.core.log.replay import TableState
from anabranch.core.operations.collations import must_be_comparable
from anabranch.core.operations.scan import BATCH_ROWS, Scan, all_names, full_schema, schema_of
from anabranch.core.store.objects import ObjectStore
from anabranch.errors import error

_FORMAT = ds.ParquetFileFormat()
_NOWHERE = "what reads a table's files by itself does not know which rows are deleted: give it t.to_batches()"


class TableDataset(ds.FileSystemDataset):  # type: ignore[misc]
    """A table in one state. Files and row groups that can't hold wanted rows are not read.

    `conditions` tells what was pushed down so far; a None among them means that all rows were read.
    `may_read` is asked before each read: what may be seen when a dataset is made may not be later.
    `columns_read` are those of all scans so far.
    """

    def __init__(
        self,
        store: ObjectStore,
        table: TableState,
        names: Sequence[str],
        condition: pc.Expression | None = None,
        may_read: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._may_read = may_read
        self._table = table
        self._names = list(names)
        self._condition = condition
        self.conditions: list[pc.Expression | None] = []
        self.columns_read: set[str] = set()
        # what looks below Python finds one file, which is not there, and whose name tells why
        local = fs.LocalFileSystem()
        super().__init__([_FORMAT.make_fragment(_NOWHERE, local)], self.schema, _FORMAT, local)

    def as_type(self, kind: type[TableDataset]) -> TableDataset:
        """The same, read another way."""
        return kind(self._store, self._table, self._names, self._condition, self._may_read)

    def must_be_comparable(self, used: str | pc.Expression | Collection[str]) -> None:
        """See `collations`."""
        must_be_comparable(self._table.full_name, self._table.metadata, used)

    @property
    def schema(self) -> pa.Schema:
        """Of its columns."""
        return schema_of(self._table, self._names)

    def scan(
        self, columns: Sequence[str] | None = None, filter: pc.Expression | None = None, **_: Any
    ) -> Scan:
        """What reads some columns of the rows for which a condition is true.

        Raises:
            SqlFailed: for a condition on columns that are not there, or that makes no sense for their types.
            SqlCollation: for one on text that a collation compares.
            SchemaColumnNotFound: for a column that is not there; names are compared with case, as Arrow does.
        """
        self._may_read()
        if isinstance(columns, Mapping):
            raise NotImplementedError("columns of a table are read by their names; compute others afterwards")
        condition = self._both(filter)
        names = self._names if columns is None else list(columns)
        self._must_have(names)
        self.columns_read.update(names)
        if condition is not None:
            self.must_be_comparable(condition)
            schema = full_schema(self._table)
            try:
                # tried on a row of NULLs: of none at all, types that can't be compared are not seen
                pa.table([pa.nulls(1, f.type) for f in schema], names=schema.names).filter(condition)
            except (pa.ArrowException, TypeError) as e:
                raise error("ANABRANCH_SQL.FAILED", reason=str(e).splitlines()[0].rstrip(".")) from None
        self.conditions.append(condition)
        return Scan(self._store, self._table, names, condition)

    def _must_have(self, names: Sequence[str]) -> None:
        known = all_names(self._table)
        for name in names:
            if name not in known:
                told = {"column": name, "known": ", ".join(self._names)}
                raise error("ANABRANCH_SCHEMA.COLUMN_NOT_FOUND", table=self._table.full_name, **told)

    def _both(self, condition: pc.Expression | None) -> pc.Expression | None:
        if self._condition is None or condition is None:
            return self._condition if condition is None else condition
        return self._condition & condition

    def scanner(
        self,
        columns: Sequence[str] | None = None,
        filter: Any = None,
        batch_size: int = BATCH_ROWS,
        **_: Any,
    ) -> ds.Scanner:
        """Reads, once, some columns of the rows for which a condition is true."""
        scan = self.scan(columns, filter)
        rows = pa.RecordBatchReader.from_batches(scan.schema, _cut(scan.batches(), batch_size))
        return ds.Scanner.from_batches(rows)

    def filter(self, expression: pc.Expression) -> TableDataset:
        """The rows for which a condition is true."""
        both = self._both(expression)
        return type(self)(self._store, self._table, self._names, both, self._may_read)

    def to_table(self, **wanted: Any) -> pa.Table:
        """All rows; arguments are those of `scan`."""
        return self.scan(**wanted).reader().read_all()

    def to_batches(self, batch_size: int = BATCH_ROWS, **wanted: Any) -> Iterator[pa.RecordBatch]:
        """The rows, one batch after the other, of at most so many rows each."""
        return _cut(self.scan(**wanted).batches(), batch_size)

    def count_rows(self, filter: pc.Expression | None = None, **_: Any) -> int:
        """How many rows there are."""
        return self.scan([], filter).count()

    def head(self, num_rows: int, **wanted: Any) -> pa.Table:
        """The first rows."""
        scan = self.scan(**wanted)
        found: list[pa.RecordBatch] = []
        for batch in scan.batches() if num_rows else ():
            found.append(batch.slice(0, num_rows - sum(b.num_rows for b in found)))
            if sum(b.num_rows for b in found) >= num_rows:
                break
        return pa.Table.from_batches(found, scan.schema)

    def take(self, indices: object, **wanted: Any) -> pa.Table:
        """Rows by their places."""
        return self.to_table(**wanted).take(indices)

    def sort_by(self, sorting: str | list[tuple[str, str]], **_: Any) -> ds.InMemoryDataset:
        """The rows in an order."""
        return ds.InMemoryDataset(self.to_table().sort_by(sorting))

    def join(self, right_dataset: ds.Dataset, *how: Any, **more: Any) -> ds.InMemoryDataset:
        """The rows with those of another dataset."""
        return ds.InMemoryDataset(self.to_table().join(right_dataset.to_table(), *how, **more))

    def join_asof(self, right_dataset: ds.Dataset, *how: Any, **more: Any) -> ds.InMemoryDataset:
        """The rows with the nearest of another dataset."""
        return ds.InMemoryDataset(self.to_table().join_asof(right_dataset.to_table(), *how, **more))

    def get_fragments(self, filter: pc.Expression | None = None) -> Iterator[ds.Fragment]:
        """Not there: files alone do not tell which rows are deleted."""
        raise NotImplementedError(_NOWHERE)

    def replace_schema(self, schema: pa.Schema) -> ds.Dataset:
        """Not there: the schema is the table's."""
        raise NotImplementedError("a table has one schema; select and cast columns of what is read")

    def __reduce__(self) -> tuple[object, ...]:
        raise NotImplementedError("a dataset can't be pickled: pickle the table that it is of")


def _cut(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    if rows < 1:
        raise ValueError(f"a batch has at least one row; {rows} is less")
    return (batch.slice(i, rows) for batch in batches for i in range(0, batch.num_rows, rows))
