"""Metadata of new tables, and what schema changes make of it. No data file is touched by these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from anabranch.core.format.arrow import column_type, is_list
from anabranch.core.format.files import HIDDEN
from anabranch.core.format.names import must_be_unicode, physical_name
from anabranch.core.format.repository_info import CHECK_CONSTRAINTS
from anabranch.core.format.tables import (
    Check,
    Column,
    ColumnType,
    Key,
    List,
    Map,
    Struct,
    TableMetadata,
    physical_paths,
)
from anabranch.core.format.transforms import PartitionField, accepts, is_transform
from anabranch.core.operations.check_sql import kept
from anabranch.core.operations.properties import TableProperties
from anabranch.errors import AnabranchError, error

_PARTITION = re.compile(r"(\w+)\s*\(\s*(?:(\d+)\s*,\s*)?(.+?)\s*\)")
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_WIDER = {
    "byte": ("short", "integer", "long"),
    "short": ("integer", "long"),
    "integer": ("long",),
    "float": ("double",),
}


def unsupported(table: str, reason: str, advice: str) -> AnabranchError:
    """The error for a change that can't be made."""
    return error("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", table=table, reason=reason, advice=advice)


def new_columns(table: str, schema: pa.Schema, used: Iterable[str] = ()) -> tuple[Column, ...]:
    """Columns for a schema; physical names that were used are not given again [COL-1]."""
    taken = [path for path in used if "." not in path]
    found: list[Column] = []
    for f in schema:
        _must_be_allowed(table, f.name)
        t = column_type(f.type, f"the column {f.name}")
        found.append(Column(f.name, physical_name(f.name, taken), t, not f.nullable))
    _must_differ(table, found)
    return tuple(found)


def _must_be_allowed(table: str, name: str) -> None:
    must_be_unicode("a name of a column", name)
    if name.lower() in HIDDEN:
        raise error("ANABRANCH_SCHEMA.RESERVED_NAME", table=table, column=name)


def _must_differ(table: str, columns: Sequence[Column], prefix: str = "") -> None:
    """Names are there, and differ without their case; those of fields, too."""
    seen = set()
    for c in columns:
        if not c.name or "\0" in c.name:
            raise unsupported(table, f"'{prefix}{c.name}' is no name of a column", "Give it another name.")
        if c.name.lower() in seen:
            raise error("ANABRANCH_SCHEMA.COLUMN_EXISTS", table=table, column=prefix + c.name)
        seen.add(c.name.lower())
        for fields in _structs(c.type):
            _must_differ(table, fields, f"{prefix}{c.name}.")


def _structs(t: ColumnType) -> Iterator[Sequence[Column]]:
    match t:
        case Struct(fields):
            yield fields
        case List(element, _):
            yield from _structs(element)
        case Map(key, value, _):
            yield from _structs(key)
            yield from _structs(value)


def new_table(
    table: str,
    schema: pa.Schema,
    partition_by: Sequence[str],
    properties: Mapping[str, str],
    checks: Mapping[str, str],
    primary_key: Sequence[str],
    now: int,
) -> TableMetadata:
    """Metadata of a new table.

    Args:
        table: its full name, for errors.
        schema: its columns.
        partition_by: columns, or transforms of columns: ``days(time)``, ``bucket(16, id)``.
        properties: of the table.
        checks: conditions in SQL, by name.
        primary_key: columns that tell rows apart; nobody checks it.
        now: UTC, milliseconds since 1970.
    """
    TableProperties.of(properties)
    columns = new_columns(table, schema)
    if not columns:
        raise unsupported(table, "it would have no column", "Give at least one column.")
    plain = TableMetadata(columns, (), dict(properties), frozenset(), now)
    keys = [Key("primary_key", tuple(known(plain, table, n).physical for n in primary_key), True)]
    fields = tuple(_partition_field(table, plain, text) for text in partition_by)
    if len(set(fields)) < len(fields):
        raise unsupported(table, "it would be partitioned by one thing twice", "Name each once.")
    return replace(
        plain,
        partitioning=fields,
        constraints=(*(Check(n, kept(text)) for n, text in checks.items()), *(keys if primary_key else [])),
        writer_features=frozenset({CHECK_CONSTRAINTS} if checks else ()),
    )


def known(metadata: TableMetadata, table: str, name: str) -> Column:
    """The column of that name.

    Raises:
        SchemaColumnNotFound: if there is none.
    """
    column = metadata.column(name)
    if column is None:
        names = ", ".join(c.name for c in metadata.columns)
        raise error("ANABRANCH_SCHEMA.COLUMN_NOT_FOUND", table=table, column=name, known=names)
    return column


def _partition_field(table: str, metadata: TableMetadata, text: str) -> PartitionField:
    found = _PARTITION.fullmatch(text.strip())
    transform, parameter, name = found.groups() if found else ("identity", None, text.strip())
    number = None if parameter is None else int(parameter)
    column = known(metadata, table, name)
    if not is_transform(transform, number) or not accepts(transform, column.type):
        raise unsupported(
            table,
            f"it can't be partitioned by {text}",
            "Use a column, or years, months, days, hours, bucket or truncate of one that has values for it.",
        )
    return PartitionField(column.physical, transform, number)


def with_properties(metadata: TableMetadata, properties: Mapping[str, str | None]) -> TableMetadata:
    """With other properties; None removes one.

    Raises:
        WriteOption: for a value that a property can't have.
    """
    TableProperties.of({k: v for k, v in properties.items() if v is not None})
    after = {**metadata.properties, **properties}
    return replace(metadata, properties={k: v for k, v in after.items() if v is not None})


def with_column(
    metadata: TableMetadata, table: str, field: pa.Field, comment: str | None = None
) -> TableMetadata:
    """With one more column, which is NULL in old rows."""
    if metadata.column(field.name) is not None:
        raise error("ANABRANCH_SCHEMA.COLUMN_EXISTS", table=table, column=field.name)
    if not field.nullable:
        reason = f"the new column {field.name} is NOT NULL, but old rows have no value for it"
        raise unsupported(table, reason, "Add it without NOT NULL.")
    used = [*metadata.retired, *physical_paths(metadata.columns)]
    (column,) = new_columns(table, pa.schema([field]), used)
    if comment is not None:
        column = replace(column, attributes={"comment": comment})
    return replace(metadata, columns=(*metadata.columns, column))


def without_column(metadata: TableMetadata, table: str, name: str) -> TableMetadata:
    """Without a column, whose physical name is never given again [COL-2]."""
    gone = known(metadata, table, name)
    _must_be_free(metadata, table, gone, renamed=False)
    kept = tuple(c for c in metadata.columns if c != gone)
    if any(
        f.column == gone.physical or f.column.startswith(gone.physical + ".") for f in metadata.partitioning
    ):
        reason = f"{name} is a partition column and can't be dropped"
        raise unsupported(table, reason, "Create a new table without it.")
    if not kept:
        raise unsupported(table, "it would have no column", "Keep at least one column.")
    return replace(metadata, columns=kept, retired=metadata.retired | set(physical_paths([gone])))


def renamed_column(metadata: TableMetadata, table: str, name: str, to: str) -> TableMetadata:
    """With another name for a column; files stay as they are."""
    column = known(metadata, table, name)
    other = metadata.column(to)
    _must_be_allowed(table, to)
    if other is not None and other != column:
        raise error("ANABRANCH_SCHEMA.COLUMN_EXISTS", table=table, column=to)
    _must_be_free(metadata, table, column, renamed=True)
    renamed = replace(column, name=to)
    _must_differ(table, [renamed])
    return _replaced(metadata, column, renamed)


def widened_column(metadata: TableMetadata, table: str, name: str, to: ColumnType) -> TableMetadata:
    """With a wider type for a column [COL-4]."""
    column = known(metadata, table, name)
    if not widens(column.type, to):
        raise unsupported(
            table,
            f"{name} can't change from {column.type} to {to}",
            "Only a wider type of the same kind holds all old values: add a new column and fill it instead.",
        )
    return _replaced(metadata, column, replace(column, type=to))


def evolved(metadata: TableMetadata, table: str, schema: pa.Schema) -> TableMetadata:
    """With the columns, the fields and the wider types that rows of this schema need."""
    for f in schema:
        column = metadata.column(f.name)
        if column is None and f.name not in HIDDEN:
            metadata = with_column(metadata, table, f.with_nullable(True))
        elif column is not None:
            t = _grown(column.type, f.type, f"the column {column.name}", column.physical, metadata.retired)
            metadata = _replaced(metadata, column, replace(column, type=t))
    _must_differ(table, metadata.columns)
    return metadata


def _grown(old: ColumnType, given: pa.DataType, column: str, path: str, retired: Iterable[str]) -> ColumnType:
    """A type that holds values of a given one, too, where one does; what does not fit is told later."""
    if pa.types.is_dictionary(given):
        given = given.value_type
    match old:
        case Struct(fields) if pa.types.is_struct(given):
            grown = list(fields)
            for f in (given.field(i) for i in range(given.num_fields)):
                i = next((i for i, c in enumerate(fields) if c.name.lower() == f.name.lower()), None)
                within = f"{column}.{f.name}"
                if i is None:
                    used = [c.physical for c in grown]
                    used += [r.removeprefix(f"{path}.") for r in retired if r.startswith(f"{path}.")]
                    grown.append(Column(f.name, physical_name(f.name, used), column_type(f.type, within)))
                else:
                    t = _grown(grown[i].type, f.type, within, f"{path}.{grown[i].physical}", retired)
                    grown[i] = replace(grown[i], type=t)
            return Struct(tuple(grown))
        case List(element, nullable) if is_list(given):
            return List(
                _grown(element, given.value_type, f"{column}[]", f"{path}.element", retired), nullable
            )
        case Map(key, value, nullable) if pa.types.is_map(given):
            return Map(
                _grown(key, given.key_type, f"{column}.key", f"{path}.key", retired),
                _grown(value, given.item_type, f"{column}.value", f"{path}.value", retired),
                nullable,
            )
    if not isinstance(old, str) or pa.types.is_null(given) or pa.types.is_nested(given):
        return old
    wanted = column_type(given, column)
    return wanted if widens(old, wanted) else old


def _replaced(metadata: TableMetadata, old: Column, new: Column) -> TableMetadata:
    return replace(metadata, columns=tuple(new if c == old else c for c in metadata.columns))


def widens(old: ColumnType, new: ColumnType) -> bool:
    """Whether all values of one type are values of the other, of the same kind."""
    if old == new:
        return True
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    a, b = _DECIMAL.fullmatch(old), _DECIMAL.fullmatch(new)
    if a and b:
        return a[2] == b[2] and int(a[1]) <= int(b[1])
    return new in _WIDER.get(old, ())


def holding(columns: Iterable[Column], others: Iterable[Column]) -> tuple[Column, ...]:
    """Columns that hold the rows of another version, too: in the wider type, NULL where one is not there."""
    there = {c.physical: c for c in others}

    def held(c: Column) -> Column:
        other = there.get(c.physical)
        if other is None:
            return replace(c, required=False)
        return replace(c, type=_holding(c.type, other.type), required=c.required and other.required)

    return tuple(map(held, columns))


def _holding(t: ColumnType, other: ColumnType) -> ColumnType:
    match t, other:
        case Struct(fields), Struct(others):
            return Struct(holding(fields, others))
        case List(a, n), List(b, m):
            return List(_holding(a, b), n or m)
        case Map(key, a, n), Map(_, b, m):
            return Map(key, _holding(a, b), n or m)
    return other if widens(t, other) else t


def _must_be_free(metadata: TableMetadata, table: str, column: Column, renamed: bool) -> None:
    """The text of a CHECK names columns as they are now; keys name them for ever."""
    for c in metadata.constraints:
        if isinstance(c, Check):
            uses = re.search(rf"(?i)(?<!\w){re.escape(column.name)}(?!\w)", c.condition) is not None
        else:
            uses = not renamed and column.physical in c.columns
        if uses:
            reason = f"the constraint {c.name} is about {column.name}"
            raise unsupported(table, reason, f"ALTER TABLE … DROP CONSTRAINT {c.name} first.")


def restored(was: TableMetadata, now: TableMetadata) -> TableMetadata:
    """An earlier state's metadata; names given since then stay taken, or they would show old values."""
    used = {*now.retired, *physical_paths(now.columns)}
    return replace(was, retired=was.retired | (used - set(physical_paths(was.columns))))
