"""Names of tables as users write them."""

from __future__ import annotations

from collections.abc import Sequence

from anabranch.core.format.names import must_be_unicode

TableName = str | Sequence[str]


def listed(names: str | Sequence[str]) -> list[str]:
    """Names of columns; one alone may be given as it is."""
    return [names] if isinstance(names, str) else list(names)


def must_be_texts(what: str, *values: object) -> None:
    """Refuses what is none.

    Raises:
        TypeError: which tells.
        ClientInvalidText: for what is no Unicode.
    """
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{what} is a str; {value!r} is none")
        must_be_unicode(what, value)


def parts(name: TableName) -> tuple[str, ...]:
    """The parts of a name; one that holds dots itself is given as a sequence."""
    found = tuple(name.split(".")) if isinstance(name, str) else tuple(name)
    must_be_texts("a part of a name", *found)
    return found
