"""Values that compare in a way of their own: NaN, zeros, padded text; and names that look like paths."""

from __future__ import annotations

from typing import Any

import pytest

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"


@pytest.fixture(params=[100, 0], ids=["inline", "files"])
def by_number(lake: Any, request: pytest.FixtureRequest) -> Any:
    """Rows partitioned by a DOUBLE: NaN twice, both zeros, 1."""
    lake.sql(
        "CREATE TABLE p (d DOUBLE, v INT) PARTITIONED BY (d) "
        f"TBLPROPERTIES ('anabranch.write.inline-rows' = '{request.param}')"
    )
    lake.sql(
        "INSERT INTO p SELECT /*+ COALESCE(1) */ DOUBLE(d), v "
        "FROM VALUES ('NaN', 1), ('NaN', 2), ('-0.0', 3), ('0.0', 4), ('1', 5) AS x (d, v)"
    )
    return lake


def values(lake: Any, condition: str = "true") -> list[int]:
    return [row[0] for row in lake.rows(f"SELECT v FROM p WHERE {condition} ORDER BY v")]


@pytest.mark.proves("PART-2", "VAL-2")
def test_all_nans_are_one_partition_and_so_are_both_zeros(by_number: Any) -> None:
    assert by_number.rows("DESCRIBE DETAIL p")[0][8] == 3
    assert values(by_number, "d = DOUBLE('NaN')") == [1, 2]
    assert values(by_number, "d = 0") == values(by_number, "d = -0.0D") == [3, 4]
    assert values(by_number, "d > 0.5") == [1, 2, 5]
    assert values(by_number, "d <> 1") == [1, 2, 3, 4]


def test_overwriting_partitions_finds_nan_and_both_zeros(by_number: Any) -> None:
    by_number.spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    try:
        by_number.sql("INSERT OVERWRITE p SELECT DOUBLE('NaN'), 10")
        assert values(by_number) == [3, 4, 5, 10]
        by_number.sql("INSERT OVERWRITE p SELECT -0.0D, 11")
        assert values(by_number) == [5, 10, 11]
    finally:
        by_number.spark.conf.unset("spark.sql.sources.partitionOverwriteMode")
    by_number.sql("INSERT INTO p REPLACE WHERE d = DOUBLE('NaN') SELECT 2, 12")
    assert values(by_number) == [5, 11, 12]


@pytest.mark.proves("STAT-3")
@pytest.mark.parametrize("sql_type", ["DOUBLE", "FLOAT"])
@pytest.mark.parametrize("stored", ["0.0", "-0.0"])
def test_both_zeros_are_found_by_either(lake: Any, sql_type: str, stored: str) -> None:
    # many equal values, so that Parquet keeps them in a dictionary and looks there
    lake.sql(f"CREATE TABLE z {FILES} AS SELECT {sql_type}('{stored}') AS d FROM range(0, 50, 1, 1)")
    for asked in ("0.0", "-0.0"):
        zero = f"{sql_type}('{asked}')"
        found = {
            condition: lake.rows(f"SELECT count(*) FROM z WHERE {condition}")[0][0]
            for condition in (
                f"d = {zero}",
                f"d <=> {zero}",
                f"d IN ({zero}, {sql_type}('7'))",
                f"d >= {zero}",
                f"d <= {zero}",
                f"d BETWEEN {zero} AND {zero}",
                f"NOT (d < {zero}) AND NOT (d > {zero})",
            )
        }
        assert set(found.values()) == {50}, found
        assert lake.rows(f"SELECT count(*) FROM z WHERE d <> {zero} OR d < {zero} OR d > {zero}") == [(0,)]


def test_a_condition_may_have_a_null_in_the_place_of_a_condition(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT * FROM VALUES (1, true), (2, false), (NULL, NULL) AS (n, b)")
    found = {
        condition: [n for (n,) in lake.rows(f"SELECT n FROM t WHERE {condition} ORDER BY n")]
        for condition in (
            "(n <> 1.5) IS NULL",  # for Spark: n IS NULL, or NULL
            "(n IN (NULL) OR n > 1) IS NULL",
            "CASE WHEN n > 1 THEN NULL WHEN n = 1 THEN CAST(NULL AS BOOLEAN) END",
            "b OR try_cast(n AS BOOLEAN) IS NULL",
        )
    }
    assert list(found.values()) == [[None], [None, 1], [], [None, 1]], found


def test_bytes_are_found_in_a_list_with_a_null_whatever_else_is_asked(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT * FROM VALUES (1, X'FF'), (2, X''), (NULL, NULL) AS (n, b)")
    found = {
        condition: [n for (n,) in lake.rows(f"SELECT n FROM t WHERE {condition} ORDER BY n")]
        for condition in ("b IN (X'FF', X'00')", "b IN (X'FF', NULL) OR n = 2", "b NOT IN (NULL, X'FF')")
    }
    assert list(found.values()) == [[1], [1, 2], []], found
    lake.sql("DELETE FROM t WHERE b IN (X'FF', NULL) OR n = 3")
    assert lake.rows("SELECT n FROM t WHERE n > 0") == [(2,)]


@pytest.mark.proves("STAT-1", "STAT-3")
def test_a_column_with_a_dot_is_not_taken_for_a_field(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t (`a.b` INT, a STRUCT<b: INT>) {FILES}")
    lake.sql("INSERT INTO t VALUES (NULL, named_struct('b', 5))")
    lake.sql("INSERT INTO t VALUES (7, named_struct('b', NULL))")
    lake.sql("INSERT INTO t VALUES (1, named_struct('b', 100))")
    assert lake.rows("SELECT a.b FROM t WHERE a.b = 5") == [(5,)]
    assert lake.rows("SELECT a.b FROM t WHERE a.b > 50") == [(100,)]
    assert lake.rows("SELECT `a.b` FROM t WHERE a.b IS NULL") == [(7,)]
    assert lake.rows("SELECT a.b FROM t WHERE `a.b` IS NULL") == [(5,)]
    assert lake.rows("SELECT a.b FROM t WHERE `a.b` = 7") == [(None,)]


@pytest.mark.parametrize("limit", [100, 0], ids=["inline", "files"])
def test_char_is_padded_and_compared_as_char(lake: Any, limit: int) -> None:
    lake.sql(f"CREATE TABLE c (c CHAR(3), n INT) TBLPROPERTIES ('anabranch.write.inline-rows' = '{limit}')")
    lake.sql("INSERT INTO c VALUES ('a', 1), ('b', 2), (NULL, 3)")
    assert lake.rows("SELECT c FROM c WHERE n = 1") == [("a  ",)]
    found = {
        condition: [row[0] for row in lake.rows(f"SELECT n FROM c WHERE {condition} ORDER BY n")]
        for condition in ("c = 'a'", "c = 'a  '", "c IN ('a', 'b')", "c > 'a'", "c <=> 'b'", "c LIKE 'b%'")
    }
    assert list(found.values()) == [[1], [1], [1, 2], [2], [2], [2]], found


def test_partitions_of_char_are_overwritten_by_value(lake: Any) -> None:
    lake.sql("CREATE TABLE p (v INT, c CHAR(3)) PARTITIONED BY (c)")
    lake.sql("INSERT INTO p VALUES (1, 'a'), (2, 'b')")
    lake.sql("INSERT OVERWRITE p PARTITION (c = 'a') SELECT 3")
    assert values(lake) == [2, 3]


def test_a_change_of_columns_leaves_char_and_varchar_as_they_are(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t (c CHAR(3), v VARCHAR(3), s STRUCT<c: CHAR(2)>)")
    lake.sql("ALTER TABLE t ADD COLUMN more CHAR(2)")
    lake.sql("ALTER TABLE t RENAME COLUMN c TO d")
    assert [row[:2] for row in lake.rows("DESCRIBE t")] == [
        ("d", "char(3)"),
        ("v", "varchar(3)"),
        ("s", "struct<c:char(2)>"),
        ("more", "char(2)"),
    ]
    for row in ("'long', 'x', NULL, 'x'", "'x', 'long', NULL, 'x'", "'x', 'x', NULL, 'long'"):
        with refused("EXCEED_LIMIT_LENGTH"):
            lake.sql(f"INSERT INTO t VALUES ({row})")
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "CHAR(3) to STRING"):
        lake.sql("ALTER TABLE t ALTER COLUMN d TYPE STRING")


@pytest.mark.parametrize("limit", [100, 0], ids=["inline", "files"])
def test_times_of_day_round_trip(lake: Any, limit: int) -> None:
    lake.spark.conf.set("spark.sql.timeType.enabled", "true")
    try:
        lake.sql(
            f"CREATE TABLE t (a TIME, b TIME(3)) TBLPROPERTIES ('anabranch.write.inline-rows' = '{limit}')"
        )
        lake.sql("INSERT INTO t VALUES (TIME'12:34:56.789012', TIME'01:02:03.004'), (NULL, NULL)")
        query = "SELECT CAST(a AS STRING), CAST(b AS STRING) FROM t WHERE a = TIME'12:34:56.789012'"
        assert lake.rows(query) == [("12:34:56.789012", "01:02:03.004")]
        assert lake.rows("SELECT count(*) FROM t WHERE a IS NULL AND b IS NULL") == [(1,)]
    finally:
        lake.spark.conf.unset("spark.sql.timeType.enabled")


@pytest.mark.parametrize("layout", ["", "PARTITIONED BY (d)", "PARTITIONED BY (days(at))"])
def test_days_that_the_calendar_left_out_are_days_like_others(lake: Any, layout: str) -> None:
    """5 to 14 October 1582: java.sql.Date has no such days."""
    lake.sql(f"CREATE TABLE c (v INT, d DATE, at TIMESTAMP) {layout} {FILES}")
    lake.sql(
        "INSERT INTO c SELECT /*+ COALESCE(1) */ id, DATE'1582-10-03' + id, "
        "TIMESTAMP'1582-10-03 12:00:00' + make_interval(0, 0, 0, id) FROM (SELECT INT(id) FROM range(14))"
    )
    for v in range(14):
        day = f"DATE'1582-10-03' + {v}"
        time = f"TIMESTAMP'1582-10-03 12:00:00' + make_interval(0, 0, 0, {v})"
        for column, value in (("d", day), ("at", time)):
            for condition, expected in (
                (f"{column} = {value}", [v]),
                (f"{column} IN ({value}, NULL)", [v]),
                (f"{column} <= {value}", list(range(v + 1))),
                (f"{column} > {value}", list(range(v + 1, 14))),
            ):
                found = [row[0] for row in lake.rows(f"SELECT v FROM c WHERE {condition} ORDER BY v")]
                assert found == expected, condition
