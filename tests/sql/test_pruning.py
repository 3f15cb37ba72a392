"""Files are left out by what is known of them, and never one that holds a row that is wanted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROWS = """
SELECT CAST(id AS INT) AS i, CAST(id * 1000000007 AS BIGINT) AS l,
  CASE WHEN id % 7 = 0 THEN NULL WHEN id % 11 = 0 THEN DOUBLE('NaN') WHEN id % 13 = 0 THEN -0.0D ELSE (id - 60) / 8D END AS d,
  CASE WHEN id % 5 = 0 THEN NULL ELSE CAST((id - 50) / 4 AS DECIMAL(12, 3)) END AS c,
  CASE WHEN id % 9 = 0 THEN NULL ELSE concat(repeat('prefix ', CAST(id % 8 AS INT)), chr(97 + CAST(id % 26 AS INT)), id) END AS s,
  CAST(concat(chr(65 + CAST(id % 20 AS INT)), 'x') AS STRING COLLATE UTF8_LCASE) AS lc,
  DATE'2024-01-01' + CAST(id AS INT) AS day,
  TIMESTAMP'2024-01-01 00:00:00' + make_interval(0, 0, 0, 0, CAST(id AS INT)) AS at,
  CASE WHEN id % 4 = 0 THEN NULL ELSE id % 3 = 0 END AS b,
  CASE WHEN id % 6 = 0 THEN NULL ELSE named_struct('x', CAST(id AS INT), 'y', CAST(id AS STRING)) END AS n,
  CAST(id % 4 AS INT) AS k
FROM range(120)
"""


@pytest.fixture(scope="module")
def tables(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The rows in a table of some 24 files, partitioned by k, and in a plain view."""
    place = tmp_path_factory.mktemp("pruning") / "lake"
    spark.conf.set("spark.sql.catalog.pruning", "io.anabranch.spark.AnabranchCatalog")
    spark.conf.set("spark.sql.catalog.pruning.warehouse", place.as_uri())
    spark.sql(ROWS).createOrReplaceTempView("plain")
    spark.sql(
        "CREATE TABLE pruning.default.t PARTITIONED BY (k) TBLPROPERTIES ('anabranch.write.inline-rows' = '0') AS "
        "SELECT /*+ REPARTITION_BY_RANGE(6, i) */ * FROM plain"
    )
    return spark


def literal(values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values.split("|"))


COLUMNS = {
    "i": literal("-1|0|7|59|60|119|120|2147483647|NULL"),
    "l": literal("0L|7000000049L|59000000413L|9223372036854775807L"),
    "d": literal("DOUBLE('NaN')|0.0D|-0.0D|-7.5D|2.5D|DOUBLE('Infinity')|NULL"),
    "c": literal("0BD|-12.250BD|4.5BD|17.25BD|NULL"),
    "s": literal("''|'prefix '|'prefix prefix prefix prefix prefix prefix prefix v21'|'a26'|'zzz'|NULL"),
    "lc": literal("'AX'|'ax'|'Cx'|'zz'"),
    "day": literal("DATE'2024-01-01'|DATE'2024-02-29'|DATE'2024-04-29'|DATE'2030-01-01'"),
    "at": literal("TIMESTAMP'2024-01-01 00:00:00'|TIMESTAMP'2024-01-03 12:00:00'|TIMESTAMP'2025-01-01'"),
    "b": literal("true|false|NULL"),
    "n.x": literal("0|7|60|119|NULL"),
    "n.y": literal("'7'|'60'|''"),
    "k": literal("0|1|3|9|NULL"),
}


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    column = draw(st.sampled_from(sorted(COLUMNS)))
    value = COLUMNS[column]
    kind = draw(st.sampled_from(["compare", "in", "null", "between", "like", "cast", "flipped"]))
    if kind == "in":
        return f"{column} IN ({', '.join(draw(st.lists(value, min_size=1, max_size=4)))})"
    if kind == "null":
        return f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    if kind == "between":
        return f"{column} BETWEEN {draw(value)} AND {draw(value)}"
    if kind == "like" and column in ("s", "n.y"):
        return f"{column} LIKE '{draw(st.sampled_from(['prefix %', 'a%', 'prefix prefix prefix prefix prefix prefix %', '6%']))}'"
    if kind == "cast":
        return f"CAST({column} AS STRING) = CAST({draw(value)} AS STRING)"
    operator = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "<=>"]))
    return f"{draw(value)} {operator} {column}" if kind == "flipped" else f"{column} {operator} {draw(value)}"


conditions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda c: f"NOT ({c})"),
    ),
    max_leaves=4,
)


@pytest.mark.proves("STAT-1", "STAT-3")
@given(st.lists(conditions, min_size=6, max_size=6))
def test_every_condition_finds_the_rows_that_it_finds_without_statistics(
    tables: Any, wanted: list[str]
) -> None:
    # several conditions in one query: each counts the rows that it finds
    query = " UNION ALL ".join(f"SELECT {n} AS q, i FROM {{0}} WHERE {c}" for n, c in enumerate(wanted))
    found = sorted(tuple(r) for r in tables.sql(query.format("pruning.default.t")).collect())
    expected = sorted(tuple(r) for r in tables.sql(query.format("plain")).collect())
    assert found == expected, wanted


def files_read(spark: Any, condition: str) -> tuple[int, int]:
    plan = spark.sql(f"SELECT i FROM pruning.default.t WHERE {condition}")._jdf.queryExecution().toString()
    found = re.search(r"(\d+) of (\d+) files", plan)
    assert found, plan
    return int(found[1]), int(found[2])


@pytest.mark.parametrize(
    ("condition", "at_most"),
    [
        ("i = 5", 4),
        ("i > 110", 4),
        ("i IN (1, 118)", 8),
        ("day = DATE'2024-01-01'", 1),
        ("at < TIMESTAMP'2024-01-01 02:00:00'", 2),
        ("k = 2", 6),
        ("k IN (1, 3) AND i < 10", 2),
        ("l < 5000000000", 4),
        ("c < -12", 4),
        ("n.x = 7", 4),
        ("i = 5 OR i = 6", 4),
        ("NOT (i >= 4)", 4),
        ("k IS NULL", 0),
    ],
)
def test_files_are_left_out(tables: Any, condition: str, at_most: int) -> None:
    read, all_files = files_read(tables, condition)
    assert read <= at_most < all_files


def test_an_or_with_an_unknown_side_leaves_nothing_out(tables: Any) -> None:
    read, all_files = files_read(tables, "i = 5 OR length(s) = 3")
    assert read == all_files


def test_columns_that_are_not_asked_for_are_not_read(tables: Any) -> None:
    plan = (
        tables.sql("SELECT n.x FROM pruning.default.t WHERE i = 5")
        ._jdf.queryExecution()
        .executedPlan()
        .toString()
    )
    assert "lc#" not in plan and "n#" in plan
