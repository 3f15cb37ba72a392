"""Eight processes that commit to one branch at once lose nothing on local files.

`tests/s3/test_processes_on_s3.py` is the same on S3.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from concurrency.storm import PROCESSES, storm

if TYPE_CHECKING:
    from conftest import Lake

COMMITS = 12
TABLE = "default.t"


def nothing_was_lost(
    told: list[list[str]], rows: list[tuple[int, int]], history: list[tuple[int, str]], commits: int = COMMITS
) -> None:
    """`told` are the commits of each process, `rows` those of the table, `history` its versions with their
    commits, the newest first."""
    assert [len(ids) for ids in told] == [commits] * PROCESSES
    acknowledged = [id for ids in told for id in ids]
    assert len(set(acknowledged)) == len(acknowledged)
    assert sorted(rows) == [(w, n) for w in range(PROCESSES) for n in range(commits)]
    versions = [version for version, _ in history]
    assert versions == list(range(PROCESSES * commits, -1, -1))
    log = [commit for _, commit in reversed(history)][1:]  # without CREATE TABLE
    assert set(log) == set(acknowledged)
    for ids in told:
        assert ids == [id for id in log if id in ids], "a process's own commits are out of order"
    writers = {id: w for w, ids in enumerate(told) for id in ids}
    for start in range(0, len(log), PROCESSES):
        round = {writers[id] for id in log[start : start + PROCESSES]}
        assert len(round) == PROCESSES, "a round began before the last was over"


@pytest.mark.slow
@pytest.mark.proves("LOG-1", "OBJ-2", "TXN-1")
def test_processes_on_local_files_lose_nothing(
    new_lake: Callable[..., Lake], jar: Path, test_jar: Path
) -> None:
    lake = new_lake()
    lake.rows(f"CREATE TABLE {{lake}}.{TABLE} (writer BIGINT, number BIGINT)")
    told = storm(lake.uri, TABLE, COMMITS, [jar, test_jar])
    rows: list[Any] = lake.rows(f"SELECT writer, number FROM {{lake}}.{TABLE}")
    history: list[Any] = [(row[0], row[8]) for row in lake.rows(f"DESCRIBE HISTORY {{lake}}.{TABLE}")]
    nothing_was_lost(told, rows, history)
