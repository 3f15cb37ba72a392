"""Conditions of Arrow as text: it tells the names in them in no other way."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def text_of(condition: pc.Expression) -> str | None:
    """A text that holds the names in a condition; None if there is none."""
    try:
        return str(condition)
    except UnicodeDecodeError:  # Arrow cuts a long list, maybe in the midst of a letter
        try:
            return bytes(condition.__reduce__()[1][0]).decode("utf-8", "ignore")
        except pa.ArrowNotImplementedError:  # names of fields in structs can't be told so
            return None
