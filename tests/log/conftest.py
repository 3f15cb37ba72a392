"""Repositories for the tests of the log, each test on its own copy."""

from __future__ import annotations

from typing import Any

import pytest

from log.harness import Repo


@pytest.fixture(scope="session")
def java(spark: Any) -> Any:
    return spark._jvm.io.anabranch.test


def small(java: Any, lists_in_order: bool) -> Repo:
    """main has a table of 2 files with 6 rows; dev and main went apart, on different tables."""
    repo = Repo.on(java, java.StoreHandle.memory("small", lists_in_order))
    repo("namespace", name="db")
    repo("create", table="db.t", files=2, rows=3)
    repo("create", table="db.other")
    repo("tag", name="v1")
    repo("branch", name="dev")
    repo("append", branch="dev", table="db.other", files=1, rows=4)
    repo("append", files=1, rows=5)
    return repo


@pytest.fixture(scope="session")
def smalls(java: Any) -> dict[bool, Repo]:
    return {kind: small(java, kind) for kind in (True, False)}


@pytest.fixture(params=[True, False], ids=["ordered", "unordered"])
def repo(smalls: dict[bool, Repo], request: pytest.FixtureRequest) -> Repo:
    """On a store that lists in order, and on one that does not."""
    return smalls[request.param].copy()


@pytest.fixture
def empty(java: Any) -> Repo:
    return Repo.on(java, java.StoreHandle.memory("empty", True))


@pytest.fixture(scope="session")
def long_log(java: Any) -> Repo:
    """A log of 260 entries, with a checkpoint at 256."""
    repo = Repo.on(java, java.StoreHandle.memory("long", True))
    repo("namespace", name="db")
    repo("create", table="db.t")
    repo("create", table="db.many", files=101, rows=2)
    while (head := repo("append", files=1, rows=1)) and not head.startswith("000000-256-"):
        pass
    repo("checkpoint")
    repo("branch", name="dev")
    for _ in range(4):
        repo("append", files=1, rows=1)
    return repo
