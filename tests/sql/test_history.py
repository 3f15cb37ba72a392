"""Who did what and why; RESTORE; what Spark's cache may serve."""

from __future__ import annotations

import json
from typing import Any

import pytest


@pytest.fixture
def table(lake: Any) -> Any:
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1), (2)")
    return lake


def test_history_tells_versions_operations_and_counts(table: Any) -> None:
    table.sql("INSERT OVERWRITE t SELECT 3")
    table.sql("ALTER TABLE t ADD COLUMN x INT")
    table.sql("TRUNCATE TABLE t")
    rows = table.rows("DESCRIBE HISTORY t")
    assert [(r[0], r[3]) for r in rows] == [
        (4, "TRUNCATE"),
        (3, "ALTER TABLE"),
        (2, "OVERWRITE"),
        (1, "INSERT"),
        (0, "CREATE TABLE"),
    ]
    assert rows[2][5] == {"rows_inserted": 1, "rows_deleted": 2}
    assert rows[0][5]["rows_deleted"] == 1
    assert [r[0] for r in table.rows("DESCRIBE HISTORY t LIMIT 2")] == [4, 3]
    assert table.rows("SELECT * FROM t") == []


def test_metrics_count_files_and_bytes(lake: Any) -> None:
    lake.sql("CREATE TABLE t TBLPROPERTIES ('anabranch.write.inline-rows' = '0') AS SELECT 1 AS id")
    metrics = lake.rows("DESCRIBE HISTORY t")[0][5]
    (file,) = lake.path.glob("data/**/*.parquet")
    assert metrics == {"rows_inserted": 1, "files_added": 1, "bytes_added": file.stat().st_size}


def test_a_commit_says_who_why_and_what_for(table: Any) -> None:
    settings = {
        "author": "Ada",
        "message": "second batch",
        "metadata": json.dumps({"ticket": "DATA-17", "source": "export 4"}),
    }
    for key, value in settings.items():
        table.spark.conf.set(f"spark.anabranch.commit.{key}", value)
    try:
        table.sql("INSERT INTO t VALUES (3)")
        table.sql("RESTORE TABLE t TO VERSION AS OF 1 MESSAGE 'a clause comes first'")
    finally:
        for key in settings:
            table.spark.conf.unset(f"spark.anabranch.commit.{key}")
    restore, insert = table.rows("DESCRIBE HISTORY t LIMIT 2")
    assert (insert[2], insert[6], insert[7]) == (
        "Ada",
        "second batch",
        {"ticket": "DATA-17", "source": "export 4"},
    )
    assert (restore[2], restore[6], restore[4]) == ("Ada", "a clause comes first", {"version": "1"})


def test_settings_that_make_no_sense_are_refused_before_anything_is_written(table: Any, refused: Any) -> None:
    for key, value in (("metadata", "not json"), ("metadata", "[1]"), ("retries", "-1")):
        table.spark.conf.set(f"spark.anabranch.commit.{key}", value)
        try:
            with refused("ANABRANCH_WRITE.OPTION", f"spark.anabranch.commit.{key}"):
                table.sql("INSERT INTO t VALUES (3)")
        finally:
            table.spark.conf.unset(f"spark.anabranch.commit.{key}")
    assert table.rows("SELECT count(*) FROM t") == [(2,)]


@pytest.mark.proves("ROW-3", "TAB-3")
def test_restore_makes_a_new_version_of_an_old_state(table: Any) -> None:
    table.sql("ALTER TABLE t RENAME COLUMN id TO number")
    table.sql("INSERT OVERWRITE t SELECT 99")
    assert table.rows("RESTORE TABLE t TO VERSION AS OF 1")[0][:2] == ("default.t", 4)
    assert table.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)]
    assert table.rows("SELECT number FROM t VERSION AS OF 3") == [(99,)]
    table.sql("INSERT INTO t VALUES (3)")
    assert table.rows("SELECT count(*), max(id) FROM t") == [(3, 3)]


@pytest.mark.proves("COL-1")
def test_a_column_added_after_a_restore_is_not_one_that_was_there_before_it(table: Any) -> None:
    table.sql("ALTER TABLE t ADD COLUMN x STRING")
    table.sql("INSERT INTO t VALUES (3, 'old')")
    table.sql("RESTORE TABLE t TO VERSION AS OF 1")
    table.sql("ALTER TABLE t ADD COLUMN x INT")
    table.sql("INSERT INTO t VALUES (4, 4)")
    assert table.rows("SELECT * FROM t ORDER BY id") == [(1, None), (2, None), (4, 4)]


def test_restore_takes_times_refs_and_parameters(table: Any) -> None:
    table.sql("CREATE TAG good")
    when = table.rows("SELECT current_timestamp()")[0][0]
    for statement in (
        "RESTORE t TO VERSION AS OF 'good'",
        "RESTORE TABLE {lake}.default.t TO VERSION AS OF 'main~1'",
        "RESTORE TABLE t TO TIMESTAMP AS OF :time MESSAGE 'by time'",
        "RESTORE TABLE t TO VERSION AS OF :version",
    ):
        table.sql("INSERT OVERWRITE t SELECT 99")
        given = {":time": ("time", when), ":version": ("version", 1)}
        args = dict(value for marker, value in given.items() if marker in statement)
        table.sql(statement, **args)
        assert table.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)], statement


def test_restore_to_what_is_no_time_is_refused(table: Any, refused: Any) -> None:
    with refused("ANABRANCH_SQL.NOT_A_TIME"):
        table.sql("RESTORE TABLE t TO TIMESTAMP AS OF CAST(NULL AS TIMESTAMP)")
    for words in ("'garbage'", "'2026-02-30'", "'12 o''clock'"):
        with refused("ANABRANCH_SQL.NOT_A_TIME", words.strip("'").replace("''", "'")[:4]):
            table.sql(f"RESTORE TABLE t TO TIMESTAMP AS OF {words}")
    assert [row[0] for row in table.rows("DESCRIBE HISTORY t")] == [1, 0]


def test_restore_on_a_branch_leaves_others_alone(table: Any) -> None:
    table.sql("CREATE BRANCH dev")
    table.sql("RESTORE TABLE `t@dev` TO VERSION AS OF 0")
    assert (table.rows("SELECT count(*) FROM `t@dev`"), table.rows("SELECT count(*) FROM t")) == (
        [(0,)],
        [(2,)],
    )


def test_detail_tells_what_a_table_is_made_of(lake: Any) -> None:
    lake.sql("CREATE TABLE p PARTITIONED BY (k) COMMENT 'c' AS SELECT id, id % 2 AS k FROM range(500)")
    (d,) = lake.rows("DESCRIBE DETAIL p")
    assert d[0] == "anabranch" and d[2] == f"{lake.name}.default.p" and d[3] == "c"
    assert (d[7], d[10], d[12], d[13]) == (["k"], 500, 0, "main")
    files = list(lake.path.glob("data/**/*.parquet"))
    assert (d[8], d[9]) == (len(files), sum(f.stat().st_size for f in files))


def test_a_cached_table_is_never_served_stale_or_from_another_branch(table: Any) -> None:
    table.sql("CACHE TABLE t")
    try:
        assert table.rows("SELECT count(*) FROM t") == [(2,)]
        table.sql("INSERT INTO t VALUES (3)")
        assert table.rows("SELECT count(*) FROM t") == [(3,)]
        table.sql("CREATE BRANCH dev FROM `main~1`")
        table.sql("USE BRANCH dev")
        assert table.rows("SELECT count(*) FROM t") == [(2,)]
        table.sql("USE BRANCH main")
        table.sql("RESTORE TABLE t TO VERSION AS OF 0")
        assert table.rows("SELECT count(*) FROM t") == [(0,)]
        table.sql("RESET BRANCH main TO dev")
        assert table.rows("SELECT count(*) FROM t") == [(2,)]
    finally:
        table.sql("UNCACHE TABLE IF EXISTS t")
