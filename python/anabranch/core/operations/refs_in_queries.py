"""``AT 'ref'`` behind the names of tables in a query; a ref may be a parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from anabranch.errors import error

Name = tuple[str, ...]

PART = r'''[^\W\d][\w$]*|"(?:[^"]|"")*"'''
"""Of a name, in SQL."""

_WORD = re.compile(rf"{PART}|'(?:[^']|'')*'|\?\d*|\$\w+|.", re.DOTALL)


class AtRef(NamedTuple):
    """A table at a ref, in the text of a query.

    Attributes:
        start: where its name starts.
        end: where the ref ends.
        name: of the table.
        ref: at which it is read.
        parameter: that told the ref: its name, or its place, counted from 0; None where the ref stands there.
    """

    start: int
    end: int
    name: Name
    ref: str
    parameter: str | int | None


class Word(NamedTuple):
    """A word of a query, and where it starts."""

    start: int
    text: str


def words_of(sql: str, tokens: Sequence[Any]) -> list[Word]:
    """The words of a query, without remarks; tokens are those of DuckDB, which count bytes."""
    data, words, end = sql.encode(), list[Word](), 0
    for start, kind in tokens:
        at = len(data[:start].decode())
        found = None if str(kind).endswith("comment") or at < end else _WORD.match(sql, at)
        if found:
            words.append(Word(at, found[0]))
            end = found.end()
    return words


def at_refs(sql: str, tokens: Sequence[Any], parameters: Any) -> Iterator[AtRef]:
    """Where tables with refs stand.

    Raises:
        SqlFailed: for a parameter that has no value.
        TypeError: for a value that is no text.
    """
    words, marks = words_of(sql, tokens), 0
    for i in range(1, len(words) - 1):
        ref = words[i + 1].text
        marks += words[i].text == "?"
        if (
            words[i].text.upper() != "AT"
            or ref == "$"
            or ref[0] not in "'?$"
            or not _is_name(words[i - 1].text)
        ):
            continue
        first = i - 1
        while first >= 2 and words[first - 1].text == "." and _is_name(words[first - 2].text):
            first -= 2
        name = tuple(_unquoted(word.text) for word in words[first:i:2])
        end = words[i + 1].start + len(ref)
        if ref.startswith("'"):
            yield AtRef(words[first].start, end, name, ref[1:-1].replace("''", "'"), None)
        else:
            parameter = marks if ref == "?" else _place(ref)
            value = _value(ref, parameter, parameters)
            yield AtRef(words[first].start, end, name, value, parameter)


def others(parameters: Any, refs: Sequence[AtRef], words: Sequence[Word]) -> Any:
    """The parameters that are left for the query once refs have theirs."""
    told = {r.parameter for r in refs} - {None}
    if not told or not parameters:
        return parameters
    named = {place for w in words if w.text[:1] in "?$" and (place := _place(w.text)) is not None}
    if isinstance(parameters, Mapping):
        return {n: x for n, x in parameters.items() if n not in told or n in named} or None
    left = [(i, x) for i, x in enumerate(parameters) if i not in told or i in named]
    if named:  # they keep their numbers
        return {str(i + 1): x for i, x in left} or None
    return [x for _, x in left] or None


def paths(sql: str, tokens: Sequence[Any]) -> Iterator[tuple[int, Name]]:
    """Names, whole, with their parts, and where they start."""
    words = words_of(sql, tokens)
    for i, word in enumerate(words):
        if not _is_name(word.text) or (i and words[i - 1].text == "."):
            continue
        end = i
        while end + 2 < len(words) and words[end + 1].text == "." and _is_name(words[end + 2].text):
            end += 2
        yield word.start, tuple(_unquoted(w.text) for w in words[i : end + 1 : 2])


def names_in(sql: str) -> set[str]:
    """All names in a text of SQL, in lower case; no texts and no remarks."""
    import duckdb

    words = words_of(sql, duckdb.tokenize(sql) if sql.strip() else [])
    return {_unquoted(w.text).lower() for w in words if _is_name(w.text)}


def _place(word: str) -> str | int | None:
    """The name of a parameter, or its place; None for a mark, whose place is that among the marks."""
    name = word[1:]
    return int(name) - 1 if name.isdecimal() else name or None


def _value(word: str, parameter: str | int | None, parameters: Any) -> str:
    try:
        value = parameters[parameter]
    except (KeyError, IndexError, TypeError):
        reason = f"no value was given for the parameter {word} behind AT"
        raise error("ANABRANCH_SQL.FAILED", reason=reason) from None
    if not isinstance(value, str):
        raise TypeError(f"a ref is a str; {value!r}, for {word} behind AT, is none")
    return value


def _is_name(word: str) -> bool:
    return word.startswith('"') or word[:1].isalpha() or word[:1] == "_"


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
