"""Whether a type of Arrow holds a value of Python: many that it does not, Arrow cuts without a word."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from datetime import datetime
from numbers import Real
from typing import Any

import pyarrow as pa

from anabranch.core.format.arrow import holds


def may_be_cut(values: Iterable[Any], t: pa.DataType) -> bool:
    """Whether values may have been cut, or be of several kinds, where Arrow itself has chosen a type.

    Args:
        values: of Python.
        t: the type that Arrow has chosen for them.
    """
    if pa.types.is_floating(t) or pa.types.is_binary(t):
        return bool({"bool", "bool_", "str"} & {kind.__name__ for kind in set(map(type, values))})
    return holds(t, pa.types.is_date) or holds(t, pa.types.is_timestamp)


def must_be_held(value: Any, t: pa.DataType) -> None:
    """Refuses what Arrow would cut, leave out, or take for something else.

    Raises:
        ValueError: which tells why. What Arrow refuses itself is left to it.
    """
    if value is None:
        return
    if isinstance(value, datetime):
        if value == value:  # NaT is one, too
            _time(value, t)
    elif pa.types.is_integer(t) or pa.types.is_floating(t):
        _number(value, t)
    elif pa.types.is_string(t) and isinstance(value, bytes | bytearray | memoryview):
        raise ValueError("it is bytes, and no text")
    elif pa.types.is_binary(t) and isinstance(value, str):
        raise ValueError("it is a text, and no bytes")
    elif pa.types.is_struct(t) and isinstance(value, Mapping):
        fields = {t.field(i).name: t.field(i).type for i in range(t.num_fields)}
        for key, inner in value.items():
            if key not in fields:
                raise ValueError(f"it has no field {key}")
            must_be_held(inner, fields[key])
    elif pa.types.is_list(t) and isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for inner in value:
            must_be_held(inner, t.value_type)
    elif pa.types.is_map(t):
        for key, inner in value.items() if isinstance(value, Mapping) else value:
            must_be_held(key, t.key_type)
            must_be_held(inner, t.item_type)


def _time(value: datetime, t: pa.DataType) -> None:
    if pa.types.is_date(t):
        raise ValueError("it has a time of day, and others of the column are dates")
    if pa.types.is_timestamp(t):
        if t.unit != "ns" and getattr(value, "nanosecond", 0):
            raise ValueError("it has nanoseconds, and tables have microseconds")
        if (value.tzinfo is None) != (t.tz is None):
            has, have = ("no", "one") if value.tzinfo is None else ("a", "none")
            raise ValueError(f"it has {has} time zone, and others of the column have {have}")


def _number(value: Any, t: pa.DataType) -> None:
    if type(value).__name__ in ("bool", "bool_"):
        raise ValueError("it is a truth value, and no number")
    if not isinstance(value, Real):
        return
    if pa.types.is_integer(t) and value != math.trunc(value):
        raise ValueError("it is no whole number")
    if pa.types.is_float32(t):
        struct.pack("<f", value)  # an OverflowError where it would become infinite
