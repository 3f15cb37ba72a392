"""Text that a collation compares: only Spark can, and bytes would tell something else."""

from __future__ import annotations

import re
from collections.abc import Collection

import pyarrow.compute as pc

from anabranch.core.format.tables import Column, ColumnType, List, Map, Struct, TableMetadata
from anabranch.core.operations.condition_text import text_of
from anabranch.core.operations.refs_in_queries import names_in
from anabranch.errors import error


def collated(t: ColumnType) -> str | None:
    """The type in it that a collation compares, and not bytes; None where there is none."""
    match t:
        case Struct(fields):
            return next((found for f in fields if (found := collated(f.type))), None)
        case List(element, _):
            return collated(element)
        case Map(key, value, _):
            return collated(key) or collated(value)
    return t if t.startswith("string collate ") and t != "string collate UTF8_BINARY" else None


def must_be_comparable(
    table: str, metadata: TableMetadata, used: str | pc.Expression | Collection[str]
) -> None:
    """Refuses what may compare text that has a collation.

    Args:
        table: full name.
        metadata: of the table.
        used: SQL, a condition of Arrow, or names of columns.

    Raises:
        SqlCollation: with the column.
    """
    columns = [c for c in metadata.columns if collated(c.type)]
    if not columns:
        return
    if isinstance(used, str):
        named = names_in(used)
    elif isinstance(used, pc.Expression):
        text = text_of(used)
        named = {c.name.lower() for c in columns if text is None or _stands_in(c, text)}
    else:
        named = {name.lower() for name in used}
    for c in columns:
        if c.name.lower() in named:
            raise error("ANABRANCH_SQL.COLLATION", table=table, column=c.name, type=collated(c.type))


def _stands_in(c: Column, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(c.name)}(?!\w)", text) is not None
