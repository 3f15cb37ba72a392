"""Values, their order, bounds made of them, and partition transforms: sections 2 and 4 of SPEC.md."""

from __future__ import annotations

import base64
import math
import struct
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .canonical import MAX_INTEGER

BOUND = 32
MICROS_A_DAY = 24 * 3600 * 1_000_000
TEXTUAL = ("string", "char", "varchar")
WHOLE = ("byte", "short", "integer", "long")
TIMES = ("timestamp", "timestamp_ntz")


@dataclass(frozen=True)
class Value:
    """`kind` is whole, floating, decimal, text, bytes or bool."""

    kind: str
    value: Any


def encode(v: Value) -> Any:
    x = v.value
    match v.kind:
        case "whole":
            return x if abs(x) <= MAX_INTEGER else f"i{x}"
        case "floating":
            return "f7ff8000000000000" if math.isnan(x) else "f" + struct.pack(">d", x).hex()
        case "decimal":
            return f"d{x:f}"
        case "text":
            return "s" + x
        case "bytes":
            return "b" + base64.b64encode(x).decode()
        case _:
            return x


def decode(json: Any) -> Value | None:
    if isinstance(json, bool):
        return Value("bool", json)
    if isinstance(json, int):
        return Value("whole", json)
    if not isinstance(json, str) or not json:
        return None
    rest = json[1:]
    match json[0]:
        case "i":
            return Value("whole", int(rest))
        case "f":
            return Value("floating", struct.unpack(">d", bytes.fromhex(rest))[0])
        case "d":
            return Value("decimal", Decimal(rest))
        case "s":
            return Value("text", rest)
        case "b":
            return Value("bytes", base64.b64decode(rest))
    return None


def described(kind: str, text: str) -> Value:
    """A value from a plain text of it, as vectors write it."""
    plain = {
        "whole": int,
        "floating": float,
        "decimal": Decimal,
        "text": str,
        "bytes": bytes.fromhex,
        "bool": "true".__eq__,
    }
    return Value(kind, plain[kind](text))  # type: ignore[operator]


def describe(v: Value) -> dict[str, str]:
    x = v.value
    if v.kind == "floating":
        names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "-0.0": "-0.0"}
        text = names.get(str(x)) or f"{Decimal(x):f}"
    elif v.kind == "decimal":
        text = f"{x:f}"
    else:
        text = x.hex() if v.kind == "bytes" else str(x).lower() if v.kind == "bool" else str(x)
    return {"kind": v.kind, "value": text}


def order(v: Value) -> Any:
    """Compares as the value does, among values of its kind."""
    if v.kind == "floating":
        return (1, 0.0) if math.isnan(v.value) else (0, v.value)
    return v.value.encode("utf-8") if v.kind == "text" else v.value


def compare(a: Value, b: Value) -> int | None:
    if a.kind != b.kind:
        return None
    return int(order(a) > order(b)) - int(order(a) < order(b))


def bounded(low: Value | None, high: Value | None, nulls: int | None) -> dict[str, Any]:
    """Bounds as statistics hold them: cut, and without NaN."""
    low, high = (None if v and v.kind == "floating" and math.isnan(v.value) else v for v in (low, high))
    if low and low.kind in ("text", "bytes"):
        low = Value(low.kind, low.value[:BOUND])
    if high and high.kind in ("text", "bytes") and len(high.value) > BOUND:
        high = raised(high)
    found = {"min": low and encode(low), "max": high and encode(high), "nulls": nulls}
    return {name: v for name, v in found.items() if v is not None}


def raised(v: Value) -> Value | None:
    units = [ord(c) for c in v.value] if v.kind == "text" else list(v.value)
    top = 0x10FFFF if v.kind == "text" else 0xFF
    units = units[:BOUND]
    while units and units[-1] == top:
        units.pop()
    if not units:
        return None
    units[-1] += 1
    if v.kind == "bytes":
        return Value("bytes", bytes(units))
    if units[-1] == 0xD800:
        units[-1] = 0xE000  # what lies between is no character
    return Value("text", "".join(map(chr, units)))


def murmur3(data: bytes) -> int:
    """The 32-bit Murmur3 hash of the x86 variant, seed 0, signed."""

    def rotated(x: int, by: int) -> int:
        x &= 0xFFFFFFFF
        return (x << by | x >> (32 - by)) & 0xFFFFFFFF

    h = 0
    whole = len(data) - len(data) % 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        h = rotated(h ^ rotated(k * 0xCC9E2D51, 15) * 0x1B873593, 13) * 5 + 0xE6546B64
    tail = int.from_bytes(data[whole:], "little")
    h = (h ^ rotated(tail * 0xCC9E2D51, 15) * 0x1B873593 ^ len(data)) & 0xFFFFFFFF
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    h ^= h >> 16
    return h - (1 << 32) if h >> 31 else h


def hashed(v: Value) -> int:
    match v.kind:
        case "whole":
            return murmur3(struct.pack("<q", v.value))
        case "decimal":
            unscaled = unscale(v.value)
            bits = (unscaled if unscaled >= 0 else ~unscaled).bit_length() + 1
            return murmur3(unscaled.to_bytes((bits + 7) // 8, "big", signed=True))
        case "text":
            return murmur3(v.value.encode("utf-8"))
        case _:
            return murmur3(v.value)


def unscale(d: Decimal) -> int:
    sign, digits, _ = d.as_tuple()
    return (-1 if sign else 1) * int("".join(map(str, digits)) or "0")


def transformed(name: str, parameter: int | None, type_: str, v: Value) -> Value | None:
    """The partition value, or None where the transform is not for the type."""
    base = type_.split("(")[0]
    x = v.value
    if name == "identity":
        return v
    if name == "bucket" and parameter:
        if base in ("float", "double", "boolean"):
            return None
        return Value("whole", (hashed(v) & 0x7FFFFFFF) % parameter)
    if name == "truncate" and parameter:
        if base in WHOLE:
            return Value("whole", x - x % parameter)
        if base in TEXTUAL or base == "binary":
            return Value(v.kind, x[:parameter])
        if base == "decimal":
            unscaled = unscale(x)
            return Value("decimal", Decimal(unscaled - unscaled % parameter).scaleb(x.as_tuple().exponent))
        return None
    if base not in TIMES and (base != "date" or name == "hours"):
        return None
    if name == "hours":
        return Value("whole", x // (MICROS_A_DAY // 24))
    days = x if base == "date" else x // MICROS_A_DAY
    if name == "days":
        return Value("whole", days)
    day = date(1970, 1, 1) + timedelta(days)
    return Value("whole", day.year - 1970 if name == "years" else (day.year - 1970) * 12 + day.month - 1)
