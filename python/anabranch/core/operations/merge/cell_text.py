"""Cells as people read them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from anabranch.core.format.arrow import arrow_type, conformed, decode_cells, encode_rows
from anabranch.core.format.canonical import canonical
from anabranch.core.format.tables import Column, ColumnType, List, Map, Struct
from anabranch.errors import AnabranchError, error


def comparable(t: ColumnType, cell: Any) -> Any:
    """A cell in its one form: maps have no order."""
    if cell is None or isinstance(t, str):
        return cell
    match t:
        case Struct(fields):
            return {f.physical: comparable(f.type, cell.get(f.physical)) for f in fields}
        case List(element, _):
            return [comparable(element, x) for x in cell]
        case Map(key, value, _):
            return sorted(([comparable(key, k), comparable(value, v)] for k, v in cell), key=canonical)


def shown(t: ColumnType, cell: Any) -> str | None:
    """A cell as text; None for NULL."""
    return None if cell is None else _text(decode_cells([cell], t)[0].as_py())


def _text(x: Any) -> str:
    match x:
        case None:
            return "NULL"
        case bool():
            return str(x).lower()
        case bytes():
            return f"[{' '.join(f'{b:02X}' for b in x)}]"
        case Decimal():
            return f"{x:f}"
        case datetime():
            text = x.replace(tzinfo=None).isoformat(" ")
            return text.rstrip("0") if x.microsecond else text
        case Mapping():
            return f"{{{', '.join(map(_text, x.values()))}}}"
        case list() if x and isinstance(x[0], tuple):
            return f"{{{', '.join(f'{_text(k)} -> {_text(v)}' for k, v in x)}}}"
        case list():
            return f"[{', '.join(map(_text, x))}]"
    return str(x)


def to_json(x: Any) -> Any:
    """A value of a row as JSON has it."""
    match x:
        case Mapping():
            return {str(k): to_json(v) for k, v in x.items()}
        case list() | tuple():
            return [to_json(v) for v in x]
        case None | bool() | int() | float() | str():
            return x
        case date():
            return x.isoformat()
    return _text(x)


def parsed(column: Column, text: str | None) -> Any:
    """The cell of a column that a text stands for.

    Raises:
        MergeInvalidValue: if it stands for none.
    """

    def wrong(reason: str) -> AnabranchError:
        value = "NULL" if text is None else text
        return error("ANABRANCH_MERGE.INVALID_VALUE", value=value, column=column.name, reason=reason)

    if text is None:
        if column.required:
            raise wrong("the column must not be NULL")
        return None
    if not isinstance(column.type, str):
        raise wrong(f"text can't be cast to {arrow_type(column.type)}")
    t = arrow_type(column.type)
    try:
        plain = text if pa.types.is_string(t) or pa.types.is_binary(t) else text.strip()
        array = pa.array([plain]).cast(t)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise wrong(f"it is no {column.type}") from None
    return encode_rows(pa.table({"c": conformed(array, column.type, storing=True)}))[0][0]
