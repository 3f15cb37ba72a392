"""Writing: appending, overwriting, partitions, rows that stand in the commit."""

from __future__ import annotations

from typing import Any

import pytest


def files(lake: Any) -> list[Any]:
    return sorted(lake.path.glob("data/**/*.parquet"))


def objects(lake: Any) -> set[Any]:
    return {p for p in lake.path.rglob("*") if p.is_file() and not p.name.endswith(".crc")}


@pytest.mark.proves("FILE-2")
def test_a_few_rows_are_one_object_in_all(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT, name STRING)")
    before = objects(lake)
    lake.sql("INSERT INTO t VALUES (1, 'a')")
    assert len(objects(lake) - before) == 1 and files(lake) == []
    assert lake.rows("SELECT * FROM t") == [(1, "a")]


@pytest.mark.proves("FILE-2")
def test_more_rows_go_to_files_and_both_are_read_together(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id BIGINT)")
    lake.sql("INSERT INTO t VALUES (-1), (-2)")
    lake.sql("INSERT INTO t SELECT id FROM range(0, 101, 1, 1)")
    assert len(files(lake)) == 1
    assert lake.rows("SELECT count(*), min(id), max(id) FROM t") == [(103, -2, 100)]
    lake.sql("ALTER TABLE t SET TBLPROPERTIES ('anabranch.write.inline-rows' = '0')")
    lake.sql("INSERT INTO t VALUES (200)")
    assert len(files(lake)) == 2


def test_many_tasks_with_few_rows_each_do_not_swell_the_commit(lake: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT id FROM range(0, 600, 1, 10)")
    assert lake.rows("SELECT count(*), sum(id) FROM t") == [(600, 179700)]
    assert len(files(lake)) == 1
    assert all(p.stat().st_size < 50_000 for p in lake.path.glob("_anabranch/log/*/*"))


def test_text_that_is_not_utf8_is_kept_byte_for_byte(lake: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT CAST(X'ff00fe' AS STRING) AS s")
    assert lake.rows("SELECT hex(s) FROM t") == [("FF00FE",)]


def test_a_property_that_is_no_number_is_refused(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_WRITE.OPTION", "anabranch.write.inline-rows", "many"):
        lake.sql("CREATE TABLE t (id INT) TBLPROPERTIES ('anabranch.write.inline-rows' = 'many')")


def test_files_are_closed_when_they_have_grown(lake: Any) -> None:
    lake.sql(
        "CREATE TABLE t (id BIGINT, s STRING) TBLPROPERTIES ('anabranch.write.target-file-bytes' = '20000')"
    )
    lake.sql("INSERT INTO t SELECT id, uuid() FROM range(0, 5000, 1, 1)")
    assert len(files(lake)) > 3
    assert lake.rows("SELECT count(DISTINCT id) FROM t") == [(5000,)]


@pytest.fixture
def parts(lake: Any) -> Any:
    """Rows 0 to 29 in partitions k = 0, 1, 2, and one with k NULL."""
    lake.sql("CREATE TABLE p (id BIGINT, k INT) PARTITIONED BY (k)")
    lake.sql("INSERT INTO p SELECT id, CAST(id % 3 AS INT) FROM range(30)")
    lake.sql("INSERT INTO p VALUES (99, NULL)")
    return lake


def counts(lake: Any, table: str = "p") -> dict[Any, int]:
    return dict(lake.rows(f"SELECT k, count(*) FROM {table} GROUP BY k"))


def test_overwriting_one_partition_leaves_the_others(parts: Any) -> None:
    parts.sql("INSERT OVERWRITE p PARTITION (k = 1) SELECT 100")
    assert counts(parts) == {0: 10, 1: 1, 2: 10, None: 1}
    parts.sql("INSERT OVERWRITE p PARTITION (k = NULL) SELECT 101")
    assert counts(parts) == {0: 10, 1: 1, 2: 10, None: 1}
    assert parts.rows("SELECT id FROM p WHERE k IS NULL") == [(101,)]


def test_overwriting_without_a_partition_replaces_everything(parts: Any) -> None:
    parts.sql("INSERT OVERWRITE p SELECT 1L, 7")
    assert counts(parts) == {7: 1}


def test_dynamic_overwrite_replaces_the_partitions_that_get_rows(parts: Any) -> None:
    parts.spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    try:
        parts.sql("INSERT OVERWRITE p VALUES (1, 0), (2, NULL), (3, 7)")
    finally:
        parts.spark.conf.unset("spark.sql.sources.partitionOverwriteMode")
    assert counts(parts) == {0: 1, 1: 10, 2: 10, None: 1, 7: 1}


def test_data_frames_overwrite_by_condition(parts: Any) -> None:
    from pyspark.sql.functions import col

    frame = parts.spark.sql("SELECT 500L AS id, 2 AS k")
    name = f"{parts.name}.default.p"
    frame.writeTo(name).overwrite((col("k") >= 1) & col("k").isNotNull())
    assert counts(parts) == {0: 10, 2: 1, None: 1}
    frame.writeTo(name).overwrite(col("id") % 6 == 0)
    assert counts(parts) == {0: 5, 2: 2, None: 1}
    frame.writeTo(name).overwritePartitions()
    assert counts(parts) == {0: 5, 2: 1, None: 1}


def test_data_frames_create_append_and_replace(lake: Any) -> None:
    frame = lake.spark.range(3)
    name = f"{lake.name}.default.w"
    frame.writeTo(name).tableProperty("k", "v").create()
    frame.writeTo(name).append()
    frame.write.mode("append").insertInto(name)
    frame.write.mode("append").saveAsTable(name)
    assert lake.rows("SELECT count(*) FROM w") == [(12,)]
    frame.writeTo(name).replace()
    frame.write.format("anabranch").mode("append").save(name)
    assert lake.rows("SELECT count(*) FROM w") == [(6,)]
    frame.write.format("anabranch").mode("overwrite").save(name)
    frame.write.format("anabranch").mode("ignore").save(name)
    assert lake.rows("SELECT count(*) FROM w") == [(3,)]
    frame.write.saveAsTable(f"{lake.name}.default.w2")
    frame.write.mode("overwrite").saveAsTable(f"{lake.name}.default.w2")
    assert lake.rows("SELECT count(*) FROM w2") == [(3,)]


def test_a_path_is_not_a_table(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_WRITE.OPTION", "a place"):
        lake.spark.range(1).write.format("anabranch").save("/tmp/somewhere")
    with refused("ANABRANCH_WRITE.OPTION", "no table is named"):
        lake.spark.read.format("anabranch").load()


def test_inserting_by_name_and_with_missing_columns(lake: Any) -> None:
    lake.sql("CREATE TABLE t (a INT, b INT DEFAULT 5, c STRING)")
    lake.sql("INSERT INTO t BY NAME SELECT 'x' AS c, 1 AS a")
    lake.sql("INSERT INTO t (c, a) VALUES ('y', 2)")
    assert lake.rows("SELECT * FROM t ORDER BY a") == [(1, 5, "x"), (2, 5, "y")]


@pytest.mark.proves("PART-1", "PART-2")
def test_hidden_partitions_follow_from_the_values(lake: Any) -> None:
    lake.sql(
        "CREATE TABLE e (id BIGINT, at TIMESTAMP, day DATE, name STRING, v DECIMAL(9, 2)) PARTITIONED BY "
        "(years(at), months(day), bucket(4, id), truncate(2, name))"
    )
    lake.sql(
        "INSERT INTO e SELECT id, TIMESTAMP'1969-12-31 23:00:00' + make_interval(0, 0, 0, CAST(id * 200 AS INT)), "
        "DATE'2024-01-31' + CAST(id AS INT), concat('n', id), id FROM range(40)"
    )
    assert lake.rows("SELECT count(*), sum(id) FROM e") == [(40, 780)]
    assert lake.rows("SELECT count(*) FROM e WHERE at < TIMESTAMP'1970-01-01'") == [(1,)]
    assert lake.rows("SELECT count(*) FROM e WHERE name LIKE 'n1%'") == [(11,)]
    names = [str(t) for t in lake.rows("DESCRIBE DETAIL e")[0][7]]
    assert names == ["years(at)", "months(day)", "bucket[4](id)", "truncate[2](name)"]


def test_a_partition_value_that_can_not_be_written_down_is_refused(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t (id BIGINT, s STRING) PARTITIONED BY (s)")
    with refused("ANABRANCH_WRITE.PARTITION_VALUE", "column s", "UTF-8"):
        lake.sql("INSERT INTO t SELECT id, CAST(X'ff' AS STRING) FROM range(200)")
    assert lake.rows("SELECT count(*) FROM t") == [(0,)]


def test_a_failed_write_leaves_no_file_and_no_commit(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id BIGINT)")
    commits = lake.rows("SHOW COMMITS")
    with pytest.raises(Exception, match="DIVIDE_BY_ZERO"):
        lake.sql("INSERT INTO t SELECT 1 div (id - 4999) FROM range(0, 5000, 1, 1)")
    assert lake.rows("SHOW COMMITS") == commits
    assert files(lake) == []


@pytest.mark.proves("FILE-1", "FILE-3")
def test_entries_hold_size_rows_and_digest_of_each_file(lake: Any) -> None:
    import hashlib
    import json

    lake.sql("CREATE TABLE t AS SELECT id FROM range(0, 500, 1, 2)")
    newest = min(lake.path.glob("_anabranch/log/000000/*.json"))
    (body,) = [c["body"] for c in json.loads(newest.read_text())["commits"]]
    ((table, change),) = body["tables"].items()
    assert sum(f["rows"] for f in change["add"]) == 500
    for f in change["add"]:
        data = (lake.path / "data" / table / f["id"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (f["size"], f["sha256"])
