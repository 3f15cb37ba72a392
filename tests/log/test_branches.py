"""Branches, tags, resets, merges, and states of the past."""

from __future__ import annotations

import json

import pytest

from log.harness import LOG, Refusal, Repo, log_path, position, seq


@pytest.mark.proves("LOG-4")
def test_a_log_number_that_is_taken_is_left_to_its_owner(repo: Repo) -> None:
    taken = int(repo("resolve", ref="dev")["commit"][:6], 16)
    dev = repo("resolve", ref="dev")["commit"]
    other = repo.fresh()
    for value in (taken, taken, 0xABCDE1):
        other.clock.drawOrdinal(value)
    assert position(other("branch", name="new")) == "abcde1-0"
    assert repo.fresh()("resolve", ref="dev")["commit"] == dev


@pytest.mark.proves("REF-1", "LOG-6")
def test_a_branch_is_a_log_whose_first_parent_is_the_fork_point(repo: Repo) -> None:
    head = repo("resolve")["commit"]
    first = repo("branch", name="new")
    assert repo("resolve", ref="new")["parents"] == [head]
    assert repo.read("_anabranch/refs/branches/new/999999999999.json") == {"ordinal": first[:6]}
    assert repo.entry(position(first))["body"]["branch"] == "new"


@pytest.mark.proves("REF-1")
def test_main_is_found_without_an_object_of_its_name(repo: Repo) -> None:
    assert not any(p.startswith("_anabranch/refs/branches/main/") for p in repo.paths())
    assert repo.fresh()("resolve")["commit"].startswith("000000-")


@pytest.mark.proves("REF-1", "LOG-5")
def test_main_goes_on_in_its_successor_even_if_nobody_wrote_the_name(repo: Repo) -> None:
    reset = repo("reset", name="main", to="v1")
    (name,) = [p for p in repo.paths() if p.startswith("_anabranch/refs/branches/main/")]
    repo.store.delete(name)
    assert repo.fresh()("resolve")["commit"] == reset
    assert position(repo.fresh()("append", files=1)) == f"{reset[:6]}-1"


@pytest.mark.proves("LOG-5", "LOG-8")
def test_a_writer_that_meets_a_reset_goes_on_in_the_successor(repo: Repo) -> None:
    writer, rival = repo.tapped(), repo.fresh()
    old = repo("resolve", ref="dev")["commit"]
    writer.meanwhile(LOG, rival, "reset", name="dev", to=old)
    committed = writer("append", branch="dev", files=1, rows=9)
    assert committed[:6] not in ("000000", old[:6])
    assert repo.fresh().rows(ref="dev") == 6 + 9
    assert repo.fresh()("resolve", ref=old)["commit"] == old, "the old log stays"


@pytest.mark.proves("LOG-5")
def test_a_writer_that_meets_the_end_of_a_branch_fails(repo: Repo) -> None:
    writer, rival = repo.tapped(), repo.fresh()
    end = repo("resolve", ref="dev")["commit"]
    writer.meanwhile(LOG, rival, "drop_branch", name="dev")
    with pytest.raises(Refusal) as caught:
        writer("append", branch="dev", files=1)
    assert caught.value.condition == "ANABRANCH_REF.CLOSED"
    closing = repo.entry(f"{end[:6]}-{seq(end) + 1}")["body"]
    assert closing["closing"] == {"reason": "drop"}
    assert repo.store.read(log_path(f"{end[:6]}-{seq(end) + 2}")) is None


@pytest.mark.proves("REF-1", "LOG-8")
def test_a_branch_that_takes_a_dropped_name_is_another_log(repo: Repo) -> None:
    old = repo("resolve", ref="dev")["commit"]
    repo("drop_branch", name="dev")
    assert "dev" not in repo.fresh()("refs")["branches"]
    new = repo.fresh()("branch", name="dev", **{"from": "v1"})
    assert new[:6] != old[:6]
    assert repo.fresh()("resolve", ref="dev")["commit"] == new
    assert repo.fresh()("resolve", ref=old)["commit"] == old


@pytest.mark.proves("REF-1", "REF-3")
def test_a_late_reset_does_not_hide_a_branch_that_took_the_name_since(repo: Repo) -> None:
    """Between the two writes of a reset the branch is dropped, and another of its name is created."""
    late, other = repo.tapped(), repo.fresh()
    log = f"{LOG}{late('resolve', ref='dev')['commit'][:6]}/"
    late.raw.after(log, other.harness, "replace_branch", json.dumps({"name": "dev"}))
    late("reset", name="dev", to="v1")
    assert repo.fresh()("resolve", ref="dev")["operation"] == "CREATE BRANCH"


@pytest.mark.proves("REF-2")
def test_the_newest_generation_of_a_tag_counts(repo: Repo) -> None:
    old = repo("refs")["tags"]["v1"]
    repo("drop_tag", name="v1")
    assert repo.fresh()("refs")["tags"] == {}
    new = repo.fresh()("tag", name="v1")
    assert repo.fresh()("refs")["tags"] == {"v1": new} and new != old
    found = [repo.read(p) for p in repo.paths() if p.startswith("_anabranch/refs/tags/v1/")]
    assert [f.get("commit") for f in found] == [new, None, old]


@pytest.mark.proves("REF-1", "REF-2", "REF-3")
def test_one_name_is_not_a_branch_and_a_tag(repo: Repo) -> None:
    for operation, name in [("branch", "v1"), ("tag", "dev"), ("tag", "main"), ("branch", "main")]:
        with pytest.raises(Refusal) as caught:
            repo(operation, name=name)
        assert caught.value.condition == "ANABRANCH_REF.ALREADY_EXISTS"


@pytest.mark.proves("MRG-3", "VEC-1", "TAB-3")
def test_a_merge_is_one_entry_with_the_source_as_second_parent(repo: Repo) -> None:
    ours, theirs = repo("resolve")["commit"], repo("resolve", ref="dev")["commit"]
    before = set(repo.paths())
    answer = repo("merge", source="dev")
    assert answer["changes"] == ["changed db.other"]
    body = repo.entry(position(answer["commit"]))["body"]
    assert body["parents"] == [ours, theirs]
    assert body["merged"] == {theirs[:6]: seq(theirs)}
    (change,) = body["tables"].values()
    assert change["adopt"] == theirs and "add" not in change
    new = [p for p in set(repo.paths()) - before if "/probes/" not in p]
    assert new == [log_path(position(answer["commit"]))]
    state = repo.fresh()("snapshot")
    assert state["vector"] == {"000000": seq(ours) + 1, theirs[:6]: seq(theirs)}
    assert repo("merge", source="dev")["commit"] is None, "nothing is left to merge"


@pytest.mark.proves("MRG-2")
def test_a_conflict_names_its_table_and_commits_nothing(repo: Repo) -> None:
    repo("rename", table="db.other", to="db.here")
    repo("rename", branch="dev", table="db.other", to="db.there")
    head = repo("resolve")["commit"]
    assert repo("merge", source="dev", dry_run=True)["changes"] == ["conflict db.here"]
    with pytest.raises(Refusal) as caught:
        repo("merge", source="dev")
    assert caught.value.condition == "ANABRANCH_MERGE.CONFLICT" and "db.here" in caught.value.message
    assert repo.fresh()("resolve")["commit"] == head


@pytest.mark.proves("MRG-3", "TXN-1")
def test_a_merge_that_loses_a_race_is_planned_anew(repo: Repo) -> None:
    merger, rival = repo.tapped(), repo.fresh()
    merger.meanwhile(LOG, rival, "append", files=1, rows=8)
    merger("merge", source="dev")
    assert repo.fresh().rows() == 11 + 8 and repo.fresh().rows("db.other") == 4
    other = repo.fresh().tapped()
    repo("branch", name="late")
    repo("rename", branch="late", table="db.other", to="db.late")
    other.meanwhile(LOG, repo, "rename", table="db.other", to="db.early")
    with pytest.raises(Refusal) as caught:
        other("merge", source="late")
    assert caught.value.condition == "ANABRANCH_MERGE.CONFLICT"


@pytest.mark.proves("MRG-1")
def test_a_criss_cross_merges_both_of_its_bases(repo: Repo) -> None:
    """Each side merged the other's head of before: their bases differ in different tables."""
    repo("tag", name="main0")
    repo("tag", name="dev0", **{"from": "dev"})
    repo("merge", source="dev0")
    repo("merge", source="main0", into="dev")
    repo("append", files=1, rows=1)
    repo("append", branch="dev", table="db.other", files=1, rows=1)
    repo("merge", source="dev")
    assert (repo.rows(), repo.rows("db.other")) == (11 + 1, 4 + 1)


@pytest.mark.proves("TIME-1")
def test_the_state_at_a_time_is_that_of_the_last_entry_up_to_it(repo: Repo) -> None:
    start = 4_000_000_000_000  # 2096-10-02T07:06:40Z
    rows = repo.rows()
    for second in (0, 10, 20):
        repo.clock.setClock(start + second * 1000)
        repo("append", files=1, rows=1)
    repo.clock.setClock(start + 30_000)
    repo("branch", name="new")
    repo("append", branch="new", files=1, rows=1)

    def at(second: str, ref: str) -> int:
        return repo.rows(ref=f"{ref}@{{2096-10-02T07:06:{second}Z}}") - rows

    assert [at(s, "main") for s in ("39.999", "40", "49.999", "50", "59.999")] == [0, 1, 1, 2, 2]
    assert [at(s, "new") for s in ("40", "50")] == [1, 2], "a fork point leads into its log"
    assert repo.rows(ref="new@{2097-01-01}") - rows == 4
    with pytest.raises(Refusal) as caught:
        repo.rows(ref="main@{1999-01-01}")
    assert caught.value.condition == "ANABRANCH_REF.BEFORE_FIRST_COMMIT"
