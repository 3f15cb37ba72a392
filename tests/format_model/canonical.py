"""Canonical JSON: section 2 of SPEC.md."""

from __future__ import annotations

import json
from typing import Any

MAX_INTEGER = 2**53 - 1
SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


class Refused(Exception):
    """The format does not allow it."""


def parse(data: bytes) -> Any:
    """The value that the bytes hold; objects, lists, strings, booleans, None and integers."""

    def integer(digits: str) -> int:
        if abs(int(digits)) > MAX_INTEGER:
            raise Refused(f"{digits} needs more than 53 bits")
        return int(digits)

    def refuse(text: str) -> None:
        raise Refused(f"{text} is not an integer")

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise Refused("a member is named twice")
        return dict(pairs)

    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_int=integer,
            parse_float=refuse,
            parse_constant=refuse,
            object_pairs_hook=members,
        )
        canonical(value)
    except ValueError as error:
        raise Refused(str(error)) from error
    return value


def canonical(value: Any) -> bytes:
    """The one byte sequence of the value."""
    return "".join(pieces(value)).encode("utf-8")


def pieces(value: Any) -> list[str]:
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, int):
        return [str(value)]
    if isinstance(value, str):
        return [quoted(value)]
    if isinstance(value, list):
        return ["[", ",".join("".join(pieces(v)) for v in value), "]"]
    names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return ["{", ",".join(quoted(n) + ":" + "".join(pieces(value[n])) for n in names), "}"]


def quoted(text: str) -> str:
    return '"' + "".join(SHORT.get(c, c if c >= " " else f"\\u{ord(c):04x}") for c in text) + '"'


def int64(number: int) -> int | str:
    return number if abs(number) <= MAX_INTEGER else str(number)
