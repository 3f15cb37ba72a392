"""Bytes in files of text."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pyarrow as pa


class Binary(str, Enum):
    """How bytes are written."""

    hex = "hex"
    base64 = "base64"


AsBinary = Annotated[
    Binary | None, typer.Option("--binary", help="How bytes stand in .csv and .ndjson, which have none.")
]


def has_binary(t: pa.DataType) -> bool:
    """Whether there are bytes in it."""
    import pyarrow as pa

    return pa.types.is_binary(t) or any(has_binary(t.field(i).type) for i in range(t.num_fields))


def encoded(x: Any, how: Binary) -> Any:
    """A value whose bytes are texts."""
    if isinstance(x, bytes):
        return x.hex() if how is Binary.hex else base64.b64encode(x).decode()
    if isinstance(x, Mapping):
        return {name: encoded(v, how) for name, v in x.items()}
    return [encoded(v, how) for v in x] if isinstance(x, list | tuple) else x


def decoded(text: str, how: Binary) -> bytes:
    """The bytes of a text.

    Raises:
        ValueError: for a text that tells none.
    """
    return bytes.fromhex(text) if how is Binary.hex else base64.b64decode(text, validate=True)
