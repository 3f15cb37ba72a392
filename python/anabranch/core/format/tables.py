"""What a table is, apart from its rows: columns, types, constraints. Section 4 of SPEC.md."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anabranch.core.format.canonical import int64, some
from anabranch.core.format.members import Members
from anabranch.core.format.transforms import PartitionField
from anabranch.core.format.views import ViewDefinition


@dataclass(frozen=True)
class Struct:
    """The type of a struct; its fields are columns, too."""

    fields: tuple[Column, ...]


@dataclass(frozen=True)
class List:
    """The type of a list."""

    element: ColumnType
    nullable: bool


@dataclass(frozen=True)
class Map:
    """The type of a map; `nullable` says whether a value may be NULL."""

    key: ColumnType
    value: ColumnType
    nullable: bool


ColumnType = str | Struct | List | Map
"""A type without parts by its name, such as ``long`` or ``decimal(10,2)``, or one with parts."""


@dataclass(frozen=True)
class Column:
    """A column or nested field.

    Attributes:
        name: what users call it; a rename changes this and nothing else.
        physical: what it is called in data files: its identity, for ever.
        type: of its values.
        required: whether it is NOT NULL.
        attributes: what else is said of it: ``comment``, ``default``, ``default.exists``.
    """

    name: str
    physical: str
    type: ColumnType
    required: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return some(
            name=self.name,
            physical=self.physical if self.physical != self.name else None,
            type=encode_type(self.type),
            required=self.required or None,
            attributes=dict(self.attributes) or None,
        )

    @staticmethod
    def decode(r: Members) -> Column:
        """From JSON."""
        name = r.text("name")
        return Column(
            name,
            r.text_or_none("physical") or name,
            decode_type(r.value.get("type"), r),
            r.flag("required"),
            r.text_map("attributes"),
        )


def encode_type(t: ColumnType) -> Any:
    """A type as JSON."""
    match t:
        case Struct(fields):
            return {"struct": [f.encode() for f in fields]}
        case List(element, nullable):
            return {"array": encode_type(element), "nullable": nullable}
        case Map(key, value, nullable):
            return {"map": [encode_type(key), encode_type(value)], "nullable": nullable}
        case _:
            return t


def decode_type(json: Any, within: Members) -> ColumnType:
    """A type from JSON."""
    if isinstance(json, str):
        return json
    r = Members(json, within.origin, "type.")
    if "struct" in r:
        return Struct(tuple(Column.decode(c) for c in r.objects("struct")))
    if "array" in r:
        return List(decode_type(r.value["array"], r), r.flag("nullable"))
    pair = r.items("map")
    if len(pair) != 2:
        raise r.wrong("map", "a pair of types")
    return Map(decode_type(pair[0], r), decode_type(pair[1], r), r.flag("nullable"))


@dataclass(frozen=True)
class Check:
    """A condition, as SQL text on logical names, that is not false for any row."""

    name: str
    condition: str

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "check": self.condition}


@dataclass(frozen=True)
class Key:
    """Columns, by physical names, that tell rows apart. Nobody checks it."""

    name: str
    columns: tuple[str, ...]
    primary: bool

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "primary_key" if self.primary else "unique": list(self.columns)}


def _constraint(r: Members) -> Check | Key:
    if "check" in r:
        return Check(r.text("name"), r.text("check"))
    for kind in ("primary_key", "unique"):
        if kind in r:
            return Key(r.text("name"), tuple(r.texts(kind)), kind == "primary_key")
    raise r.wrong("name", "followed by check, primary_key or unique")


@dataclass(frozen=True)
class TableMetadata:
    """What a table is, apart from its rows.

    Attributes:
        columns: in the order in which users see them.
        partitioning: how files are cut.
        properties: of the table, ``comment`` among them.
        retired: physical paths that were dropped: never given again.
        created: UTC, milliseconds since 1970.
        reader_features: what software must know to read it.
        writer_features: what software must know to write it.
        constraints: what holds of its rows.
        view: if it is a view: its name, branches and history are those of a table, and it never has rows.
    """

    columns: tuple[Column, ...]
    partitioning: tuple[PartitionField, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()
    created: int = 0
    reader_features: frozenset[str] = frozenset()
    writer_features: frozenset[str] = frozenset()
    constraints: tuple[Check | Key, ...] = ()
    view: ViewDefinition | None = None

    @property
    def keys(self) -> tuple[Key, ...]:
        """Its PRIMARY KEY and UNIQUE constraints, in the order in which they were declared."""
        return tuple(c for c in self.constraints if isinstance(c, Key))

    @property
    def checks(self) -> tuple[Check, ...]:
        """Its CHECK constraints, in the order in which they were declared."""
        return tuple(c for c in self.constraints if isinstance(c, Check))

    @property
    def required(self) -> frozenset[str]:
        """Physical names of the top-level columns that are NOT NULL."""
        return frozenset(c.physical for c in self.columns if c.required)

    def same_layout(self, other: TableMetadata) -> bool:
        """Whether a writer that saw the other metadata wrote files that fit this."""
        return (
            self.columns == other.columns
            and self.partitioning == other.partitioning
            and self.constraints == other.constraints
            and self.reader_features == other.reader_features
            and self.writer_features == other.writer_features
            and self.view == other.view
        )

    @property
    def leaves(self) -> list[tuple[str, ColumnType]]:
        """Physical paths and types of all fields outside lists and maps, in order."""
        return [leaf for c in self.columns for leaf in sorted(_leaves(c, ""), key=lambda found: found[0])]

    def column(self, name: str) -> Column | None:
        """The column of that name, compared without case."""
        return self._by_name.get(name.lower())

    @functools.cached_property
    def _by_name(self) -> dict[str, Column]:
        """By names in lower case; where two differ in their case only, the first one counts."""
        return {c.name.lower(): c for c in reversed(self.columns)}

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return some(
            columns=[c.encode() for c in self.columns],
            partitioning=[f.encode() for f in self.partitioning] or None,
            properties=dict(self.properties) or None,
            retired=sorted(self.retired) or None,
            constraints=[c.encode() for c in self.constraints] or None,
            view=self.view.encode() if self.view else None,
            created=int64(self.created),
            reader_features=sorted(self.reader_features) or None,
            writer_features=sorted(self.writer_features) or None,
        )

    @staticmethod
    def decode(r: Members) -> TableMetadata:
        """From JSON."""
        return TableMetadata(
            tuple(Column.decode(c) for c in r.objects("columns")),
            tuple(PartitionField.decode(f) for f in r.objects("partitioning")),
            r.text_map("properties"),
            frozenset(r.texts("retired")),
            r.integer("created"),
            frozenset(r.texts("reader_features")),
            frozenset(r.texts("writer_features")),
            tuple(_constraint(c) for c in r.objects("constraints")),
            ViewDefinition.decode(r.object("view")) if "view" in r else None,
        )


def _leaves(c: Column, prefix: str) -> Iterator[tuple[str, ColumnType]]:
    path = prefix + c.physical
    if isinstance(c.type, Struct):
        for inner in c.type.fields:
            yield from _leaves(inner, path + ".")
    else:
        yield path, c.type


def physical_paths(columns: Sequence[Column], prefix: str = "") -> Iterator[str]:
    """The physical paths of all fields, nested ones included."""
    for c in columns:
        yield prefix + c.physical
        yield from _paths_in(c.type, f"{prefix}{c.physical}.")


def _paths_in(t: ColumnType, prefix: str) -> Iterator[str]:
    match t:
        case Struct(fields):
            yield from physical_paths(fields, prefix)
        case List(element, _):
            yield from _paths_in(element, prefix + "element.")
        case Map(key, value, _):
            yield from _paths_in(key, prefix + "key.")
            yield from _paths_in(value, prefix + "value.")
