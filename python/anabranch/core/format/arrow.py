"""Types, columns and inline rows of the format as Arrow has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format import values
from anabranch.core.format.names import physical_name
from anabranch.core.format.tables import Column, ColumnType, List, Map, Struct
from anabranch.core.format.values import Value, kind_of
from anabranch.errors import SchemaUnsupportedType, error

_PLAIN: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "byte": pa.int8(),
    "short": pa.int16(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
}
_NAMES = {t: name for name, t in _PLAIN.items()}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")
_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)
_TEXTUAL = ("char(", "varchar(", "string collate ")


def arrow_type(t: ColumnType, physical: bool = False) -> pa.DataType:
    """The Arrow type of a column's type.

    Args:
        t: the type.
        physical: whether nested fields have the names that they have in data files.

    Raises:
        SchemaUnsupportedType: for one that Arrow, or this client, doesn't have.
    """
    match t:
        case Struct(fields):
            names = [(f.physical if physical else f.name) for f in fields]
            return pa.struct([(n, arrow_type(f.type, physical)) for n, f in zip(names, fields, strict=True)])
        case List(element, _):
            return pa.list_(arrow_type(element, physical))
        case Map(key, value, _):
            return pa.map_(arrow_type(key, physical), arrow_type(value, physical))
        case str():
            decimal = _DECIMAL.fullmatch(t)
            if decimal:
                return pa.decimal128(int(decimal[1]), int(decimal[2]))
            if t in _PLAIN:
                return _PLAIN[t]
            if t.startswith(_TEXTUAL):
                return pa.string()
    raise error("ANABRANCH_SCHEMA.UNSUPPORTED_TYPE", type=t, column="a column")


def is_list(t: pa.DataType) -> bool:
    """Whether values are lists, however they are laid out."""
    return any(is_one(t) for is_one in _LISTS)


def holds(t: pa.DataType, test: Callable[[pa.DataType], bool]) -> bool:
    """Whether a type, or one that stands in it, is of a kind."""
    return test(t) or any(holds(t.field(i).type, test) for i in range(t.num_fields))


def is_known(t: ColumnType) -> bool:
    """Whether Arrow, and this client, has a column's type."""
    try:
        arrow_type(t)
    except SchemaUnsupportedType:
        return False
    return True


def arrow_schema(columns: Sequence[Column], physical: bool = False) -> pa.Schema:
    """The schema of columns, by the names that users see or by those in data files."""
    return pa.schema(
        pa.field(c.physical if physical else c.name, arrow_type(c.type, physical), not c.required)
        for c in columns
    )


def column_type(t: pa.DataType, column: str = "a column") -> ColumnType:
    """The type of the format that holds all values of an Arrow type.

    Args:
        t: the type.
        column: which has it, for errors.

    Raises:
        SchemaUnsupportedType: if there is none.
    """
    if not isinstance(t, pa.BaseExtensionType) and t in _NAMES:  # types of others may have no hash
        return _NAMES[t]
    if pa.types.is_dictionary(t):
        return column_type(t.value_type, column)
    if pa.types.is_run_end_encoded(t):
        return column_type(t.value_type, column)
    if pa.types.is_struct(t):
        inner = [t.field(i) for i in range(t.num_fields)]
        if not inner:
            raise error("ANABRANCH_SCHEMA.UNSUPPORTED_TYPE", type=t, column=column)
        taken: list[str] = []
        for f in inner:
            taken.append(physical_name(f.name, taken))
        types = [column_type(f.type, f"{column}.{f.name}") for f in inner]
        return Struct(tuple(Column(f.name, p, x) for f, p, x in zip(inner, taken, types, strict=True)))
    if pa.types.is_map(t):
        key, value = column_type(t.key_type, f"{column}.key"), column_type(t.item_type, f"{column}.value")
        return Map(key, value, True)
    if is_list(t):
        return List(column_type(t.value_type, f"{column}[]"), True)
    if pa.types.is_decimal(t) and t.precision - min(t.scale, 0) <= 38:
        return f"decimal({t.precision - min(t.scale, 0)},{max(t.scale, 0)})"
    if pa.types.is_timestamp(t):
        return "timestamp" if t.tz else "timestamp_ntz"
    unsigned = {"uint8": "short", "uint16": "integer", "uint32": "long", "uint64": "decimal(20,0)"}
    other = unsigned | {
        "large_string": "string",
        "string_view": "string",
        "large_binary": "binary",
        "binary_view": "binary",
        "date64[ms]": "date",
        "halffloat": "float",
    }
    name = "binary" if pa.types.is_fixed_size_binary(t) else other.get(str(t))
    if name is None:
        found = error("ANABRANCH_SCHEMA.UNSUPPORTED_TYPE", type=t, column=column)
        if pa.types.is_null(t):
            found.add_hint("NULLs alone tell no type: create the table with a schema, and append the rows.")
        raise found
    return name


def conformed(array: pa.Array, t: ColumnType, storing: bool = False) -> pa.Array:
    """Values of a data file as the column's type: widened, with the fields that it has now, by their names.

    Args:
        array: the values.
        t: the type.
        storing: the other way round: nested fields get their names in data files.
    """
    target = arrow_type(t, storing)
    if array.type == target:
        return array
    match t:
        case Struct(fields):
            children = []
            for f in fields:
                i = array.type.get_field_index(f.name if storing else f.physical)
                children.append(
                    pa.nulls(len(array), arrow_type(f.type, storing))
                    if i < 0
                    else conformed(pc.struct_field(array, [i]), f.type, storing)
                )
            return pa.StructArray.from_arrays(
                children, fields=[target.field(i) for i in range(target.num_fields)], mask=array.is_null()
            )
        case List(element, _):
            return pa.ListArray.from_arrays(
                _offsets(array),
                conformed(array.flatten(), element, storing),
                type=target,
                mask=array.is_null(),
            )
        case Map(key, value, _):
            whole = array if array.offset == 0 else pa.concat_arrays([array, array.slice(0, 0)])
            keys, items = conformed(whole.keys, key, storing), conformed(whole.items, value, storing)
            return pa.MapArray.from_arrays(whole.offsets, keys, items, mask=whole.is_null())
    return array.cast(target)


def _offsets(array: pa.Array) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int32())
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])


def scalar(v: Value, t: pa.DataType) -> pa.Scalar:
    """A value as an Arrow scalar of a column's type."""
    if v.kind == "whole" and not pa.types.is_integer(t):
        return pa.scalar(v.value, pa.int32() if pa.types.is_date32(t) else pa.int64()).cast(t)
    return pa.scalar(v.value, t)


def value_of(x: pa.Scalar) -> Value | None:
    """An Arrow scalar of a column as a value; None for NULL."""
    if not x.is_valid:
        return None
    t = x.type
    if pa.types.is_date32(t):
        return Value("whole", x.cast(pa.int32()).as_py())
    if pa.types.is_timestamp(t):
        return Value("whole", x.cast(pa.int64()).as_py())
    kind = kind_of(column_type(t))
    return None if kind is None else Value(kind, x.as_py())


def encode_rows(rows: pa.Table) -> list[list[Any]]:
    """Rows as they stand in a commit [FILE-2]. Nested fields have their physical names."""
    columns = [_encoded(_whole(rows.column(i))) for i in range(rows.num_columns)]
    return [list(row) for row in zip(*columns, strict=True)] if columns else []


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _encoded(array: pa.Array) -> list[Any]:
    t = array.type
    if pa.types.is_struct(t):
        fields = {t.field(i).name: _encoded(pc.struct_field(array, [i])) for i in range(t.num_fields)}
        return [
            {name: cells[i] for name, cells in fields.items()} if array[i].is_valid else None
            for i in range(len(array))
        ]
    if pa.types.is_map(t):
        pairs = [[] if x is None else x for x in map(_pairs, array)]
        flat = [pair for row in pairs for pair in row]
        keys = iter(_encoded(pa.array([k for k, _ in flat], t.key_type)))
        items = iter(_encoded(pa.array([v for _, v in flat], t.item_type)))
        return [
            [[next(keys), next(items)] for _ in row] if array[i].is_valid else None
            for i, row in enumerate(pairs)
        ]
    if pa.types.is_list(t):
        cells = iter(_encoded(array.flatten()))
        return [[next(cells) for _ in range(len(x))] if x.is_valid else None for x in array]
    if pa.types.is_date32(t):
        array = array.cast(pa.int32())
    elif pa.types.is_timestamp(t):
        array = array.cast(pa.int64())
    kind = kind_of(column_type(t))
    assert kind is not None, t
    return [None if x is None else values.encode(Value(kind, x)) for x in array.to_pylist()]


def _pairs(x: pa.Scalar) -> list[tuple[Any, Any]] | None:
    return x.as_py() if x.is_valid else None


def supports_inline(t: ColumnType) -> bool:
    """Whether values of the type can stand in a commit."""
    match t:
        case Struct(fields):
            return all(supports_inline(f.type) for f in fields)
        case List(element, _):
            return supports_inline(element)
        case Map(key, value, _):
            return supports_inline(key) and supports_inline(value)
    return kind_of(t) is not None


def decode_cells(cells: Sequence[Any], t: ColumnType) -> pa.Array:
    """Cells of inline rows as a column, by the names that users see."""
    target = arrow_type(t)
    match t:
        case Struct(fields):
            children = [
                decode_cells([None if c is None else c.get(f.physical) for c in cells], f.type)
                for f in fields
            ]
            mask = pa.array([c is None for c in cells], pa.bool_())
            named = [target.field(i) for i in range(target.num_fields)]
            return pa.StructArray.from_arrays(children, fields=named, mask=mask)
        case List(element, _):
            offsets, mask = _shape(cells)
            inner = decode_cells([x for c in cells for x in c or ()], element)
            return pa.ListArray.from_arrays(offsets, inner, type=target, mask=mask)
        case Map(key, value, _):
            offsets, mask = _shape(cells)
            pairs = [pair for c in cells for pair in c or ()]
            keys, items = decode_cells([k for k, _ in pairs], key), decode_cells([v for _, v in pairs], value)
            return pa.MapArray.from_arrays(offsets, keys, items, mask=mask)
    plain = [None if c is None else _plain(c) for c in cells]
    if pa.types.is_date32(target):
        return pa.array(plain, pa.int32()).cast(target)
    return (
        pa.array(plain, pa.int64()).cast(target) if pa.types.is_timestamp(target) else pa.array(plain, target)
    )


def _shape(cells: Sequence[Any]) -> tuple[pa.Array, pa.Array]:
    ends, end = [0], 0
    for c in cells:
        end += len(c or ())
        ends.append(end)
    return pa.array(ends, pa.int32()), pa.array([c is None for c in cells], pa.bool_())


def _plain(cell: Any) -> Any:
    found = values.decode(cell)
    return None if found is None else found.value
