"""Something goes wrong at every single request of an operation: it happened, or it did not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from log.harness import LOG, Killed, Refusal, Repo, everything

OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "append": ("append", {"files": 1, "rows": 7}),
    "append with a manifest": ("append", {"files": 101, "rows": 7}),
    "create table": ("create", {"table": "db.new", "files": 1, "rows": 2}),
    "create branch": ("branch", {"name": "new", "from": "dev"}),
    "drop branch": ("drop_branch", {"name": "dev"}),
    "create tag": ("tag", {"name": "v2"}),
    "drop tag": ("drop_tag", {"name": "v1"}),
    "reset": ("reset", {"name": "dev", "to": "main~1"}),
    "reset main": ("reset", {"name": "main", "to": "v1"}),
    "merge": ("merge", {"source": "dev"}),
}
FAULTS = ["kill-before", "kill-after", "lose-request", "lose-response", "fail", "delay-1"]
# What a user may be told when the store does not answer.
HONEST = {"ANABRANCH_COMMIT.OUTCOME_UNKNOWN", "ANABRANCH_REPOSITORY.STORE_FAILED"}


def attempt(repo: Repo, operation: str, given: dict[str, Any]) -> bool:
    """Whether it says that it succeeded."""
    try:
        repo(operation, **given)
    except Killed:
        return False
    except Refusal as refusal:
        assert refusal.condition in HONEST, refusal
        return False
    return True


@pytest.mark.proves("LOG-1", "TXN-4", "OBJ-4")
@pytest.mark.parametrize(
    ("ordered", "fault"),
    [*((True, fault) for fault in FAULTS), (False, "kill-before"), (False, "kill-after")],
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_fault_at_any_request_leaves_all_or_nothing(
    smalls: dict[bool, Repo], name: str, fault: str, ordered: bool
) -> None:
    repo = smalls[ordered]
    operation, given = OPERATIONS[name]
    before = everything(repo)
    done = repo.copy()
    done(operation, **given)
    after = everything(done)
    assert before != after
    for number in itertools.count(1):
        victim = repo.copy().faulty(f"any {number} {fault}")
        told = attempt(victim, operation, given)
        survivor = victim.fresh()
        found = everything(survivor)
        assert found in (before, after), f"half a state after {fault} at request {number}"
        if told or found == after:
            assert found == after, f"{fault} at request {number}: it was promised and did not happen"
        else:
            survivor(operation, **given)
            assert everything(survivor.fresh()) == after, f"the second try after {fault} at request {number}"
        if victim.raw.requests("any") < number:
            assert told
            break


@pytest.mark.proves("LOG-1", "REPO-1")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_repository_whose_creator_fails_at_any_request_is_created_by_the_next(
    empty: Repo, fault: str
) -> None:
    for number in itertools.count(1):
        victim = Repo.on(empty.java, empty.java.StoreHandle.memory("new", True)).faulty(
            f"any {number} {fault}"
        )
        told = attempt(victim, "open", {})
        survivor = victim.fresh()
        survivor("namespace", name="db")
        assert catalog_names(survivor.fresh()) == {"default", "db"}
        info = survivor.read("_anabranch/repository.json")
        assert survivor.entry("000000-0")["body"]["repository"] == info["id"]
        if victim.raw.requests("any") < number:
            assert told
            break


def catalog_names(repo: Repo) -> set[str]:
    return set(repo("snapshot")["namespaces"])


@pytest.mark.proves("OBJ-4", "LOG-4")
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_lost_answer_to_any_create_is_settled_by_reading_back(repo: Repo, name: str) -> None:
    operation, given = OPERATIONS[name]
    done = repo.copy()
    done(operation, **given)
    after = everything(done)
    for number in itertools.count(1):
        victim = repo.copy().faulty(f"PUT {number} lose-response")
        if name == "append with a manifest":
            try:
                victim(operation, **given)
            except Refusal as refusal:  # the manifest is not settled; nothing was committed
                assert refusal.condition == "ANABRANCH_REPOSITORY.STORE_FAILED"
                victim.fresh()(operation, **given)
        else:
            victim(operation, **given)
        assert everything(victim.fresh()) == after
        if victim.raw.requests("PUT") < number:
            break


def last_put(repo: Repo, operation: str, given: dict[str, Any]) -> tuple[int, int]:
    """How many creates and reads an operation takes, its last create being the commit."""
    trial = repo.copy().faulty("")
    trial(operation, **given)
    return trial.raw.requests("PUT"), trial.raw.requests("GET")


@pytest.mark.proves("OBJ-4")
@pytest.mark.parametrize("fault", ["lose-request", "lose-response"])
def test_an_outcome_that_nobody_can_read_is_told_with_its_transaction_and_deletes_nothing(
    repo: Repo, fault: str
) -> None:
    puts, gets = last_put(repo, "append", {"files": 1})
    plan = f"PUT {puts} {fault}" + (f"; GET {gets + 1} fail" if fault == "lose-response" else "")
    victim = repo.copy().faulty(plan)
    old = set(victim.paths())
    with pytest.raises(Refusal) as caught:
        victim("append", files=1)
    assert caught.value.condition == "ANABRANCH_COMMIT.OUTCOME_UNKNOWN"
    assert old <= set(victim.paths())
    new = sorted(p for p in set(victim.paths()) - old if p.startswith(LOG))
    if fault == "lose-response":
        (commit,) = victim.read(new[0])["commits"]
        assert commit["body"]["txn"] in caught.value.message
    else:
        assert new == []


@pytest.mark.proves("OBJ-4")
def test_somebody_elses_entry_is_not_taken_for_ours(repo: Repo) -> None:
    """The request got lost, and another commit stands in the place: it was not ours."""
    puts, _ = last_put(repo, "append", {"files": 1})
    victim = repo.copy().faulty(f"PUT {puts} lose-request")
    victim("hold", **{"as": "base"})
    first = victim.fresh()("append", files=1, rows=11)
    second = victim("append", base="base", files=1, rows=7)
    assert victim.raw.requests("PUT") == puts + 1
    assert victim.fresh()("log", limit=2) == [second, first]
    assert victim.fresh().rows() == repo.rows() + 11 + 7


@pytest.mark.proves("TXN-4", "LOG-8")
def test_what_a_failed_commit_leaves_no_entry_names(repo: Repo) -> None:
    victim = repo.tapped()
    victim("hold", **{"as": "base"})
    repo("alter", columns=[{"name": "b", "type": "long"}])
    old = set(repo.paths())
    with pytest.raises(Refusal) as caught:
        victim("append", base="base", files=101)
    assert caught.value.condition == "ANABRANCH_COMMIT.CONFLICT"
    left = set(repo.paths()) - old
    assert left and all(p.startswith("_anabranch/manifests/") for p in left)
    log = "".join(bytes(repo.store.read(p)).decode() for p in repo.paths() if p.startswith(LOG))
    assert not any(p.split("/")[-1].removesuffix(".parquet") in log for p in left)
