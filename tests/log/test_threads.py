"""Many threads on one repository in one process, as the sessions of one Spark driver are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from log.harness import Repo, unpacked

THREADS = 8


def at_once(repo: Repo, operation: str, given: dict[str, Any], times: int = 1) -> list[Any]:
    answers = repo.java.RepositoryHarness.race(
        [repo.harness] * THREADS, operation, [json.dumps(given)] * THREADS, times
    )
    return [unpacked(answer) for one in answers for answer in one]


def test_a_table_that_many_ask_for_at_once_has_all_its_files_for_everybody(long_log: Repo) -> None:
    """The files are found out by the first who asks, while others look on."""
    expected = long_log.fresh().rows()
    for _ in range(5):
        shared = long_log.fresh()
        shared("refs")
        loaded = at_once(shared, "load", {})
        assert [sum(f["rows"] for f in t["files"]) for t in loaded] == [expected] * THREADS


@pytest.mark.proves("TXN-1", "TAB-1", "ROW-2")
def test_threads_that_share_a_repository_lose_no_append(repo: Repo) -> None:
    rows, versions = repo.rows(), repo("history")
    at_once(repo, "append", {"files": 1, "rows": 3}, times=5)
    for reader in (repo, repo.fresh()):
        assert reader.rows() == rows + THREADS * 5 * 3
        assert reader("history") == [*range(versions[0] + THREADS * 5, versions[0], -1), *versions]
