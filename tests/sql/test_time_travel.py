"""Reading the past: by version, by time, by ref; and writing where it may be written."""

from __future__ import annotations

import time
from typing import Any

import pytest


@pytest.fixture
def history(lake: Any) -> Any:
    """Table t: version 0 empty, 1 one row, 2 two rows; tag v1 and branch dev at version 1; main at 2."""
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1)")
    lake.sql("CREATE TAG v1")
    lake.sql("CREATE BRANCH dev")
    lake.sql("INSERT INTO t VALUES (2)")
    return lake


def count(lake: Any, relation: str) -> int:
    return int(lake.rows(f"SELECT count(*) FROM {relation}")[0][0])


@pytest.mark.proves("TAB-1")
def test_version_as_of_takes_numbers_and_refs(history: Any) -> None:
    head = history.rows("SHOW COMMITS LIMIT 1")[0][0]
    found = {
        ref: count(history, f"t VERSION AS OF {ref}")
        for ref in (
            "0",
            "1",
            "2",
            "'1'",
            "'v1'",
            "'dev'",
            "'main'",
            "'main~1'",
            "'main~1~1'",
            "'main^'",
            f"'{head}'",
        )
    }
    assert list(found.values()) == [0, 1, 2, 1, 1, 1, 2, 1, 0, 1, 2], found
    short = head[: head.rindex("-") + 8]
    assert count(history, f"t VERSION AS OF '{short}'") == 2


def test_a_ref_stands_in_the_name_of_a_table(history: Any) -> None:
    assert count(history, "`t@v1`") == 1
    assert count(history, "{lake}.default.`t@dev`") == 1
    assert count(history, "`t@tag:v1`") == 1
    assert count(history, "`t@main~2`") == 0
    assert count(history, "`t@main@{2999-01-01}`") == 2


@pytest.mark.proves("TIME-1")
def test_timestamp_as_of_is_the_last_commit_at_or_before(history: Any) -> None:
    at = {row[0]: row[1] for row in history.rows("DESCRIBE HISTORY t")}
    stamps = [at[v].strftime("%Y-%m-%d %H:%M:%S.%f")[:23] for v in (0, 1, 2)]
    assert [count(history, f"t TIMESTAMP AS OF '{s}'") for s in stamps] == [0, 1, 2]
    assert count(history, "t TIMESTAMP AS OF current_timestamp()") == 2
    # on a branch, time before the fork leads into the log it came from
    assert count(history, f"`t@dev` TIMESTAMP AS OF '{stamps[0]}'") == 0


def test_data_frames_take_the_same_options(history: Any) -> None:
    name = f"{history.name}.default.t"
    assert history.spark.read.option("versionAsOf", 1).table(name).count() == 1
    assert history.spark.read.format("anabranch").option("versionAsOf", "v1").load(name).count() == 1
    assert (
        history.spark.read.format("anabranch").option("timestampAsOf", "2999-01-01").load(name).count() == 2
    )
    assert history.spark.read.format("anabranch").option("branch", "dev").load(name).count() == 1
    assert history.spark.read.format("anabranch").option("tag", "v1").load(name).count() == 1
    assert history.spark.read.option("branch", "dev").table(name).count() == 1


def test_data_frames_write_to_a_branch_and_to_nothing_else(history: Any, refused: Any) -> None:
    frame = history.spark.sql("SELECT 9 AS id")
    name = f"{history.name}.default.t"
    frame.write.format("anabranch").option("branch", "dev").mode("append").save(name)
    frame.writeTo(name).option("branch", "dev").append()
    assert (count(history, "`t@dev`"), count(history, "t")) == (3, 2)
    with refused("ANABRANCH_REF.READ_ONLY", "v1"):
        frame.writeTo(name).option("tag", "v1").append()
    with refused("ANABRANCH_WRITE.OPTION", "versionAsOf"):
        frame.writeTo(name).option("versionAsOf", "1").append()
    assert (count(history, "`t@dev`"), count(history, "t")) == (3, 2)


def test_a_branch_with_other_columns_is_not_read_through_an_option(history: Any, refused: Any) -> None:
    history.sql("ALTER TABLE `t@dev` ADD COLUMN more INT")
    with refused("ANABRANCH_WRITE.OPTION", "columns"):
        history.spark.read.option("branch", "dev").table(f"{history.name}.default.t").collect()
    assert history.rows("SELECT * FROM `t@dev`") == [(1, None)]


def test_the_past_has_the_columns_that_it_had(history: Any) -> None:
    history.sql("ALTER TABLE t RENAME COLUMN id TO number")
    history.sql("ALTER TABLE t ADD COLUMN extra STRING")
    assert history.sql("SELECT * FROM t VERSION AS OF 1").columns == ["id"]
    assert history.sql("SELECT * FROM t").columns == ["number", "extra"]


def test_old_snapshots_stay_as_they_are(history: Any) -> None:
    frozen = history.sql("SELECT id FROM t")
    history.sql("INSERT OVERWRITE t SELECT 77")
    assert sorted(r[0] for r in frozen.collect()) in ([1, 2], [77])
    assert history.rows("SELECT * FROM t VERSION AS OF 2 ORDER BY id") == [(1,), (2,)]


def test_what_is_not_there_is_named(history: Any, refused: Any) -> None:
    with refused("ANABRANCH_TABLE.VERSION_NOT_FOUND", "no version 3", "0 to 2"):
        history.sql("SELECT * FROM t VERSION AS OF 3")
    with refused("ANABRANCH_REF.BEFORE_FIRST_COMMIT", "2020-01-01"):
        history.sql("SELECT * FROM t TIMESTAMP AS OF '2020-01-01'")
    with refused("ANABRANCH_REF.NOT_FOUND", "nowhere"):
        history.sql("SELECT * FROM t VERSION AS OF 'nowhere'")
    with refused("ANABRANCH_TABLE.NOT_FOUND", "default.u", "v1"):
        history.sql("SELECT * FROM `u@v1`")
    with refused("ANABRANCH_REF.NO_ANCESTOR"):
        history.sql("SELECT * FROM `t@main~50`")
    head = history.rows("SHOW COMMITS LIMIT 1")[0][0]
    wrong = head[:-64] + "0" * 64
    with refused("ANABRANCH_REF.HASH_MISMATCH"):
        history.sql(f"SELECT * FROM t VERSION AS OF '{wrong}'")


def test_a_table_that_was_not_there_yet_is_an_error_not_emptiness(history: Any, refused: Any) -> None:
    time.sleep(0.01)
    before = history.rows("SELECT current_timestamp()")[0][0]
    time.sleep(0.01)
    history.sql("CREATE TABLE late (x INT)")
    with refused("ANABRANCH_TABLE.NOT_AT_TIME", "default.late"):
        history.sql(f"SELECT * FROM late TIMESTAMP AS OF '{before}'")


def test_tags_and_commits_are_not_written_to(history: Any, refused: Any) -> None:
    head = history.rows("SHOW COMMITS LIMIT 1")[0][0]
    for ref in ("v1", "main~1", head[:20]):
        with refused("ANABRANCH_REF.READ_ONLY", "CREATE BRANCH"):
            history.sql(f"INSERT INTO `t@{ref}` VALUES (5)")
    with refused("ANABRANCH_REF.READ_ONLY"):
        history.sql("CREATE TABLE `n@v1` (x INT)")
    with refused("ANABRANCH_REF.READ_ONLY"):
        history.sql("DROP TABLE `t@v1`")
