"""Several streams of rows, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import pyarrow as pa

from anabranch.core.format.arrow import arrow_type, column_type
from anabranch.core.format.tables import Column
from anabranch.core.operations.fitting import Misfit, fitted, shown
from anabranch.errors import error


def in_turn(
    table: str,
    columns: Mapping[str, Column],
    readers: Sequence[pa.RecordBatchReader] | Iterator[pa.RecordBatchReader],
) -> pa.RecordBatchReader:
    """The rows of all. A column that one lacks is NULL there.

    Args:
        table: that they are for.
        columns: of the table, by names in lower case.
        readers: a sequence has the columns of all of them; those of an iterator come by and by, and must have
            those of the first.

    Raises:
        WriteValue: for a column that the first did not have, and a value that its type does not hold.
    """
    if isinstance(readers, Sequence):
        schema = _of_all([r.schema for r in readers])
    else:
        first = next(readers)
        schema, readers = first.schema, chain([first], readers)
    for i, f in enumerate(schema):
        if pa.types.is_null(f.type) and f.name.lower() in columns:  # NULLs alone tell no type
            schema = schema.set(i, f.with_type(arrow_type(columns[f.name.lower()].type)))
    return pa.RecordBatchReader.from_batches(schema, _batches(table, iter(readers), schema))


def _of_all(schemas: Sequence[pa.Schema]) -> pa.Schema:
    try:
        return pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException:  # of several kinds: the first value of another one than the first is told
        named = {f.name: f for s in reversed(schemas) for f in s}
        return pa.schema([named[name] for name in dict.fromkeys(n for s in schemas for n in s.names)])


def _batches(
    table: str, readers: Iterator[pa.RecordBatchReader], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    rows = 0
    for reader in readers:
        for batch in reader:
            same = batch.schema.equals(schema)
            yield batch if same else _conformed(table, batch, schema, rows)
            rows += batch.num_rows


def _conformed(table: str, batch: pa.RecordBatch, schema: pa.Schema, rows: int) -> pa.RecordBatch:
    for i, name in enumerate(batch.schema.names):
        if batch.num_rows and len(schema.get_all_field_indices(name)) != 1:
            reason = f"the rows before these have the columns {', '.join(schema.names)}"
            told = {"column": name, "value": shown(batch.column(i)[0]), "row": rows, "reason": reason}
            raise error("ANABRANCH_WRITE.VALUE", table=table, **told)
    arrays = []
    for f in schema:
        held = batch.schema.get_field_index(f.name)
        if held < 0:
            arrays.append(pa.nulls(batch.num_rows, f.type))
            continue
        t = column_type(f.type, f"the column {f.name}")
        try:
            arrays.append(fitted(batch.column(held), t).cast(f.type))
        except Misfit as e:
            told = {"column": f.name + e.path, "value": e.value, "row": rows + e.row, "reason": e.reason}
            raise error("ANABRANCH_WRITE.VALUE", table=table, **told) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
