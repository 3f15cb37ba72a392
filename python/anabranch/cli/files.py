"""Files that are imported and exported: CSV, JSON by lines, and Parquet."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.cli import ndjson
from anabranch.cli.binary import Binary, decoded, encoded, has_binary
from anabranch.cli.sources import Format, Source, batches, told, unusable
from anabranch.cli.terminal import Step

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = r"^[+-]?[0-9]+$"
_PLAIN = r"^[+-]?[0-9]+(\.[0-9]*)?$"
_LEADING_ZERO = r"^[+-]?0[0-9xX]"


def read(sources: Sequence[Source], table: pa.Schema | None, binary: Binary | None = None) -> Any:
    """Rows of files of one kind, as `Table.append` takes them.

    Args:
        sources: the files.
        table: of the table that they are for; None for a new one, whose types the values tell.
        binary: how bytes are written in text; None for texts that are meant themselves.

    Raises:
        ClientFile: for what is no such file.
    """
    first = sources[0]
    if first.format is Format.parquet:
        readers = [batches(s) for s in sources]
        return readers[0] if len(readers) == 1 else readers
    if first.format is Format.ndjson:
        data = b"\n".join(s.data.removeprefix(codecs.BOM_UTF8) for s in sources)
        named = first.name if len(sources) == 1 else f"{first.name}, … {sources[-1].name}"
        return told(named, lambda: ndjson.read(data, table, binary))
    tables = [_csv(s, table, binary) for s in sources]
    if len(tables) == 1:
        return tables[0]
    texts = _mixed(tables) if table is None else []
    tables = [_csv(s, table, binary, texts) for s in sources] if texts else tables
    return [_untyped(t, tables) for t in tables]


def _mixed(tables: Sequence[pa.Table]) -> list[str]:
    """Columns whose values one type does not hold: in some of the files they are texts, in others not."""
    import pyarrow as pa

    found = []
    for name in dict.fromkeys(n for t in tables for n in t.column_names):
        fields = [pa.field(name, c.type) for c in _columns(name, tables) if c.null_count < len(c)]
        try:
            pa.unify_schemas([pa.schema([f]) for f in fields], promote_options="permissive")
        except pa.ArrowException:
            found.append(name)
    return found


def _columns(name: str, tables: Sequence[pa.Table]) -> list[pa.ChunkedArray]:
    places = [(t, t.schema.get_field_index(name)) for t in tables]
    return [t.column(i) for t, i in places if i >= 0]


def _untyped(table: pa.Table, tables: Sequence[pa.Table]) -> pa.Table:
    """A file of several: a column that is empty in it, and not in others, has no type of its own."""
    import pyarrow as pa

    for i, name in enumerate(table.column_names):
        others = _columns(name, tables)
        if table.column(i).null_count == len(table) and any(c.null_count < len(c) for c in others):
            table = table.set_column(i, name, pa.nulls(len(table)))
    return table


def _csv(
    source: Source, table: pa.Schema | None, binary: Binary | None, texts: Sequence[str] = ()
) -> pa.Table:
    return told(source.name, lambda: _parsed(source, table, binary, texts))


def _parsed(
    source: Source, table: pa.Schema | None, binary: Binary | None, as_texts: Sequence[str]
) -> pa.Table:
    """NULL is nothing between two commas, and `""` an empty text; new columns hold what is written, whole."""
    import pyarrow as pa
    from pyarrow import csv

    parsing = csv.ParseOptions(newlines_in_values=True)
    with csv.open_csv(source.opened(), parse_options=parsing) as start:
        names = start.schema.names
    parsing.ignore_empty_lines = len(names) > 1  # where there is one column, they are rows

    def load(types: Mapping[str, pa.DataType], only: list[str] | None = None) -> pa.Table:
        options = csv.ConvertOptions(
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            column_types=types,
            include_columns=only or [],
        )
        return csv.read_csv(source.opened(), parse_options=parsing, convert_options=options)

    known = {f.name.lower(): f.type for f in table or () if not pa.types.is_nested(f.type)}
    types = {n: known[n.lower()] for n in names if n.lower() in known}
    types |= {n: pa.string() for n in names if n in as_texts}
    coded = [n for n, t in types.items() if pa.types.is_binary(t)] if binary else []
    rows = load(types | dict.fromkeys(coded, pa.string()))
    guessed = [f for f in rows.schema if f.name not in types and names.count(f.name) == 1]
    for f in guessed:
        if pa.types.is_binary(f.type):
            raise unusable(source.name, f"the column {f.name} is not in UTF-8")
    numbers = [f for f in guessed if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)]
    texts = load({f.name: pa.string() for f in numbers}, [f.name for f in numbers]) if numbers else None
    better = {f.name: pa.string() for f in guessed if pa.types.is_time(f.type) or pa.types.is_null(f.type)}
    better |= {f.name: t for f in numbers if texts and (t := _kept(texts.column(f.name), f.type)) is not None}
    rows = load({**types, **better, **dict.fromkeys(coded, pa.string())}) if better else rows
    for name in coded:
        column = [None if x is None or not binary else decoded(x, binary) for x in rows[name].to_pylist()]
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(column, pa.binary()))
    return rows


def _kept(texts: pa.ChunkedArray, guessed: pa.DataType) -> pa.DataType | None:
    """A type that keeps all digits of texts, where the one that was guessed does not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.any(pc.match_substring_regex(texts, _LEADING_ZERO)).as_py():
        return pa.string()
    if not pa.types.is_floating(guessed):
        return None
    digits = pc.max(pc.utf8_length(texts)).as_py() or 0
    if pc.all(pc.match_substring_regex(texts, _NUMBER)).as_py():
        return (pa.decimal128(38, 0) if digits <= 38 else pa.string()) if digits > 15 else None
    if digits > 15 and pc.all(pc.match_substring_regex(texts, _PLAIN)).as_py():
        long = pc.unique(texts.filter(pc.greater(pc.utf8_length(texts), 15)))
        if any(Decimal(repr(float(x))) != Decimal(x) for x in long.to_pylist()):
            before = pc.max(pc.utf8_length(pc.replace_substring_regex(texts, r"\..*", ""))).as_py()
            after = pc.max(pc.utf8_length(pc.replace_substring_regex(texts, r"^[^.]*\.?", ""))).as_py()
            return pa.decimal128(before + after, after) if before + after <= 38 else pa.string()
    huge = texts.filter(pc.match_substring_regex(texts, "[0-9]")).cast(guessed)
    return pa.string() if pc.any(pc.is_inf(huge)).as_py() else None


def write(
    file: Path, rows: pa.RecordBatchReader, binary: Binary | None = None, done: Step | None = None
) -> int:
    """Writes rows to a file that is not there yet, and is there only when it is whole; how many.

    Args:
        file: its suffix tells what it is to be.
        rows: to be written.
        binary: how bytes are written in text, which is refused otherwise.
        done: is told how many rows have been written since.

    Raises:
        ClientFile: for a file that can't be written.
    """
    import pyarrow as pa
    from pyarrow import csv
    from pyarrow.parquet import ParquetWriter

    def lines(part: Path, schema: pa.Schema) -> ndjson.Lines:
        return ndjson.Lines(part, schema, binary)

    makers = {".csv": csv.CSVWriter, ".parquet": ParquetWriter, ".ndjson": lines, ".jsonl": lines}
    make = makers.get(file.suffix.lower())
    if make is None or file.exists():
        raise unusable(
            file, "it is there already" if make else f"'{file.suffix}' is none of {', '.join(makers)}"
        )
    for f in rows.schema if make is not ParquetWriter else ():
        if make is csv.CSVWriter and pa.types.is_nested(f.type):
            raise unusable(file, f"the column {f.name} is a {f.type}, which {file.suffix} does not have")
        if has_binary(f.type) and binary is None:
            reason = f"the column {f.name} has bytes, which {file.suffix} does not have"
            raise unusable(file, f"{reason}; --binary hex or base64 makes texts of them")
    if make is csv.CSVWriter and binary is not None:
        rows = _coded(rows, binary)
    part, count = file.with_name(f".{file.name}.part"), 0
    try:
        with make(part, rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
                count += batch.num_rows
                if done is not None:
                    done(batch.num_rows)
        part.rename(file)
    except OSError as e:
        raise unusable(file, str(e)) from e
    finally:
        part.unlink(missing_ok=True)
    return count


def _coded(rows: pa.RecordBatchReader, binary: Binary) -> pa.RecordBatchReader:
    import pyarrow as pa

    schema = pa.schema([(f.name, pa.string() if has_binary(f.type) else f.type) for f in rows.schema])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in rows:
            arrays = [
                pa.array(encoded(c.to_pylist(), binary), pa.string()) if has_binary(c.type) else c
                for c in batch.columns
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
