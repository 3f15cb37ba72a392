"""Queries over tables and refs, by DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import anabranch
from anabranch import Repository
from anabranch.core.operations.engine import is_duckdb_1

Refused = Callable[[str], Any]
DUCKDB_2 = pytest.mark.skipif(is_duckdb_1(), reason="DuckDB 1 makes several statements of it")


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
        pytest.param('SELECT max(id) FROM (PIVOT db.t ON "ä" USING count(*))', 2, marks=DUCKDB_2),
        ("EXPLAIN SELECT * FROM db.t, db.sub.deep.t", "physical_plan"),
        ("SET TimeZone = 'Europe/Berlin'; SELECT hour(TIMESTAMPTZ '2026-01-01 00:00:00Z')", 1),
        ("SELECT hour(now() AT TIME ZONE 'UTC') >= 0", True),
    ],
)
def test_names_and_refs_mean_tables_wherever_they_stand(lake: Repository, query: str, found: Any) -> None:
    rows = lake.sql(query)
    assert (rows.num_rows, rows.column(0)[0].as_py()) == (1, found)


@pytest.mark.parametrize(
    ("query", "parameters", "found"),
    [
        ("SELECT max(id) FROM db.t AT ?", ["v1"], 1),
        ("SELECT max(t.id) + ? FROM db.t AT ? WHERE id > ?", [100, "fix", 1], 120),
        ("SELECT max(a.id) + max(b.id) FROM db.t AT ? a, db.t AT ? b WHERE a.id < ?", ["Fix", "fix", 99], 30),
        ("SELECT max(id) + $n FROM db.t AT $ref", {"ref": "v1", "n": 7}, 8),
        ("SELECT $ref || max(id) FROM db.t AT $ref", {"ref": "v1"}, "v11"),
        ("SELECT max(id) + $2 FROM db.t AT $1 -- ?", ["v1", 7], 8),
        ("SELECT '?' || max(id) FROM db.t AT $1 WHERE $1 = 'v1'", ["v1"], "?1"),
    ],
)
def test_a_ref_may_be_a_parameter(lake: Repository, query: str, parameters: Any, found: Any) -> None:
    assert lake.sql(query, parameters).column(0)[0].as_py() == found


def test_a_ref_that_is_a_parameter_has_a_value_that_is_a_text(lake: Repository, refused: Refused) -> None:
    for parameters in (None, [], {"r": "v1"}):
        with refused("ANABRANCH_SQL.FAILED"):
            lake.sql("SELECT * FROM db.t AT ?", parameters)
    with pytest.raises(TypeError, match="a ref is a str; None"):
        lake.sql("SELECT * FROM db.t AT $r", {"r": None})


def test_an_empty_ref_is_none_and_not_the_one_in_use(lake: Repository, refused: Refused) -> None:
    tries: list[Callable[[], Any]] = [
        lambda: lake.table("db.t", ref=""),
        lambda: lake.create_branch("new", ""),
        lambda: lake.create_tag("new", ""),
        lambda: lake.sql("SELECT * FROM db.t AT ''"),
        lambda: lake.log(""),
    ]
    for wrong in tries:
        with refused("ANABRANCH_REF.NOT_FOUND"):
            wrong()


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
        ("SELECT * FROM db.t AT $$v1$$", "ANABRANCH_SQL.FAILED"),
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


@pytest.mark.skipif(not is_duckdb_1(), reason="it can")
def test_what_duckdb_1_can_not_do_is_said(lake: Repository, refused: Refused) -> None:
    with refused("ANABRANCH_SQL.FAILED") as caught:
        lake.sql('PIVOT db.t ON "ä" USING count(*)')
    assert "PIVOT takes DuckDB 2.0" in str(caught.value)
