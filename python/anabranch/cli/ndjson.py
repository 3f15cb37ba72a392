"""JSON, one object a line: what JSON does not have is text in it, and comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.cli.binary import Binary, decoded, encoded, has_binary
from anabranch.cli.output import json_line

if TYPE_CHECKING:
    import pyarrow as pa

_LONG = re.compile(rb"[:\[,]\s*-?[0-9]{16,}\s*[,}\]]")
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_SPECIAL = re.compile(rb'"(?:NaN|-?Infinity)"')


def read(data: bytes, table: pa.Schema | None, binary: Binary | None) -> Any:
    """Rows of files, as `Table.append` takes them.

    Args:
        data: of the files, one after the other.
        table: of the table that they are for; None for a new one, whose types the values tell.
        binary: how bytes are written; None for text that is meant itself.
    """
    import pyarrow as pa
    from pyarrow import json as ndjson

    maps = any(has_map(f.type) or (binary and has_binary(f.type)) for f in table or ())
    if maps or _LONG.search(data) or _SPECIAL.search(data):  # Arrow reads other values of these, or none
        text = data.decode("utf-8-sig")
        return _typed([json.loads(line) for line in text.split("\n") if line.strip()], table, binary)
    dates = [f.name for f in table or () if pa.types.is_date(f.type)]
    told = table and pa.schema([(f.name, pa.string() if f.name in dates else f.type) for f in table])
    rows = ndjson.read_json(pa.BufferReader(data), parse_options=ndjson.ParseOptions(explicit_schema=told))
    wanted = [(f.name, pa.date32() if f.name in dates else f.type) for f in rows.schema]
    return rows.cast(pa.schema(wanted))


def has_map(t: pa.DataType) -> bool:
    """Whether there is a map in it, which is a list of pairs in JSON."""
    import pyarrow as pa

    return pa.types.is_map(t) or any(has_map(t.field(i).type) for i in range(t.num_fields))


def _typed(rows: list[Any], table: pa.Schema | None, binary: Binary | None) -> list[Any]:
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line is no object")
    types = {f.name: f.type for f in table or ()}
    for name in dict.fromkeys(name for row in rows for name in row if name not in types):
        values = [v for row in rows if (v := row.get(name)) is not None and v not in _NOT_FINITE]
        if values and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            for row in rows:
                if isinstance(row.get(name), str):
                    row[name] = float(row[name])
    return [{k: _value(v, types[k], binary) if k in types else v for k, v in row.items()} for row in rows]


def _value(x: Any, t: pa.DataType, binary: Binary | None) -> Any:
    """A value of JSON as one of a type; one of another kind as it is."""
    import pyarrow as pa

    if isinstance(x, str):
        if pa.types.is_floating(t) and x in _NOT_FINITE:
            return float(x)
        if pa.types.is_binary(t):
            return decoded(x, binary) if binary else x.encode()
        if pa.types.is_temporal(t) or pa.types.is_decimal(t):
            return pa.scalar(x).cast(t).as_py()
    elif isinstance(x, list) and pa.types.is_list(t):
        return [_value(v, t.value_type, binary) for v in x]
    elif isinstance(x, list) and pa.types.is_map(t):
        return [(_value(k, t.key_type, binary), _value(v, t.item_type, binary)) for k, v in x]
    elif isinstance(x, dict) and pa.types.is_struct(t):
        fields = {t.field(i).name: t.field(i).type for i in range(t.num_fields)}
        return {k: _value(v, fields[k], binary) if k in fields else v for k, v in x.items()}
    return x


class Lines:
    """Writes rows as JSON, one object a line."""

    def __init__(self, file: Path, schema: pa.Schema, binary: Binary | None = None) -> None:
        self._out = file.open("w", encoding="utf-8", newline="\n")
        self._binary = binary

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Some more rows."""
        self._out.writelines(f"{json_line(self._row(row))}\n" for row in batch.to_pylist())

    def _row(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        how = self._binary
        return row if how is None else {name: encoded(value, how) for name, value in row.items()}
