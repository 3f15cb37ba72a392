"""Names of tables as users write them."""

from __future__ import annotations

from collections.abc import Sequence

TableName = str | Sequence[str]


def listed(names: str | Sequence[str]) -> list[str]:
    """Names of columns; one alone may be given as it is."""
    return [names] if isinstance(names, str) else list(names)


def must_be_texts(what: str, *values: object) -> None:
    """Refuses what is none.

    Raises:
        TypeError: which tells.
    """
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{what} is a str; {value!r} is none")


def parts(name: TableName) -> tuple[str, ...]:
    """The parts of a name; one that holds dots itself is given as a sequence."""
    return tuple(name.split(".")) if isinstance(name, str) else tuple(name)
