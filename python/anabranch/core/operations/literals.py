"""Defaults of columns: texts of SQL literals, as Spark writes them."""

from __future__ import annotations

import re

import pyarrow as pa

_QUOTED = re.compile(r"'((?:[^'\\]|'')*)'")
_BYTES = re.compile(r"X'([0-9a-fA-F]*)'")
_NUMBER = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)(?:BD|[LSYDF])?", re.IGNORECASE)


def literal(text: str | None, t: pa.DataType) -> pa.Scalar:
    """The value of a literal, as a type; NULL where there is none.

    Anything but a plain number, text or word is left to DuckDB.
    """
    plain = None if text is None else text.strip()
    if plain is None or plain.lower() == "null":
        return pa.scalar(None, t)
    data = _BYTES.fullmatch(plain)
    if data:
        return pa.scalar(bytes.fromhex(data[1])).cast(t)
    number, quoted = _NUMBER.fullmatch(plain), _QUOTED.fullmatch(plain)
    try:
        if plain.lower() in ("true", "false") and pa.types.is_boolean(t):
            return pa.scalar(plain.lower() == "true")
        if quoted and not pa.types.is_binary(t):
            return pa.scalar(quoted[1].replace("''", "'")).cast(t)
        if number and not pa.types.is_string(t):
            return pa.scalar(number[1]).cast(pa.decimal128(38, 18)).cast(t)
    except pa.ArrowInvalid:
        pass
    from anabranch.core.operations.engine import connected

    with connected() as connection:
        sql = re.sub(r"^TIMESTAMP_(NTZ|LTZ)\b", "TIMESTAMP", plain)
        found = connection.sql(f"SELECT {sql} AS v").to_arrow_table().column("v")
        return found[0].cast(t)
