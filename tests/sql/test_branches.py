"""Branches and tags: creating, using, resetting, dropping, merging by table."""

from __future__ import annotations

from typing import Any

import pytest


def ids(lake: Any, relation: str) -> list[int]:
    return [row[0] for row in lake.rows(f"SELECT id FROM {relation} ORDER BY id")]


@pytest.fixture
def two(lake: Any) -> Any:
    """Table t with row 1 on main and on the branch dev, which was forked from it."""
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1)")
    lake.sql("CREATE BRANCH dev")
    return lake


def test_a_branch_is_isolated(two: Any) -> None:
    two.sql("INSERT INTO `t@dev` VALUES (2)")
    two.sql("CREATE TABLE `u@dev` AS SELECT 5 AS id")
    two.sql("INSERT INTO t VALUES (3)")
    assert (ids(two, "t"), ids(two, "`t@dev`"), ids(two, "`u@dev`")) == ([1, 3], [1, 2], [5])
    assert two.rows("SHOW TABLES") == [("default", "t", False)]


def test_creating_a_branch_copies_nothing(two: Any) -> None:
    two.sql("CREATE TABLE big AS SELECT id FROM range(1000)")
    before = {p for p in two.path.rglob("*") if p.is_file()}
    two.sql("CREATE BRANCH b2")
    new = {p for p in two.path.rglob("*") if p.is_file()} - before
    assert sorted(p.relative_to(two.path).parts[1] for p in new) == ["log", "refs"]
    assert sum(p.stat().st_size for p in new) < 1000


def test_use_changes_what_names_mean_in_this_session_only(two: Any, new_lake: Any) -> None:
    two.sql("USE BRANCH dev")
    two.sql("INSERT INTO t VALUES (2)")
    assert ids(two, "t") == [1, 2]
    assert two.rows("SHOW CURRENT REFERENCE")[0][:3] == (two.name, "dev", "branch")
    assert [(r[0], r[5]) for r in two.rows("SHOW BRANCHES")] == [("dev", True), ("main", False)]
    other = two.spark.newSession()
    other.conf.set(f"spark.sql.catalog.{two.name}", "io.anabranch.spark.AnabranchCatalog")
    other.conf.set(f"spark.sql.catalog.{two.name}.warehouse", two.uri)
    assert other.table(f"{two.name}.default.t").count() == 1
    two.sql("USE REFERENCE `main~1`")
    assert ids(two, "t") == []
    two.sql("USE BRANCH main")
    assert ids(two, "t") == [1]


def test_a_catalog_can_start_on_a_branch(two: Any, new_lake: Any) -> None:
    two.sql("INSERT INTO `t@dev` VALUES (2)")
    there = new_lake(path=two.path, branch="dev")
    assert ids(there, f"{there.name}.default.t") == [1, 2]


def test_names_exist_once(two: Any, refused: Any) -> None:
    with refused("ANABRANCH_REF.ALREADY_EXISTS", "branch 'dev'"):
        two.sql("CREATE BRANCH dev")
    with refused("ANABRANCH_REF.ALREADY_EXISTS", "branch 'dev'"):
        two.sql("CREATE TAG dev")
    two.sql("CREATE BRANCH IF NOT EXISTS dev")
    two.sql("CREATE TAG v1")
    with refused("ANABRANCH_REF.ALREADY_EXISTS", "tag 'v1'"):
        two.sql("CREATE TAG v1")
    with refused("ANABRANCH_REF.ALREADY_EXISTS", "tag 'v1'"):
        two.sql("CREATE BRANCH v1")
    two.sql("CREATE TAG IF NOT EXISTS v1")


@pytest.mark.proves("REF-2")
def test_a_tag_stays_where_it_is_until_it_is_dropped(two: Any, refused: Any) -> None:
    two.sql("CREATE TAG v1 FROM main")
    two.sql("INSERT INTO t VALUES (2)")
    assert ids(two, "`t@v1`") == [1]
    two.sql("DROP TAG v1")
    with refused("ANABRANCH_REF.NOT_FOUND", "v1"):
        two.sql("SELECT * FROM `t@v1`")
    two.sql("DROP TAG IF EXISTS v1")
    with refused("ANABRANCH_REF.NOT_FOUND"):
        two.sql("DROP TAG v1")
    two.sql("CREATE TAG v1")
    assert ids(two, "`t@v1`") == [1, 2]
    assert [r[0] for r in two.rows("SHOW TAGS")] == ["v1"]


def test_using_a_tag_as_a_branch_says_what_it_is(two: Any, refused: Any) -> None:
    two.sql("CREATE TAG v1 FROM main")
    with refused("ANABRANCH_REF.OTHER_KIND", "'v1' is a tag, and not a branch"):
        two.sql("USE BRANCH v1")
    with refused("ANABRANCH_REF.OTHER_KIND", "'dev' is a branch, and not a tag"):
        two.sql("USE TAG dev")
    with refused("ANABRANCH_REF.NOT_FOUND", "'nope'"):
        two.sql("USE BRANCH nope")
    two.sql("USE REFERENCE v1")
    assert ids(two, "t") == [1]


def test_a_dropped_branch_is_gone_and_its_name_free(two: Any, refused: Any) -> None:
    two.sql("INSERT INTO `t@dev` VALUES (2)")
    two.sql("DROP BRANCH dev")
    with refused("ANABRANCH_REF.NOT_FOUND", "'dev'"):
        two.sql("SELECT * FROM `t@dev`")
    two.sql("DROP BRANCH IF EXISTS dev")
    two.sql("CREATE BRANCH dev")
    assert ids(two, "`t@dev`") == [1]


def test_the_branch_in_use_and_main_are_not_dropped(two: Any, refused: Any) -> None:
    with refused("ANABRANCH_REF.IS_MAIN"):
        two.sql("DROP BRANCH main")
    two.sql("USE BRANCH dev")
    with refused("ANABRANCH_REF.IN_USE"):
        two.sql("DROP BRANCH dev")


@pytest.mark.proves("LOG-5")
def test_reset_moves_a_branch_and_loses_nothing(two: Any) -> None:
    two.sql("INSERT INTO t VALUES (2)")
    left = two.rows("SHOW COMMITS LIMIT 1")[0][0]
    two.sql("RESET BRANCH main TO dev MESSAGE 'back'")
    assert ids(two, "t") == [1]
    two.sql("INSERT INTO t VALUES (3)")
    assert ids(two, "t") == [1, 3]
    assert ids(two, f"`t@{left}`") == [1, 2]
    assert two.rows("SHOW COMMITS LIMIT 2")[1][4] == "back"
    two.sql(f"RESET BRANCH main TO `{left}`")
    assert ids(two, "t") == [1, 2]


def test_a_fast_forward_takes_all_tables_as_one_commit(two: Any) -> None:
    two.sql("INSERT INTO `t@dev` VALUES (2)")
    two.sql("CREATE TABLE `u@dev` AS SELECT 5 AS id")
    preview = two.rows("MERGE BRANCH dev INTO main DRY RUN")
    assert [row[:5] for row in preview] == [
        ("default.t", "changed", "rows changed", None, True),
        ("default.u", "created", "", None, True),
    ]
    assert ids(two, "t") == [1]
    merged = two.rows("MERGE BRANCH dev INTO main MESSAGE 'both'")
    assert [(*row[:2], row[4]) for row in merged] == [(*row[:2], row[4]) for row in preview]
    assert (ids(two, "t"), ids(two, "u")) == ([1, 2], [5])
    head = two.rows("SHOW COMMITS LIMIT 1")[0]
    assert (head[0], head[3], head[4], len(head[8])) == (merged[0][3], "MERGE BRANCH", "both", 2)
    assert two.rows("MERGE BRANCH dev INTO main") == []


@pytest.mark.proves("MRG-2")
def test_changes_of_different_tables_combine(two: Any) -> None:
    two.sql("INSERT INTO `t@dev` VALUES (2)")
    two.sql("CREATE TABLE u AS SELECT 5 AS id")
    merged = two.rows("MERGE BRANCH dev")
    assert [row[:2] for row in merged] == [("default.t", "changed")] and merged[0][4] is False
    assert (ids(two, "t"), ids(two, "u")) == ([1, 2], [5])


@pytest.mark.proves("MRG-2")
def test_a_rename_here_and_rows_there_combine(two: Any) -> None:
    two.sql("INSERT INTO `t@dev` VALUES (2)")
    two.sql("ALTER TABLE t RENAME TO renamed")
    two.sql("MERGE BRANCH dev")
    assert ids(two, "renamed") == [1, 2]
    assert two.rows("SHOW TABLES") == [("default", "renamed", False)]


def test_dropped_here_and_changed_there_is_a_conflict(two: Any, refused: Any) -> None:
    two.sql("INSERT INTO `t@dev` VALUES (2)")
    two.sql("DROP TABLE t")
    with refused("ANABRANCH_MERGE.CONFLICT", "our side dropped it"):
        two.sql("MERGE BRANCH dev")


def test_dropped_there_is_dropped_here(two: Any) -> None:
    two.sql("DROP TABLE `t@dev`")
    assert [row[:2] for row in two.rows("MERGE BRANCH dev")] == [("default.t", "dropped")]
    assert two.rows("SHOW TABLES") == []


def test_two_tables_with_one_name_are_a_conflict(two: Any, refused: Any) -> None:
    two.sql("CREATE TABLE `u@dev` (a INT)")
    two.sql("CREATE TABLE u (a INT)")
    with refused("ANABRANCH_MERGE.CONFLICT", "default.u", "different tables"):
        two.sql("MERGE BRANCH dev")


@pytest.mark.proves("MRG-3", "TAB-3")
def test_merging_back_and_forth_has_no_false_conflict(two: Any) -> None:
    for n in range(2, 5):
        two.sql(f"INSERT INTO `t@dev` VALUES ({n})")
        two.sql("MERGE BRANCH dev INTO main")
        two.sql("MERGE BRANCH main INTO dev")
    two.sql("INSERT INTO t VALUES (9)")
    two.sql("MERGE BRANCH main INTO dev")
    two.sql("INSERT INTO `t@dev` VALUES (10)")
    two.sql("MERGE BRANCH dev INTO main")
    assert ids(two, "t") == ids(two, "`t@dev`") == [1, 2, 3, 4, 9, 10]


@pytest.mark.proves("MRG-1")
def test_a_criss_cross_merge_finds_what_both_sides_know(two: Any, refused: Any) -> None:
    two.sql("CREATE TABLE u AS SELECT 1 AS id")
    two.sql("MERGE BRANCH main INTO dev")
    two.sql("INSERT INTO `t@dev` VALUES (2)")
    two.sql("INSERT INTO u VALUES (2)")
    two.sql("CREATE BRANCH old_main FROM main")
    two.sql("CREATE BRANCH old_dev FROM dev")
    two.sql("MERGE BRANCH old_dev INTO main")
    two.sql("MERGE BRANCH old_main INTO dev")
    two.sql("INSERT INTO `t@dev` VALUES (3)")
    two.sql("INSERT INTO u VALUES (3)")
    two.sql("MERGE BRANCH dev INTO main")
    assert (ids(two, "t"), ids(two, "u")) == ([1, 2, 3], [1, 2, 3])


def test_restoring_what_was_there_is_no_change(two: Any) -> None:
    two.sql("INSERT INTO t VALUES (2)")
    two.sql("RESTORE TABLE t TO VERSION AS OF 1")
    two.sql("INSERT INTO `t@dev` VALUES (3)")
    two.sql("MERGE BRANCH dev")
    assert ids(two, "t") == [1, 3]


def test_namespaces_merge(two: Any) -> None:
    two.sql("USE BRANCH dev")
    two.sql("CREATE NAMESPACE new COMMENT 'made on dev'")
    two.sql("CREATE TABLE new.x AS SELECT 1 AS id")
    two.sql("USE BRANCH main")
    two.sql("MERGE BRANCH dev")
    assert ids(two, "new.x") == [1]


def test_a_merge_goes_into_branches_only(two: Any, refused: Any) -> None:
    two.sql("CREATE TAG v1")
    two.sql("INSERT INTO t VALUES (2)")
    with refused("ANABRANCH_REF.READ_ONLY", "v1"):
        two.sql("MERGE BRANCH main INTO v1")
    with refused("ANABRANCH_REF.NOT_FOUND", "nope"):
        two.sql("MERGE BRANCH nope")


def test_diff_tells_what_differs_between_two_refs(two: Any) -> None:
    two.sql("INSERT INTO `t@dev` VALUES (2), (3)")
    two.sql("CREATE TABLE `u@dev` AS SELECT 5 AS id")
    two.sql("ALTER TABLE `t@dev` ADD COLUMN more INT")
    rows = two.rows("CALL {lake}.system.diff(from => 'main', to => 'dev')")
    assert [row[:5] for row in rows] == [
        ("default.t", "changed", "columns changed, rows changed", 1, 3),
        ("default.u", "created", "", 0, 1),
    ]
    one = two.rows("CALL {lake}.system.diff(from => 'dev', to => 'main', table => 'default.u')")
    assert [row[:2] for row in one] == [("default.u", "dropped")]


def test_a_catalog_that_is_not_ours_has_no_branches(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_CATALOG.NOT_ANABRANCH", "spark_catalog"):
        lake.sql("SHOW BRANCHES IN spark_catalog")
