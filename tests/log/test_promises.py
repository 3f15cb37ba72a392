"""What a user is told about an operation is true, and where a writer may not go on it does not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from log.harness import LOG, Refusal, Repo, everything, position, seq
from log.test_faults import OPERATIONS

NOTHING_COMMITTED = "ANABRANCH_REPOSITORY.STORE_FAILED"
UNKNOWN = "ANABRANCH_COMMIT.OUTCOME_UNKNOWN"


@pytest.mark.proves("LOG-1", "TXN-4", "OBJ-4")
@pytest.mark.parametrize("fault", ["fail", "lose-request", "lose-response"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_who_is_told_that_nothing_was_committed_finds_nothing(
    smalls: dict[bool, Repo], name: str, fault: str
) -> None:
    repo = smalls[True]
    operation, given = OPERATIONS[name]
    before = everything(repo)
    for number in itertools.count(1):
        victim = repo.copy().faulty(f"any {number} {fault}")
        try:
            victim(operation, **given)
        except Refusal as refusal:
            assert refusal.condition in (NOTHING_COMMITTED, UNKNOWN)
            if refusal.condition == NOTHING_COMMITTED:
                assert everything(victim.fresh()) == before, f"{fault} at request {number}: {refusal.message}"
        if victim.raw.requests("any") < number:
            break


@pytest.mark.proves("OBJ-4", "OBJ-3", "LOG-4")
@pytest.mark.parametrize("ordered", [True, False])
def test_a_lost_answer_while_a_repository_is_created_is_settled(java: Any, ordered: bool) -> None:
    for number in itertools.count(1):
        store = java.StoreHandle.memory(f"created{number}", ordered)
        victim = Repo.on(java, store).faulty(f"PUT {number} lose-response")
        victim("open")
        assert set(victim.fresh()("snapshot")["namespaces"]) == {"default"}
        if victim.raw.requests("PUT") < number:
            assert number > 4, "the probe's two, repository.json and the first entry"
            break


@pytest.mark.proves("OBJ-4")
@pytest.mark.parametrize("fault", ["lose-request", "lose-response"])
@pytest.mark.parametrize("operation", ["tag", "drop_tag", "branch"])
def test_a_name_whose_outcome_nobody_can_read_is_told_with_a_transaction(
    repo: Repo, operation: str, fault: str
) -> None:
    given = {"name": "v1" if operation == "drop_tag" else "new"}
    trial = repo.copy().faulty("")
    trial(operation, **given)
    puts = trial.raw.requests("PUT")
    probe = repo.copy().recording()
    probe(operation, **given)
    sent = list(probe.raw.log().mkString("\n").splitlines())
    last = max(i for i, request in enumerate(sent) if request.startswith("PUT"))
    reads = sum(request.startswith("GET") for request in sent[:last])
    victim = repo.copy().faulty(f"PUT {puts} {fault}; GET {reads + 1} fail")
    old = set(victim.paths())
    with pytest.raises(Refusal) as caught:
        victim(operation, **given)
    assert caught.value.condition == UNKNOWN
    assert old <= set(victim.paths()), "nothing is deleted"
    written = [victim.read(p) for p in sorted(set(victim.paths()) - old) if "/refs/" in p or LOG in p]
    known = [w["commits"][0]["body"]["txn"] if "commits" in w else w.get("txn") for w in written]
    if fault == "lose-response" or operation == "branch":
        assert any(txn is not None and txn in caught.value.message for txn in known)


@pytest.mark.proves("OBJ-4")
def test_a_lost_race_whose_winner_nobody_can_read_may_have_been_our_own(repo: Repo) -> None:
    """A client that repeats requests by itself is told "lost" about the name that it took."""
    trial = repo.copy().faulty("")
    trial("append", files=1)
    puts, gets = trial.raw.requests("PUT"), trial.raw.requests("GET")
    settled = repo.copy().faulty(f"PUT {puts} replace-but-deny")
    settled("append", files=1, rows=7)
    assert settled.fresh().rows() == repo.rows() + 7, "it was, and once only"
    victim = repo.copy().faulty(f"PUT {puts} replace-but-deny; GET {gets + 1} fail")
    old = set(victim.paths())
    with pytest.raises(Refusal) as caught:
        victim("append", files=1)
    assert caught.value.condition == UNKNOWN
    (path,) = (p for p in set(victim.paths()) - old if p.startswith(LOG))
    assert victim.read(path)["commits"][0]["body"]["txn"] in caught.value.message


@pytest.mark.proves("OBJ-3")
@pytest.mark.parametrize(("operation", "given"), [("append", {"files": 101}), ("checkpoint", {})])
def test_lists_of_files_are_not_written_before_the_store_is_proven(
    repo: Repo, operation: str, given: dict[str, Any]
) -> None:
    before = repo.paths()
    with pytest.raises(Refusal) as caught:
        repo.faulty("PUT * ignore-condition")(operation, **given)
    assert caught.value.condition == "ANABRANCH_REPOSITORY.UNSAFE_STORE"
    assert repo.paths() == before


@pytest.mark.proves("OBJ-4")
def test_a_manifest_that_the_client_sent_twice_is_ours(repo: Repo) -> None:
    """The first answer got lost, the client repeated the request by itself, and the name was taken: by us."""
    puts = {}
    for files in (1, 101):
        trial = repo.copy().faulty("")
        trial("append", files=files)
        puts[files] = trial.raw.requests("PUT")
    assert puts[101] == puts[1] + 1
    for fault in ("lose-response", "replace-but-deny"):
        victim = repo.copy().faulty(f"PUT {puts[1]} {fault}")
        victim("append", files=101, rows=2)
        assert victim.fresh().rows() == repo.rows() + 202


@pytest.mark.proves("LOG-5")
@pytest.mark.parametrize("operation", ["append", "create", "drop_branch", "reset"])
def test_a_writer_does_not_go_on_in_another_branch_that_took_the_name(repo: Repo, operation: str) -> None:
    """The branch was dropped, and one of its name created: that is not its successor."""
    writer, rival = repo.tapped(), repo.fresh()
    all_given: dict[str, dict[str, Any]] = {
        "append": {"branch": "dev", "files": 1},
        "create": {"branch": "dev", "table": "db.new"},
        "drop_branch": {"name": "dev"},
        "reset": {"name": "dev", "to": "v1"},
    }
    given = all_given[operation]
    own = f"{LOG}{repo('resolve', ref='dev')['commit'][:6]}/"
    writer.meanwhile(own, rival, "replace_branch", name="dev")
    with pytest.raises(Refusal) as caught:
        writer(operation, **given)
    assert caught.value.condition == "ANABRANCH_REF.CLOSED"
    found = repo.fresh()("resolve", ref="dev")
    assert found["operation"] == "CREATE BRANCH", "nothing happened to the other branch"


@pytest.mark.proves("LOG-5")
def test_a_writer_goes_through_several_resets(repo: Repo) -> None:
    writer, rival = repo.tapped(), repo.fresh()
    writer("hold", branch="dev", **{"as": "base"})
    for _ in range(3):
        rival("reset", name="dev", to="dev")
    committed = writer("append", branch="dev", base="base", files=1, rows=9)
    assert repo.fresh()("resolve", ref="dev")["commit"] == committed
    assert seq(committed) == 1
    assert repo.fresh().rows(ref="dev") == 6 + 9


@pytest.mark.proves("LOG-5", "CHK-1")
def test_a_checkpoint_of_the_last_entry_does_not_open_a_log_again(repo: Repo) -> None:
    end = repo("resolve", ref="dev")["commit"]
    while seq(end) < 255:
        end = repo("append", branch="dev", table="db.other", files=1)
    repo("drop_branch", name="dev")
    closed = f"{end[:6]}-256"
    assert position(repo("resolve", ref=closed)["commit"]) == closed
    repo.fresh()("checkpoint", branch=closed)
    assert "dev" not in repo.fresh()("refs")["branches"]
