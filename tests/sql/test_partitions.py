"""Partitions by fields and by transforms: what is left out, what is overwritten, what stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"


@contextmanager
def dynamic(lake: Any) -> Iterator[None]:
    lake.spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    try:
        yield
    finally:
        lake.spark.conf.unset("spark.sql.sources.partitionOverwriteMode")


def read_of(lake: Any, query: str) -> tuple[int, int]:
    """How many files the scan reads, of how many."""
    plan = lake.sql(query)._jdf.queryExecution().toString()
    found = re.search(r"(\d+) of (\d+) files", plan)
    assert found, plan
    return int(found[1]), int(found[2])


# a transform, two values of one partition, a value of another
TRANSFORMS = {
    "years(v) TIMESTAMP": (
        "TIMESTAMP'1969-01-01'",
        "TIMESTAMP'1969-12-31 23:59:59.999999'",
        "TIMESTAMP'1970-01-01'",
    ),
    "months(v) DATE": ("DATE'2024-02-01'", "DATE'2024-02-29'", "DATE'2024-03-01'"),
    "days(v) TIMESTAMP": ("TIMESTAMP'1500-05-05'", "TIMESTAMP'1500-05-05 23:59:59'", "TIMESTAMP'1500-05-06'"),
    "hours(v) TIMESTAMP_NTZ": (
        "TIMESTAMP_NTZ'1969-12-31 23:00:00'",
        "TIMESTAMP_NTZ'1969-12-31 23:59:59'",
        "TIMESTAMP_NTZ'1970-01-01'",
    ),
    "truncate(10, v) INT": ("-10", "-1", "0"),
    "truncate(10, v) DECIMAL(5, 2)": ("-0.10BD", "-0.01BD", "0BD"),
    "truncate(2, v) STRING": ("'🙂🙂a'", "'🙂🙂b'", "'🙂a🙂'"),
    "truncate(1, v) BINARY": ("X'FF00'", "X'FF'", "X''"),
    "bucket(1000, v) STRING": ("'a'", "'a'", "'b'"),
    "bucket(1000, v) DECIMAL(9, 2)": ("1.50BD", "1.5BD", "-1.5BD"),
}


@pytest.mark.proves("PART-1", "PART-2")
@pytest.mark.parametrize("case", list(TRANSFORMS))
def test_values_of_one_partition_stand_in_one_file_and_go_together(lake: Any, case: str) -> None:
    transform, sql_type = re.fullmatch(r"(\w+\(.*?\)) (.*)", case).groups()  # type: ignore[union-attr]
    one, same, other = TRANSFORMS[case]
    lake.sql(f"CREATE TABLE t (n INT, v {sql_type}) PARTITIONED BY ({transform}) {FILES}")
    lake.sql(
        f"INSERT INTO t SELECT /*+ COALESCE(1) */ * FROM VALUES (1, {one}), (2, {same}), (3, {other}), (4, NULL)"
    )
    assert lake.rows("DESCRIBE DETAIL t")[0][8] == 3
    assert lake.rows(f"SELECT n FROM t WHERE v = {other}") == [(3,)]
    assert lake.rows("SELECT n FROM t WHERE v IS NULL") == [(4,)]
    with dynamic(lake):
        lake.sql(f"INSERT OVERWRITE t SELECT 9, {same}")
    assert lake.rows("SELECT n FROM t ORDER BY n") == [(3,), (4,), (9,)]


@pytest.mark.proves("PART-2")
def test_a_field_of_a_struct_partitions(lake: Any) -> None:
    lake.sql(
        f"CREATE TABLE t (n INT, s STRUCT<x: INT, y: STRUCT<z: STRING>>) PARTITIONED BY (s.x, s.y.z) {FILES}"
    )
    row = "named_struct('x', {}, 'y', named_struct('z', {}))"
    rows = [f"(1, {row.format(1, repr('a'))})", f"(2, {row.format(2, 'NULL')})", "(3, NULL)"]
    lake.sql(f"INSERT INTO t VALUES {', '.join(rows)}")
    assert lake.rows("SELECT n FROM t WHERE s.y.z = 'a'") == [(1,)]
    assert lake.rows("SELECT n FROM t WHERE s.y.z IS NULL ORDER BY n") == [(2,), (3,)]
    assert read_of(lake, "SELECT n FROM t WHERE s.x = 2") == (1, 3)
    lake.sql("ALTER TABLE t RENAME COLUMN s.x TO renamed")
    assert lake.rows("SELECT n FROM t WHERE s.renamed = 2") == [(2,)]
    assert read_of(lake, "SELECT n FROM t WHERE s.renamed = 2") == (1, 3)


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("INT", "BIGINT", "1"),
        ("DECIMAL(5, 2)", "DECIMAL(9, 2)", "1.5BD"),
        ("FLOAT", "DOUBLE", "DOUBLE(FLOAT('1.1'))"),
    ],
)
def test_a_partition_column_widens(lake: Any, before: str, after: str, value: str) -> None:
    lake.sql(f"CREATE TABLE t (n INT, k {before}) PARTITIONED BY (k)")
    lake.sql(f"INSERT INTO t SELECT 1, CAST({value} AS {before})")
    lake.sql(f"ALTER TABLE t ALTER COLUMN k TYPE {after}")
    lake.sql(f"INSERT INTO t SELECT 2, {value}")
    assert lake.rows(f"SELECT n FROM t WHERE k = {value} ORDER BY n") == [(1,), (2,)]
    lake.sql(f"INSERT INTO t REPLACE WHERE k = {value} SELECT 3, {value}")
    assert lake.rows("SELECT n FROM t") == [(3,)]


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("k = 2", [0, 1, 3, 99]),
        ("k IN (0, 2)", [1, 3, 99]),
        ("k > 1", [0, 1, 99]),
        ("k <> 1", [1, 99]),
        ("k IS NULL", [0, 1, 2, 3]),
        ("k IS NOT NULL AND NOT (k = 3)", [3, 99]),
        ("k <=> 0 OR k BETWEEN 2 AND 7", [1, 99]),
        ("true", []),
        ("false", [0, 1, 2, 3, 99]),
    ],
)
def test_replace_where_removes_the_partitions_for_which_it_is_true(
    lake: Any, condition: str, left: list[int]
) -> None:
    lake.sql("CREATE TABLE t (n INT, k INT) PARTITIONED BY (k)")
    lake.sql("INSERT INTO t VALUES (0, 0), (1, 1), (2, 2), (3, 3), (99, NULL)")
    lake.sql(f"INSERT INTO t REPLACE WHERE {condition} SELECT 50, 2")
    assert [row[0] for row in lake.rows("SELECT n FROM t ORDER BY n")] == sorted([*left, 50])


@pytest.mark.parametrize(
    "transform", ["years(n)", "hours(d)", "bucket(0, n)", "truncate(3, d)", "bucket(4, f)", "zorder(n)"]
)
def test_a_transform_that_does_not_fit_is_refused(lake: Any, refused: Any, transform: str) -> None:
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "partitioned by"):
        lake.sql(f"CREATE TABLE t (n INT, d DATE, f FLOAT) PARTITIONED BY ({transform})")


def test_reading_a_table_while_it_is_overwritten_reads_what_was_there(lake: Any) -> None:
    lake.sql("CREATE TABLE t (n INT, k INT) PARTITIONED BY (k)")
    lake.sql("INSERT INTO t VALUES (1, 1), (2, 2)")
    lake.sql("INSERT INTO t SELECT n + 10, k FROM t")
    lake.sql("INSERT OVERWRITE t SELECT n + 100, k FROM t WHERE k = 1")
    assert lake.rows("SELECT n FROM t ORDER BY n") == [(101,), (111,)]
    lake.sql("CREATE OR REPLACE TABLE t AS SELECT max(n) AS m FROM t")
    assert lake.rows("SELECT * FROM t") == [(111,)]


def test_many_partitions_in_rows_of_any_order_are_one_file_each(lake: Any) -> None:
    lake.sql("CREATE TABLE many (id BIGINT, k INT) PARTITIONED BY (k)")
    lake.sql("INSERT INTO many SELECT id, CAST(id % 100 AS INT) FROM range(0, 600, 1, 1)")
    assert len(list(lake.path.glob("data/**/*.parquet"))) == 100
    assert lake.rows("SELECT count(*), count(DISTINCT k) FROM many") == [(600, 100)]
