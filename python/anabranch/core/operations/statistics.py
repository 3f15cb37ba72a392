"""Bounds of columns, from the rows that are written [STAT-1]."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anabranch.core.format.arrow import value_of
from anabranch.core.format.tables import TableMetadata
from anabranch.core.format.values import ColumnStats, Value, kind_of, order


def stats_paths(metadata: TableMetadata, columns: int) -> list[str]:
    """Physical paths of the first so many fields that have bounds."""
    return [path for path, t in metadata.leaves if kind_of(t)][:columns]


class Statistics:
    """Grows with the rows of one file.

    Args:
        paths: physical, of the fields that have bounds.
        schema: of the file. Bounds of its columns of text are left to Parquet, which needs them anyway.
    """

    def __init__(self, paths: Sequence[str], schema: pa.Schema) -> None:
        texts = {f.name for f in schema if pa.types.is_string(f.type) and "." not in f.name}
        self._columns = {path: _Column() for path in paths if path not in texts}
        self._texts = [path for path in paths if path in texts]

    def add(self, rows: pa.Table) -> None:
        """Some more rows, by physical names."""
        for path, column in self._columns.items():
            found = leaf(rows, path)
            if found is not None:
                column.add(found)

    def stats(self, file: pq.FileMetaData) -> dict[str, ColumnStats]:
        """The bounds, when the file is there."""
        found = {path: c.stats() for path, c in self._columns.items() if c.seen}
        return found | {path: _of_text(file, path) for path in self._texts if file.num_rows}


def _of_text(file: pq.FileMetaData, name: str) -> ColumnStats:
    """As Parquet tells it by row group; it leaves out bounds of more than 4 kB."""
    low, high, nulls = list[str](), list[str](), 0
    for i in range(file.num_row_groups):
        group = file.row_group(i)
        columns = (group.column(j) for j in range(group.num_columns))
        column = next(c for c in columns if c.path_in_schema == name)
        stats = column.statistics
        nulls += stats.null_count
        if stats.has_min_max:
            low.append(stats.min)
            high.append(stats.max)
        elif stats.null_count < column.num_values:
            return ColumnStats(None, None, None)
    if not low:
        return ColumnStats.bounded(None, None, nulls)
    first, last = min(low, key=str.encode), max(high, key=str.encode)
    return ColumnStats.bounded(value_of(pa.scalar(first)), value_of(pa.scalar(last)), nulls)


def leaf(rows: pa.Table, path: str) -> pa.ChunkedArray | None:
    """A column, or a field in it; names may hold dots themselves."""
    top = max((n for n in rows.column_names if path == n or path.startswith(n + ".")), key=len, default=None)
    if top is None:
        return None
    found, rest = rows.column(top), path[len(top) + 1 :]
    while rest:
        fields = [found.type.field(i).name for i in range(found.type.num_fields)]
        name = max((n for n in fields if rest == n or rest.startswith(n + ".")), key=len)
        found, rest = pc.struct_field(found, [fields.index(name)]), rest[len(name) + 1 :]
    return found


class _Column:
    def __init__(self) -> None:
        self.seen = False
        self.nulls = 0
        self.low: Value | None = None
        self.high: Value | None = None
        self.nan = False

    def add(self, column: pa.ChunkedArray) -> None:
        self.seen = True
        self.nulls += column.null_count
        if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
            self.nan = True
            column = column.filter(pc.invert(pc.is_nan(column)))
        bounds = pc.min_max(column)
        low, high = value_of(bounds["min"]), value_of(bounds["max"])
        if low is not None and (self.low is None or order(low) < order(self.low)):
            self.low = low
        if high is not None and (self.high is None or order(high) > order(self.high)):
            self.high = high

    def stats(self) -> ColumnStats:
        return ColumnStats.bounded(self.low, None if self.nan else self.high, self.nulls)
