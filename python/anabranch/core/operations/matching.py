"""Joins given rows with those of a table, by keys: what an upsert or merge changes, and what it adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.files import ROW_ID, ROW_PLACE
from anabranch.core.format.values import kind_of
from anabranch.core.log.replay import TableState
from anabranch.core.operations.collations import must_be_comparable
from anabranch.core.operations.engine import connected, quoted, register
from anabranch.core.operations.literals import literal
from anabranch.core.operations.rows import Rows
from anabranch.core.operations.scan import schema_of
from anabranch.core.operations.schemas import known, unsupported
from anabranch.errors import error


@dataclass(frozen=True)
class Matches:
    """What a merge does.

    Attributes:
        rows: new rows, and new versions of rows with their ``_row_id``.
        inserted: how many of them are new.
        gone: places of the rows that are replaced or deleted.
        condition: on the rows of the table that were looked at.
        wanted: whether some other rows have keys of the given ones.
    """

    rows: pa.Table
    inserted: int
    gone: pa.ChunkedArray
    condition: pc.Expression | None
    wanted: Callable[[Rows], bool]


def matched(
    rows: Rows, t: TableState, source: pa.Table, on: Sequence[str], update: str | None, insert: str | None
) -> Matches:
    """Joins rows with a table.

    Args:
        rows: of the table.
        t: the table.
        source: the given rows, in the table's types; columns that they lack keep values, or get defaults.
        on: the keys.
        update: ``update`` or ``delete`` for rows that have the same keys; None leaves them.
        insert: ``insert`` for given rows whose keys are not there; None leaves them out.

    Raises:
        WriteDuplicateKey: if several given rows would change one row.
    """
    for value, allowed in ((update, ("update", "delete")), (insert, ("insert",))):
        if value is not None and value not in allowed:
            raise unsupported(
                t.full_name, f"'{value}' is nothing that a merge does", f"Use {allowed} or None."
            )
    given = source.column_names
    keys = [known(t.metadata, t.full_name, n).name for n in on]
    if not keys or any(k not in given for k in keys):
        raise unsupported(
            t.full_name, "the keys of a merge must be columns of both sides", "Name them in `on`."
        )
    nested = next((k for k in keys if pa.types.is_nested(source.schema.field(k).type)), None)
    if nested is not None:
        raise unsupported(t.full_name, f"{nested} is nested, and no key of a merge", "Use another column.")
    must_be_comparable(t.full_name, t.metadata, keys)
    _must_be_unique(t, source, keys)
    condition = _range(t, source, keys)
    names = [c.name for c in t.metadata.columns]
    kept = [n for n in names if n not in given] if update == "update" else []
    target = rows.read([*keys, *kept, ROW_ID, ROW_PLACE], condition)
    equal = " AND ".join(f"t.{quoted(k)} = s.{quoted(k)}" for k in keys)
    versions = ", ".join(
        f"{'s' if n in given else 't'}.{quoted(n)}" for n in (names if update == "update" else keys)
    )
    with connected() as connection:
        register(connection, "target", target)
        register(connection, "source", source)
        pairs = connection.sql(
            f"SELECT {versions}, t.{ROW_ID}, t.{ROW_PLACE} FROM target t JOIN source s ON {equal}"
        ).to_arrow_table()
        found = pairs.select(keys)
        register(connection, "found", found)
        fresh = source.slice(0, 0)
        if insert is not None:
            fresh = connection.sql(f"SELECT * FROM source s ANTI JOIN found t ON {equal}").to_arrow_table()
    gone = pairs.column(ROW_PLACE) if update is not None else pa.chunked_array([], pa.int64())
    changed = pairs.drop_columns([ROW_PLACE]) if update == "update" else None
    given_keys = source.select(keys)

    def wanted(others: Rows) -> bool:
        with connected() as connection:
            register(connection, "others", others.read(keys, condition))
            register(connection, "given", given_keys)
            sql = f"SELECT 1 FROM others t SEMI JOIN given s ON {equal} LIMIT 1"
            return bool(connection.sql(sql).fetchall())

    return Matches(_together(t, changed, fresh), fresh.num_rows, gone, condition, wanted)


def _together(t: TableState, changed: pa.Table | None, fresh: pa.Table) -> pa.Table:
    """New versions and new rows, of which the latter have no id and get defaults."""
    schema = schema_of(t, [c.name for c in t.metadata.columns])
    columns = {
        c.name: fresh.column(c.name)
        if c.name in fresh.column_names
        else pa.repeat(literal(c.attributes.get("default"), schema.field(c.name).type), fresh.num_rows)
        for c in t.metadata.columns
    }
    new = pa.table(columns | {ROW_ID: pa.nulls(fresh.num_rows, pa.int64())})
    if changed is None or not changed.num_rows:
        return new
    return pa.concat_tables([changed.cast(new.schema), new])


def _must_be_unique(t: TableState, source: pa.Table, keys: Sequence[str]) -> None:
    found = source.select(list(keys))
    for i, f in enumerate(found.schema):
        if pa.types.is_floating(f.type):
            found = found.set_column(i, f.name, pc.add(found.column(i), 0.0))  # -0.0 is 0.0
    counts = found.group_by(list(keys)).aggregate([([], "count_all")])
    several = counts.filter(pc.field("count_all") > 1)
    several = several.filter(_all_valid(keys)) if several.num_rows else several
    if several.num_rows:
        row = several.slice(0, 1).to_pylist()[0]
        shown = ", ".join(f"{k} = {row[k]}" for k in keys)
        raise error("ANABRANCH_WRITE.DUPLICATE_KEY", table=t.full_name, key=shown, count=row["count_all"])


def _all_valid(keys: Sequence[str]) -> pc.Expression:
    found = pc.field(keys[0]).is_valid()
    for key in keys[1:]:
        found = found & pc.field(key).is_valid()
    return found


def _range(t: TableState, source: pa.Table, keys: Sequence[str]) -> pc.Expression | None:
    """A condition that all rows fulfil which may match: so that other files are left out."""
    found = None
    for key in keys:
        column = known(t.metadata, t.full_name, key)
        if kind_of(column.type) in (None, "floating"):
            continue
        bounds = pc.min_max(source.column(key))
        low, high = bounds["min"], bounds["max"]
        part = (pc.field(key) >= low) & (pc.field(key) <= high) if low.is_valid else pc.scalar(False)
        found = part if found is None else found & part
    return found
