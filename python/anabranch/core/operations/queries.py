"""SQL over tables: ``SELECT … FROM db.t AT 'tag'``, run by DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from anabranch.core.format.files import LINEAGE
from anabranch.core.operations.dataset import TableDataset
from anabranch.core.operations.engine import Parameters, bound, connected, quoted, syntax

if TYPE_CHECKING:
    import duckdb

Find = Callable[[tuple[str, ...], str | None], TableDataset | None]
"""Finds a table by its name and ref; None if that is no table of the repository."""


def query(sql: str, parameters: Parameters, find: Find) -> pa.Table:
    """The rows of a query over any number of tables and refs.

    Args:
        sql: a query; a table may have ``AT 'ref'`` behind its name.
        parameters: bound to ``?`` or ``$name``.
        find: finds tables.
    """
    import duckdb

    with connected(outside=True) as connection:
        text = sql
        hidden = [name for name in LINEAGE if name in sql]
        for start, end, name, ref in reversed(list(_at_refs(sql, duckdb.tokenize(sql)))):
            dataset = find(name, ref)
            assert dataset is not None
            alias = f"{'.'.join(name)}@{ref}"
            _register(connection, dataset, "", alias, hidden)
            text = f"{text[:start]}{quoted(alias)}{text[end:]}"
        for name in _tables(connection, text):
            dataset = find(name, None)
            if dataset is not None:
                schema = ".".join(name[:-1])
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
                _register(connection, dataset, schema, name[-1], hidden)
        return connection.sql(text, params=bound(parameters)).to_arrow_table()


def _register(
    connection: duckdb.DuckDBPyConnection, dataset: TableDataset, schema: str, name: str, hidden: list[str]
) -> None:
    names = [n for n in dataset.schema.names if n not in LINEAGE or n in hidden]
    plain = f"{schema}.{name} of the repository"
    connection.register(plain, dataset)
    view = f"VIEW {quoted(schema)}.{quoted(name)}" if schema else f"TEMP VIEW {quoted(name)}"
    columns = ", ".join(map(quoted, names))
    connection.execute(f"CREATE OR REPLACE {view} AS SELECT {columns} FROM {quoted(plain)}")


def _at_refs(sql: str, tokens: Sequence[Any]) -> Iterator[tuple[int, int, tuple[str, ...], str]]:
    """Where tables with refs stand: start, end, name and ref."""
    ends = [start for start, _ in tokens[1:]] + [len(sql)]
    texts = [sql[start:end].strip() for (start, _), end in zip(tokens, ends, strict=True)]
    for i, text in enumerate(texts):
        if text.upper() != "AT" or i + 1 >= len(texts) or not texts[i + 1].startswith("'"):
            continue
        first = i - 1
        while first >= 2 and texts[first - 1] == ".":
            first -= 2
        name = tuple(_unquoted(t) for t in texts[first:i:2])
        ref = texts[i + 1]
        yield tokens[first][0], tokens[i + 1][0] + len(ref), name, ref[1:-1].replace("''", "'")


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _tables(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, ...]]:
    """The names of the tables of a query, as the parser of DuckDB has them."""
    tables = (n for n in syntax(connection, sql) if n.get("type") == "BASE_TABLE" and n.get("schema_name"))
    names = ((n.get("catalog_name"), n["schema_name"], n["table_name"]) for n in tables)
    return list(dict.fromkeys(tuple(part for part in name if part) for name in names))
