"""Bounds of columns, from the rows that are written, or from what Parquet's writer found in them [STAT-1]."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anabranch.core.format.arrow import column_type, value_of
from anabranch.core.format.tables import TableMetadata
from anabranch.core.format.values import ColumnStats, Value, kind_of, order


def stats_paths(metadata: TableMetadata, columns: int) -> list[str]:
    """Physical paths of the first so many fields that have bounds."""
    return [path for path, t in metadata.leaves if kind_of(t)][:columns]


class Statistics:
    """Grows with the rows of one file.

    Args:
        paths: physical, of the fields that have bounds.
        schema: of the file. Bounds of most columns are left to Parquet, which needs them anyway.
    """

    def __init__(self, paths: Sequence[str], schema: pa.Schema) -> None:
        self._told = {f.name: f.type for f in schema if f.name in paths and _is_told(f)}
        self._columns = {path: _Column() for path in paths if path not in self._told}

    def add(self, rows: pa.Table) -> None:
        """Some more rows, by physical names."""
        for path, column in self._columns.items():
            found = leaf(rows, path)
            if found is not None:
                column.add(found)

    def stats(self, file: pq.FileMetaData) -> dict[str, ColumnStats]:
        """The bounds, when the file is there."""
        found = {path: c.stats() for path, c in self._columns.items() if c.seen}
        if not file.num_rows:
            return found
        groups = [file.row_group(i) for i in range(file.num_row_groups)]
        places = {file.schema.column(i).path: i for i in range(file.num_columns)}
        told = {n: _of([g.column(places[n]) for g in groups], t) for n, t in self._told.items()}
        return found | told


def _is_told(f: pa.Field) -> bool:
    """Whether Parquet's bounds are those of Spark's order, and no more of them is left out than must be.

    Those of floats know nothing of NaN, and bytes are often longer than what has bounds there. The column a.b
    can't be told from the field b of a column a.
    """
    t = f.type
    other = pa.types.is_nested(t) or pa.types.is_floating(t) or pa.types.is_binary(t)
    return not other and "." not in f.name


def _of(chunks: Sequence[pq.ColumnChunkMetaData], t: pa.DataType) -> ColumnStats:
    """As Parquet tells it by row group; it leaves out bounds of more than 4 kB."""
    found = [c.statistics for c in chunks]
    nulls = sum(s.null_count for s in found)
    if any(s.null_count < c.num_values and not s.has_min_max for s, c in zip(found, chunks, strict=True)):
        return ColumnStats(None, None, nulls)
    low = [_stored(s.min_raw, t) for s in found if s.has_min_max]
    high = [_stored(s.max_raw, t) for s in found if s.has_min_max]
    return ColumnStats.bounded(min(low, key=order, default=None), max(high, key=order, default=None), nulls)


def _stored(x: int | bool | bytes, t: pa.DataType) -> Value:
    """A value as Parquet holds it; pyarrow's reading of it fails after the year 9999, and for decimals."""
    kind = kind_of(column_type(t))
    assert kind is not None
    if kind == "decimal":
        unscaled = int.from_bytes(x, "big", signed=True) if isinstance(x, bytes) else x
        return Value(kind, Decimal(f"{unscaled}E-{t.scale}"))
    return Value(kind, x.decode("utf-8") if isinstance(x, bytes) else x)


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
