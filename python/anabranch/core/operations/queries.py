"""SQL over tables: ``SELECT … FROM db.t AT 'tag'``, run by DuckDB."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from anabranch.core.format.files import LINEAGE
from anabranch.core.operations.dataset import TableDataset
from anabranch.core.operations.engine import (
    Parameters,
    bound,
    connected,
    is_duckdb_1,
    quoted,
    register,
    syntax,
)
from anabranch.core.operations.refs_in_queries import PART, Name, at_refs, others, paths, words_of
from anabranch.core.operations.unnamed import may_compare_unnamed
from anabranch.errors import AnabranchError, TableNotFound, error

if TYPE_CHECKING:
    import duckdb

Find = Callable[[Name, str | None], TableDataset | None]
"""Finds a table by its name and ref; None if that is no table of the repository."""

_PATH = re.compile(rf"(?:{PART})(?:\s*\.\s*(?:{PART}))*")
_READING = {"SELECT", "EXPLAIN", "PRAGMA", "CALL", "MULTI"}
_BEFORE = {"SET", "LOAD", "ATTACH", "PRAGMA"}


def query(sql: str, parameters: Parameters, find: Find) -> pa.Table:
    """The rows of a query over any number of tables and refs.

    Args:
        sql: a query; a table may have ``AT 'ref'`` behind its name. Settings may stand before it.
        parameters: bound to ``?`` or ``$name``.
        find: finds tables.
    """
    import duckdb

    with connected(outside=True) as connection:
        tables = _Tables(connection, find, sql)
        text = sql
        refs = list(at_refs(sql, duckdb.tokenize(sql) if sql.strip() else [], bound(parameters)))
        for r in reversed(refs):
            text = text[: r.start] + tables.at(r.name, r.ref) + text[r.end :]
        if is_duckdb_1():
            text = tables.short(text)
        values = others(
            bound(parameters), refs, words_of(text, duckdb.tokenize(text) if text.strip() else [])
        )
        statements = duckdb.extract_statements(text)
        if not statements:
            raise _failed("there is no query in it")
        for statement in statements[:-1]:
            if is_duckdb_1() and _kind(statement) == "CREATE" and "pivot" in text.lower():
                raise _failed("PIVOT takes DuckDB 2.0, or IN and its values")
            if _kind(statement) not in _BEFORE:
                raise _failed(f"{_kind(statement)} can't stand before a query")
            connection.execute(statement.query)
        if _kind(statements[-1]) not in _READING:
            raise _failed(f"{_kind(statements[-1])} is no query, and here the repository is only read")
        try:
            return connection.sql(tables.known(statements[-1].query), params=values).to_arrow_table()
        finally:  # of a condition that was pushed down, DuckDB tells in words of its own
            tables.must_have_been_comparable()


def _kind(statement: duckdb.Statement) -> str:
    return str(statement.type).rsplit(".", 1)[-1]


def _failed(reason: str) -> AnabranchError:
    return error("ANABRANCH_SQL.FAILED", reason=reason)


class _Tables:
    """The tables of one query, as views of DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, find: Find, sql: str) -> None:
        self._connection = connection
        self._find = find
        self._hidden = [name for name in LINEAGE if name in sql.lower()]
        self._made: dict[tuple[Name, str | None], str] = {}
        self._sql = sql
        self._datasets: list[TableDataset] = []
        self._compares_unnamed = False
        self._plain: dict[str, Name] = {}  # for DuckDB, names that differ in case are one

    def at(self, name: Name, ref: str | None) -> str:
        """A table at a ref, as a name for DuckDB, whose last part is the table's."""
        made = self._made.get((name, ref))
        if made is None:
            dataset = self._find(name, ref)
            assert dataset is not None
            made = self._made[name, ref] = self._view(f"~{len(self._made)}", name[-1], dataset)
        return made

    def known(self, text: str) -> str:
        """A query whose names are known to DuckDB: those of two parts as they are, others replaced."""
        return self._renamed(text, self._named(text))

    def short(self, text: str) -> str:
        """A query with no name of so many parts that DuckDB 1 can't take it apart."""
        return self._renamed(text, ((start, n) for start, n in self._guessed(text) if len(n) > 3))

    def _renamed(self, text: str, names: Iterable[tuple[int, Name]]) -> str:
        data, done, at = text.encode(), "", 0
        for start, name in sorted(names):
            dataset = self._find(name, None)
            if dataset is None:
                continue
            if len(name) == 2 and self._plain.setdefault(".".join(name).lower(), name) == name:
                self._view(name[0], name[1], dataset)
                continue
            written = _PATH.match(data[start:].decode())
            if written is None:
                raise _failed(f"the table {'.'.join(name)} can only be named in FROM")
            done += data[at:start].decode() + self.at(name, None)
            at = start + len(written[0].encode())
        return done + data[at:].decode()

    def must_have_been_comparable(self) -> None:
        """Refuses a query that has read text that a collation compares, and may have compared it.

        What was read tells, for a query need not name it, and does not read what it doesn't need.
        """
        for dataset in self._datasets if self._compares_unnamed else ():
            dataset.must_be_comparable(dataset.columns_read)

    def _view(self, schema: str, name: str, dataset: TableDataset) -> str:
        made = f"{quoted(schema)}.{quoted(name)}"
        plain = f"{made} of the repository"
        dataset.must_be_comparable(self._sql)
        self._datasets.append(dataset)
        columns = [n for n in dataset.schema.names if n not in LINEAGE or n in self._hidden]
        register(self._connection, plain, dataset)
        select = f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(plain)}"
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        self._connection.execute(f"CREATE OR REPLACE VIEW {made} AS {select}")
        return made

    def _named(self, text: str) -> Iterator[tuple[int, Name]]:
        """The tables of a query, as the parser of DuckDB has them: where they stand, in bytes, and names."""
        nodes = list(syntax(self._connection, text))
        self._compares_unnamed = may_compare_unnamed(nodes)
        if nodes[0].get("error"):  # it takes apart no EXPLAIN and no PIVOT: what may be a table is tried
            yield from self._guessed(text)
        for node in nodes:
            if node.get("type") == "BASE_TABLE" and node.get("schema_name"):
                parts = (node.get("catalog_name"), node["schema_name"], node["table_name"])
                path = (node.get("qualified_name") or {}).get("path") or [p for p in parts if p]
                yield node.get("query_location", len(text.encode())), tuple(path)

    def _guessed(self, text: str) -> Iterator[tuple[int, Name]]:
        import duckdb

        for start, name in paths(text, duckdb.tokenize(text)):
            try:
                there = len(name) > 1 and self._find(name, None) is not None
            except TableNotFound:  # a column, as far as we know
                there = False
            if there:
                yield len(text[:start].encode()), name
