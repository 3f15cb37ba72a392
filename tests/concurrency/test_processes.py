"""Eight processes that commit to one branch at once lose nothing on local files.

`tests/s3/test_processes_on_s3.py` is the same on S3.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from concurrency.storm import PROCESSES, jvm_writers, native_writers, storm

if TYPE_CHECKING:
    from conftest import Lake

COMMITS = 12
TABLE = "default.t"


def nothing_was_lost(
    told: list[list[str]],
    rows: list[tuple[int, int]],
    history: list[tuple[int, str]],
    commits: int = COMMITS,
    writers: int = PROCESSES,
) -> None:
    """`told` are the commits of each process, `rows` those of the table, `history` its versions with their
    commits, the newest first."""
    assert [len(ids) for ids in told] == [commits] * writers
    acknowledged = [id for ids in told for id in ids]
    assert len(set(acknowledged)) == len(acknowledged)
    assert sorted(rows) == [(w, n) for w in range(writers) for n in range(commits)]
    versions = [version for version, _ in history]
    assert versions == list(range(writers * commits, -1, -1))
    log = [commit for _, commit in reversed(history)][1:]  # without CREATE TABLE
    assert set(log) == set(acknowledged)
    for ids in told:
        assert ids == [id for id in log if id in ids], "a process's own commits are out of order"
    authors = {id: w for w, ids in enumerate(told) for id in ids}
    for start in range(0, len(log), writers):
        round = {authors[id] for id in log[start : start + writers]}
        assert len(round) == writers, "a round began before the last was over"


@pytest.mark.slow
@pytest.mark.proves("LOG-1", "OBJ-2", "TXN-1")
def test_processes_on_local_files_lose_nothing(
    new_lake: Callable[..., Lake], jar: Path, test_jar: Path
) -> None:
    lake = new_lake()
    lake.rows(f"CREATE TABLE {{lake}}.{TABLE} (writer BIGINT, number BIGINT)")
    told = storm(jvm_writers(lake.uri, TABLE, COMMITS, [jar, test_jar]), COMMITS)
    rows: list[Any] = lake.rows(f"SELECT writer, number FROM {{lake}}.{TABLE}")
    history: list[Any] = [(row[0], row[8]) for row in lake.rows(f"DESCRIBE HISTORY {{lake}}.{TABLE}")]
    nothing_was_lost(told, rows, history)


@pytest.mark.slow
@pytest.mark.cross
@pytest.mark.proves("LOG-1", "OBJ-2", "TXN-1")
def test_processes_of_both_halves_lose_nothing(
    new_lake: Callable[..., Lake], jar: Path, test_jar: Path
) -> None:
    """Eight without Spark, one of the JVM half, and Spark itself."""
    lake, commits = new_lake(), 5
    lake.rows(f"CREATE TABLE {{lake}}.{TABLE} (writer BIGINT, number BIGINT)")
    spark = PROCESSES + 1

    def insert(number: int) -> str:
        lake.sql(f"INSERT INTO {{lake}}.{TABLE} VALUES ({spark}, {number})")
        found = lake.rows(f"DESCRIBE HISTORY {{lake}}.{TABLE}")
        return next(row[8] for row in found if row[2] not in others)

    others = {f"writer-{w}" for w in range(spark)}
    commands = native_writers(lake.uri, TABLE, commits, range(PROCESSES))
    commands += jvm_writers(lake.uri, TABLE, commits, [jar, test_jar], writers=range(PROCESSES, spark))
    told = storm(commands, commits, insert)
    rows: list[Any] = lake.rows(f"SELECT writer, number FROM {{lake}}.{TABLE}")
    history: list[Any] = [(row[0], row[8]) for row in lake.rows(f"DESCRIBE HISTORY {{lake}}.{TABLE}")]
    nothing_was_lost(told, rows, history, commits, spark + 1)
