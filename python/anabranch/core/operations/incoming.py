"""Rows that users give, as a table has them: names, types, defaults, NOT NULL and CHECK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.arrow import arrow_type, column_type, conformed
from anabranch.core.format.tables import Check, Column, TableMetadata
from anabranch.core.operations.engine import connected
from anabranch.core.operations.literals import literal
from anabranch.errors import AnabranchError, error

CHUNK_ROWS = 1_000_000


def as_reader(data: Any) -> pa.RecordBatchReader:
    """Rows of Arrow, pandas, Polars, DuckDB, or plain Python, one batch after the other.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(data, pa.RecordBatchReader):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(data.schema, [data])
    if isinstance(data, Mapping):
        data = pa.table(dict(data))
    elif isinstance(data, list | tuple):
        data = pa.Table.from_pylist(list(data))
    elif type(data).__module__.split(".")[0] == "pandas":
        data = pa.Table.from_pandas(data, preserve_index=False)
    elif hasattr(data, "to_arrow") and type(data).__module__.split(".")[0] == "polars":
        data = data.to_arrow()
    elif hasattr(data, "to_reader") and not isinstance(data, pa.Table):
        data = data.to_reader()
    if isinstance(data, pa.Table):
        return data.to_reader(CHUNK_ROWS)
    if isinstance(data, pa.RecordBatchReader):
        return data
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data)
    raise TypeError(f"{type(data).__name__} is nothing that rows can be read from")


class Aligned:
    """Brings rows into the form of a table, logical names and types, and checks what holds of them.

    `rows` counts those that came through.
    """

    def __init__(self, table: str, metadata: TableMetadata, allowed: Sequence[str] = ()) -> None:
        self._table = table
        self._metadata = metadata
        self._allowed = allowed  # hidden columns that go along
        self._checks = [c for c in metadata.constraints if isinstance(c, Check)]
        self.rows = 0

    def batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
        """The rows as the table has them.

        Raises:
            SchemaColumnNotFound, WriteValue, WriteCheckViolated: with the column and the first bad row.
        """
        self.check_names(reader.schema.names)
        for batch in reader:
            table = self._aligned(batch)
            self._check(table)
            self.rows += table.num_rows
            yield table

    def check_names(self, names: Sequence[str]) -> None:
        """Refuses columns that the table doesn't have, and those that are named twice."""
        seen = set()
        for name in names:
            column = self._metadata.column(name)
            if column is None and name not in self._allowed:
                known = ", ".join(c.name for c in self._metadata.columns)
                raise error("ANABRANCH_SCHEMA.COLUMN_NOT_FOUND", table=self._table, column=name, known=known)
            if name.lower() in seen:
                raise error("ANABRANCH_SCHEMA.COLUMN_EXISTS", table=self._table, column=name)
            seen.add(name.lower())

    def _aligned(self, batch: pa.RecordBatch) -> pa.Table:
        given = {name.lower(): batch.column(i) for i, name in enumerate(batch.schema.names)}
        arrays: dict[str, pa.Array] = {}
        for c in self._metadata.columns:
            found = given.get(c.name.lower())
            if found is None:
                arrays[c.name] = pa.repeat(
                    literal(c.attributes.get("default"), arrow_type(c.type)), batch.num_rows
                )
            else:
                arrays[c.name] = self._cast(c, found)
            if c.required and arrays[c.name].null_count:
                row = pc.index(arrays[c.name].is_null(), True).as_py()
                raise self._wrong(c, None, row, "the column is NOT NULL")
        for name in self._allowed:
            if name in given:
                arrays[name] = given[name].cast(pa.int64())
        return pa.table(arrays)

    def _wrong(self, c: Column, value: object, row: int, reason: object) -> AnabranchError:
        shown = "NULL" if value is None else repr(value)
        return error(
            "ANABRANCH_WRITE.VALUE",
            table=self._table,
            column=c.name,
            value=shown if len(shown) <= 60 else shown[:57] + "…",
            row=self.rows + row,
            reason=reason,
        )

    def _cast(self, c: Column, array: pa.Array) -> pa.Array:
        if pa.types.is_dictionary(array.type):
            array = array.cast(array.type.value_type)
        target = arrow_type(c.type)
        if array.type != target and array.null_count < len(array):
            if not _fits(array.type, target):
                row = pc.index(array.is_valid(), True).as_py()
                raise self._wrong(c, array[row].as_py(), row, f"{array.type} is not {_named(c)}")
            if pa.types.is_nested(target):
                array = conformed(_by_name(array, c), c.type, storing=False)
        try:
            array = array.cast(target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
            row = _first_bad(array, target)
            raise self._wrong(c, array[row].as_py(), row, f"it does not fit {_named(c)}") from e
        return self._text(c, array) if isinstance(c.type, str) and "char(" in c.type else array

    def _text(self, c: Column, array: pa.Array) -> pa.Array:
        assert isinstance(c.type, str)
        length = int(c.type[c.type.index("(") + 1 : -1])
        long = pc.greater(pc.utf8_length(array), length)
        if pc.any(long).as_py():
            row = pc.index(long, True).as_py()
            raise self._wrong(c, array[row].as_py(), row, f"it is longer than {length} characters")
        return pc.utf8_rpad(array, length) if c.type.startswith("char(") else array

    def _check(self, rows: pa.Table) -> None:
        if not self._checks:
            return
        with connected() as connection:
            connection.register("rows", rows)
            for check in self._checks:
                sql = f"SELECT * FROM rows WHERE NOT ({check.condition}\n) LIMIT 1"
                bad = connection.sql(sql).to_arrow_table().to_pylist()
                if bad:
                    raise error(
                        "ANABRANCH_WRITE.CHECK_VIOLATED",
                        table=self._table,
                        constraint=check.name,
                        condition=check.condition,
                        row=bad[0],
                    )


def _named(c: Column) -> str:
    return str(c.type) if isinstance(c.type, str) else str(arrow_type(c.type))


def _by_name(array: pa.Array, c: Column) -> pa.Array:
    """Nested fields come by the names that users see; what is stored of them is their physical names."""
    return conformed(array, c.type, storing=True)


def _fits(given: pa.DataType, target: pa.DataType) -> bool:
    """Whether values of one type can be meant as values of the other, each on its own checked later."""
    if pa.types.is_null(given) or given == target:
        return True
    try:
        return _family(given) == _family(target)
    except AnabranchError:
        return False


def _family(t: pa.DataType) -> str:
    if pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t):
        return "number"
    if pa.types.is_nested(t):
        return "struct" if pa.types.is_struct(t) else "map" if pa.types.is_map(t) else "list"
    return str(column_type(t))


def _first_bad(array: pa.Array, target: pa.DataType) -> int:
    """The first row that can't be cast, found by halving."""
    low, high = 0, len(array)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            array.slice(low, middle - low).cast(target)
            low = middle
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            high = middle
    return low
