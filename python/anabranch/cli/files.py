"""Files that are imported and exported: CSV, JSON by lines, and Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.cli.output import json_line
from anabranch.errors import AnabranchError, error

if TYPE_CHECKING:
    import pyarrow as pa

_LONG = re.compile(rb"[:\[,]\s*-?[0-9]{16,}\s*[,}\]]")
_NUMBER = r"^[+-]?[0-9]+$"
_LEADING_ZERO = r"^[+-]?0[0-9]"


def unusable(file: Path, reason: str) -> AnabranchError:
    """The error for a file that can't be read or written."""
    return error("ANABRANCH_CLIENT.FILE", file=file, reason=reason.splitlines()[0].rstrip("."))


def read(file: Path, table: pa.Schema | None) -> Any:
    """Rows of a file, as `Table.append` takes them.

    Args:
        file: its suffix tells what it is.
        table: of the table that they are for; None for a new one, whose types the values tell.

    Raises:
        ClientFile: for what is no such file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    readers: Mapping[str, Callable[[], Any]] = {
        ".csv": lambda: _csv(file, table),
        ".ndjson": lambda: _ndjson(file, table),
        ".jsonl": lambda: _ndjson(file, table),
        ".parquet": lambda: parquet.read_table(file, partitioning=None),
    }
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise unusable(file, f"'{file.suffix}' is none of {', '.join(readers)}")
    try:
        return reader()
    except (pa.ArrowException, OSError, UnicodeDecodeError, json.JSONDecodeError) as e:
        raise unusable(file, str(e)) from e


def _csv(file: Path, table: pa.Schema | None) -> pa.Table:
    """NULL is nothing between two commas, and `""` an empty text; new columns hold what is written, whole."""
    import pyarrow as pa
    from pyarrow import csv

    def load(types: Mapping[str, pa.DataType], only: list[str] | None = None) -> pa.Table:
        options = csv.ConvertOptions(
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            column_types=types,
            include_columns=only or [],
        )
        return csv.read_csv(file, convert_options=options)

    known = {f.name.lower(): f.type for f in table or () if not pa.types.is_nested(f.type)}
    with csv.open_csv(file) as start:
        names = start.schema.names
    types = {n: known[n.lower()] for n in names if n.lower() in known}
    rows = load(types)
    guessed = [f for f in rows.schema if f.name not in types and names.count(f.name) == 1]
    for f in guessed:
        if pa.types.is_binary(f.type):
            raise unusable(file, f"the column {f.name} is not in UTF-8")
    numbers = [f for f in guessed if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)]
    texts = load({f.name: pa.string() for f in numbers}, [f.name for f in numbers]) if numbers else None
    better = {f.name: pa.string() for f in guessed if pa.types.is_time(f.type) or pa.types.is_null(f.type)}
    better |= {f.name: t for f in numbers if texts and (t := _kept(texts.column(f.name), f.type)) is not None}
    return load({**types, **better}) if better else rows


def _kept(texts: pa.ChunkedArray, guessed: pa.DataType) -> pa.DataType | None:
    """A type that keeps all digits of texts, where the one that was guessed does not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.any(pc.match_substring_regex(texts, _LEADING_ZERO)).as_py() and pa.types.is_integer(guessed):
        return pa.string()
    whole = pa.types.is_floating(guessed) and pc.all(pc.match_substring_regex(texts, _NUMBER)).as_py()
    digits = pc.max(pc.utf8_length(texts)).as_py() or 0
    return (pa.decimal128(38, 0) if digits <= 38 else pa.string()) if whole and digits > 15 else None


def _ndjson(file: Path, table: pa.Schema | None) -> Any:
    import pyarrow as pa
    from pyarrow import json as ndjson

    data = file.read_bytes()
    if _LONG.search(data):  # Arrow makes doubles of these
        return [json.loads(line) for line in data.decode().splitlines() if line.strip()]
    dates = [f.name for f in table or () if pa.types.is_date(f.type)]
    told = table and pa.schema([(f.name, pa.string() if f.name in dates else f.type) for f in table])
    rows = ndjson.read_json(file, parse_options=ndjson.ParseOptions(explicit_schema=told))
    wanted = [(f.name, pa.date32() if f.name in dates else f.type) for f in rows.schema]
    return rows.cast(pa.schema(wanted))


class _Lines:
    """Writes rows as JSON, one object a line."""

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self._out = file.open("w", encoding="utf-8")

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Some more rows."""
        self._out.writelines(f"{json_line(row)}\n" for row in batch.to_pylist())


def write(file: Path, rows: pa.RecordBatchReader) -> int:
    """Writes rows to a file that is not there yet, and is there only when it is whole; how many.

    Raises:
        ClientFile: for a file that can't be written.
    """
    import pyarrow as pa
    from pyarrow import csv
    from pyarrow.parquet import ParquetWriter

    makers = {".csv": csv.CSVWriter, ".parquet": ParquetWriter, ".ndjson": _Lines, ".jsonl": _Lines}
    make = makers.get(file.suffix.lower())
    if make is None or file.exists():
        raise unusable(
            file, "it is there already" if make else f"'{file.suffix}' is none of {', '.join(makers)}"
        )
    for f in rows.schema if make is not ParquetWriter else ():
        if pa.types.is_binary(f.type) or (make is csv.CSVWriter and pa.types.is_nested(f.type)):
            raise unusable(file, f"the column {f.name} is a {f.type}, which {file.suffix} does not have")
    part, count = file.with_name(f".{file.name}.part"), 0
    try:
        with make(part, rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
                count += batch.num_rows
        part.rename(file)
    except OSError as e:
        raise unusable(file, str(e)) from e
    finally:
        part.unlink(missing_ok=True)
    return count
