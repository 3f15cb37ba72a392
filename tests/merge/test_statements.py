"""MERGE BRANCH, CHERRY PICK and REVERT as statements: how conflicts are decided, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from anabranch import Catalog


@pytest.fixture
def apart(lake: Any) -> Any:
    """Two branches that changed both columns of row 2 of t to different values, and deleted row 3 here."""
    lake.sql("CREATE TABLE t (id INT, a STRING, b STRING)")
    lake.sql("INSERT INTO t VALUES (1, 'a1', 'b1'), (2, 'a2', 'b2'), (3, 'a3', 'b3')")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("UPDATE t SET a = 'ours', b = 'ours' WHERE id = 2")
    lake.sql("DELETE FROM t WHERE id = 3")
    lake.sql("UPDATE `t@dev` SET a = 'theirs', b = 'theirs' WHERE id > 1")
    return lake


def rows(lake: Any, table: str = "t") -> list[Any]:
    return sorted(lake.rows(f"SELECT * FROM {table}"))


def head(lake: Any, branch: str = "main") -> str:
    return str(lake.rows(f"SHOW COMMITS ON {branch} IN {{lake}} LIMIT 1")[0][0])


@pytest.mark.parametrize(
    ("clause", "second", "third"),
    [
        ("ON CONFLICT OURS", ("ours", "ours"), False),
        ("ON CONFLICT THEIRS", ("theirs", "theirs"), True),
        ("ON CONFLICT THEIRS ON CONFLICT OURS FOR COLUMN t.a", ("ours", "theirs"), True),
        ("ON CONFLICT OURS FOR TABLE default.t ON CONFLICT THEIRS FOR COLUMN t.B", ("ours", "theirs"), False),
        ("ON CONFLICT OURS ON CONFLICT THEIRS FOR TABLE {lake}.default.t", ("theirs", "theirs"), True),
    ],
)
def test_conflicts_are_decided_for_all_for_a_table_or_for_a_column(
    apart: Any, clause: str, second: tuple[str, str], third: bool
) -> None:
    apart.sql(f"MERGE BRANCH dev IN {{lake}} {clause}")
    wanted = [(1, "a1", "b1"), (2, *second), *([(3, "theirs", "theirs")] if third else [])]
    assert rows(apart) == wanted


def test_what_is_not_decided_stays_a_conflict(apart: Any, refused: Any) -> None:
    with refused("ANABRANCH_MERGE.CONFLICT", "2 conflicts", "default.t", "_row_id 1", "_row_id 2"):
        apart.sql("MERGE BRANCH dev IN {lake} ON CONFLICT FAIL ON CONFLICT THEIRS FOR COLUMN t.a")


def test_a_conflict_tells_row_key_values_and_commits(apart: Any) -> None:
    apart.sql("ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (id) NOT ENFORCED")
    found = [r.asDict() for r in apart.sql("MERGE BRANCH dev IN {lake} DRY RUN").collect()]
    cell = next(r for r in found if r["column"] == "a")
    told = ("table", "change", "kind", "row_id", "key", "base", "ours", "theirs")
    assert [cell[c] for c in told] == ["default.t", "conflict", "cell", 1, "2", "a2", "ours", "theirs"]
    commits = [head(apart, b).rsplit("-", 1)[0] for b in ("main~2", "dev")]
    assert [cell["our_commit"], cell["their_commit"]] == commits
    gone = next(r for r in found if r["kind"] == "delete/change")
    assert (gone["ours"], gone["our_commit"], gone["key"]) == (None, None, "3")
    assert gone["theirs"] == '{"a":"theirs","b":"theirs","id":"3"}'


def test_a_dry_run_reads_like_a_review(apart: Any) -> None:
    apart.sql("CREATE TABLE `u@dev` AS SELECT 1 AS x")
    apart.sql("INSERT INTO t VALUES (9, 'ours', 'ours')")
    apart.sql("CREATE TABLE w (x INT)")
    apart.sql("INSERT INTO w VALUES (1), (2), (3)")
    apart.sql("MERGE BRANCH main INTO dev IN {lake} ON CONFLICT THEIRS")
    apart.sql("UPDATE `w@dev` SET x = 5 WHERE x = 1")
    apart.sql("DELETE FROM `w@dev` WHERE x = 2")
    apart.sql("INSERT INTO `w@dev` VALUES (6), (7)")
    apart.sql("INSERT INTO w VALUES (8)")
    review = Catalog(apart.spark, apart.name).merge("dev", dry_run=True)
    assert [(c.table, c.rows_added, c.rows_changed, c.rows_removed) for c in review.changes] == [
        ("default.u", 1, 0, 0),
        ("default.w", 2, 1, 1),
    ]
    assert str(review).splitlines() == [
        "would merge",
        "  default.u  created  rows: 1 added",
        "  default.w  changed  rows: 2 added, 1 changed, 1 removed  rows changed",
    ]
    apart.sql("UPDATE w SET x = 4 WHERE x = 1")
    review = Catalog(apart.spark, apart.name).merge("dev", dry_run=True)
    assert str(review).splitlines()[::2] == [
        "1 conflict",
        "  default.w  conflict: cell  x of row _row_id 0  base '1', ours '4', theirs '5'",
    ]
    assert "<td" in review._repr_html_() and "&#x27;4&#x27;" in review._repr_html_()


def test_a_squash_has_one_parent_and_does_not_come_twice(lake: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT id, id AS v FROM range(5)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("UPDATE `t@dev` SET v = 10 WHERE id = 1")
    lake.sql("INSERT INTO `t@dev` VALUES (7, 7)")
    lake.sql("INSERT INTO t VALUES (8, 8)")
    lake.sql("MERGE BRANCH dev IN {lake} SQUASH MESSAGE 'all of it'")
    (_, _, _, _, message, _, _, _, parents, _), *_ = lake.rows("SHOW COMMITS IN {lake} LIMIT 1")
    assert (message, len(parents)) == ("all of it", 1)
    lake.sql("UPDATE `t@dev` SET v = 20 WHERE id = 2")
    lake.sql("MERGE BRANCH dev IN {lake}")
    assert rows(lake) == [(0, 0), (1, 10), (2, 20), (3, 3), (4, 4), (7, 7), (8, 8)]


def test_ff_only_is_refused_where_something_has_to_be_combined(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("INSERT INTO `t@dev` VALUES (1)")
    lake.sql("MERGE BRANCH dev IN {lake} FF ONLY")
    lake.sql("INSERT INTO `t@dev` VALUES (2)")
    lake.sql("INSERT INTO t VALUES (3)")
    before = head(lake)
    with refused("ANABRANCH_MERGE.NOT_FAST_FORWARD", "dev", "main"):
        lake.sql("MERGE BRANCH dev INTO main IN {lake} FF ONLY")
    assert head(lake) == before


def test_a_commit_is_picked_alone_and_keeps_its_rows(lake: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT id, id AS v FROM range(5)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("UPDATE `t@dev` SET v = 10 WHERE id = 1")
    lake.spark.conf.set("spark.anabranch.commit.message", "the fix")
    try:
        lake.sql("UPDATE `t@dev` SET v = 20 WHERE id = 2")
    finally:
        lake.spark.conf.unset("spark.anabranch.commit.message")
    lake.sql(f"CHERRY PICK `{head(lake, 'dev')}` IN {{lake}}")
    assert lake.rows("SELECT v, _row_id FROM t WHERE id IN (1, 2) ORDER BY id") == [(1, 1), (20, 2)]
    assert lake.rows("SHOW COMMITS IN {lake} LIMIT 1")[0][3:5] == ("CHERRY PICK", "the fix")
    before = head(lake)
    lake.sql(f"CHERRY PICK `{head(lake, 'dev')}` IN {{lake}}")
    assert head(lake) == before, "there is nothing left to pick"
    lake.sql("MERGE BRANCH dev IN {lake}")
    assert rows(lake) == [(0, 0), (1, 10), (2, 20), (3, 3), (4, 4)]


def test_a_commit_is_undone_and_may_be_done_again(lake: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT id, id AS v FROM range(5)")
    lake.sql("UPDATE t SET v = 10 WHERE id = 1")
    bad = head(lake)
    lake.sql("DELETE FROM t WHERE id = 4")
    lake.sql(f"REVERT `{bad}` IN {{lake}}")
    assert rows(lake) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert lake.rows("SHOW COMMITS IN {lake} LIMIT 1")[0][3:5] == ("REVERT", "Revert: UPDATE")
    lake.sql(f"CHERRY PICK `{bad}` IN {{lake}} MESSAGE 'it was right'")
    assert rows(lake) == [(0, 0), (1, 10), (2, 2), (3, 3)]


def test_a_merge_is_undone_against_a_named_parent_and_merged_again(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT id, id AS v FROM range(3)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("UPDATE `t@dev` SET v = 10 WHERE id = 1")
    lake.sql("UPDATE t SET v = 20 WHERE id = 2")
    lake.sql("MERGE BRANCH dev IN {lake}")
    merge = head(lake)
    with refused("ANABRANCH_MERGE.PARENT", "2 parents", "PARENT 1"):
        lake.sql(f"REVERT `{merge}` IN {{lake}}")
    with refused("ANABRANCH_MERGE.PARENT", "no parent 3"):
        lake.sql(f"REVERT `{merge}` IN {{lake}} PARENT 3")
    lake.sql(f"REVERT `{merge}` IN {{lake}} PARENT 1")
    assert rows(lake) == [(0, 0), (1, 1), (2, 20)]
    lake.sql(f"REVERT `{head(lake)}` IN {{lake}} MESSAGE 'after all'")
    assert rows(lake) == [(0, 0), (1, 10), (2, 20)]


def test_a_created_table_is_taken_away_by_a_revert(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql(f"REVERT `{head(lake)}` IN {{lake}}")
    assert lake.rows("SHOW TABLES IN {lake}.default") == []


@pytest.mark.parametrize("statement", ["CHERRY PICK", "REVERT"])
def test_conflicts_of_a_picked_or_undone_commit_are_told_and_decided(
    apart: Any, refused: Any, statement: str
) -> None:
    commit = head(apart, "dev")
    if statement == "REVERT":
        apart.sql("MERGE BRANCH dev IN {lake} ON CONFLICT THEIRS")
        apart.sql("UPDATE t SET a = 'later' WHERE id = 2")
    before = rows(apart)
    with refused("ANABRANCH_MERGE.CONFLICT", "_row_id 1"):
        apart.sql(f"{statement} `{commit}` IN {{lake}}")
    review = apart.rows(f"{statement} `{commit}` IN {{lake}} DRY RUN")
    assert ("cell", "a") in {(r[5], r[8]) for r in review}
    assert rows(apart) == before
    apart.sql(f"{statement} `{commit}` IN {{lake}} ON CONFLICT THEIRS")
    assert rows(apart)[1][1] == ("a2" if statement == "REVERT" else "theirs")


def test_merges_that_make_no_sense_are_refused(apart: Any, refused: Any) -> None:
    apart.sql("CREATE TAG v1 IN {lake}")
    before = head(apart)
    with refused("ANABRANCH_MERGE.INTO_ITSELF", "main"):
        apart.sql("MERGE BRANCH main INTO main IN {lake}")
    with refused("ANABRANCH_REF.READ_ONLY", "v1", "tag"):
        apart.sql("MERGE BRANCH dev INTO v1 IN {lake}")
    with refused("ANABRANCH_REF.NOT_FOUND", "nowhere"):
        apart.sql("MERGE BRANCH nowhere IN {lake}")
    with refused("ANABRANCH_MERGE.NO_SUCH_COLUMN", "nope", "default.t"):
        apart.sql("MERGE BRANCH dev IN {lake} ON CONFLICT OURS FOR COLUMN t.nope")
    with refused("ANABRANCH_TABLE.NOT_FOUND", "default.nope"):
        apart.sql("MERGE BRANCH dev IN {lake} ON CONFLICT OURS FOR TABLE nope")
    assert head(apart) == before


@pytest.mark.parametrize(
    ("statement", "near"),
    [
        ("MERGE BRANCH dev ON CONFLICT MINE", "near 'MINE'"),
        ("MERGE BRANCH dev ON CONFLICT OURS FOR COLUMN t", "table.column"),
        ("MERGE BRANCH dev SQUASH FF ONLY", "near 'FF'"),
        ("CHERRY PICK", "at the end of the statement"),
        ("CHERRY PICK x PARENT y", "near 'y'"),
        ("REVERT x INTO y", "near 'INTO'"),
    ],
)
def test_syntax_errors_point_at_their_place(lake: Any, refused: Any, statement: str, near: str) -> None:
    with refused("ANABRANCH_SQL.SYNTAX", near, "^"):
        lake.sql(statement)
