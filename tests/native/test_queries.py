"""Queries over tables and refs, by DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import anabranch
from anabranch import Repository

Refused = Callable[[str], Any]


@pytest.fixture
def lake(repo: Repository) -> Repository:
    """``db.t`` holds 1 at ``v1``, 2 more on main, 10 more on the branch Fix and 20 more on the branch fix."""
    table = repo.create_table("db.t", {"id": [1], "ä": ["x"]})
    repo.create_tag("v1")
    for name, id in {"Fix": 10, "fix": 20, "a/b": 30}.items():
        repo.create_branch(name)
        anabranch.open(repo.root, name).table("db.t").append({"id": [id]})
    table.append({"id": [2]})
    repo.create_namespace("DB")
    repo.create_table("DB.T", {"id": [99]})
    repo.create_namespace("db.sub")
    repo.create_namespace("db.sub.deep")
    repo.create_table("db.sub.t", {"id": [7]})
    repo.create_table("db.sub.deep.t", {"id": [8]})
    repo.create_table(("db", 'odd "name".x'), {"id": [5]})
    return repo


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT max(t.id) FROM db.t AT 'v1'", 1),
        ("SELECT max(t.id) FROM db.t AT 'v1' JOIN db.t AT 'Fix' f USING (id)", 1),
        ("SELECT max(t.id + n.id) FROM db.t AT 'v1' AS t, db.t n", 3),
        ("SELECT max(a.id) * 100 + max(b.id) FROM db.t AT 'Fix' a, db.t AT 'fix' b", 1020),
        ('SELECT max(db.t.id) * 100 + max(b.id) FROM db.t, "DB"."T" b', 299),
        ("SELECT max(id) FROM db.t AT 'a/b'", 30),
        ("SELECT max(id) FROM db.t AT /* a remark */ 'main~1' -- AT 'nothing'", 2),
        ("SELECT max(id) FROM db.t /* a remark */ AT 'v1'", 1),
        ("WITH c AS (FROM db.t AT 'v1') SELECT count(*) FROM c", 1),
        ("SELECT count(*) FROM (SELECT id FROM db.t EXCEPT SELECT id FROM db.t AT 'v1')", 1),
        ("SELECT count(*) FROM db.t WHERE id NOT IN (SELECT id FROM db.t AT 'v1')", 1),
        ("SELECT 'ä😀 AT ''v2''' || max(\"ä\") FROM db.t AT 'v1' WHERE 'é' = 'é'", "ä😀 AT 'v2'x"),
        ("SELECT max(id) FROM db.sub.t", 7),
        ("SELECT max(id) FROM db.sub.deep.t", 8),
        ("SELECT a.id * 10 + b.id FROM db.sub.t AT 'main' a, db.sub.deep.t b", 78),
        ('SELECT max(id) FROM db."odd ""name"".x"', 5),
        ('SELECT max(id) FROM db."odd ""name"".x" AT \'main\'', 5),
        ("SELECT count(*) FROM (DESCRIBE db.t)", 2),
        ("SELECT max(_ROW_ID) FROM db.t", 1),
        ("SET TimeZone = 'Europe/Berlin'; SELECT hour(TIMESTAMPTZ '2026-01-01 00:00:00Z')", 1),
        ("SELECT hour(now() AT TIME ZONE 'UTC') >= 0", True),
    ],
)
def test_names_and_refs_mean_tables_wherever_they_stand(lake: Repository, query: str, found: Any) -> None:
    rows = lake.sql(query)
    assert (rows.num_rows, rows.column(0)[0].as_py()) == (1, found)


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("INSERT INTO db.t VALUES (1)", "ANABRANCH_SQL.FAILED"),
        ("DELETE FROM db.t", "ANABRANCH_SQL.FAILED"),
        ("CREATE TABLE x AS SELECT 1", "ANABRANCH_SQL.FAILED"),
        ("COPY (SELECT 1) TO 'x.csv'", "ANABRANCH_SQL.FAILED"),
        ("SELECT 1; SELECT 2", "ANABRANCH_SQL.FAILED"),
        ("DROP TABLE db.t; SELECT 1", "ANABRANCH_SQL.FAILED"),
        ("SELECT * FROM (SELECT 1) AT 'v1'", "ANABRANCH_SQL.FAILED"),
        ("SELECT 'x' AT 'v1'", "ANABRANCH_SQL.FAILED"),
        ("SELECT 'x", "ANABRANCH_SQL.FAILED"),
        ("AT 'v1'", "ANABRANCH_SQL.FAILED"),
        (" -- nothing", "ANABRANCH_SQL.FAILED"),
        ("", "ANABRANCH_SQL.FAILED"),
        ("SELECT * FROM db.nope", "ANABRANCH_TABLE.NOT_FOUND"),
        ("SELECT * FROM db.nope AT 'v1'", "ANABRANCH_TABLE.NOT_FOUND"),
        ("SELECT * FROM db.t AT 'v2'", "ANABRANCH_REF.NOT_FOUND"),
        ("SELECT * FROM db.t AT 'main@{2020-01-01}'", "ANABRANCH_REF.BEFORE_FIRST_COMMIT"),
    ],
)
def test_what_is_no_query_or_names_nothing_is_refused(
    lake: Repository, refused: Refused, query: str, condition: str
) -> None:
    before = lake.show().id
    with refused(condition):
        lake.sql(query)
    assert lake.show().id == before
