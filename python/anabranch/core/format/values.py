"""Values that say themselves what they are, their order, and bounds made of them: sections 2 and 4."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple

from anabranch.core.format.canonical import MAX_INTEGER, int64, some
from anabranch.core.format.members import Members

Kind = Literal["whole", "floating", "decimal", "text", "bytes", "bool"]

BOUND_LENGTH = 32
NAN = "7ff8000000000000"

_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("byte", "short", "integer", "long", "date", "timestamp", "timestamp_ntz"), "whole"),
    "float": "floating",
    "double": "floating",
    "string": "text",
    "binary": "bytes",
    "boolean": "bool",
}


class Value(NamedTuple):
    """A value of a kind: an int, float, Decimal, str, bytes or bool."""

    kind: Kind
    value: Any

    @property
    def is_nan(self) -> bool:
        """Whether it is NaN, which is no bound."""
        return self.kind == "floating" and math.isnan(self.value)


def kind_of(type_: object) -> Kind | None:
    """The kind of values of a type; None for one without.

    These are nested ones, collated strings, variants: their order is not that of their bytes.
    """
    if not isinstance(type_, str):
        return None
    if type_.startswith("decimal("):
        return "decimal"
    if type_.startswith(("char(", "varchar(")):
        return "text"
    return _KINDS.get(type_)


def encode(v: Value) -> Any:
    """The value as JSON."""
    x = v.value
    match v.kind:
        case "whole":
            return x if abs(x) <= MAX_INTEGER else f"i{x}"
        case "floating":
            return "f" + (NAN if math.isnan(x) else struct.pack(">d", x).hex())
        case "decimal":
            return f"d{x:f}"
        case "text":
            return "s" + x
        case "bytes":
            return "b" + base64.b64encode(x).decode("ascii")
        case _:
            return x


def decode(json: Any) -> Value | None:
    """The value that `encode` gave; None if it is none."""
    if isinstance(json, bool):
        return Value("bool", json)
    if isinstance(json, int):
        return Value("whole", json)
    if not isinstance(json, str) or not json:
        return None
    rest = json[1:]
    try:
        match json[0]:
            case "s":
                return Value("text", rest)
            case "i":
                return Value("whole", int(rest)) if re.fullmatch("[+-]?[0-9]{1,19}", rest) else None
            case "f":
                bits = re.fullmatch("[0-9a-f]{16}", rest)
                return Value("floating", struct.unpack(">d", bytes.fromhex(rest))[0]) if bits else None
            case "d":
                number = Decimal(rest)
                return Value("decimal", number) if number.is_finite() else None
            case "b":
                return Value("bytes", base64.b64decode(rest, validate=True))
    except (InvalidOperation, binascii.Error):
        return None
    return None


def order(v: Value) -> Any:
    """What compares as the value does, among values of its kind."""
    if v.kind == "floating":
        return (1, 0.0) if math.isnan(v.value) else (0, v.value)
    return v.value.encode("utf-8") if v.kind == "text" else v.value


def compare(a: Value, b: Value) -> int | None:
    """Gives -1, 0 or 1 in Spark SQL's order; None for values of different kinds."""
    if a.kind != b.kind:
        return None
    x, y = order(a), order(b)
    return int(x > y) - int(x < y)


class ColumnStats(NamedTuple):
    """Bounds of one column in one file; None is what is not known."""

    min: Value | None = None
    max: Value | None = None
    nulls: int | None = None

    @staticmethod
    def bounded(low: Value | None, high: Value | None, nulls: int | None) -> ColumnStats:
        """Bounds as statistics hold them: short, and without NaN."""
        return ColumnStats(low and _lower(low), high and _upper(high), nulls)

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return some(
            min=None if self.min is None else encode(self.min),
            max=None if self.max is None else encode(self.max),
            nulls=None if self.nulls is None else int64(self.nulls),
        )

    @staticmethod
    def decode(r: Members) -> ColumnStats:
        """From JSON; a bound that is no value is one that is not known."""
        return ColumnStats(decode(r.value.get("min")), decode(r.value.get("max")), r.integer_or_none("nulls"))


def _lower(v: Value) -> Value | None:
    if v.is_nan:
        return None
    return Value(v.kind, v.value[:BOUND_LENGTH]) if v.kind in ("text", "bytes") else v


def _upper(v: Value) -> Value | None:
    if v.is_nan:
        return None
    if v.kind not in ("text", "bytes") or len(v.value) <= BOUND_LENGTH:
        return v
    units = [ord(c) for c in v.value] if v.kind == "text" else list(v.value)
    raised = _raised(units[:BOUND_LENGTH], 0x10FFFF if v.kind == "text" else 0xFF)
    if raised is None:
        return None
    if v.kind == "bytes":
        return Value("bytes", bytes(raised))
    if 0xD800 <= raised[-1] <= 0xDFFF:
        raised[-1] = 0xE000  # the surrogates are no characters: step over them
    return Value("text", "".join(map(chr, raised)))


def _raised(units: list[int], top: int) -> list[int] | None:
    """The least that is above all that start so; None if nothing is."""
    while units and units[-1] == top:
        units.pop()
    if not units:
        return None
    units[-1] += 1
    return units
