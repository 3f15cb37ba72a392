"""Commits done elsewhere and undone, and merges whose conflicts are kept, by the native client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import anabranch
from anabranch import Repository

Refused = Callable[..., Any]


@pytest.fixture
def torn(repo: Repository) -> Repository:
    """Row 2 has other cells on dev, and row 3 was deleted on main."""
    repo.create_table("db.t", [{"id": i, "a": f"a{i}", "n": i} for i in (1, 2, 3)])
    repo.create_branch("dev")
    repo.table("db.t").update({"a": "'ours'", "n": "20"}, "id = 2")
    repo.table("db.t").delete("id = 3")
    repo.table("db.t", ref="dev").update({"a": "'theirs'", "n": "30"}, "id > 1", message="corrected")
    return repo


def rows(repo: Repository, ref: str = "main") -> list[tuple[Any, ...]]:
    return sorted(tuple(r.values()) for r in repo.table("db.t", ref=ref).to_arrow().to_pylist())


def test_conflicts_tell_rows_cells_and_commits(torn: Repository) -> None:
    a, n, gone = torn.merge("dev", dry_run=True).conflicts
    assert (a.table, a.kind, a.column, a.base, a.ours, a.theirs) == (
        "db.t",
        "cell",
        "a",
        "a2",
        "ours",
        "theirs",
    )
    assert (n.column, n.base, n.ours, n.theirs) == ("n", "2", "20", "30")
    assert (gone.kind, gone.ours, gone.theirs) == ("delete/change", None, '{"a":"theirs","id":"3","n":"30"}')
    written = {
        r["id"]: r["_row_commit"] for r in torn.table("db.t").to_arrow(["id", "_row_commit"]).to_pylist()
    }
    assert a.our_commit is not None and int(a.our_commit.split("-")[1]) == written[2]
    assert gone.our_commit is None and gone.their_commit is not None


@pytest.mark.parametrize(
    ("sides", "merged"),
    [
        ("ours", [(1, "a1", 1), (2, "ours", 20)]),
        ("theirs", [(1, "a1", 1), (2, "theirs", 30), (3, "theirs", 30)]),
        ({"*": "ours", "db.t:n": "theirs"}, [(1, "a1", 1), (2, "ours", 30)]),
        ({"db.t": "theirs", "db.t:a": "ours"}, [(1, "a1", 1), (2, "ours", 30), (3, "theirs", 30)]),
    ],
)
def test_a_side_is_right_for_all_a_table_or_a_column(torn: Repository, sides: Any, merged: Any) -> None:
    torn.merge("dev", on_conflict=sides)
    assert rows(torn) == merged


def test_a_decision_about_what_is_not_there_is_refused(torn: Repository, refused: Refused) -> None:
    with refused("ANABRANCH_TABLE.NOT_FOUND"):
        torn.merge("dev", on_conflict={"db.u": "ours"})
    with refused("ANABRANCH_MERGE.NO_SUCH_COLUMN"):
        torn.merge("dev", on_conflict={"db.t:x": "ours"})
    with pytest.raises(ValueError, match="no side"):
        torn.merge("dev", on_conflict="mine")  # type: ignore[arg-type]


def test_a_squashed_merge_has_one_parent_and_rows_are_known_again(torn: Repository) -> None:
    torn.merge("dev", on_conflict="theirs", squash=True)
    assert len(torn.show().parents) == 1
    before = rows(torn)
    assert torn.merge("dev").conflicts == ()
    assert rows(torn) == before


@pytest.mark.proves("MRG-7")
def test_a_commit_is_done_elsewhere_and_undone(torn: Repository) -> None:
    torn.create_branch("fresh", "main~2")
    torn.cherry_pick("dev", "fresh")
    assert rows(torn, "fresh") == rows(torn, "dev")
    assert (torn.show("fresh").operation, torn.show("fresh").message) == ("CHERRY PICK", "corrected")
    torn.revert("fresh", "fresh")
    assert rows(torn, "fresh") == [(1, "a1", 1), (2, "a2", 2), (3, "a3", 3)]
    assert torn.show("fresh").message == "Revert: corrected"
    torn.revert("fresh", "fresh")
    assert rows(torn, "fresh") == rows(torn, "dev"), "undoing that does it again"


def test_a_merge_is_undone_against_a_parent(torn: Repository, refused: Refused) -> None:
    before = rows(torn)
    torn.merge("dev", on_conflict="theirs")
    with refused("ANABRANCH_MERGE.PARENT"):
        torn.revert("main")
    with refused("ANABRANCH_MERGE.PARENT"):
        torn.revert("main", parent=3)
    torn.revert("main", parent=1)
    assert rows(torn) == before


@pytest.mark.proves("MRG-8")
def test_conflicts_are_kept_decided_and_the_merge_continued(torn: Repository, refused: Refused) -> None:
    assert len(torn.merge("dev", keep_conflicts=True).conflicts) == 3
    other = anabranch.open(torn.root, author="ben")
    with refused("ANABRANCH_MERGE.UNFINISHED"):
        other.merge("dev")
    with refused("ANABRANCH_MERGE.CONFLICT"):
        other.continue_merge()
    with refused("ANABRANCH_MERGE.NO_SUCH_CONFLICT"):
        other.resolve("ours", table="db.t", row_id=77)
    with refused("ANABRANCH_MERGE.INVALID_VALUE"):
        other.resolve(value="many", column="n")
    with pytest.raises(ValueError, match="column"):
        other.resolve(value="7")
    assert other.resolve(value="25", table="db.t", column="n") == 2
    assert torn.resolve("ours", where="kind = 'delete/change'") == 1
    assert torn.resolve("theirs", column="a") == 0
    decided = [(c.column, c.choice, c.value) for c in other.conflicts()]
    assert decided == [("a", "theirs", None), ("n", "value", "25"), (None, "ours", None)]
    other.continue_merge(message="as we agreed")
    assert rows(torn) == [(1, "a1", 1), (2, "theirs", 25)]
    assert (torn.show().author, torn.show().message, len(torn.show().parents)) == ("ben", "as we agreed", 2)
    assert torn.conflicts() == []
    with refused("ANABRANCH_MERGE.NONE_UNFINISHED"):
        torn.resolve("ours")


def test_a_kept_merge_is_given_up(torn: Repository, refused: Refused) -> None:
    before = rows(torn)
    torn.merge("dev", keep_conflicts=True)
    torn.abort_merge()
    assert (rows(torn), torn.conflicts()) == (before, [])
    with refused("ANABRANCH_MERGE.NONE_UNFINISHED"):
        torn.abort_merge()
