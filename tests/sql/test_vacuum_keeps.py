"""VACUUM by Spark: what it keeps, and for how long."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
CHECK = "spark.anabranch.vacuum.check-grace"


@contextmanager
def unchecked(lake: Any) -> Iterator[None]:
    """Nobody writes meanwhile."""
    lake.spark.conf.set(CHECK, "false")
    try:
        yield
    finally:
        lake.spark.conf.unset(CHECK)


def aged(lake: Any, by: timedelta) -> None:
    """Everything was stored so much earlier, by the store's clock."""
    for path in lake.path.rglob("*"):
        if path.is_file():
            changed = path.stat().st_mtime - by.total_seconds()
            os.utime(path, (changed, changed))


def data(lake: Any) -> set[str]:
    """Data files and deletion vectors that are there."""
    folders = [lake.path / "data", lake.path / "_anabranch" / "dv"]
    files = (p for f in folders for p in f.rglob("*") if p.is_file() and not p.name.endswith(".crc"))
    return {p.relative_to(lake.path).as_posix() for p in files}


def vacuumed(lake: Any, words: str = "") -> set[str]:
    with unchecked(lake):
        return {row[0] for row in lake.rows(f"VACUUM {words} RETAIN 0 HOURS")}


def expire(lake: Any, branches: str = "*") -> None:
    """Gives up all that is over by now."""
    time.sleep(0.003)
    lake.sql(f"CALL {{lake}}.system.expire(current_timestamp(), '{branches}')")
    time.sleep(0.003)


def ids(lake: Any, of: str = "t") -> list[int]:
    return sorted(row[0] for row in lake.rows(f"SELECT id FROM {of}"))


def overwrite(lake: Any, id: int, table: str = "t") -> set[str]:
    """Other rows in another file; which."""
    before = data(lake)
    lake.sql(f"INSERT OVERWRITE {table} VALUES ({id})")
    return data(lake) - before


@pytest.fixture
def t(lake: Any) -> set[str]:
    """The file of a new table."""
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT 0 AS id")
    return data(lake)


@pytest.mark.proves("VAC-1")
def test_what_only_expired_states_need_goes(lake: Any, t: set[str]) -> None:
    second = overwrite(lake, 1)
    assert vacuumed(lake) == set(), "states that were not given up need everything"
    before = datetime.now(timezone.utc)
    later = overwrite(lake, 2) | overwrite(lake, 3)
    lake.sql("CALL {lake}.system.expire(:before)", before=before)
    with unchecked(lake):
        told = lake.sql("VACUUM RETAIN 0 HOURS DRY RUN")
        (row,) = told.collect()
        assert data(lake) == t | second | later
        assert (told.columns, {row.path}) == (["path", "size", "modified"], t)
        assert row.size == (lake.path / row.path).stat().st_size
        modified = row.modified.replace(tzinfo=timezone.utc)
        assert abs(datetime.now(timezone.utc) - modified) < timedelta(minutes=1)
        assert lake.rows("VACUUM RETAIN 0 HOURS") == [tuple(row)]
    assert data(lake) == second | later
    assert [ids(lake, f"`t@main~{n}`") for n in (1, 2, 3)] == [[3], [2], [1]]
    assert vacuumed(lake) == set()


@pytest.mark.parametrize("name", ["retain", "dry", "table"])
def test_tables_of_such_names(lake: Any, name: str) -> None:
    lake.sql(f"CREATE TABLE `{name}` {FILES} AS SELECT 0 AS id")
    lake.sql(f"CREATE TABLE other {FILES} AS SELECT 0 AS id")
    first = data(lake)
    overwrite(lake, 1, f"`{name}`")
    overwrite(lake, 1, "other")
    expire(lake)
    assert len(vacuumed(lake, f"TABLE `{name}`") & first) == 1
    assert len(vacuumed(lake) & first) == 1


@pytest.mark.proves("VAC-2")
def test_what_is_young_stays_and_so_does_what_was_expired_a_short_time_ago(lake: Any, t: set[str]) -> None:
    overwrite(lake, 1)
    aged(lake, timedelta(days=30))
    expire(lake)
    aged(lake, timedelta(hours=83))
    assert lake.rows("VACUUM") == []
    aged(lake, timedelta(hours=2))
    young = overwrite(lake, 2)
    assert {row[0] for row in lake.rows("VACUUM DRY RUN")} == t
    assert lake.rows("VACUUM RETAIN 10000 HOURS") == []
    assert {row[0] for row in lake.rows("VACUUM")} == t
    assert young <= data(lake)


@pytest.mark.proves("VAC-2")
def test_a_tag_holds_its_files_and_for_a_while_after_it_was_dropped(lake: Any, t: set[str]) -> None:
    lake.sql("CREATE TAG v0")
    overwrite(lake, 1)
    expire(lake)
    aged(lake, timedelta(days=30))
    assert lake.rows("VACUUM") == []
    lake.sql("DROP TAG v0")
    assert lake.rows("VACUUM") == []
    aged(lake, timedelta(hours=85))
    assert {row[0] for row in lake.rows("VACUUM")} == t


@pytest.mark.proves("VAC-1")
def test_files_of_branches_and_of_dropped_ones_stay(lake: Any, t: set[str]) -> None:
    lake.sql("CREATE BRANCH b")
    on_branch = overwrite(lake, 1, "`t@b`")
    last = lake.rows("SHOW COMMITS ON b LIMIT 1")[0][0]
    overwrite(lake, 2)
    lake.sql("DROP BRANCH b")
    expire(lake, "main")
    assert vacuumed(lake) == set(), "the first commit of the branch has what main has given up"
    assert ids(lake, f"`t@{last}`") == [1]
    lake.sql("DROP TABLE t")
    expire(lake)
    gone = vacuumed(lake)
    assert t | on_branch <= gone and data(lake) == set()


@pytest.mark.proves("VAC-1")
def test_merges_find_their_bases(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT /*+ COALESCE(1) */ id, 'base' AS v FROM range(4)")
    base = data(lake)
    lake.sql("CREATE BRANCH dev")
    lake.sql("UPDATE `t@dev` SET v = 'dev' WHERE id = 1")
    lake.sql("UPDATE t SET v = 'main' WHERE id = 2")
    for ref in ("main", "dev"):
        lake.sql(f"OPTIMIZE `t@{ref}`")
        lake.sql(f"UPDATE `t@{ref}` SET v = '{ref} again' WHERE id = {len(ref) % 4}")
    expire(lake)
    assert vacuumed(lake) != set() and base <= data(lake)
    lake.sql("MERGE BRANCH dev ON CONFLICT OURS")
    assert lake.rows("SELECT * FROM t ORDER BY id") == [
        (0, "main again"),
        (1, "dev"),
        (2, "main"),
        (3, "dev again"),
    ]


@pytest.mark.proves("VAC-1")
def test_a_kept_merge_finds_its_source(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT id, 'base' AS v FROM range(2)")
    lake.sql("CREATE BRANCH dev")
    lake.sql("UPDATE `t@dev` SET v = 'dev'")
    lake.sql("UPDATE t SET v = 'main' WHERE id = 0")
    lake.sql("MERGE BRANCH dev KEEP CONFLICTS")
    lake.sql("DROP BRANCH dev")
    expire(lake)
    vacuumed(lake)
    lake.sql("UPDATE {lake}.system.conflicts SET choice = 'theirs'")
    lake.sql("CONTINUE MERGE")
    assert lake.rows("SELECT * FROM t ORDER BY id") == [(0, "dev"), (1, "dev")]


def test_deletion_vectors_go_when_no_state_has_them(lake: Any) -> None:
    for name in ("t", "u"):
        lake.sql(f"CREATE TABLE {name} {FILES} AS SELECT id FROM range(0, 60000, 1, 1)")
        for remainder in (0, 1):
            lake.sql(f"DELETE FROM {name} WHERE id % 3 = {remainder} AND hash(id) % 2 = 0")
    vectors = {p for p in data(lake) if "/dv/" in p}
    left = lake.rows("SELECT count(*) FROM t")
    assert len(vectors) == 4 and vacuumed(lake) == set()
    expire(lake)
    gone = vacuumed(lake, "t")
    assert len(gone) == 1 and gone < vectors
    gone |= vacuumed(lake)
    assert len(gone) == 2 and gone < vectors
    assert lake.rows("SELECT count(*) FROM t") == left
