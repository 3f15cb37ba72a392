"""VACUUM in SQL: what it deletes, what it keeps, what it says, and what it refuses."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
CHECK = "spark.anabranch.vacuum.check-grace"


@pytest.fixture
def alone(lake: Any) -> Iterator[Any]:
    """A repository that nobody writes to meanwhile, with a table t of which the first version was given up."""
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT id FROM range(0, 10, 1, 1)")
    lake.sql("INSERT OVERWRITE t SELECT id FROM range(0, 20, 1, 1)")
    lake.sql(f"CREATE TABLE u {FILES} AS SELECT id FROM range(0, 5, 1, 1)")
    lake.sql("INSERT OVERWRITE u SELECT id FROM range(0, 6, 1, 1)")
    time.sleep(0.003)
    lake.sql("CALL {lake}.system.expire(current_timestamp())")
    lake.spark.conf.set(CHECK, "false")
    yield lake
    lake.spark.conf.unset(CHECK)


def there(lake: Any) -> set[str]:
    return {p.relative_to(lake.path).as_posix() for p in Path(lake.path).glob("data/*/*.parquet")}


def test_it_deletes_what_no_state_needs_and_tells_what(alone: Any) -> None:
    before = there(alone)
    frame = alone.sql("VACUUM IN {lake} RETAIN 0 HOURS")
    assert frame.columns == ["path", "size", "modified"]
    deleted = {r.path: r.size for r in frame.collect()}
    assert len(deleted) == 2 and before - there(alone) == set(deleted)
    assert [alone.rows(f"SELECT count(*) FROM {t}")[0][0] for t in "tu"] == [20, 6]
    (record,) = (Path(alone.path) / "_anabranch" / "vacuums").iterdir()
    told = json.loads(record.read_text())
    assert {o["path"]: o["size"] for o in told["objects"]} == deleted
    assert alone.rows("VACUUM IN {lake} RETAIN 0 HOURS") == []


@pytest.mark.parametrize("statement", ["VACUUM t", "VACUUM TABLE {lake}.default.t", "VACUUM `t`"])
def test_of_one_table_it_looks_at_nothing_else(alone: Any, statement: str) -> None:
    before = there(alone)
    dry = alone.rows(f"{statement} RETAIN 0 HOURS DRY RUN")
    assert len(dry) == 1 and there(alone) == before
    assert alone.rows(f"{statement} RETAIN 0 HOURS") == dry
    assert before - there(alone) == {dry[0][0]}


def test_what_is_younger_than_a_week_stays_and_what_a_failed_write_left_goes_later(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT id FROM range(0, 10, 1, 1)")
    (folder,) = (Path(lake.path) / "data").iterdir()
    left, foreign = folder / f"{'a' * 32}.parquet", folder / "README.txt"
    for path in (left, foreign):
        path.write_bytes(b"half a file")
    assert lake.rows("VACUUM t") == lake.rows("VACUUM t RETAIN 168 HOURS") == []
    week = time.time() - 7 * 24 * 3600 - 60
    for path in folder.iterdir():
        os.utime(path, (week, week))
    assert [r[0] for r in lake.rows("VACUUM t")] == [left.relative_to(lake.path).as_posix()]
    assert foreign.exists() and len(lake.rows("SELECT * FROM t")) == 10


def test_less_than_a_week_is_refused_unless_the_session_allows_it(lake: Any, refused: Any) -> None:
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT id FROM range(0, 10, 1, 1)")
    with refused("ANABRANCH_VACUUM.GRACE_TOO_SHORT", "167 hours is shorter than 168", CHECK):
        lake.sql("VACUUM t RETAIN 167 HOURS DRY RUN")
    lake.spark.conf.set(CHECK, "maybe")
    try:
        with refused("ANABRANCH_WRITE.OPTION", CHECK, "'maybe'"):
            lake.sql("VACUUM t")
    finally:
        lake.spark.conf.unset(CHECK)


@pytest.mark.parametrize(
    ("statement", "near"),
    [
        ("VACUUM t RETAIN soon HOURS", "expected a number of hours"),
        ("VACUUM t RETAIN 200 DAYS", "expected HOURS near 'DAYS'"),
        ("VACUUM t DRY", "this is not expected here"),
        ("VACUUM t RETAIN -1 HOURS", "expected a number of hours"),
    ],
)
def test_a_mistake_is_told_with_its_place(lake: Any, refused: Any, statement: str, near: str) -> None:
    with refused(
        "ANABRANCH_SQL.SYNTAX", near, "VACUUM [[TABLE] table | IN catalog] [RETAIN n HOURS] [DRY RUN]"
    ):
        lake.sql(statement)


def test_a_table_that_is_not_there_is_named(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_TABLE.NOT_FOUND", "default.none"):
        lake.sql("VACUUM none")
