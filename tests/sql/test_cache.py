"""Spark's cache serves what is right at the moment, or is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def cached(lake: Any) -> Iterator[Any]:
    """Table t, with the rows 1 and 2 on main and 1 on dev; whatever is cached is dropped afterwards."""
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1)")
    lake.sql("CREATE BRANCH dev")
    lake.sql("INSERT INTO t VALUES (2)")
    yield lake
    lake.sql("CLEAR CACHE")


def ids(lake: Any, relation: str = "t") -> list[int]:
    return sorted(row[0] for row in lake.rows(f"SELECT id FROM {relation}"))


def plan(lake: Any, query: str) -> str:
    return str(lake.sql(query)._jdf.queryExecution().executedPlan().toString())


def test_a_cached_table_is_served_from_the_cache(cached: Any) -> None:
    cached.sql("CACHE TABLE t")
    assert "InMemoryRelation" in plan(cached, "SELECT * FROM t")
    assert ids(cached) == [1, 2]


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ("INSERT INTO t VALUES (3)", [1, 2, 3]),
        ("INSERT OVERWRITE t SELECT 7", [7]),
        ("TRUNCATE TABLE t", []),
        ("RESTORE TABLE t TO VERSION AS OF 1", [1]),
        ("RESET BRANCH main TO dev", [1]),
        ("USE BRANCH dev", [1]),
        ("USE REFERENCE `main~2`", []),
        ("CREATE OR REPLACE TABLE t AS SELECT 8 AS id", [8]),
    ],
)
def test_a_change_is_seen_at_once(cached: Any, change: str, after: list[int]) -> None:
    cached.sql("CACHE TABLE t")
    assert ids(cached) == [1, 2]
    cached.sql(change)
    assert ids(cached) == after


def test_a_merge_is_seen_at_once(cached: Any) -> None:
    cached.sql("CREATE BRANCH more")
    cached.sql("INSERT INTO `t@more` VALUES (3)")
    cached.sql("CACHE TABLE t")
    assert ids(cached) == [1, 2]
    cached.sql("MERGE BRANCH more")
    assert ids(cached) == [1, 2, 3]


def test_a_merge_of_a_table_with_a_dot_in_its_name_is_seen_at_once(cached: Any) -> None:
    cached.sql("CREATE TABLE `a.b` (id INT)")
    cached.sql("CREATE BRANCH more")
    cached.sql("CACHE TABLE `a.b`")
    cached.sql("INSERT INTO `a.b@more` VALUES (1)")
    cached.sql("MERGE BRANCH more")
    assert ids(cached, "`a.b`") == [1]


def test_each_ref_has_a_cache_of_its_own(cached: Any) -> None:
    cached.sql("CACHE TABLE `t@dev`")
    assert (ids(cached), ids(cached, "`t@dev`")) == ([1, 2], [1])
    cached.sql("CACHE TABLE t")
    cached.sql("INSERT INTO `t@dev` VALUES (5)")
    assert (ids(cached), ids(cached, "`t@dev`")) == ([1, 2], [1, 5])
    cached.sql("INSERT INTO t VALUES (6)")
    assert (ids(cached), ids(cached, "`t@dev`")) == ([1, 2, 6], [1, 5])


def test_a_cached_past_stays_the_past(cached: Any) -> None:
    before = cached.sql("SELECT id FROM t VERSION AS OF 1").cache()
    assert [row.id for row in before.collect()] == [1]
    cached.sql("INSERT INTO t VALUES (3)")
    assert ids(cached, "t VERSION AS OF 1") == [1]
    assert ids(cached) == [1, 2, 3]


def test_a_cached_query_over_the_table_is_not_served_stale(cached: Any) -> None:
    cached.sql("CREATE OR REPLACE TEMPORARY VIEW v AS SELECT id FROM t WHERE id > 0")
    cached.sql("CACHE TABLE v")
    try:
        assert ids(cached, "v") == [1, 2]
        cached.sql("INSERT INTO t VALUES (3)")
        assert ids(cached, "v") == [1, 2, 3]
        cached.sql("USE BRANCH dev")
        assert ids(cached, "v") == [1]
    finally:
        cached.sql("DROP VIEW v")


def test_another_sessions_commit_is_seen(cached: Any) -> None:
    cached.sql("CACHE TABLE t")
    assert ids(cached) == [1, 2]
    other = cached.spark.newSession()
    other.conf.set(f"spark.sql.catalog.{cached.name}", "io.anabranch.spark.AnabranchCatalog")
    other.conf.set(f"spark.sql.catalog.{cached.name}.warehouse", cached.uri)
    other.sql(f"INSERT INTO {cached.name}.default.t VALUES (3)")
    assert ids(cached) == [1, 2, 3]


def test_a_change_of_columns_is_seen(cached: Any) -> None:
    cached.sql("CACHE TABLE t")
    cached.sql("ALTER TABLE t ADD COLUMN more STRING DEFAULT 'x'")
    assert cached.rows("SELECT * FROM t ORDER BY id") == [(1, "x"), (2, "x")]
    cached.sql("ALTER TABLE t RENAME COLUMN id TO n")
    cached.sql("ALTER TABLE t RENAME COLUMN more TO id")
    assert cached.rows("SELECT id, n FROM t ORDER BY n") == [("x", 1), ("x", 2)]
