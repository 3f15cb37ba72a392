"""How many requests operations take."""

from __future__ import annotations

from typing import Any

import pytest

from log.harness import Repo


@pytest.fixture
def warm(smalls: dict[bool, Repo]) -> Repo:
    """A repository that has written already, and counts from now on."""
    repo = smalls[True].copy().recording()
    repo("append", files=1)
    repo("snapshot", ref="dev")
    repo("refs")
    repo.raw.reset()
    return repo


def counts(repo: Repo) -> dict[str, int]:
    kinds = ("PUT won", "PUT lost", "GET hit", "GET miss", "LIST", "DELETE", "HEAD")
    return {kind: n for kind in kinds if (n := repo.raw.count(kind))}


def test_an_append_is_one_create_and_asking_whether_anything_is_new(warm: Repo) -> None:
    warm("append", files=1)
    assert counts(warm) == {"PUT won": 1, "GET miss": 1}


def test_a_commit_on_a_state_that_is_at_hand_is_one_create(warm: Repo) -> None:
    warm("hold", **{"as": "base"})
    warm.raw.reset()
    warm("append", base="base", files=1)
    assert counts(warm) == {"PUT won": 1}


def test_asking_whether_a_branch_is_current_is_one_request(warm: Repo) -> None:
    warm("snapshot")
    assert counts(warm) == {"GET miss": 1}


def test_a_lost_race_costs_the_winners_and_one_create_more(warm: Repo) -> None:
    warm("hold", **{"as": "base"})
    other = warm.fresh()
    for _ in range(3):
        other("append", files=1)
    warm.raw.reset()
    warm("append", base="base", files=1)
    assert counts(warm) == {"PUT lost": 1, "GET hit": 3, "GET miss": 1, "PUT won": 1}


def test_a_branch_is_at_most_two_creates(warm: Repo) -> None:
    warm("branch", name="new")
    assert warm.raw.count("PUT") <= 2


def test_a_fast_forward_merge_is_one_create(warm: Repo) -> None:
    warm("branch", name="new")
    warm("append", branch="new", files=1)
    warm.raw.reset()
    assert warm("merge", source="new")["fast_forward"]
    assert warm.raw.count("PUT") == 1


def test_a_merge_of_different_tables_is_one_create(warm: Repo) -> None:
    assert not warm("merge", source="dev")["fast_forward"]
    assert warm.raw.count("PUT") == 1


def test_nothing_of_a_repository_is_ever_deleted(smalls: dict[bool, Repo]) -> None:
    repo = smalls[True].copy().recording()
    old = {p: bytes(repo.store.read(p)) for p in repo.paths()}
    repo("merge", source="dev")
    repo("reset", name="dev", to="v1")
    repo("drop_branch", name="dev")
    repo("drop_tag", name="v1")
    repo("overwrite", files=101)
    deleted = [r.split()[-1] for r in repo.raw.log().mkString("\n").splitlines() if r.startswith("DELETE")]
    assert all(path.startswith("_anabranch/probes/") for path in deleted)
    assert {p: bytes(repo.store.read(p)) for p in old} == old


@pytest.mark.parametrize("kind", ["small", "long"])
def test_a_cold_open_reads_what_follows_the_checkpoint_only(
    kind: str, smalls: dict[bool, Repo], long_log: Repo, java: Any
) -> None:
    inner = (smalls[True] if kind == "small" else long_log).copy()
    cold = Repo.on(java, inner.store, java.RecordingStore(inner.store.store(), 5))
    cold("load")
    assert cold.raw.total() <= 16
    assert cold.raw.rounds() <= 9
