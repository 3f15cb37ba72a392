"""REBASE BRANCH: the commits of a branch, one by one, on top of another ref."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from anabranch import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def by(lake: Any, author: str, message: str) -> Iterator[None]:
    with Catalog(lake.spark, lake.name).commit_info(author=author, message=message):
        yield


@pytest.fixture
def apart(lake: Any) -> Any:
    """Main changed row 1; dev changed row 2, then inserted row 4, by different authors."""
    lake.sql("CREATE TABLE t (id INT, a STRING, b STRING)")
    lake.sql("INSERT INTO t VALUES (1, 'a', 'b'), (2, 'a', 'b'), (3, 'a', 'b')")
    lake.sql("CREATE BRANCH dev")
    with by(lake, "ada", "first"):
        lake.sql("UPDATE `t@dev` SET a = 'dev' WHERE id = 2")
    with by(lake, "bob", "second"):
        lake.sql("INSERT INTO `t@dev` VALUES (4, 'dev', 'dev')")
    lake.sql("UPDATE t SET b = 'main' WHERE id = 1")
    return lake


def rows(lake: Any, branch: str = "main") -> list[Any]:
    return sorted(lake.rows(f"SELECT * FROM `t@{branch}`"))


def commits(lake: Any, branch: str = "dev") -> list[Any]:
    """Operation, author and message, newest first."""
    return [(r[3], r[2], r[4]) for r in lake.rows(f"SHOW COMMITS ON `{branch}`")]


def test_commits_are_replayed_in_order_with_authors_messages_and_row_ids(apart: Any) -> None:
    ids = dict(apart.rows("SELECT id, _row_id FROM `t@dev`"))
    old = [r[0] for r in apart.rows("SHOW COMMITS ON dev LIMIT 2")]
    main = commits(apart, "main")
    done = apart.rows("REBASE BRANCH dev ONTO main")
    assert [(r[0], r[2], r[3], r[4], r[5]) for r in done] == [
        ("dev", old[1], "ada", "UPDATE", "first"),
        ("dev", old[0], "bob", "INSERT", "second"),
    ]
    assert [r[1] for r in done] == [r[0] for r in apart.rows("SHOW COMMITS ON dev LIMIT 2")][::-1]
    assert commits(apart)[:2] == [("REBASE", "bob", "second"), ("REBASE", "ada", "first")]
    assert commits(apart)[2][0] == "REBASE BRANCH" and commits(apart)[3:] == main
    assert rows(apart, "dev") == [
        (1, "a", "main"),
        (2, "dev", "b"),
        (3, "a", "b"),
        (4, "dev", "dev"),
    ]
    assert dict(apart.rows("SELECT id, _row_id FROM `t@dev`")) == ids
    # main has nothing that dev does not know
    apart.sql("MERGE BRANCH dev FF ONLY")
    assert rows(apart) == rows(apart, "dev")


def test_a_conflict_leaves_the_branch_as_it_was(apart: Any, refused: Any) -> None:
    apart.sql("UPDATE t SET a = 'main' WHERE id = 2")
    before, branches = apart.rows("SHOW COMMITS ON dev"), apart.rows("SHOW BRANCHES")
    with refused("ANABRANCH_MERGE.CONFLICT", "dev", before[1][0][:20]):
        apart.sql("REBASE BRANCH dev ONTO main")
    assert apart.rows("SHOW COMMITS ON dev") == before and apart.rows("SHOW BRANCHES") == branches
    apart.sql("INSERT INTO `t@dev` VALUES (5, 'x', 'x')")


@pytest.mark.parametrize(("side", "value"), [("OURS", "main"), ("THEIRS", "dev")])
def test_ours_is_the_new_base_and_theirs_what_is_replayed(apart: Any, side: str, value: str) -> None:
    apart.sql("UPDATE t SET a = 'main' WHERE id = 2")
    done = apart.rows(f"REBASE BRANCH dev ONTO main ON CONFLICT {side} FOR COLUMN t.a")
    assert rows(apart, "dev")[1] == (2, value, "b") and len(rows(apart, "dev")) == 4
    assert (done[0][1] is None) == (side == "OURS"), "nothing was left of the first commit"


def test_what_the_new_base_has_already_drops_out(apart: Any) -> None:
    (first,) = apart.rows("SHOW COMMITS ON dev~1 LIMIT 1")
    apart.sql(f"CHERRY PICK `{first[0]}`")
    done = apart.rows("REBASE BRANCH dev ONTO main")
    assert [r[1] is None for r in done] == [True, False]
    assert [c[0] for c in commits(apart)[:2]] == ["REBASE", "REBASE BRANCH"]
    assert rows(apart, "dev")[1] == (2, "dev", "b")


def test_a_merge_is_replayed_as_one_commit_with_what_it_brought(apart: Any) -> None:
    apart.sql("CREATE BRANCH side FROM dev~1")
    apart.sql("DELETE FROM `t@side` WHERE id = 3")
    apart.sql("MERGE BRANCH side INTO dev")
    wanted = [r for r in rows(apart, "dev") if r[0] != 1]
    apart.sql("REBASE BRANCH dev ONTO main")
    assert [r for r in rows(apart, "dev") if r[0] != 1] == wanted
    assert [c[0] for c in commits(apart)[:4]] == ["REBASE", "REBASE", "REBASE", "REBASE BRANCH"]
    assert all(len(r[8]) == 1 for r in apart.rows("SHOW COMMITS ON dev LIMIT 4"))


def test_a_branch_without_commits_of_its_own_moves_and_one_that_is_ahead_stays(apart: Any) -> None:
    apart.sql("CREATE BRANCH idle FROM main~1")
    assert apart.rows("REBASE BRANCH idle ONTO main") == []
    assert rows(apart, "idle") == rows(apart)
    before = apart.rows("SHOW COMMITS ON dev")
    assert apart.rows("REBASE BRANCH dev ONTO main~1") == []
    assert apart.rows("SHOW COMMITS ON dev") == before


def test_schema_changes_are_replayed_too(apart: Any) -> None:
    apart.sql("ALTER TABLE `t@dev` ADD COLUMN c INT DEFAULT 7")
    apart.sql("UPDATE `t@dev` SET c = 8 WHERE id = 1")
    apart.sql("CREATE TABLE `u@dev` (x INT)")
    apart.sql("REBASE BRANCH dev ONTO main")
    assert rows(apart, "dev")[:2] == [(1, "a", "main", 8), (2, "dev", "b", 7)]
    assert apart.rows("SELECT * FROM `u@dev`") == []


def test_what_is_no_branch_or_is_protected_is_not_rebased(apart: Any, refused: Any) -> None:
    apart.sql("CREATE TAG v1 FROM dev")
    for name in ("v1", "nowhere"):
        with refused("ANABRANCH_REF.NOT_FOUND", name):
            apart.sql(f"REBASE BRANCH {name} ONTO main")
    with refused("ANABRANCH_REF.NOT_FOUND", "nowhere"):
        apart.sql("REBASE BRANCH dev ONTO nowhere")
    with refused("ANABRANCH_SQL.SYNTAX", "ONTO"):
        apart.sql("REBASE BRANCH dev main")
    apart.sql("CREATE GATE few ON BRANCH 'd*' AS SELECT count(*) AS n FROM t HAVING n > 4")
    apart.sql("INSERT INTO t VALUES (9, 'main', 'main')")
    before = rows(apart, "dev")
    with refused("ANABRANCH_GATE.VIOLATED", "few", "dev"):
        apart.sql("REBASE BRANCH dev ONTO main")
    apart.sql("PROTECT BRANCH dev")
    with refused("ANABRANCH_REF.PROTECTED", "REBASE BRANCH"):
        apart.sql("REBASE BRANCH dev ONTO main")
    assert rows(apart, "dev") == before


def test_in_python(apart: Any) -> None:
    catalog = Catalog(apart.spark, apart.name)
    done = catalog.rebase("dev", "main", on_conflict="theirs")
    assert [r.message for r in done] == ["first", "second"] and all(r.commit for r in done)
    assert done[-1].commit == catalog.log("dev", limit=1)[0].id
