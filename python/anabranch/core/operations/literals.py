"""Defaults of columns: texts of SQL, as Spark writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

import pyarrow as pa

from anabranch.core.operations.check_sql import for_duckdb, meant
from anabranch.errors import SqlFailed, error

_TEXT = r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*\""""
_QUOTED = re.compile(_TEXT, re.DOTALL)
_BYTES = re.compile(r"X'([0-9a-fA-F]*)'", re.IGNORECASE)
_NUMBER = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)(?:BD|[LSYDF])?", re.IGNORECASE)
_NULL = re.compile(r"NULL|CAST\s*\(\s*NULL\s+AS\b.*\)", re.IGNORECASE | re.DOTALL)
_CALL = re.compile(r"(ARRAY|MAP|NAMED_STRUCT)\s*\((.*)\)", re.IGNORECASE | re.DOTALL)
_TIME = re.compile(r"\b(DATE|TIMESTAMP(?:_NTZ|_LTZ)?)\s*'\+?", re.IGNORECASE)
_PART = re.compile(rf"(?P<text>{_TEXT})|[(),]|.", re.DOTALL)
_USER = re.compile(r"\b(current_user|session_user|user)\b", re.IGNORECASE)
_WIDE = Context(prec=76)


def literal(text: str | None, t: pa.DataType) -> pa.Scalar:
    """The value of a default, as a type; NULL where there is none.

    Anything but literals is left to DuckDB.

    Raises:
        SqlFailed: for what only Spark can evaluate.
    """
    plain = "NULL" if text is None else text.strip()
    if _NULL.fullmatch(plain):
        return pa.scalar(None, t)
    try:
        found = _nested(plain, t) if pa.types.is_nested(t) else _plain(plain, t)
        return _evaluated(plain, t) if found is None else found
    except (SqlFailed, pa.ArrowException) as e:
        reason = e.parameters["reason"] if isinstance(e, SqlFailed) else str(e).splitlines()[0].rstrip(".")
        raise error("ANABRANCH_SQL.FAILED", reason=f"the default {plain}: {reason}") from None


def _plain(text: str, t: pa.DataType) -> pa.Scalar | None:
    """A number, text, bytes or truth value; None for anything else."""
    data, number = _BYTES.fullmatch(text), _NUMBER.fullmatch(text)
    if data:
        return pa.scalar(bytes.fromhex(data[1])).cast(t)
    if _QUOTED.fullmatch(text):
        return pa.scalar(meant(text)).cast(t)
    if text.lower() in ("true", "false") and pa.types.is_boolean(t):
        return pa.scalar(text.lower() == "true")
    if number and pa.types.is_floating(t):
        return pa.scalar(float(number[1])).cast(t)
    if number and pa.types.is_decimal(t):
        try:
            rounded = Decimal(number[1]).quantize(Decimal(1).scaleb(-t.scale), ROUND_HALF_UP, _WIDE)
        except InvalidOperation:
            return None
        return pa.scalar(rounded, t)
    if number and pa.types.is_integer(t) and Decimal(number[1]) % 1 == 0:
        return pa.scalar(int(Decimal(number[1]))).cast(t)
    return None


def _nested(text: str, t: pa.DataType) -> pa.Scalar | None:
    """A list, map or struct; None for anything else."""
    call = _CALL.fullmatch(text)
    if call is None:
        return None
    parts = list(_arguments(call[2]))
    match call[1].upper():
        case "ARRAY" if pa.types.is_list(t):
            return pa.scalar([literal(x, t.value_type).as_py() for x in parts], t)
        case "MAP" if pa.types.is_map(t):
            keys = [literal(x, t.key_type).as_py() for x in parts[::2]]
            items = [literal(x, t.item_type).as_py() for x in parts[1::2]]
            return pa.scalar(list(zip(keys, items, strict=True)), t)
        case "NAMED_STRUCT" if pa.types.is_struct(t):
            fields = zip(t, parts[1::2], strict=True)
            return pa.scalar({f.name: literal(x, f.type).as_py() for f, x in fields}, t)
    return None


def _arguments(text: str) -> Iterator[str]:
    """What stands between the commas of a call."""
    part, depth = "", 0
    for found in _PART.finditer(text):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if found[0] == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += found[0]
    if part.strip():
        yield part.strip()


def _evaluated(text: str, t: pa.DataType) -> pa.Scalar:
    from anabranch.core.operations.engine import connected

    who = _USER.search(text)
    if who:
        raise error("ANABRANCH_SQL.FAILED", reason=f"only Spark knows {who[1]}")

    def time(found: re.Match[str]) -> str:
        zoned = pa.types.is_timestamp(t) and t.tz is not None and not found[1].upper().endswith("_NTZ")
        if found[1].upper() == "DATE":
            return "DATE '"
        return "TIMESTAMPTZ '" if zoned else "TIMESTAMP '"

    sql = re.sub(r"\b((?:current|local)_?timestamp)\s*\(\s*\)", r"\1", for_duckdb(text), flags=re.IGNORECASE)
    with connected() as connection:
        found = connection.sql(f"SELECT {_TIME.sub(time, sql)} AS v").to_arrow_table().column("v")
        return found[0].cast(t)
