"""Groups, heads, damage, checkpoints, features: what readers find on the store."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from anabranch.core.format.canonical import canonical
from log.harness import LOG, Refusal, Repo, everything, log_path, position, seq

CHECKPOINT = "_anabranch/checkpoints/000000/999999999743.json"


def rewritten(repo: Repo, at: str, change: Any) -> bytes:
    log = repo.read(log_path(at))
    change(log["commits"][0])
    return canonical(log)


def grouped(repo: Repo, sizes: list[int]) -> Repo:
    """A copy of the repository with main's log in objects of so many commits."""
    log = [repo.entry(f"000000-{n}") for n in range(seq(repo("resolve")["commit"]) + 1)]
    copy = repo.copy()
    for number in range(len(log)):
        copy.store.delete(log_path(f"000000-{number}"))
    start = 0
    for size in sizes:
        group = log[start : start + size]
        assert (
            copy.store.create(log_path(f"000000-{start}"), bytearray(canonical({"commits": group}))) == "won"
        )
        start += size
    assert start == len(log)
    return copy


@pytest.mark.proves("LOG-2", "LOG-7")
@pytest.mark.parametrize("sizes", [[5], [1, 4], [4, 1], [2, 2, 1], [1, 1, 3]])
def test_groups_read_like_single_commits(repo: Repo, sizes: list[int]) -> None:
    copy = grouped(repo, sizes)
    assert everything(copy) == everything(repo)
    assert copy.fresh()("log") == repo("log")
    assert copy("head", ordinal="000000") == repo("head", ordinal="000000") == repo("resolve")["commit"]
    for commit in repo("log"):
        assert copy("entry", position=position(commit)) == commit
        assert copy.fresh()("resolve", ref=commit)["commit"] == commit
    writer, known = copy.fresh(), copy.fresh()
    known("snapshot", ref="main~1")
    assert position(writer("append", files=1, rows=1)) == "000000-5"
    assert position(known("append", files=1, rows=1)) == "000000-6"
    assert copy.fresh().rows() == repo.rows() + 2


@pytest.mark.proves("LOG-2", "LOG-7", "CHK-1")
@pytest.mark.parametrize("sizes", [[64, 64, 64, 64, 5], [64, 64, 64, 60, 9], [64, 64, 64, 64, 1, 4]])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_checkpoint_in_the_middle_of_a_group(long_log: Repo, sizes: list[int], ordered: bool) -> None:
    copy = grouped(long_log, sizes).kind(ordered)
    assert copy("resolve")["commit"] == long_log("resolve")["commit"]
    assert copy.rows() == long_log.rows()
    assert position(copy("append", files=1)) == "000000-261"


@pytest.mark.proves("LOG-7")
def test_both_ways_to_find_a_head_agree(long_log: Repo, repo: Repo) -> None:
    for some in (long_log, repo):
        for ordinal in {commit[:6] for commit in some("refs")["branches"].values()}:
            heads = {some.kind(way)("head", ordinal=ordinal) for way in (True, False)}
            assert len(heads) == 1 and None not in heads
    assert repo("head", ordinal="fffff0") is None


@pytest.mark.proves("LOG-7", "CHK-1")
@pytest.mark.parametrize("ordered", [True, False])
def test_a_head_that_has_a_checkpoint(long_log: Repo, ordered: bool) -> None:
    copy = long_log.kind(ordered)
    for number in range(257, 261):
        copy.store.delete(log_path(f"000000-{number}"))
    assert position(copy("resolve")["commit"]) == "000000-256"
    assert position(copy("append", files=1)) == "000000-257"


@pytest.mark.proves("LOG-6")
def test_an_edited_entry_is_refused_by_its_name(repo: Repo) -> None:
    path = log_path("000000-2")
    repo.replace(path, rewritten(repo, "000000-2", lambda c: c["body"].update(author="mallory")))
    with pytest.raises(Refusal) as caught:
        repo.fresh()("snapshot")
    assert caught.value.condition == "ANABRANCH_LOG.CHAIN_BROKEN" and path in caught.value.message


@pytest.mark.proves("LOG-6", "COM-1")
def test_an_edited_head_is_not_the_commit_that_a_tag_names(repo: Repo) -> None:
    repo("tag", name="v2")
    head = position(repo("resolve")["commit"])
    repo.replace(log_path(head), rewritten(repo, head, lambda c: c["body"].update(author="mallory")))
    with pytest.raises(Refusal) as caught:
        repo.fresh()("snapshot", ref="v2")
    assert caught.value.condition == "ANABRANCH_LOG.CHAIN_BROKEN" and log_path(head) in caught.value.message


@pytest.mark.proves("COM-3")
def test_an_edited_part_is_refused_and_an_erased_one_reads_as_empty(repo: Repo) -> None:
    commit = repo("append", files=1, message="a secret")
    path = log_path(position(commit))

    def edit(c: Any) -> None:
        c["parts"]["message"]["value"] = "another"

    edited, erased = repo.copy(), repo.copy()
    edited.replace(path, rewritten(repo, position(commit), edit))
    with pytest.raises(Refusal) as caught:
        edited("snapshot")
    assert caught.value.condition == "ANABRANCH_LOG.CORRUPT_OBJECT" and path in caught.value.message
    erased.replace(path, rewritten(repo, position(commit), lambda c: c["parts"].clear()))
    assert erased("resolve")["message"] == "" and erased("resolve")["commit"] == commit
    assert erased.rows() == repo.rows()
    assert position(erased("append", files=1)) == f"000000-{seq(commit) + 1}", "the chain is valid"


@pytest.mark.proves("LOG-6", "OBJ-2")
@pytest.mark.parametrize("damage", ["cut", "empty", "other", "moved"])
def test_a_damaged_entry_is_refused_by_its_name(repo: Repo, damage: str) -> None:
    path = log_path("000000-2")
    data = bytes(repo.store.read(path))
    moved = bytes(repo.store.read(log_path("000000-1")))
    repo.replace(path, {"cut": data[:-5], "empty": b"", "other": b"{}", "moved": moved}[damage])
    with pytest.raises(Refusal) as caught:
        repo.fresh()("snapshot")
    assert caught.value.condition in ("ANABRANCH_LOG.CORRUPT_OBJECT", "ANABRANCH_LOG.CHAIN_BROKEN")
    assert path in caught.value.message


@pytest.mark.proves("LOG-6", "LOG-8")
def test_an_entry_that_is_gone_is_told_by_its_name(smalls: dict[bool, Repo]) -> None:
    repo = smalls[True].copy()
    repo.store.delete(log_path("000000-2"))
    with pytest.raises(Refusal) as caught:
        repo("snapshot")
    assert caught.value.condition == "ANABRANCH_LOG.ENTRY_MISSING"
    assert log_path("000000-2") in caught.value.message


def of_another_commit(repo: Repo) -> bytes:
    """A valid checkpoint, but of a commit that this log does not have."""
    outer = repo.read(CHECKPOINT)
    inner = outer["checkpoint"]
    inner["commit"] = "000000-256-" + "0" * 64
    inner["tables"] = {}
    return canonical({"checkpoint": inner, "sha256": hashlib.sha256(canonical(inner)).hexdigest()})


@pytest.mark.proves("CHK-1")
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("at_head", [True, False])
@pytest.mark.parametrize(
    "damage", ["gone", "garbage", "cut", "edited", "other commit", "list gone", "list damaged"]
)
def test_a_checkpoint_is_never_needed(long_log: Repo, damage: str, at_head: bool, ordered: bool) -> None:
    copy = long_log.kind(ordered)
    if at_head:
        for number in range(257, 261):
            copy.store.delete(log_path(f"000000-{number}"))
    expected = copy("snapshot"), copy("snapshot", ref="dev")
    data = bytes(copy.store.read(CHECKPOINT))
    lists = [p for p in copy.paths() if p.startswith("_anabranch/checkpoints/files/")]
    assert len(lists) >= 2
    if damage == "gone":
        copy.store.delete(CHECKPOINT)
    elif damage.startswith("list"):
        for path in lists:
            copy.replace(path, b"PAR1") if damage == "list damaged" else copy.store.delete(path)
    else:
        edited = data.replace(b'"db","t"', b'"db","x"')
        assert edited != data
        worse = {
            "garbage": b"\xff",
            "cut": data[:-9],
            "edited": edited,
            "other commit": of_another_commit(copy),
        }
        copy.replace(CHECKPOINT, worse[damage])
    found = copy.fresh()
    assert (found("snapshot"), found("snapshot", ref="dev")) == expected
    assert found("history")[-1] == 0


@pytest.mark.proves("CHK-1")
def test_a_checkpoint_is_used_when_it_is_there(long_log: Repo) -> None:
    cold = long_log.copy().recording()
    cold("snapshot")
    assert cold.raw.count("GET hit") < 20


@pytest.mark.proves("CHK-1")
def test_a_checkpoint_that_is_due_is_written_by_itself(java: Any) -> None:
    import time

    repo = Repo.on(java, java.StoreHandle.memory("due", True))
    repo("namespace", name="db")
    repo("create")
    while seq(repo("append", files=1)) < 256:
        pass
    for _ in range(100):
        if repo.store.read(CHECKPOINT) is not None:
            break
        time.sleep(0.05)
    inner = repo.read(CHECKPOINT)["checkpoint"]
    assert inner["commit"] == repo("resolve")["commit"]
    state = repo.fresh()("snapshot")
    assert {t: v["content"] for t, v in inner["tables"].items()} == {
        t: v["content"] for t, v in state["tables"].items()
    }
    assert inner["vector"] == state["vector"] == {"000000": 256}


@pytest.mark.proves("REPO-1", "REPO-2", "REPO-3")
@pytest.mark.parametrize(
    ("members", "reads", "writes"),
    [
        ({"invented": 1}, None, None),
        ({"format": 2}, "ANABRANCH_REPOSITORY.UNSUPPORTED_FORMAT", None),
        ({"reader_features": ["time-machine"]}, "ANABRANCH_REPOSITORY.UNKNOWN_FEATURE", None),
        ({"writer_features": ["time-machine"]}, None, "ANABRANCH_REPOSITORY.UNKNOWN_FEATURE"),
    ],
)
def test_a_repository_that_needs_more_than_this_software_knows(
    repo: Repo, members: Any, reads: str | None, writes: str | None
) -> None:
    path = "_anabranch/repository.json"
    repo.replace(path, canonical(repo.read(path) | members))
    before = set(repo.paths())
    for operation, given, condition in [("snapshot", {}, reads), ("append", {"files": 1}, reads or writes)]:
        if condition is None:
            repo.fresh()(operation, **given)
            continue
        with pytest.raises(Refusal) as caught:
            repo.fresh()(operation, **given)
        assert caught.value.condition == condition
        named = ["2", "1"] if "format" in members else ["time-machine"]
        assert all(n in caught.value.message for n in named)
        assert set(repo.paths()) == before


@pytest.mark.proves("REPO-2")
@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize("kind", ["reader_features", "writer_features"])
def test_a_table_that_needs_more_than_this_software_knows(
    long_log: Repo, repo: Repo, kind: str, checkpointed: bool
) -> None:
    path = CHECKPOINT if checkpointed else ""
    if checkpointed:
        repo = long_log.copy()
        outer = repo.read(path)
        inner = outer["checkpoint"]
        for table in inner["tables"].values():
            if table["name"] == ["db", "t"]:
                table["metadata"][kind] = ["time-machine"]
        digest = hashlib.sha256(canonical(inner)).hexdigest()
        repo.replace(path, canonical({"checkpoint": inner, "sha256": digest}))
    else:
        repo("features", **{kind: ["time-machine"]})
    reader = repo.fresh()
    if kind == "reader_features":
        with pytest.raises(Refusal) as caught:
            reader("load")
        assert caught.value.condition == "ANABRANCH_REPOSITORY.UNKNOWN_FEATURE"
        assert "time-machine" in caught.value.message and "db.t" in caught.value.message
    else:
        reader("load")
    reader("load", table="db.many" if checkpointed else "db.other")
    head = reader("resolve")["commit"]
    for operation in ("append", "overwrite", "properties", "drop"):
        with pytest.raises(Refusal) as caught:
            repo.fresh()(operation, files=1, properties={"a": "b"})
        assert caught.value.condition == "ANABRANCH_REPOSITORY.UNKNOWN_FEATURE"
        assert "time-machine" in caught.value.message
    assert repo.fresh()("resolve")["commit"] == head
    repo.fresh()("create", table="db.another")


@pytest.mark.proves("OBJ-3")
@pytest.mark.parametrize("fault", ["ignore-condition", "replace-but-deny"])
def test_a_store_that_overwrites_is_refused_before_anything_is_written(
    repo: Repo, empty: Repo, fault: str
) -> None:
    for some, operation in [
        (empty, "open"),
        (repo, "append"),
        (repo, "branch"),
        (repo, "tag"),
        (repo, "reset"),
    ]:
        before = some.paths()
        victim = some.faulty(f"PUT * {fault}")
        if operation != "open":
            victim("snapshot")  # reading needs no proof
        with pytest.raises(Refusal) as caught:
            victim(operation, name="dev" if operation == "reset" else "new", files=1, to="v1")
        assert caught.value.condition == "ANABRANCH_REPOSITORY.UNSAFE_STORE"
        assert some.paths() == before


@pytest.mark.proves("OBJ-1")
def test_no_object_ever_changes(repo: Repo) -> None:
    known: dict[str, bytes] = {}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("append", {"files": 101}),
        ("branch", {"name": "new"}),
        ("append", {"branch": "new", "files": 1}),
        ("merge", {"source": "new"}),
        ("reset", {"name": "new", "to": "v1"}),
        ("drop_branch", {"name": "new"}),
        ("branch", {"name": "new"}),
        ("drop_tag", {"name": "v1"}),
        ("tag", {"name": "v1"}),
        ("checkpoint", {}),
    ]
    for operation, given in steps:
        repo.fresh()(operation, **given)
        now = {p: bytes(repo.store.read(p)) for p in repo.paths()}
        assert {p: now.get(p) for p in known} == known, operation
        known = now


@pytest.mark.proves("OBJ-1", "OBJ-2")
@pytest.mark.parametrize("kind", ["local", "memory"])
def test_a_create_is_whole_and_happens_once(java: Any, tmp_path: Path, kind: str) -> None:
    store = java.StoreHandle.local(str(tmp_path)) if kind == "local" else java.StoreHandle.memory("m", True)
    size = 4 * 1024 * 1024
    assert set(store.sizesSeenWhileCreating(f"{LOG}x/1", size)) <= {-1, size}
    outcomes = list(store.race(f"{LOG}x/2", 8, 1000))
    assert sorted(outcomes) == ["lost"] * 7 + ["won"]
    winner = str(outcomes.index("won")).encode()
    assert bytes(store.read(f"{LOG}x/2")) == winner * 1000


@pytest.mark.proves("REPO-3")
def test_members_that_nobody_knows_are_ignored_in_every_object(repo: Repo) -> None:
    for prefix in ("_anabranch/refs/tags/v1/", "_anabranch/refs/branches/dev/"):
        (path,) = [p for p in repo.paths() if p.startswith(prefix)]
        repo.replace(path, canonical(repo.read(path) | {"invented": [1]}))
    head = position(repo("resolve")["commit"])

    def invent(c: Any) -> None:
        c["body"]["invented"] = {"a": None}
        c["body"]["tables"] = {t: v | {"invented": 1} for t, v in c["body"]["tables"].items()}

    repo.replace(log_path(head), rewritten(repo, head, invent))
    assert json.dumps(everything(repo.fresh())) == json.dumps(everything(repo))
    repo.fresh()("append", files=1)
