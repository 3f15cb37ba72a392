"""Text that Spark compares by a collation is not compared by its bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars
import pyarrow.compute as pc
import pytest

from anabranch import Repository, Table
from anabranch.core.format.tables import Check, TableMetadata
from anabranch.core.operations.engine import is_duckdb_1

Refused = Callable[[str], Any]
DUCKDB_2 = pytest.mark.skipif(is_duckdb_1(), reason="DuckDB 1 makes several statements of it")


@pytest.fixture
def table(repo: Repository) -> Table:
    """As Spark would have made it: ``name`` compares without case."""
    repo.create_table("db.t", {"id": [1, 2], "name": ["Ada", "ada"], "surname": ["A", "B"]})

    def change(m: TableMetadata, _: str) -> TableMetadata:
        columns = (replace(c, type="string collate UTF8_LCASE") if c.name == "name" else c for c in m.columns)
        return replace(m, columns=tuple(columns))

    with repo.transaction() as tx:
        tx.work.alter(("db", "t"), change)
    return repo.table("db.t")


TRIES: dict[str, Callable[[Repository, Table], Any]] = {
    "read": lambda repo, t: t.to_arrow(["id"], "NAME = 'ada'"),
    "arrow": lambda repo, t: t.count(pc.field("name") == "ada"),
    "update": lambda repo, t: t.update({"id": 'length("name")'}),
    "delete": lambda repo, t: t.delete("t.name = 'ada'"),
    "upsert": lambda repo, t: t.upsert({"name": ["ADA"], "id": [3]}, "name"),
    "query": lambda repo, t: repo.sql("SELECT count(DISTINCT name) FROM db.t"),
    "dataset": lambda repo, t: t.dataset().to_table(filter=pc.field("name") == "ada"),
    "lazy frame": lambda repo, t: t.scan_polars().filter(polars.col("name") == "ada").collect(),
    "query at": lambda repo, t: repo.sql("SELECT id FROM db.t AT 'main' WHERE name = 'ada'"),
}


@pytest.mark.parametrize("way", TRIES)
def test_what_would_compare_it_is_refused(repo: Repository, table: Table, refused: Refused, way: str) -> None:
    with refused("ANABRANCH_SQL.COLLATION") as caught:
        TRIES[way](repo, table)
    assert caught.value.parameters["column"] == "name" and "UTF8_LCASE" in str(caught.value)


def test_what_does_not_is_not(repo: Repository, table: Table) -> None:
    assert table.to_arrow(["name"], "surname = 'B' AND 'name' <> ''")["name"].to_pylist() == ["ada"]
    assert table.count(pc.field("surname") == "A") == 1
    assert repo.sql("SELECT * FROM db.t WHERE id = 1").num_rows == 1
    assert table.update({"name": "'Eve'"}, "id = 2") == 1
    assert table.upsert({"id": [2, 3], "name": ["eve", "Bob"]}, "id")["rows_updated"] == 1


def test_a_check_that_names_it_lets_nobody_write(repo: Repository, table: Table, refused: Refused) -> None:
    with repo.transaction() as tx:
        check = Check("c", "name <> 'bob'")
        tx.work.alter(("db", "t"), lambda m, _: replace(m, constraints=(check,)))
    with refused("ANABRANCH_SQL.COLLATION"):
        repo.table("db.t").append({"name": ["Bob"]})


@pytest.mark.parametrize(
    "query",
    [
        "SELECT DISTINCT * FROM db.t",
        "SELECT count(*) FROM (SELECT DISTINCT * FROM db.t)",
        "SELECT DISTINCT ON (2) * FROM db.t",
        "FROM db.t UNION FROM db.t",
        "FROM db.t EXCEPT FROM db.t AT 'main'",
        "WITH RECURSIVE r AS (FROM db.t UNION FROM r) FROM r",
        "SELECT *, count(*) FROM db.t GROUP BY ALL",
        "SELECT *, count(*) FROM db.t GROUP BY 1, 2, 3",
        "SELECT * FROM db.t ORDER BY 2",
        "SELECT * FROM db.t ORDER BY ALL",
        "SELECT max(COLUMNS(*)) FROM db.t",
        "SELECT max(t) FROM db.t",
        "SELECT a.* FROM db.t a JOIN db.t b ON a = b",
        "FROM db.t a NATURAL JOIN db.t b",
        "SELECT * FROM db.t AS x(p, q) WHERE q = 'ada'",
        "WITH x(p, q) AS (FROM db.t) SELECT * FROM x WHERE lower(q) = 'ada'",
        "SELECT 'ada' IN (SELECT * EXCLUDE (id, surname) FROM db.t)",
        "SELECT * FROM db.t WHERE #2 = 'ada'",
        pytest.param("PIVOT db.t ON surname USING count(*)", marks=DUCKDB_2),
        "SUMMARIZE db.t",
    ],
)
def test_nor_do_queries_compare_it_without_a_name(
    repo: Repository, table: Table, refused: Refused, query: str
) -> None:
    with refused("ANABRANCH_SQL.COLLATION") as caught:
        repo.sql(query)
    assert caught.value.parameters["column"] == "name"


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("FROM db.t ORDER BY id DESC", 2),
        ("FROM db.t UNION ALL FROM db.t", 4),
        ("SELECT DISTINCT surname FROM db.t", 2),
        ("SELECT surname, count(*) FROM db.t GROUP BY ALL ORDER BY 2", 2),
        ("SELECT * FROM db.t JOIN (VALUES (1, 'x')) AS v(id, label) USING (id)", 1),
        ("SELECT * FROM db.t WHERE EXISTS (SELECT * FROM db.t u WHERE u.id = t.id + 1)", 1),
        ("WITH x AS (FROM db.t) SELECT *, row_number() OVER (ORDER BY id) FROM x", 2),
        ("DESCRIBE db.t", 3),
        ("EXPLAIN SELECT DISTINCT * FROM db.t", 1),
    ],
)
def test_queries_that_only_pass_it_on_are_answered(
    repo: Repository, table: Table, query: str, rows: int
) -> None:
    assert repo.sql(query).num_rows == rows
