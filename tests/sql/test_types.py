"""Every type comes back as it went in, from the commit and from files, and is found by its value."""

from __future__ import annotations

from typing import Any

import pytest

VALUES = {
    "BOOLEAN": ["true", "false"],
    "TINYINT": ["CAST(-128 AS TINYINT)", "CAST(127 AS TINYINT)"],
    "SMALLINT": ["CAST(-32768 AS SMALLINT)", "CAST(32767 AS SMALLINT)"],
    "INT": ["-2147483648", "2147483647"],
    "BIGINT": ["-9223372036854775808L", "9223372036854775807L", "9007199254740993L"],
    "FLOAT": [
        "CAST('NaN' AS FLOAT)",
        "CAST('-Infinity' AS FLOAT)",
        "CAST(1.1 AS FLOAT)",
        "CAST(-0.0 AS FLOAT)",
    ],
    "DOUBLE": [
        "DOUBLE('NaN')",
        "DOUBLE('Infinity')",
        "0.1D",
        "-0.0D",
        "4.9E-324D",
        "1.7976931348623157E308D",
    ],
    "DECIMAL(38, 10)": ["9999999999999999999999999999.9999999999BD", "-0.0000000001BD"],
    "DECIMAL(5, 2)": ["123.45BD", "-999.99BD"],
    "STRING": ["''", "'a'", "'Ünïcode 🙂'", "'quote '' \\\\ \\n'", "repeat('long ', 100)"],
    "STRING COLLATE UTF8_LCASE": ["'aB'", "'Zz'"],
    "CHAR(5)": ["'abcde'"],
    "VARCHAR(5)": ["'abcde'"],
    "BINARY": ["X''", "X'00FF80'"],
    "DATE": ["DATE'1970-01-01'", "DATE'0001-01-01'", "DATE'1582-10-04'", "DATE'9999-12-31'"],
    "TIMESTAMP": [
        "TIMESTAMP'1969-12-31 23:59:59.999999'",
        "TIMESTAMP'0001-01-01 00:00:00'",
        "TIMESTAMP'9999-12-31 23:59:59'",
    ],
    "TIMESTAMP_NTZ": ["TIMESTAMP_NTZ'2024-03-31 02:30:00.000001'", "TIMESTAMP_NTZ'1500-01-01 00:00:00'"],
    "ARRAY<INT>": ["array(1, NULL, 3)", "CAST(array() AS ARRAY<INT>)"],
    "MAP<STRING, DOUBLE>": ["map('a', 1.5D, 'b', NULL)"],
    "STRUCT<a: INT, b: STRUCT<c: DECIMAL(4, 1), d: ARRAY<DATE>>>": [
        "named_struct('a', 1, 'b', named_struct('c', 1.5BD, 'd', array(DATE'2024-01-01')))",
        "named_struct('a', NULL, 'b', NULL)",
    ],
    "INTERVAL DAY TO SECOND": ["INTERVAL '1 02:03:04.5' DAY TO SECOND"],
    "INTERVAL YEAR TO MONTH": ["INTERVAL '1-2' YEAR TO MONTH"],
    "VARIANT": ['parse_json(\'{"a": [1, "x"]}\')'],
}
UNORDERED = ("MAP", "VARIANT")


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "files"])
@pytest.mark.parametrize("sql_type", list(VALUES), ids=[t.split("<")[0] for t in VALUES])
def test_values_round_trip(lake: Any, sql_type: str, inline: bool) -> None:
    limit = 100 if inline else 0
    lake.sql(
        f"CREATE TABLE t (i INT, v {sql_type}) TBLPROPERTIES ('anabranch.write.inline-rows' = '{limit}')"
    )
    values = [*VALUES[sql_type], "NULL"]
    rows = ", ".join(f"({i}, {value})" for i, value in enumerate(values))
    lake.sql(f"INSERT INTO t SELECT i, CAST(v AS {sql_type}) FROM VALUES {rows} AS x (i, v)")
    lake.sql(
        f"CREATE OR REPLACE TEMPORARY VIEW given AS SELECT i, CAST(v AS {sql_type}) AS v FROM VALUES {rows} AS x (i, v)"
    )
    as_text = "to_json(struct(v))" if not sql_type.startswith("INTERVAL") else "CAST(v AS STRING)"
    query = f"SELECT i, v IS NULL, {as_text} FROM {{}} ORDER BY i"
    assert lake.rows(query.format("t")) == lake.rows(query.format("given"))
    assert lake.sql("SELECT v FROM t").schema["v"].dataType == lake.sql("SELECT v FROM given").schema[
        "v"
    ].dataType or ("CHAR" in sql_type)
    assert lake.rows("SELECT i FROM t WHERE v IS NULL") == [(len(values) - 1,)]
    if not sql_type.startswith(UNORDERED):
        by_value = " UNION ALL ".join(
            f"SELECT {n}, i FROM {{0}} WHERE v = CAST({value} AS {sql_type})"
            for n, value in enumerate(values[:-1])
        )
        found = sorted(lake.rows(by_value.format("t")))
        assert found == sorted(lake.rows(by_value.format("given")))
        assert {(n, n) for n in range(len(values) - 1)} <= set(found)


@pytest.mark.parametrize("sql_type", ["VARCHAR(9)", "CHAR(9)"])
def test_collated_text_of_a_length_is_refused_since_its_collation_would_be_lost(
    lake: Any, refused: Any, sql_type: str
) -> None:
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", f"{sql_type} COLLATE UTF8_LCASE", "STRING"):
        lake.sql(f"CREATE TABLE t (s {sql_type} COLLATE UTF8_LCASE)")


def test_collated_text_is_found_whatever_its_case(lake: Any) -> None:
    lake.sql(
        "CREATE TABLE t (s STRING COLLATE UTF8_LCASE, n INT) TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
    )
    lake.sql("INSERT INTO t VALUES ('Alpha', 1), ('beta', 2), ('BETA', 3)")
    assert lake.rows("SELECT n FROM t WHERE s = 'ALPHA'") == [(1,)]
    assert lake.rows("SELECT count(*) FROM t WHERE s = 'Beta'") == [(2,)]


def test_collated_text_is_found_by_a_part_whatever_else_is_asked(lake: Any) -> None:
    lake.sql(
        "CREATE TABLE t (s STRING COLLATE UTF8_LCASE, n INT) TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
    )
    lake.sql("DELETE FROM t WHERE startswith(s, 'a')")
    lake.sql("INSERT INTO t VALUES ('Alpha', 1), ('beta', 2), ('BETA', 3), (NULL, 4)")
    found = {
        condition: [n for (n,) in lake.rows(f"SELECT n FROM t WHERE {condition} ORDER BY n")]
        for condition in (
            "s LIKE ANY ('al%', 'x%')",
            "startswith(s, 'b') OR n = 1",
            "endswith(s, 'A') AND n < 3",
            "(contains(s, 'ET') AND n > 2) OR n = 4",
            "NOT startswith(s, 'b')",
        )
    }
    assert list(found.values()) == [[1], [1, 2, 3], [1, 2], [3, 4], [1]], found
    lake.sql("DELETE FROM t WHERE startswith(s, 'a') OR n = 4")
    lake.sql("UPDATE t SET n = n + 10 WHERE endswith(s, 'TA') OR n = 5")
    assert lake.rows("SELECT n FROM t ORDER BY n") == [(12,), (13,)]


def test_time_zones_change_what_is_shown_and_not_what_is_stored(lake: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT TIMESTAMP'2024-07-01 12:00:00' AS at")
    lake.spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        assert lake.rows("SELECT CAST(at AS STRING) FROM t") == [("2024-07-01 08:00:00",)]
        assert lake.rows("SELECT count(*) FROM t WHERE at = TIMESTAMP'2024-07-01 08:00:00'") == [(1,)]
    finally:
        lake.spark.conf.set("spark.sql.session.timeZone", "UTC")
