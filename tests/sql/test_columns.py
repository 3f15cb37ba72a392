"""Columns change without a data file being touched, and never show what they should not."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(params=["inline", "files"])
def table(lake: Any, request: pytest.FixtureRequest) -> Any:
    """A table whose first rows stand in the commit, or in files."""
    limit = 100 if request.param == "inline" else 0
    lake.sql(
        "CREATE TABLE t (id INT, name STRING, s STRUCT<a: INT, b: STRING>) "
        f"TBLPROPERTIES ('anabranch.write.inline-rows' = '{limit}')"
    )
    lake.sql("INSERT INTO t VALUES (1, 'one', named_struct('a', 10, 'b', 'x'))")
    return lake


def files(lake: Any) -> list[str]:
    return sorted(p.name for p in lake.path.glob("data/**/*.parquet"))


@pytest.mark.proves("COL-2")
def test_a_rename_keeps_values_and_files(table: Any) -> None:
    before = files(table)
    table.sql("ALTER TABLE t RENAME COLUMN name TO label")
    table.sql("INSERT INTO t VALUES (2, 'two', NULL)")
    assert table.rows("SELECT id, label FROM t ORDER BY id") == [(1, "one"), (2, "two")]
    assert table.rows("SELECT id FROM t WHERE label = 'one'") == [(1,)]
    assert set(before) <= set(files(table))


@pytest.mark.proves("COL-1", "COL-2")
def test_a_dropped_column_never_shows_its_old_values(table: Any) -> None:
    table.sql("ALTER TABLE t DROP COLUMN name")
    table.sql("ALTER TABLE t ADD COLUMN name STRING")
    table.sql("INSERT INTO t VALUES (2, NULL, 'two')")
    assert table.rows("SELECT id, name FROM t ORDER BY id") == [(1, None), (2, "two")]
    table.sql("ALTER TABLE t DROP COLUMN name")
    table.sql("ALTER TABLE t ADD COLUMN Name INT")
    assert table.rows("SELECT id, name FROM t ORDER BY id") == [(1, None), (2, None)]


@pytest.mark.proves("COL-1")
def test_names_may_change_places(table: Any) -> None:
    table.sql("ALTER TABLE t ADD COLUMN other STRING")
    table.sql("INSERT INTO t VALUES (2, 'name', NULL, 'other')")
    table.sql("ALTER TABLE t RENAME COLUMN name TO tmp")
    table.sql("ALTER TABLE t RENAME COLUMN other TO name")
    table.sql("ALTER TABLE t RENAME COLUMN tmp TO other")
    assert table.rows("SELECT name, other FROM t WHERE id = 2") == [("other", "name")]
    assert table.rows("SELECT name, other FROM t WHERE id = 1") == [(None, "one")]


@pytest.mark.proves("COL-3")
def test_an_added_column_reads_as_its_default_in_older_rows(table: Any) -> None:
    table.sql("ALTER TABLE t ADD COLUMNS (plain INT, unit STRING DEFAULT 'mg/dL')")
    table.sql("INSERT INTO t (id) VALUES (2)")
    table.sql("ALTER TABLE t ALTER COLUMN unit SET DEFAULT 'mmol/L'")
    table.sql("INSERT INTO t (id) VALUES (3)")
    assert table.rows("SELECT id, plain, unit FROM t ORDER BY id") == [
        (1, None, "mg/dL"),
        (2, None, "mg/dL"),
        (3, None, "mmol/L"),
    ]
    assert table.rows("SELECT id FROM t WHERE unit = 'mg/dL' ORDER BY id") == [(1,), (2,)]


@pytest.mark.proves("COL-4")
def test_a_type_widens_and_never_narrows(table: Any, refused: Any) -> None:
    table.sql("ALTER TABLE t ALTER COLUMN id TYPE BIGINT")
    table.sql("INSERT INTO t VALUES (9000000000, 'big', NULL)")
    assert table.rows("SELECT id FROM t ORDER BY id") == [(1,), (9000000000,)]
    assert table.rows("SELECT name FROM t WHERE id = 1") == [("one",)]
    with pytest.raises(Exception, match="NOT_SUPPORTED_CHANGE_COLUMN"):
        table.sql("ALTER TABLE t ALTER COLUMN id TYPE INT")


@pytest.mark.proves("COL-4")
@pytest.mark.parametrize("limit", [100, 0], ids=["inline", "files"])
def test_the_length_of_text_widens_and_never_narrows(lake: Any, limit: int) -> None:
    lake.sql(f"CREATE TABLE v (s VARCHAR(3)) TBLPROPERTIES ('anabranch.write.inline-rows' = '{limit}')")
    lake.sql("INSERT INTO v VALUES ('abc')")
    lake.sql("ALTER TABLE v ALTER COLUMN s TYPE VARCHAR(5)")
    lake.sql("INSERT INTO v VALUES ('abcde')")
    with pytest.raises(Exception, match="EXCEED_LIMIT_LENGTH"):
        lake.sql("INSERT INTO v VALUES ('abcdef')")
    with pytest.raises(Exception, match="NOT_SUPPORTED_CHANGE_COLUMN"):
        lake.sql("ALTER TABLE v ALTER COLUMN s TYPE VARCHAR(4)")
    lake.sql("ALTER TABLE v ALTER COLUMN s TYPE STRING")
    lake.sql("INSERT INTO v VALUES ('abcdefgh')")
    assert lake.rows("SELECT s FROM v WHERE s >= 'abc' ORDER BY s") == [("abc",), ("abcde",), ("abcdefgh",)]
    with pytest.raises(Exception, match="NOT_SUPPORTED_CHANGE_COLUMN"):
        lake.sql("ALTER TABLE v ALTER COLUMN s TYPE VARCHAR(9)")


def test_float_and_decimal_widen(lake: Any) -> None:
    lake.sql("CREATE TABLE n (f FLOAT, d DECIMAL(5, 2)) TBLPROPERTIES ('anabranch.write.inline-rows' = '0')")
    lake.sql("INSERT INTO n VALUES (1.5, 123.45)")
    lake.sql("ALTER TABLE n ALTER COLUMN f TYPE DOUBLE")
    lake.sql("ALTER TABLE n ALTER COLUMN d TYPE DECIMAL(10, 2)")
    lake.sql("INSERT INTO n VALUES (1e300, 12345678.90)")
    assert lake.rows("SELECT f, CAST(d AS STRING) FROM n ORDER BY f") == [
        (1.5, "123.45"),
        (1e300, "12345678.90"),
    ]
    assert lake.rows("SELECT count(*) FROM n WHERE d = 123.45 AND f = 1.5") == [(1,)]


def test_fields_of_structs_are_added_renamed_and_dropped(table: Any) -> None:
    table.sql("ALTER TABLE t ADD COLUMN s.c DOUBLE")
    table.sql("ALTER TABLE t RENAME COLUMN s.a TO aa")
    assert table.rows("SELECT s.aa, s.b, s.c FROM t") == [(10, "x", None)]
    assert table.rows("SELECT id FROM t WHERE s.aa = 10") == [(1,)]
    table.sql("ALTER TABLE t DROP COLUMN s.b")
    table.sql("ALTER TABLE t ADD COLUMN s.b STRING")
    assert table.rows("SELECT s.b, s.aa FROM t") == [(None, 10)]


@pytest.mark.proves("COL-1")
@pytest.mark.parametrize("limit", [100, 0], ids=["inline", "files"])
def test_a_column_with_a_dot_in_its_name_is_no_field_of_another(lake: Any, limit: int) -> None:
    lake.sql(
        "CREATE TABLE d (`a.b` INT, c INT, a STRUCT<b: INT, `x.y`: INT>) PARTITIONED BY (`a.b`) "
        f"TBLPROPERTIES ('anabranch.write.inline-rows' = '{limit}')"
    )
    for n in (1, 2):
        lake.sql(f"INSERT INTO d VALUES ({n}, {10 * n}, named_struct('b', {5 * n}, 'x.y', {7 * n}))")
    assert lake.rows("SELECT c FROM d WHERE `a.b` = 1") == [(10,)]
    assert lake.rows("SELECT c FROM d WHERE a.b = 5 AND a.`x.y` = 7") == [(10,)]
    assert lake.rows("SELECT c FROM d WHERE a.`x.y` = 14") == [(20,)]
    assert "1 of 2 files" in lake.rows("EXPLAIN SELECT c FROM d WHERE `a.b` = 1")[0][0]
    lake.sql("ALTER TABLE d RENAME COLUMN `a.b` TO `p.q`")
    lake.sql("UPDATE d SET `p.q` = 3 WHERE c = 20")
    lake.sql("DELETE FROM d WHERE `p.q` = 1")
    assert lake.rows("SELECT `p.q`, c, a.b FROM d") == [(3, 20, 10)]


def test_columns_move(table: Any) -> None:
    table.sql("ALTER TABLE t ALTER COLUMN name FIRST")
    assert table.rows("SELECT * FROM t")[0][:2] == ("one", 1)
    table.sql("ALTER TABLE t ADD COLUMN mid INT AFTER name")
    assert table.sql("SELECT * FROM t").columns == ["name", "mid", "id", "s"]


def test_changes_that_would_make_old_rows_wrong_are_refused(table: Any, refused: Any) -> None:
    table.sql("CREATE TABLE p (k INT, v INT) PARTITIONED BY (k)")
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "partition column"):
        table.sql("ALTER TABLE p DROP COLUMN k")
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "NOT NULL"):
        table.sql("ALTER TABLE t ADD COLUMN must INT NOT NULL")
    with pytest.raises(Exception, match="Couldn't find column nope"):
        table.sql("CREATE TABLE q (a INT) PARTITIONED BY (days(nope))")
    with refused("FIELD_ALREADY_EXISTS"):
        table.sql("ALTER TABLE t ADD COLUMN NAME INT")
    table.sql("CREATE TABLE one (a INT)")
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "no column"):
        table.sql("ALTER TABLE one DROP COLUMN a")


def test_a_partition_column_keeps_its_partitions_through_a_rename(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE p PARTITIONED BY (k) AS SELECT id, CAST(id % 2 AS INT) AS k FROM range(10)")
    lake.sql("ALTER TABLE p RENAME COLUMN k TO kind")
    lake.sql("INSERT OVERWRITE p PARTITION (kind = 0) SELECT 100")
    assert lake.rows("SELECT kind, count(*) FROM p GROUP BY kind ORDER BY kind") == [(0, 1), (1, 5)]
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "kind is a partition column"):
        lake.sql("ALTER TABLE p DROP COLUMN kind")


def test_not_null_is_kept(lake: Any) -> None:
    lake.sql("CREATE TABLE t (a INT NOT NULL)")
    with pytest.raises(Exception, match="NOT_NULL_ASSERT_VIOLATION"):
        lake.sql("INSERT INTO t VALUES (NULL)")
    lake.sql("ALTER TABLE t ALTER COLUMN a DROP NOT NULL")
    lake.sql("INSERT INTO t VALUES (NULL)")
    assert lake.rows("SELECT * FROM t") == [(None,)]


@pytest.mark.proves("COL-1", "COL-2", "COL-4")
@pytest.mark.parametrize("limit", [100, 0], ids=["inline", "files"])
def test_fields_in_lists_and_maps_change_as_columns_do(lake: Any, limit: int) -> None:
    lake.sql(
        "CREATE TABLE n (id INT, a ARRAY<STRUCT<x: INT, y: STRING>>, m MAP<STRING, STRUCT<p: INT, q: STRUCT<r: INT>>>) "
        f"TBLPROPERTIES ('anabranch.write.inline-rows' = '{limit}')"
    )
    lake.sql(
        "INSERT INTO n SELECT 1, array(named_struct('x', 1, 'y', 'old')), "
        "map('k', named_struct('p', 1, 'q', named_struct('r', 2)))"
    )
    for change in (
        "RENAME COLUMN a.element.x TO xx",
        "DROP COLUMN a.element.y",
        "ADD COLUMN a.element.y STRING",
        "ADD COLUMN m.value.q.more INT FIRST",
        "RENAME COLUMN m.value.q TO qq",
        "ALTER COLUMN m.value.p TYPE BIGINT",
    ):
        lake.sql(f"ALTER TABLE n {change}")
    query = "SELECT a[0].xx, a[0].y, m['k'].p, m['k'].qq.r, m['k'].qq.more FROM n ORDER BY id"
    assert lake.rows(query) == [(1, None, 1, 2, None)]
    lake.sql(
        "INSERT INTO n SELECT 2, array(named_struct('xx', 3, 'y', 'new')), "
        "map('k', named_struct('p', 9000000000, 'qq', named_struct('more', 4, 'r', 5)))"
    )
    assert lake.rows(query) == [(1, None, 1, 2, None), (3, "new", 9000000000, 5, 4)]


@pytest.mark.parametrize("limit", [100, 0], ids=["inline", "files"])
def test_fields_below_lists_of_lists_and_maps_change_as_columns_do(lake: Any, limit: int) -> None:
    lake.sql(
        "CREATE TABLE n (id INT, a ARRAY<ARRAY<STRUCT<x: INT, y: STRING>>>, "
        "m MAP<STRING, ARRAY<MAP<INT, STRUCT<p: INT>>>>, w ARRAY<MAP<STRING, INT>>) "
        f"TBLPROPERTIES ('anabranch.write.inline-rows' = '{limit}')"
    )
    lake.sql(
        "INSERT INTO n SELECT 1, array(array(named_struct('x', 1, 'y', 'old'))), "
        "map('k', array(map(7, named_struct('p', 1)))), array(map('a', 1))"
    )
    for change in (
        "RENAME COLUMN a.element.element.x TO xx",
        "DROP COLUMN a.element.element.y",
        "ADD COLUMN a.element.element.y STRING COMMENT 'new' FIRST",
        "ADD COLUMN m.value.element.value.q INT AFTER p",
        "ALTER COLUMN m.value.element.value.p TYPE BIGINT",
        "ALTER COLUMN m.value.element.value.q FIRST",
        "ALTER COLUMN w.element.value TYPE BIGINT",
    ):
        lake.sql(f"ALTER TABLE n {change}")
    types = dict((row[0], row[1]) for row in lake.rows("DESCRIBE n"))
    assert types["a"] == "array<array<struct<y:string,xx:int>>>"
    assert types["m"] == "map<string,array<map<int,struct<q:int,p:bigint>>>>"
    assert types["w"] == "array<map<string,bigint>>"
    query = "SELECT a[0][0].xx, a[0][0].y, m['k'][0][7].p, m['k'][0][7].q, w[0]['a'] FROM n ORDER BY id"
    assert lake.rows(query) == [(1, None, 1, None, 1)]
    lake.sql(
        "INSERT INTO n SELECT 2, array(array(named_struct('y', 'new', 'xx', 3))), "
        "map('k', array(map(7, named_struct('q', 5, 'p', 9000000000)))), array(map('a', 8000000000))"
    )
    assert lake.rows(query) == [(1, None, 1, None, 1), (3, "new", 9000000000, 5, 8000000000)]


def test_fields_of_structs_widen(table: Any) -> None:
    table.sql("ALTER TABLE t ALTER COLUMN s.a TYPE BIGINT")
    table.sql("INSERT INTO t VALUES (2, 'two', named_struct('a', 9000000000, 'b', 'y'))")
    assert table.rows("SELECT s.a FROM t ORDER BY id") == [(10,), (9000000000,)]
    assert table.rows("SELECT id FROM t WHERE s.a = 10") == [(1,)]


def test_a_default_that_would_not_be_filled_in_is_refused(table: Any, refused: Any) -> None:
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "s.c", "DEFAULT"):
        table.sql("ALTER TABLE t ADD COLUMN s.c INT DEFAULT 5")


@pytest.mark.parametrize(
    ("sql_type", "default", "shown"),
    [
        ("DATE", "DATE'2020-01-01'", "2020-01-01"),
        ("DECIMAL(10, 2)", "1.5", "1.50"),
        ("STRING", "concat('a', 'b')", "ab"),
        ("CHAR(3)", "'ab'", "ab "),
        ("ARRAY<INT>", "array(1, 2)", "[1, 2]"),
        ("DOUBLE", "DOUBLE('NaN')", "NaN"),
        ("BINARY", "X'4142'", "AB"),
        ("ARRAY<BINARY>", "array(X'41')", "[A]"),
        ("STRUCT<x: INT, y: STRING>", "named_struct('x', 1, 'y', 'a')", "{1, a}"),
        (
            "INTERVAL DAY TO SECOND",
            "INTERVAL '1 02:03:04' DAY TO SECOND",
            "INTERVAL '1 02:03:04' DAY TO SECOND",
        ),
        ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ'2020-01-01 12:00:00'", "2020-01-01 12:00:00"),
    ],
)
def test_defaults_of_any_type_are_read_in_older_rows(
    table: Any, sql_type: str, default: str, shown: str
) -> None:
    table.sql(f"ALTER TABLE t ADD COLUMN more {sql_type} DEFAULT {default}")
    assert table.rows("SELECT CAST(more AS STRING) FROM t") == [(shown,)]
    assert table.rows(f"SELECT id FROM t WHERE more = CAST({default} AS {sql_type})") == [(1,)]
    assert table.rows("SELECT id FROM t WHERE more IS NULL") == []
