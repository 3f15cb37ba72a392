"""Branches, tags, ref expressions, logs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import anabranch
from anabranch import Repository

Refused = Callable[[str], Any]


@pytest.fixture
def table(repo: Repository) -> str:
    repo.create_table("db.t", {"id": [1]}, message="first")
    for i in (2, 3):
        repo.table("db.t").append({"id": [i]}, message=f"row {i}")
    return "db.t"


def ids(repo: Repository, table: str, ref: str | None = None) -> list[int]:
    return sorted(repo.table(table, ref).to_arrow().column("id").to_pylist())


def test_expressions_name_commits(repo: Repository, table: str) -> None:
    commit = repo.show("main~1").id
    repo.create_tag("v2", "main~1")
    assert ids(repo, table, "main~1") == ids(repo, table, "v2") == ids(repo, table, commit) == [1, 2]
    assert ids(repo, table, commit[:20]) == ids(repo, table, "tag:v2") == [1, 2]
    assert ids(repo, table, f"main@{{{repo.show('v2').time.isoformat()}}}") == [1, 2]
    assert ids(repo, table, "v2~") == [1]


@pytest.mark.parametrize(
    ("ref", "condition"),
    [
        ("nope", "ANABRANCH_REF.NOT_FOUND"),
        ("000000-99", "ANABRANCH_REF.NOT_FOUND"),
        ("000000-1-ffff", "ANABRANCH_REF.HASH_MISMATCH"),
        ("main~99", "ANABRANCH_REF.NO_ANCESTOR"),
        ("main^2", "ANABRANCH_REF.NO_ANCESTOR"),
        ("main@{1999-01-01}", "ANABRANCH_REF.BEFORE_FIRST_COMMIT"),
        ("main@{yesterday}", "ANABRANCH_REF.NOT_FOUND"),
    ],
)
def test_refs_that_name_nothing(
    repo: Repository, table: str, ref: str, condition: str, refused: Refused
) -> None:
    with refused(condition):
        repo.table(table, ref)


def test_a_ref_that_is_not_there_suggests_near_names(repo: Repository, refused: Refused) -> None:
    repo.create_branch("fix-units")
    with refused("ANABRANCH_REF.NOT_FOUND") as caught:
        repo.tables("fix-unit")
    assert "Near names: fix-units." in str(caught.value)


def test_branches_are_apart_until_they_are_merged(repo: Repository, table: str) -> None:
    repo.create_branch("fix")
    fix = anabranch.open(repo.store, "fix")
    fix.table(table).append({"id": [9]})
    assert (ids(repo, table), ids(fix, table)) == ([1, 2, 3], [1, 2, 3, 9])
    preview = repo.merge("fix", dry_run=True)
    assert (preview.commit, [c.change for c in preview.changes]) == (None, ["changed"])
    done = repo.merge("fix", message="units")
    assert done.fast_forward and done.commit == repo.show().id
    assert ids(repo, table) == [1, 2, 3, 9]
    assert repo.show("main^2").id == fix.show().id
    assert repo.merge("fix").commit is None


def test_both_sides_of_a_merge_may_change_different_tables(repo: Repository, table: str) -> None:
    repo.create_table("db.u", {"id": [1]})
    repo.create_branch("b")
    anabranch.open(repo.store, "b").table("db.u").append({"id": [2]})
    repo.table(table).append({"id": [4]})
    repo.merge("b")
    assert (ids(repo, table), ids(repo, "db.u")) == ([1, 2, 3, 4], [1, 2])


def test_rows_of_both_sides_merge(repo: Repository, table: str, refused: Refused) -> None:
    repo.create_branch("b")
    anabranch.open(repo.store, "b").table(table).append({"id": [8]})
    repo.table(table).append({"id": [9]})
    with refused("ANABRANCH_MERGE.NOT_FAST_FORWARD"):
        repo.merge("b", ff_only=True)
    with refused("ANABRANCH_MERGE.INTO_ITSELF"):
        repo.merge("main")
    assert repo.merge("b").conflicts == ()
    assert ids(repo, table) == [1, 2, 3, 8, 9]


def test_refs_are_dropped_moved_and_made_again(repo: Repository, table: str, refused: Refused) -> None:
    repo.create_branch("b", "main~1")
    repo.create_tag("t")
    for make in (repo.create_branch, repo.create_tag):
        for name in ("b", "t"):
            with refused("ANABRANCH_REF.ALREADY_EXISTS"):
                make(name)
    assert (
        repo.create_branch("b", if_not_exists=True).commit
        == repo.create_branch("b", if_not_exists=True).commit
    )
    repo.reset_branch("b", "main")
    assert ids(repo, table, "b") == [1, 2, 3]
    repo.drop_branch("b")
    repo.drop_tag("t")
    assert ([b.name for b in repo.branches()], repo.tags()) == (["main"], [])
    repo.create_branch("b", "main~2")
    assert ids(repo, table, "b") == [1]
    with refused("ANABRANCH_REF.IS_MAIN"):
        repo.drop_branch("main")
    with refused("ANABRANCH_REF.INVALID_NAME"):
        repo.create_branch("a b")


def test_a_tag_is_never_written_to(repo: Repository, table: str, refused: Refused) -> None:
    repo.create_tag("v1")
    with refused("ANABRANCH_REF.READ_ONLY"):
        repo.table(table, "v1").append({"id": [5]})


def test_the_log_is_searched(repo: Repository, table: str) -> None:
    with repo.transaction("by grace", author="Grace", metadata={"ticket": "D-1"}) as tx:
        tx.table(table).append({"id": [7]})
    assert [c.message for c in repo.log(author="grace")] == ["by grace"]
    assert [c.message for c in repo.log(metadata={"ticket": "D-1"})] == ["by grace"]
    assert [c.message for c in repo.log(table="db.t", limit=2)] == ["by grace", "row 3"]
    assert [c.message for c in repo.log(message="ROW")] == ["row 3", "row 2"]
    assert repo.log(since=datetime.now(timezone.utc) + timedelta(days=1)) == []
    assert len(repo.log(until=datetime.now(timezone.utc) + timedelta(days=1))) == len(repo.log())


def test_the_graph_holds_what_was_merged(repo: Repository, table: str) -> None:
    repo.create_branch("b")
    anabranch.open(repo.store, "b").table(table).append({"id": [8]}, message="over there")
    repo.merge("b")
    assert "over there" not in [c.message for c in repo.log()]
    graph = repo.log(graph=True)
    assert "over there" in [c.message for c in graph]
    place = {c.id: n for n, c in enumerate(graph)}
    assert all(place[c.id] < place[p] for c in graph for p in c.parents), "children come before their parents"


def test_what_differs_between_two_refs(repo: Repository, table: str) -> None:
    before = repo.show().id
    repo.create_table("db.u", {"id": [1, 2]})
    repo.table(table).append({"id": [4]})
    repo.rename_table("db.t", "db.v")
    changes = repo.diff(before)
    assert [(c.table, c.change, c.rows_from, c.rows_to) for c in changes] == [
        ("db.u", "created", 0, 2),
        ("db.v", "changed", 3, 4),
    ]
    assert changes[1].detail == "renamed from db.t, rows changed"


def test_what_is_no_ref_and_no_time_is_refused_with_a_hint(
    repo: Repository, table: str, refused: Refused
) -> None:
    with refused("ANABRANCH_REF.NOT_FOUND") as caught:
        repo.table(table, "main@{yesterday}")
    assert "'yesterday' is no time" in caught.value.action
    with refused("ANABRANCH_TABLE.NOT_FOUND") as caught:
        repo.table("db.tt")
    assert "Near names: db.t." in caught.value.action
    for wrong in (lambda: repo.table(table, 1), lambda: repo.log(since="2026-01-31")):
        with pytest.raises(TypeError):
            wrong()


def test_a_log_takes_names_by_parts_and_ends_at_any_limit(repo: Repository, table: str) -> None:
    assert len(repo.log(table=("db", "t"), since=repo.show("main~1").time)) == 2
    assert repo.log(limit=0) == repo.log(limit=-1) == []


def test_what_is_said_about_a_commit_are_texts(repo: Repository, table: str) -> None:
    before = repo.show().id
    for wrong in ({"metadata": {"ticket": 17}}, {"metadata": {17: "x"}}, {"message": 5}, {"author": 5}):
        with pytest.raises(TypeError, match="is a str"):
            repo.transaction(**{"message": "", **wrong})
    assert repo.show().id == before
