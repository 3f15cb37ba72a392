"""Lists of data files as Parquet objects: section 4 of SPEC.md."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from anabranch.core.format.canonical import canonical, corrupt, parse
from anabranch.core.format.files import DataFile
from anabranch.core.format.members import Members
from anabranch.core.format.names import Position
from anabranch.core.format.values import ColumnStats, Value, decode, encode
from anabranch.errors import AnabranchError

if TYPE_CHECKING:
    import pyarrow as pa

_KINDS_KEY = b"anabranch.kinds"
_DIRECT = ("partition", "deletions", "runs", "lineage")


def write_manifest(files: Sequence[DataFile]) -> bytes:
    """The bytes of a list of files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = _kinds(files)
    schema = _schema(kinds).with_metadata({_KINDS_KEY: canonical(kinds)})
    out = io.BytesIO()
    table = pa.Table.from_pylist([_row(f, kinds) for f in files], schema=schema)
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def read_manifest(data: bytes, origin: str) -> list[DataFile]:
    """The files of a list.

    Raises:
        LogCorruptObject: if the bytes are no manifest.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data), partitioning=None)
        kinds = json.loads((table.schema.metadata or {})[_KINDS_KEY])
        return [_file(row, kinds, origin) for row in table.to_pylist()]
    except (pa.ArrowException, KeyError, ValueError, TypeError, OSError) as e:
        raise corrupt(origin, f"it is no list of files ({e})") from e
    except AnabranchError:
        raise


def _kinds(files: Iterable[DataFile]) -> dict[str, str]:
    """The kind in which bounds of a column are stored; ``encoded`` is canonical JSON."""
    found: dict[str, set[str]] = {}
    for f in files:
        for column, stats in f.stats.items():
            bounds = [b.kind for b in (stats.min, stats.max) if b is not None]
            found.setdefault(column, set()).update("encoded" if k == "decimal" else k for k in bounds)
    one = {
        column: kinds.pop() if len(kinds) == 1 else "encoded" if kinds else "whole"
        for column, kinds in found.items()
    }
    return dict(sorted(one.items()))


def _schema(kinds: dict[str, str]) -> pa.Schema:
    import pyarrow as pa

    types = {"whole": pa.int64(), "floating": pa.float64(), "bool": pa.bool_(), "bytes": pa.binary()}
    fields = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("partition", pa.string()),
        pa.field("deletions", pa.string()),
        pa.field("first_row", pa.int64()),
        pa.field("runs", pa.string()),
        pa.field("added_by", pa.int64()),
        pa.field("inline", pa.string()),
        pa.field("lineage", pa.string()),
    ]
    if kinds:
        bounds = {column: types.get(kind, pa.string()) for column, kind in kinds.items()}
        columns = [
            pa.field(column, pa.struct([("min", t), ("max", t), ("nulls", pa.int64())]))
            for column, t in bounds.items()
        ]
        fields.append(pa.field("stats", pa.struct(columns)))
    return pa.schema(fields)


def _row(f: DataFile, kinds: dict[str, str]) -> dict[str, Any]:
    direct = f.encode()
    row: dict[str, Any] = {name: canonical(direct[name]).decode() for name in _DIRECT if name in direct}
    row |= {"id": f.id, "size": f.size, "rows": f.rows, "sha256": f.sha256, "first_row": f.first_row}
    row["added_by"] = None if f.added_by is None else f.added_by.packed
    if f.is_inline:
        block = {"columns": list(f.inline)} | ({} if f.block is None else {"rows": f.block})
        row["inline"] = canonical(block).decode("utf-8")
    if f.stats:
        row["stats"] = {
            column: {
                "min": _bound(s.min, kinds[column]),
                "max": _bound(s.max, kinds[column]),
                "nulls": s.nulls,
            }
            for column, s in f.stats.items()
        }
    return row


def _bound(v: Value | None, kind: str) -> Any:
    if v is None or v.kind == kind:
        return v and v.value
    return canonical(encode(v)).decode("utf-8")


def _file(row: dict[str, Any], kinds: dict[str, str], origin: str) -> DataFile:
    direct = {name: row[name] for name in ("id", "size", "rows", "sha256")}
    direct |= {n: parse(row[n].encode("utf-8"), origin) for n in _DIRECT if row.get(n) is not None}
    block = Members(parse(row["inline"].encode("utf-8"), origin), origin) if row.get("inline") else None
    if block:
        direct["inline"] = block.texts("columns")
    plain = DataFile.decode(
        Members(direct, origin), None, lambda _: block.items("rows") if block and "rows" in block else None
    )
    added_by = row.get("added_by")
    stats = {
        column: ColumnStats(_value(s["min"], kinds[column]), _value(s["max"], kinds[column]), s["nulls"])
        for column, s in (row.get("stats") or {}).items()
        if s is not None
    }
    return plain.with_listed(
        stats, row.get("first_row"), None if added_by is None else Position.unpacked(added_by)
    )


def _value(stored: Any, kind: str) -> Value | None:
    if stored is None:
        return None
    return decode(parse(stored.encode("utf-8"), "a bound")) if kind == "encoded" else Value(kind, stored)  # type: ignore[arg-type]
