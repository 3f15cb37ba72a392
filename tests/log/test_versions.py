"""Versions and times of tables in long histories, with checkpoints and across fork points."""

from __future__ import annotations

from typing import Any

import pytest

from log.harness import Refusal, Repo, position, seq

MAIN, BRANCH = 600, 300  # versions of the table on main; and on the branch, from FORK on
FORK = 530
START = 4_000_000_000_000  # milliseconds; the clock stands there, so each commit is one later than its parent


def rows_of(version: int) -> int:
    """Version n added a file of n % 7 + 1 rows to the one before, 0 none."""
    return sum(n % 7 + 1 for n in range(1, version + 1))


@pytest.fixture(scope="session")
def far(java: Any) -> Repo:
    """main with 600 versions, and a branch that left it at 530 and went on to 830."""
    repo = Repo.on(java, java.StoreHandle.memory("far", True))
    repo.clock.setClock(START)
    repo("namespace", name="db")
    repo("create", table="db.t")
    for version in range(1, MAIN + 1):
        if version == FORK + 1:
            repo("branch", name="side")
        repo("append", files=1, rows=version % 7 + 1)
        if version == 300:
            repo("create", table="db.late")
    for version in range(FORK + 1, FORK + BRANCH + 1):
        repo("append", branch="side", files=1, rows=version % 7 + 1)
    return repo


def without_checkpoints(repo: Repo, keep: str = "nothing") -> Repo:
    copy = repo.copy()
    for path in copy.paths():
        if path.startswith("_anabranch/checkpoints/") and keep not in path:
            copy.store.delete(path)
    return copy


def checkpointed(repo: Repo) -> Repo:
    """A copy whose checkpoints are all there, as the background writes them."""
    copy = repo.copy()
    for ordinal in {c[:6] for c in copy("refs")["branches"].values()}:
        last = seq(copy("head", ordinal=ordinal))
        for due in range(256, last + 1, 256):
            copy("checkpoint", branch=f"{ordinal}-{due}")
    return copy


CHECKPOINTS = {"all": checkpointed, "none": without_checkpoints}


@pytest.mark.proves("TAB-1", "CHK-1", "LOG-7")
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_every_version_is_found_far_back_and_across_a_fork(far: Repo, kind: str, ordered: bool) -> None:
    repo = CHECKPOINTS[kind](far).kind(ordered)
    found = [p for p in repo.paths() if p.startswith("_anabranch/checkpoints/") and p.endswith(".json")]
    assert len(found) == (3 if kind == "all" else 0)
    wanted = {*range(0, 840, 41), 1, 254, 255, 256, 510, 511, 512, FORK - 1, FORK, FORK + 1, FORK + 2}
    for ref, last in [("main", MAIN), ("side", FORK + BRANCH)]:
        reader = repo.fresh()
        for version in sorted(v for v in wanted | {last} if v <= last):
            answer = reader("version", ref=ref, at=str(version))
            assert (answer["version"], answer["rows"]) == (version, rows_of(version))
            assert answer["commit"].startswith("000000-") == (ref == "main" or version <= FORK)
        with pytest.raises(Refusal) as caught:
            reader("version", ref=ref, at=str(last + 1))
        assert caught.value.condition == "ANABRANCH_TABLE.VERSION_NOT_FOUND"
        assert repo.fresh()("history", ref=ref) == list(range(last, max(last - 1000, -1), -1))


@pytest.mark.proves("CHK-1")
def test_a_version_is_the_same_whichever_checkpoints_are_left(far: Repo) -> None:
    whole = checkpointed(far)
    first, second = (f"000000/{999999999999 - due}" for due in (256, 512))
    for keep in (first, second):
        repo = without_checkpoints(whole, keep=keep)
        assert sum(p.endswith(".json") for p in repo.paths() if "/checkpoints/" in p) == 1
        reader = repo.fresh()
        for version in (3, 253, 254, 255, 511, 513, 599):
            assert reader("version", at=str(version))["rows"] == rows_of(version)
        assert repo.fresh()("snapshot") == whole.fresh()("snapshot")


@pytest.mark.proves("CHK-1")
def test_a_version_far_back_does_not_take_the_whole_log(far: Repo) -> None:
    cold = checkpointed(far).recording()
    cold("snapshot")
    cold.raw.reset()
    assert cold("version", at="254")["rows"] == rows_of(254)
    assert cold.raw.total() <= 10, list(cold.raw.log().mkString("\n").splitlines())


@pytest.mark.proves("TIME-1")
def test_times_lead_across_fork_points_and_checkpoints(far: Repo) -> None:
    repo = checkpointed(far).fresh()
    first = repo("resolve", ref="000000-0")["time"]
    for ref, place in [
        ("main", "000000-256"),
        ("main", "000000-257"),
        ("main", "000000-2"),
        ("side", "side~290"),
    ]:
        time = repo("resolve", ref=place)["time"]
        expected = position(repo("resolve", ref=place)["commit"])
        for later, same in [(0, True), (-1, False)]:
            if expected == "000000-2" and not same:
                continue  # that created the table
            assert (position(repo("time", ref=ref, at=time + later)["commit"]) == expected) == same
    fork = repo("resolve", ref="side~300")
    assert fork["operation"] == "CREATE BRANCH"
    parent = position(fork["parents"][0])
    assert parent.startswith("000000-")
    at = repo("time", ref="side", at=fork["time"] - 1)
    assert position(at["commit"]) == parent and at["rows"] == rows_of(FORK)
    assert repo("time", ref="side", at=fork["time"])["rows"] == rows_of(FORK)
    assert repo("time", ref="main", at=START + 10**9)["rows"] == rows_of(MAIN)
    with pytest.raises(Refusal) as caught:
        repo("time", at=first - 1)
    assert caught.value.condition == "ANABRANCH_REF.BEFORE_FIRST_COMMIT"
    with pytest.raises(Refusal) as caught:
        repo("time", table="db.late", at=first + 5)
    assert caught.value.condition == "ANABRANCH_TABLE.NOT_AT_TIME"
