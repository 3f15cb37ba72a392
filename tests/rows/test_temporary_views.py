"""UPDATE, DELETE and MERGE on a temporary view."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rows.tables import no_commit, table

STATEMENTS = [
    ("UPDATE v SET a = a + 1 WHERE id = 1", [(1, 11), (2, 20)]),
    ("UPDATE v AS x SET x.a = 0 WHERE x._row_id = 0 OR x.id = 2", [(1, 0), (2, 0)]),
    ("DELETE FROM v WHERE v.id = 1", [(2, 20)]),
    (
        "MERGE INTO v USING (SELECT 2 AS id, 5 AS a UNION SELECT 3, 6) s ON v.id = s.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        [(1, 10), (2, 5), (3, 6)],
    ),
]


@pytest.fixture(autouse=True)
def no_view_stays(lake: Any) -> Iterator[None]:
    yield
    lake.sql("DROP VIEW IF EXISTS v")
    lake.sql("DROP VIEW IF EXISTS w")


@pytest.mark.parametrize(("statement", "rows"), STATEMENTS)
@pytest.mark.parametrize(
    "query", ["SELECT * FROM t", "SELECT id, a FROM t x", "SELECT * FROM w", "DataFrame"]
)
def test_a_view_that_shows_a_table_as_it_is_stands_for_it(
    two: Any, spark: Any, query: str, statement: str, rows: list[Any]
) -> None:
    spark.table("t").createOrReplaceTempView("v" if query == "DataFrame" else "w")
    if query != "DataFrame":
        two.sql(f"CREATE TEMPORARY VIEW v AS {query}")
    two.sql(statement)
    assert table(two) == table(two, of="v") == rows


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t WHERE id < 3",
        "SELECT id FROM t",
        "SELECT a, id FROM t",
        "SELECT a AS id, id AS a FROM t",
        "SELECT id, a + 1 AS a FROM t",
        "SELECT * FROM t VERSION AS OF 1",
        "SELECT DISTINCT * FROM t",
        "SELECT * FROM t UNION ALL SELECT * FROM t",
    ],
)
def test_any_other_view_is_refused_by_name(two: Any, refused: Any, query: str) -> None:
    two.sql(f"CREATE TEMPORARY VIEW v AS {query}")
    with no_commit(two):
        for statement, _ in STATEMENTS:
            with refused("ANABRANCH_TABLE.IS_VIEW", "v is a view"):
                two.sql(statement)


def test_a_name_that_is_a_table_and_a_view_means_the_view_as_in_spark(two: Any) -> None:
    two.sql("CREATE TABLE v (id INT)")
    two.sql("CREATE TEMPORARY VIEW v AS SELECT * FROM t")
    two.sql("DELETE FROM v WHERE id = 1")
    two.sql("INSERT INTO {lake}.default.v VALUES (7)")
    two.sql("DELETE FROM {lake}.default.v WHERE id = 1")
    assert table(two) == [(2, 20)] and table(two, of="{lake}.default.v") == [(7,)]
