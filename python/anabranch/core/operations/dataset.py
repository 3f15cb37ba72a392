"""A table as a dataset of Arrow: DuckDB, Polars and others push columns and conditions down into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from anabranch.core.log.replay import TableState
from anabranch.core.operations.scan import Scan, full_schema, schema_of
from anabranch.core.store.objects import ObjectStore


class TableScanner(ds.Scanner):  # type: ignore[misc]
    """What was asked of a `TableDataset`: columns and a condition."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan

    @property
    def projected_schema(self) -> pa.Schema:
        """Of the rows that come."""
        return self._scan.schema

    @property
    def dataset_schema(self) -> pa.Schema:
        """Of all columns that are readable."""
        return full_schema(self._scan.table)

    def to_reader(self) -> pa.RecordBatchReader:
        """The rows, one batch after the other."""
        return self._scan.reader()

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, one batch after the other."""
        return self._scan.batches()

    def to_table(self) -> pa.Table:
        """All rows."""
        return self.to_reader().read_all()

    def count_rows(self) -> int:
        """How many rows there are."""
        return self._scan.count()

    def head(self, num_rows: int) -> pa.Table:
        """The first rows."""
        found: list[pa.RecordBatch] = []
        for batch in self._scan.batches():
            found.append(batch.slice(0, num_rows - sum(b.num_rows for b in found)))
            if sum(b.num_rows for b in found) >= num_rows:
                break
        return pa.Table.from_batches(found, self.projected_schema)


class TableDataset(ds.Dataset):  # type: ignore[misc]
    """A table in one state. Files and row groups that can't hold wanted rows are not read.

    `conditions` tells what was pushed down so far; a None among them means that all rows were read.
    """

    def __init__(self, store: ObjectStore, table: TableState, names: Sequence[str]) -> None:
        self._store = store
        self._table = table
        self._names = list(names)
        self.conditions: list[pc.Expression | None] = []

    @property
    def schema(self) -> pa.Schema:
        """Of its columns."""
        return schema_of(self._table, self._names)

    def scanner(
        self, columns: Sequence[str] | None = None, filter: pc.Expression | None = None, **_: Any
    ) -> TableScanner:
        """Reads some columns of the rows for which a condition is true."""
        self.conditions.append(filter)
        names = self._names if columns is None else list(columns)
        return TableScanner(Scan(self._store, self._table, names, filter))

    def to_table(self, **wanted: Any) -> pa.Table:
        """All rows; arguments are those of `scanner`."""
        return self.scanner(**wanted).to_table()

    def to_batches(self, **wanted: Any) -> Iterator[pa.RecordBatch]:
        """The rows, one batch after the other."""
        return self.scanner(**wanted).to_batches()

    def count_rows(self, filter: pc.Expression | None = None, **_: Any) -> int:
        """How many rows there are."""
        return self.scanner([], filter).count_rows()

    def head(self, num_rows: int, **wanted: Any) -> pa.Table:
        """The first rows."""
        return self.scanner(**wanted).head(num_rows)
