"""What stands in commits, and which changes fit on which."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anabranch.core.format.commits import decode_commit
from log.harness import LOG, Refusal, Repo, log_path, position, seq

CHANGES: dict[str, dict[str, Any]] = {
    "append": {"files": 1},
    "overwrite": {"files": 1},
    "alter": {"columns": [{"name": "b", "type": "long"}]},
    "properties": {"properties": {"p": "1"}},
    "rename": {"to": "db.renamed"},
    "drop": {},
}
# What fits on what: an append on all that leaves the columns and the table, a change of metadata on all that leaves that.
FITS = {
    "append": {"append", "overwrite", "properties", "rename"},
    "alter": {"append", "overwrite", "rename"},
    "properties": {"append", "overwrite", "rename"},
}


@pytest.mark.proves("COM-1", "COM-2", "LOG-6", "COM-5")
def test_every_entry_is_what_its_id_says_and_names_the_one_before(repo: Repo) -> None:
    repo("append", files=2, message="two files", metadata={"run": "7"})
    head = repo("resolve")["commit"]
    before = None
    for number in range(seq(head) + 1):
        entry = repo.entry(f"000000-{number}")
        assert entry["body"]["parents"] == ([before] if before else [])
        before = str(decode_commit(entry, "it").id)
    assert before == head
    body, parts = repo.entry(position(head))["body"], repo.entry(position(head))["parts"]
    (table,) = body["tables"]
    assert parts["message"]["value"] == "two files" and parts["metadata"]["value"] == {"run": "7"}
    assert set(parts) == {"message", "metadata", f"stats:{table}"}
    assert "two files" not in json.dumps(body) and "stats" not in json.dumps(body["tables"])
    assert len({p["salt"] for p in parts.values()}) == len(parts)


@pytest.mark.proves("COM-5", "TXN-1", "MAN-2", "TAB-1", "ROW-2")
def test_a_second_try_is_a_new_transaction_with_the_same_manifest(repo: Repo) -> None:
    writer, rival = repo.tapped(), repo.fresh()
    rows = writer.rows()
    writer.meanwhile(LOG, rival, "append", files=1, rows=4)
    writer("append", files=101, rows=2)
    tries = [
        json.loads(c.split(" ", 1)[1])["commits"][0]["body"]
        for c in writer.raw.creates()
        if c.startswith(LOG)
    ]
    lost, won = tries
    assert lost["txn"] != won["txn"] and (lost["seq"] + 1, won["seq"]) == (won["seq"], lost["seq"] + 1)
    (table,) = won["tables"]
    (first,), (second,) = (t["tables"][table]["manifests"] for t in tries)
    assert [m for m in writer.paths() if "/manifests/" in m] == [
        f"_anabranch/manifests/{first['id']}.parquet"
    ]
    assert second == first | {"first_row": first["first_row"] + 4}
    assert won["tables"][table]["version"] == lost["tables"][table]["version"] + 1
    files = writer.fresh()("load")["files"]
    spans = sorted((f["first_row"], f["first_row"] + f["rows"]) for f in files)
    assert [a for a, _ in spans] == [0, *(b for _, b in spans[:-1])], "no gap and nothing twice"
    assert writer.fresh().rows() == rows + 4 + 202


@pytest.mark.proves("TAB-4")
def test_many_files_stand_in_a_manifest_few_in_the_entry(repo: Repo) -> None:
    for files, in_entry in [(100, True), (101, False)]:
        body = repo.entry(position(repo("append", files=files)))["body"]
        (change,) = body["tables"].values()
        assert ("add" in change, "manifests" in change) == (in_entry, not in_entry)
    (manifest,) = change["manifests"]
    assert (manifest["files"], manifest["rows"]) == (101, 101)
    path = f"_anabranch/manifests/{manifest['id']}.parquet"
    data = bytes(repo.store.read(path))
    assert len(data) == manifest["size"]
    repo.replace(path, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Refusal) as caught:
        repo.fresh().rows()
    assert caught.value.condition == "ANABRANCH_LOG.CORRUPT_OBJECT" and path in caught.value.message


@pytest.mark.proves("TXN-2")
@pytest.mark.parametrize("theirs", CHANGES)
@pytest.mark.parametrize("ours", CHANGES)
def test_which_changes_of_one_table_fit_on_which(smalls: dict[bool, Repo], ours: str, theirs: str) -> None:
    repo = smalls[True].copy()
    repo("hold", **{"as": "base"})
    other = repo.fresh()
    theirs_given = {"to": "db.theirs"} if theirs == "rename" else CHANGES[theirs]
    winner = other(theirs, author="bob", **theirs_given)
    if theirs in FITS.get(ours, ()):
        assert seq(repo(ours, base="base", **CHANGES[ours])) == seq(winner) + 1
        return
    with pytest.raises(Refusal) as caught:
        repo(ours, base="base", **CHANGES[ours])
    assert caught.value.condition == "ANABRANCH_COMMIT.CONFLICT"
    assert "db." in caught.value.message and position(winner) in caught.value.message
    assert other("resolve")["commit"] == winner, "nothing was committed"


@pytest.mark.proves("TXN-2")
@pytest.mark.parametrize("theirs", CHANGES)
def test_changes_of_another_table_fit_on_anything(smalls: dict[bool, Repo], theirs: str) -> None:
    for ours in CHANGES:
        repo = smalls[True].copy()
        repo("hold", **{"as": "base"})
        winner = repo.fresh()(theirs, table="db.other", **CHANGES[theirs])
        assert seq(
            repo(ours, base="base", **(CHANGES[ours] | ({"to": "db.x"} if ours == "rename" else {})))
        ) == (seq(winner) + 1)


@pytest.mark.proves("TXN-3")
def test_tries_are_bounded_and_pause(repo: Repo) -> None:

    tapped = repo.tapped()
    tapped("hold", **{"as": "base"})
    rival = repo.fresh()
    rival("append", files=1)  # the first try is lost already
    tapped.meanwhile(f"{LOG}000000/{log_path('000000-6')[-17:-5]}", rival, "append", files=1)
    with pytest.raises(Refusal) as caught:
        tapped("append", base="base", files=1, retries=1)
    assert caught.value.condition == "ANABRANCH_COMMIT.RETRIES_EXHAUSTED"
    assert tapped.clock.pauses() == 1
    tapped("append", base="base", files=1, retries=2)


@pytest.mark.proves("COM-4")
def test_time_rises_along_a_log_whatever_the_clock_says(repo: Repo) -> None:
    repo.clock.setClock(4_000_000_000_000)
    repo("append", files=1)
    repo.clock.setClock(3_000_000_000_000)
    repo("append", files=1)
    repo("branch", name="new")
    repo.clock.setClock(5_000_000_000_000)
    repo("append", branch="new", files=1)
    assert repo("resolve")["time"] == 4_000_000_000_001
    assert [repo("resolve", ref=r)["time"] for r in ("new~1", "new")] == [
        4_000_000_000_002,
        5_000_000_000_000,
    ]


@pytest.mark.proves("LOG-3")
def test_an_entry_of_more_than_4_mib_is_refused(repo: Repo) -> None:
    head = repo("resolve")["commit"]
    with pytest.raises(Refusal) as caught:
        repo("append", files=1, message="x" * (4 * 1024 * 1024))
    assert caught.value.condition == "ANABRANCH_REPOSITORY.LIMIT_EXCEEDED"
    assert repo.fresh()("resolve")["commit"] == head
    repo("append", files=1, message="x" * (4 * 1024 * 1024 - 2000))
    assert len(repo.fresh()("resolve")["message"]) == 4 * 1024 * 1024 - 2000


@pytest.mark.proves("TAB-1", "TAB-3")
def test_versions_count_on_the_path_of_first_parents(repo: Repo) -> None:
    repo("branch", name="new")
    assert repo("history", ref="new") == [1, 0]
    repo("append", branch="new", files=1)
    repo("append", branch="new", files=1)
    repo("append", files=1)
    assert (repo("history"), repo("history", ref="new")) == ([2, 1, 0], [3, 2, 1, 0])
    body = repo.entry(position(repo("resolve", ref="new")["commit"]))["body"]
    (change,) = body["tables"].values()
    assert change["previous"] == position(repo("resolve", ref="new~1")["commit"])


@pytest.mark.proves("TAB-5")
def test_a_name_is_of_one_table_and_in_a_namespace(repo: Repo) -> None:
    for operation, given, condition in [
        ("create", {"table": "db.t"}, "ANABRANCH_TABLE.ALREADY_EXISTS"),
        ("rename", {"to": "db.other"}, "ANABRANCH_TABLE.ALREADY_EXISTS"),
        ("create", {"table": "nowhere.t"}, "ANABRANCH_NAMESPACE.NOT_FOUND"),
        ("rename", {"to": "nowhere.t"}, "ANABRANCH_NAMESPACE.NOT_FOUND"),
        ("drop_namespace", {"name": "db"}, "ANABRANCH_NAMESPACE.NOT_EMPTY"),
    ]:
        with pytest.raises(Refusal) as caught:
            repo(operation, **given)
        assert caught.value.condition == condition


@pytest.mark.proves("TAB-5")
def test_a_namespace_can_not_be_dropped_under_a_table_that_is_being_created(repo: Repo) -> None:
    repo("namespace", name="other")
    dropper, maker = repo.tapped(), repo.fresh()
    dropper.meanwhile(LOG, maker, "create", table="other.t")
    with pytest.raises(Refusal) as caught:
        dropper("drop_namespace", name="other")
    assert caught.value.condition == "ANABRANCH_NAMESPACE.NOT_EMPTY"


@pytest.mark.proves("ROW-2", "ROW-3")
def test_row_ids_of_branches_never_meet_and_a_merge_keeps_them(repo: Repo) -> None:
    repo("branch", name="one")
    repo("branch", name="two")
    for branch in ("one", "two", "one"):
        repo("append", branch=branch, files=1, rows=3)
    files = {b: {f["id"]: f for f in repo("load", ref=b)["files"]} for b in ("main", "one", "two")}
    for branch in ("one", "two"):
        ordinal = int(repo("resolve", ref=branch)["commit"][:6], 16)
        new = [files[branch][i] for i in files[branch].keys() - files["main"].keys()]
        first = sorted(int(f["first_row"]) - (ordinal << 39) for f in new)
        assert first == ([0, 3] if branch == "one" else [0])
    repo("merge", source="one")
    assert {f["id"]: f for f in repo("load")["files"]} == files["one"]
    repo("append", files=1, rows=1)
    (new,) = [f for f in repo("load")["files"] if f["id"] not in files["one"]]
    assert new["first_row"] == 11, "main's own counter went on"


@pytest.mark.proves("ROW-3", "TAB-3")
def test_restore_brings_files_back_as_they_were(repo: Repo) -> None:
    old = repo("load", ref="main~1")
    repo("overwrite", files=1, rows=9)
    assert repo("restore", to="0") == 3
    new = repo("load")
    assert (new["files"], new["content"]) == (old["files"], old["content"])


@pytest.mark.proves("ROW-1")
def test_no_two_rows_have_one_id_and_one_commit_whatever_branches_do(repo: Repo) -> None:
    """Of rows whose ids are not written into files: id and commit name one row of one file for ever."""
    rows: dict[tuple[int, str], tuple[str, int]] = {}

    def look(*refs: str) -> None:
        for ref in refs:
            for f in repo("load", ref=ref)["files"]:
                for i in range(f["rows"]):
                    key = (int(f["first_row"]) + i, f["added_by"])
                    assert rows.setdefault(key, (f["id"], i)) == (f["id"], i)

    for round in range(3):
        for branch in ("main", "dev", "dev", "main"):
            repo("append", branch=branch, files=2, rows=3)
        look("main", "dev")
        repo("branch", name=f"b{round}", **{"from": "dev"})
        repo("append", branch=f"b{round}", files=1, rows=5)
        repo("overwrite", branch="dev", files=1, rows=6)
        repo("restore", branch="dev", to="1")
        repo("append", branch="dev", files=1, rows=4)
        look("dev", f"b{round}")
        repo("reset", name="dev", to="main~1")
        repo("append", branch="dev", files=101, rows=2)
        look("dev")
        repo("reset", name="dev", to="main")
    repo("merge", source="b2", into="dev", dry_run=True)
    look("main", "dev", "b0", "b1", "b2")
