"""Canonical JSON: section 2 of SPEC.md."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from anabranch.errors import AnabranchError, error

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 200


def corrupt(origin: str, reason: str) -> AnabranchError:
    """An object that is not what was written."""
    return error("ANABRANCH_LOG.CORRUPT_OBJECT", path=origin, reason=reason)


def parse(data: bytes, origin: str) -> Any:
    """The value that the bytes hold: objects, lists, strings, booleans, None and integers.

    Args:
        data: UTF-8.
        origin: the object's path, for the error.

    Raises:
        LogCorruptObject: for anything that is not a value of the format.
    """
    try:
        text = data.decode("utf-8")
        value = _decoder.decode(text)
        if "\\u" in text:
            canonical(value)  # an escape can spell half a surrogate pair
        if _depth(value) > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
    except (ValueError, RecursionError) as e:
        raise corrupt(origin, f"it is not JSON of the format ({e})") from e
    return value


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise ValueError(f"the integer {digits[:30]} needs more than 53 bits")
    return int(digits)


def _refuse(text: str) -> None:
    raise ValueError(f"{text[:30]} is not an integer")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member is named twice")
    return found


_decoder = json.JSONDecoder(
    parse_int=_integer, parse_float=_refuse, parse_constant=_refuse, object_pairs_hook=_members
)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        inner = [v for v in level if isinstance(v, dict | list)]
        level = [w for v in inner for w in (v.values() if isinstance(v, dict) else v)]
        depth += bool(inner)
    return depth


def canonical(value: Any) -> bytes:
    """The one byte sequence of a value, by RFC 8785.

    Raises:
        ValueError: for a string with half a surrogate pair.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    if not text.isascii() and max(text) > "\uffff":
        # Python sorts by code points, and the format by UTF-16 units: these differ beyond U+FFFF
        text = json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return {name: _sorted(value[name]) for name in names}
    return [_sorted(v) for v in value] if isinstance(value, list) else value


def int64(number: int) -> int | str:
    """An integer as JSON: digits in a string where it needs more than 53 bits."""
    return number if abs(number) <= MAX_INTEGER else str(number)


def some(**members: Any) -> dict[str, Any]:
    """An object without the members that are None."""
    return {name: value for name, value in members.items() if value is not None}


def sha256(data: bytes) -> str:
    """The digest, in lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def salted(salt: str, value: Any) -> str:
    """Digest of a part of a commit: SHA-256 of the salt's bytes and the value's canonical bytes."""
    return sha256(bytes.fromhex(salt) + canonical(value))
