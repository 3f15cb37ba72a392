"""Partition transforms, as Apache Iceberg defines them: section 4 of SPEC.md."""

from __future__ import annotations

import struct
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

from anabranch.core.format.canonical import some
from anabranch.core.format.members import Members
from anabranch.core.format.values import Value, encode, kind_of

_EPOCH = date(1970, 1, 1)
_MICROS_A_DAY = 24 * 3600 * 1_000_000
_MICROS_AN_HOUR = 3600 * 1_000_000
_PLAIN = ("identity", "years", "months", "days", "hours")
_MASK = 0xFFFFFFFF


class PartitionField(NamedTuple):
    """One field of a table's partitioning: a transform of a column, named by its physical path."""

    column: str
    transform: str
    parameter: int | None = None

    @property
    def key(self) -> str:
        """The key of the field in a file's partition values."""
        if self.transform == "identity":
            return self.column
        parameter = "" if self.parameter is None else f"[{self.parameter}]"
        return f"{self.transform}{parameter}({self.column})"

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return some(column=self.column, transform=self.transform, parameter=self.parameter)

    @staticmethod
    def decode(r: Members) -> PartitionField:
        """From JSON."""
        field = PartitionField(r.text("column"), r.text("transform"), r.integer_or_none("parameter"))
        if not is_transform(field.transform, field.parameter):
            raise r.wrong("transform", "a known transform")
        return field


def is_transform(name: str, parameter: int | None) -> bool:
    """Whether there is such a transform."""
    if name in ("bucket", "truncate"):
        return parameter is not None and 0 < parameter < 2**31
    return name in _PLAIN and parameter is None


def accepts(name: str, type_: object) -> bool:
    """Whether the transform is defined for a column of this type."""
    kind = kind_of(type_)
    time = type_ in ("timestamp", "timestamp_ntz")
    match name:
        case "identity":
            return kind is not None
        case "years" | "months" | "days":
            return time or type_ == "date"
        case "hours":
            return time
        case "bucket":
            return kind not in (None, "floating", "bool")
        case _:
            return kind in ("whole", "text", "bytes", "decimal") and not time and type_ != "date"


def transformed(field: PartitionField, type_: object, v: Value) -> Value:
    """The partition value of a column's value, which is not NULL; NULL goes to NULL."""
    x = v.value
    match field.transform:
        case "identity":
            return v
        case "bucket":
            return Value("whole", (murmur3(v) & 0x7FFFFFFF) % _parameter(field))
        case "truncate":
            return Value(v.kind, _truncated(v, _parameter(field)))
        case "hours":
            return Value("whole", x // _MICROS_AN_HOUR)
    days = x if type_ == "date" else x // _MICROS_A_DAY
    if field.transform == "days":
        return Value("whole", days)
    year, month = _year_and_month(days)
    return Value("whole", year - 1970 if field.transform == "years" else (year - 1970) * 12 + month - 1)


def _parameter(field: PartitionField) -> int:
    assert field.parameter is not None
    return field.parameter


def _truncated(v: Value, width: int) -> Any:
    if v.kind == "whole":
        return v.value - v.value % width
    if v.kind == "decimal":
        unscaled = _unscaled(v.value)
        return Decimal(unscaled - unscaled % width).scaleb(v.value.as_tuple().exponent)
    return v.value[:width]


def _year_and_month(days: int) -> tuple[int, int]:
    """Also of days that Python's dates can't tell: the calendar repeats itself after 400 years."""
    cycles = 0 if -700_000 < days < 2_900_000 else days // 146_097
    day = _EPOCH + timedelta(days - cycles * 146_097)
    return day.year + cycles * 400, day.month


def display(field: PartitionField, v: Value) -> str:
    """Readable form of a partition value."""
    x = v.value
    match field.transform:
        case "years":
            return str(1970 + x)
        case "months":
            return f"{1970 + x // 12:04d}-{x % 12 + 1:02d}"
        case "days":
            return (_EPOCH + timedelta(x)).isoformat()
        case "hours":
            return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(hours=x)).strftime("%Y-%m-%dT%H")
    return str(encode(v))


def murmur3(v: Value) -> int:
    """The 32-bit hash of a value, signed."""
    match v.kind:
        case "whole":
            return _murmur3(struct.pack("<q", v.value))
        case "decimal":
            unscaled = _unscaled(v.value)
            bits = (unscaled if unscaled >= 0 else ~unscaled).bit_length() + 1
            return _murmur3(unscaled.to_bytes((bits + 7) // 8, "big", signed=True))
        case "text":
            return _murmur3(v.value.encode("utf-8"))
        case _:
            return _murmur3(v.value)


def _unscaled(d: Decimal) -> int:
    sign, digits, _ = d.as_tuple()
    return (-1 if sign else 1) * int("".join(map(str, digits)) or "0")


def _rotated(x: int, by: int) -> int:
    x &= _MASK
    return (x << by | x >> (32 - by)) & _MASK


def _murmur3(data: bytes) -> int:
    """The x86 variant of 32 bits, seed 0."""
    h = 0
    whole = len(data) - len(data) % 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        h = _rotated(h ^ _rotated(k * 0xCC9E2D51, 15) * 0x1B873593, 13) * 5 + 0xE6546B64
    tail = int.from_bytes(data[whole:], "little")
    h = (h ^ _rotated(tail * 0xCC9E2D51, 15) * 0x1B873593 ^ len(data)) & _MASK
    h = (h ^ h >> 16) * 0x85EBCA6B & _MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & _MASK
    h ^= h >> 16
    return h - (1 << 32) if h >> 31 else h
