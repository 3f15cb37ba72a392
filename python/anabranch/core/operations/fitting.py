"""Values that users give, as values of a column's type: all, or an error names the first that is none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.arrow import arrow_type, column_type
from anabranch.core.format.tables import Column, ColumnType, List, Map, Struct
from anabranch.errors import AnabranchError

_CAST_FAILS = (pa.ArrowInvalid, pa.ArrowNotImplementedError)


class Misfit(Exception):
    """A value that a column can't take.

    Attributes:
        path: of the field in the column; empty for the column itself.
        row: counted from 0.
        value: as Python has it; None for NULL.
        reason: why not.
    """

    def __init__(self, array: pa.Array, row: int, reason: str) -> None:
        super().__init__(reason)
        self.path = ""
        self.row = row
        self.value = shown(array[row])
        self.reason = reason

    def within(self, path: str, row: Callable[[int], int] = lambda row: row) -> Misfit:
        """The same, seen from what holds it."""
        self.path = path + self.path
        self.row = row(self.row)
        return self


def shown(value: pa.Scalar) -> str:
    """A value as a message has it."""
    try:
        text = "NULL" if not value.is_valid else repr(value.as_py())
    except UnicodeDecodeError:
        text = repr(value.cast(pa.binary()).as_py())
    except (ValueError, OverflowError):  # Python has no such time
        text = str(value.cast(pa.int64()))
    return cut(text)


def cut(text: str) -> str:
    """So much of a text as a message has room for."""
    return text if len(text) <= 60 else text[:57] + "…"


def fitted(array: pa.Array, t: ColumnType) -> pa.Array:
    """Values as those of a type, with nested fields by the names that users see.

    Raises:
        Misfit: for the first that is none.
    """
    target = arrow_type(t)
    if pa.types.is_decimal(array.type):
        array = _digits(array)
    if array.type == target and isinstance(t, str):
        return _text(array, t)
    array = _unpacked(array)
    if array.null_count == len(array):
        return pa.nulls(len(array), target)
    if _family(array.type) != _family(target):
        named = t if isinstance(t, str) else target
        raise Misfit(array, pc.index(array.is_valid(), True).as_py(), f"{array.type} is not {named}")
    match t:
        case Struct(fields):
            return _struct(array, fields, target)
        case List(element, nullable):
            return _list(array, element, nullable, target)
        case Map(key, value, nullable):
            return _map(array, key, value, nullable, target)
    return _text(_cast(array, target, str(t)), str(t))


def _unpacked(array: pa.Array) -> pa.Array:
    """Without an encoding, which is of no matter to the values."""
    t = array.type
    if pa.types.is_dictionary(t):
        return array.dictionary.take(array.indices)
    if pa.types.is_run_end_encoded(t):
        return pc.run_end_decode(array)
    if pa.types.is_fixed_size_list(t):
        return array.cast(pa.list_(t.value_type))
    return array


def _digits(array: pa.Array) -> pa.Array:
    """Decimals, which others give with more digits than the type has; nobody could read these."""
    t = array.type
    wide = array if t.bit_width >= 128 else array.cast(pa.decimal128(t.precision, t.scale))
    bounds, most = pc.min_max(wide), Decimal(10) ** (t.precision - t.scale)
    for bound in (bounds["min"], bounds["max"]):
        # abs() rounds to 28 digits
        if bound.is_valid and bound.as_py().copy_abs() >= most:
            raise Misfit(array, pc.index(wide, bound).as_py(), f"it does not fit {t}")
    return wide


def _family(t: pa.DataType) -> str:
    """What values are, whatever their size."""
    if pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t):
        return "number"
    if pa.types.is_nested(t):
        return "struct" if pa.types.is_struct(t) else "map" if pa.types.is_map(t) else "list"
    try:
        return str(column_type(t))
    except AnabranchError:
        return str(t)


def _struct(array: pa.Array, fields: tuple[Column, ...], target: pa.DataType) -> pa.Array:
    given = [array.type.field(i).name.lower() for i in range(array.type.num_fields)]
    known = [f.name.lower() for f in fields]
    for i, name in enumerate(given):
        if name not in known or name in given[:i]:
            row = pc.index(array.is_valid(), True).as_py()
            field = array.type.field(i).name
            raise Misfit(
                array, row, f"it has no field {field}" if name not in known else f"{field} is given twice"
            )
    children = []
    for f in fields:
        at = given.index(f.name.lower()) if f.name.lower() in given else None
        held = pa.nulls(len(array)) if at is None else pc.struct_field(array, [at])
        try:
            children.append(fitted(held, f.type))
            if f.required:
                _no_null(pc.if_else(array.is_valid(), children[-1].is_null(), False), held)
        except Misfit as e:
            raise e.within(f".{f.name}") from None
    named = [target.field(i) for i in range(target.num_fields)]
    return pa.StructArray.from_arrays(children, fields=named, mask=array.is_null())


def _no_null(nulls: pa.Array, values: pa.Array) -> None:
    if pc.any(nulls).as_py():
        raise Misfit(values, pc.index(nulls, True).as_py(), "it is NOT NULL")


def _list(
    array: pa.Array, element: ColumnType, nullable: bool, target: pa.DataType, path: str = "[]"
) -> pa.Array:
    values = array.flatten()
    try:
        inner = fitted(values, element)
        if not nullable:
            _no_null(inner.is_null(), values)
    except Misfit as e:
        raise e.within(path, lambda row: int(pc.list_parent_indices(array)[row].as_py())) from None
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    return pa.ListArray.from_arrays(offsets, inner, type=target, mask=array.is_null())


def _map(
    array: pa.Array, key: ColumnType, value: ColumnType, nullable: bool, target: pa.DataType
) -> pa.Array:
    pairs = array.cast(pa.list_(pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])))
    element = Struct((Column("key", "key", key, True), Column("value", "value", value, not nullable)))
    whole = _list(pairs, element, False, pa.list_(arrow_type(element)), "")
    keys, items = (pc.struct_field(whole.values, [i]) for i in (0, 1))
    return pa.MapArray.from_arrays(whole.offsets, keys, items, mask=array.is_null())


def _cast(array: pa.Array, target: pa.DataType, named: str) -> pa.Array:
    return _first_refused(array, lambda some: _exactly(some, target), f"it does not fit {named}")


def _first_refused(array: pa.Array, use: Callable[[pa.Array], Any], reason: str) -> Any:
    """What is made of values; or an error that names the first that it can't be made of."""
    try:
        return use(array)
    except _CAST_FAILS:
        pass
    low, high = 0, len(array)  # found by halving
    while high - low > 1:
        middle = (low + high) // 2
        try:
            use(array.slice(low, middle - low))
            low = middle
        except _CAST_FAILS:
            high = middle
    raise Misfit(array, low, reason)


def _exactly(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Values cast, or refused: wholes that a decimal holds, and no number that becomes infinite."""
    if pa.types.is_integer(array.type) and pa.types.is_decimal(target):
        array = array.cast(pa.decimal256(20 + target.scale, target.scale))
    found = array.cast(target)
    if pa.types.is_floating(array.type) and pa.types.is_float32(target):
        over = pc.and_(pc.is_inf(found), pc.is_finite(array))
        if pc.any(over).as_py():
            raise pa.ArrowInvalid("it becomes infinite")
    return found


def _text(array: pa.Array, t: str) -> pa.Array:
    """Text of bounded length, filled up where the length is fixed."""
    if pa.types.is_string(array.type):
        _first_refused(array, lambda some: some.validate(full=True), "it is no text in UTF-8")
    if not t.startswith(("char(", "varchar(")):
        return array
    length = int(t[t.index("(") + 1 : -1])
    long = pc.greater(pc.utf8_length(array), length)
    if pc.any(long).as_py():
        raise Misfit(array, pc.index(long, True).as_py(), f"it is longer than {length} characters")
    return pc.utf8_rpad(array, length) if t.startswith("char(") else array
