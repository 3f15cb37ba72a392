"""The few parts of a statement that can't be bound as parameters: names, quoted so that they stay names."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PART = re.compile(r"`((?:[^`]|``)+)`|([^`.]+)")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_catalog(name: str) -> str:
    """The name itself, if a catalog can have it: it becomes part of configuration keys.

    Raises:
        ValueError: if it is not made of letters, digits and underscores.
    """
    if not _PLAIN.fullmatch(name):
        raise ValueError(f"{name!r} can't be the name of a catalog: use letters, digits and underscores")
    return name


def quote(part: str) -> str:
    """One part of a name in back quotes."""
    return "`" + part.replace("`", "``") + "`"


def split(name: str) -> list[str]:
    """The parts of a dotted name; a part with a dot in it stands in back quotes, as in SQL.

    Raises:
        ValueError: if a part is empty, or a back quote is not closed.
    """
    parts, at = [], 0
    while True:
        match = _PART.match(name, at)
        if match is None:
            raise ValueError(f"{name!r} is no name of a table: write namespace.table, or namespace.`ta.ble`")
        quoted, plain = match.groups()
        parts.append(plain if quoted is None else quoted.replace("``", "`"))
        at = match.end()
        if at == len(name):
            return parts
        if name[at] != ".":
            raise ValueError(f"{name!r} is no name of a table: a dot is missing after {name[:at]!r}")
        at += 1


def join(parts: Sequence[str]) -> str:
    """A dotted name of the parts, quoted only where they need it: what `split` takes apart."""
    return ".".join(part if _PLAIN.fullmatch(part) else quote(part) for part in parts)


def table(catalog: str, name: str | Sequence[str]) -> str:
    """A table of that catalog, fully qualified and quoted.

    Raises:
        ValueError: if the name has no parts, or an empty one.
    """
    parts = split(name) if isinstance(name, str) else list(name)
    if not parts or not all(parts):
        raise ValueError(f"{name!r} is no name of a table: it has an empty part")
    return ".".join(quote(part) for part in [catalog, *parts])
