"""Names of tables as users write them."""

from __future__ import annotations

from collections.abc import Sequence

TableName = str | Sequence[str]


def parts(name: TableName) -> tuple[str, ...]:
    """The parts of a name; one that holds dots itself is given as a sequence."""
    return tuple(name.split(".")) if isinstance(name, str) else tuple(name)
