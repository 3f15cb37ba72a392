"""Rebase by the native client: the commits of a branch, one by one, on top of another ref."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import anabranch
from anabranch import Repository

Refused = Callable[[str], Any]


@pytest.fixture
def apart(repo: Repository) -> Repository:
    """Main changed row 1; dev changed row 2, then inserted row 4, by different authors."""
    repo.create_table("db.t", {"id": [1, 2, 3], "a": ["a"] * 3, "b": ["b"] * 3})
    repo.create_branch("dev")
    by(repo, "ada").table("db.t").update({"a": "'dev'"}, "id = 2", message="first")
    by(repo, "bob").table("db.t").append({"id": [4], "a": ["dev"], "b": ["dev"]}, message="second")
    repo.table("db.t").update({"b": "'main'"}, "id = 1")
    return repo


def by(repo: Repository, author: str) -> Repository:
    return anabranch.open(repo.store, "dev", author=author)


def rows(repo: Repository, ref: str = "dev") -> list[Any]:
    return sorted(tuple(r.values()) for r in repo.table("db.t", ref=ref).to_arrow().to_pylist())


def commits(repo: Repository, ref: str = "dev") -> list[Any]:
    return [(c.operation, c.author, c.message) for c in repo.log(ref)]


def test_commits_are_replayed_in_order_with_authors_messages_and_row_ids(apart: Repository) -> None:
    ids = apart.table("db.t", ref="dev").to_arrow(["id", "_row_id"]).to_pylist()
    old, main = apart.log("dev", 2), commits(apart, "main")
    done = apart.rebase("dev", "main")
    assert [(r.rebased_from, r.author, r.operation, r.message) for r in done] == [
        (old[1].id, "ada", "UPDATE", "first"),
        (old[0].id, "bob", "INSERT", "second"),
    ]
    assert [r.commit for r in done] == [c.id for c in apart.log("dev", 2)][::-1]
    assert commits(apart)[:2] == [("REBASE", "bob", "second"), ("REBASE", "ada", "first")]
    assert commits(apart)[2][0] == "REBASE BRANCH" and commits(apart)[3:] == main
    expected = [(1, "a", "main"), (2, "dev", "b"), (3, "a", "b"), (4, "dev", "dev")]
    assert rows(apart) == rows(anabranch.open(apart.store)) == expected
    found = apart.table("db.t", ref="dev").to_arrow(["id", "_row_id"]).to_pylist()
    assert sorted(found, key=str) == sorted(ids, key=str)
    assert apart.rebase("dev", "main") == [], "it stands there already"
    apart.merge("dev", ff_only=True)
    assert rows(apart, "main") == expected
    assert [f for f in apart.verify(full=True) if f.problem] == []


def test_a_conflict_leaves_the_branch_as_it_was(apart: Repository, refused: Refused) -> None:
    apart.table("db.t").update({"a": "'main'"}, "id = 2")
    before, first = apart.log("dev"), apart.log("dev", 2)[1]
    with refused("ANABRANCH_MERGE.CONFLICT") as caught:
        apart.rebase("dev", "main")
    assert caught.value.parameters["target"] == "dev"
    assert first.id.startswith(caught.value.parameters["source"])
    assert apart.log("dev") == before == anabranch.open(apart.store).log("dev")
    by(apart, "eve").table("db.t").append({"id": [5]})
    assert {b.name for b in apart.branches()} == {"main", "dev"}


@pytest.mark.parametrize(("side", "value"), [("ours", "main"), ("theirs", "dev")])
def test_ours_is_the_new_base_and_theirs_what_is_replayed(apart: Repository, side: Any, value: str) -> None:
    apart.table("db.t").update({"a": "'main'"}, "id = 2")
    done = apart.rebase("dev", "main", on_conflict={"db.t:a": side})
    assert rows(apart)[1] == (2, value, "b") and len(rows(apart)) == 4
    assert (done[0].commit is None) == (side == "ours"), "nothing was left of the first commit"


def test_what_the_new_base_has_already_drops_out_and_a_merge_becomes_one_commit(apart: Repository) -> None:
    apart.create_branch("side", "dev~1")
    anabranch.open(apart.store, "side").table("db.t").delete("id = 3")
    apart.merge("side", into="dev")
    anabranch.open(apart.store, "dev").table("db.t").optimize()
    apart.cherry_pick("dev~3")
    done = apart.rebase("dev", "main")
    assert [r.commit is None for r in done] == [True, False, False, True], "a compaction changes nothing"
    assert rows(apart) == [(1, "a", "main"), (2, "dev", "b"), (4, "dev", "dev")]
    assert all(len(c.parents) == 1 for c in apart.log("dev", 3))


def test_a_branch_without_commits_of_its_own_moves_and_columns_and_tables_come_along(
    apart: Repository,
) -> None:
    apart.create_branch("idle", "main~1")
    assert apart.rebase("idle", "main") == [] and rows(apart, "idle") == rows(apart, "main")
    dev = by(apart, "ada")
    dev.table("db.t").rename_column("b", "c")
    dev.create_table("db.u", {"x": [1]})
    apart.rebase("dev", "main")
    assert apart.table("db.t", ref="dev").schema.names == ["id", "a", "c"]
    assert apart.table("db.u", ref="dev").count() == 1 and rows(apart)[0] == (1, "a", "main")


def test_a_commit_that_comes_meanwhile_is_not_lost(
    apart: Repository, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    closing = apart.committer.commit

    def late(branch: str, *args: Any) -> Any:
        if branch == "dev":
            by(apart, "eve").table("db.t").append({"id": [5]})
        return closing(branch, *args)

    monkeypatch.setattr(apart.committer, "commit", late)
    with refused("ANABRANCH_COMMIT.CONFLICT") as caught:
        apart.rebase("dev", "main")
    assert "moved meanwhile" in str(caught.value)
    assert [r[0] for r in rows(apart)] == [1, 2, 3, 4, 5] and commits(apart)[0][0] == "INSERT"


def test_what_is_no_branch_is_not_rebased(apart: Repository, refused: Refused) -> None:
    apart.create_tag("v1", "dev")
    for branch, onto in (("v1", "main"), ("nowhere", "main"), ("dev", "nowhere")):
        with refused("ANABRANCH_REF.NOT_FOUND"):
            apart.rebase(branch, onto)
    with refused("ANABRANCH_TABLE.NOT_FOUND"):
        apart.rebase("dev", "main", on_conflict={"db.nope": "ours"})
