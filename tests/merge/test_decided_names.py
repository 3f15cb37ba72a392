"""What a choice of a side makes of names: of tables that came and went, of namespaces, of what has two names."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import anabranch

T = ("CREATE TABLE t (id INT, a STRING)", "INSERT INTO t VALUES (1, 'a1')")
SPACE = "CREATE NAMESPACE {lake}.s"


def fork(lake: Any, setup: Sequence[str], main: Sequence[str], dev: Sequence[str]) -> None:
    for statement in (*setup, "CREATE BRANCH dev", *main, "USE BRANCH dev", *dev, "USE BRANCH main"):
        lake.sql(statement)


def catalog(lake: Any, tmp_path: Path, side: str) -> tuple[list[str], list[str]]:
    """Tables and namespaces that both halves make of a merge in which one side is right about everything."""
    copy = tmp_path / "native"
    shutil.copytree(lake.path, copy)
    native = anabranch.open(copy)
    native.merge("dev", on_conflict=side)  # type: ignore[arg-type]
    lake.sql(f"MERGE BRANCH dev ON CONFLICT {side}")
    spark = anabranch.open(lake.path)
    found = (list(spark.tables()), list(spark.namespaces()))
    assert (list(native.tables()), list(native.namespaces())) == found
    assert [f for f in native.verify() if f.problem] == []
    return found


RECREATED = ("DROP TABLE t", "CREATE TABLE t (q INT)", "INSERT INTO t VALUES (9)")
CHANGED = ("INSERT INTO t VALUES (2, 'a2')",)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("side", ["OURS", "THEIRS"])
def test_a_table_that_one_side_dropped_and_made_anew_and_the_other_changed(
    lake: Any, tmp_path: Path, side: str, turned: bool
) -> None:
    fork(lake, T, *((CHANGED, RECREATED) if turned else (RECREATED, CHANGED)))
    assert catalog(lake, tmp_path, side.lower()) == (["default.t"], ["default"])
    anew = (side == "OURS") != turned
    assert sorted(lake.rows("SELECT * FROM t")) == ([(9,)] if anew else [(1, "a1"), (2, "a2")])


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("setup", "dropping", "keeping"),
    [
        ([SPACE], ["DROP NAMESPACE {lake}.s"], ["CREATE TABLE {lake}.s.x (i INT)"]),
        (
            [SPACE],
            ["DROP NAMESPACE {lake}.s"],
            ["ALTER NAMESPACE {lake}.s SET PROPERTIES ('p' = '1')", "CREATE TABLE {lake}.s.x (i INT)"],
        ),
        (
            [SPACE, "CREATE TABLE {lake}.s.x (i INT)"],
            ["DROP TABLE {lake}.s.x", "DROP NAMESPACE {lake}.s"],
            ["INSERT INTO {lake}.s.x VALUES (1)"],
        ),
        (
            [SPACE, "CREATE NAMESPACE {lake}.s.n"],
            ["DROP NAMESPACE {lake}.s.n", "DROP NAMESPACE {lake}.s"],
            ["ALTER NAMESPACE {lake}.s.n SET PROPERTIES ('p' = '1')"],
        ),
        ([SPACE], ["DROP NAMESPACE {lake}.s"], ["CREATE NAMESPACE {lake}.s.n"]),
    ],
)
def test_a_namespace_goes_or_stays_with_what_is_in_it(
    lake: Any, tmp_path: Path, setup: list[str], dropping: list[str], keeping: list[str], turned: bool
) -> None:
    fork(lake, setup, *((keeping, dropping) if turned else (dropping, keeping)))
    before = list(anabranch.open(lake.path, ref="main" if turned else "dev").tables())
    names = list(anabranch.open(lake.path, ref="main" if turned else "dev").namespaces())
    lake.sql("CREATE BRANCH again")
    assert catalog(lake, tmp_path / "1", "theirs" if turned else "ours") == ([], ["default"])
    lake.sql("RESET BRANCH main TO again")
    assert catalog(lake, tmp_path / "2", "ours" if turned else "theirs") == (before, names)


def test_a_side_is_chosen_by_either_of_two_names(lake: Any) -> None:
    ours = ["ALTER TABLE t RENAME TO u", "ALTER TABLE u RENAME COLUMN a TO b", "UPDATE u SET b = 'ours'"]
    fork(lake, T, ours, ["UPDATE t SET a = 'theirs'"])
    for scope in ("TABLE t", "TABLE u", "COLUMN t.a", "COLUMN u.b"):
        review = lake.sql(f"MERGE BRANCH dev ON CONFLICT THEIRS FOR {scope} DRY RUN").collect()
        assert [(r.table, r.change) for r in review] == [("default.u", "changed")], scope
    with_native = anabranch.open(lake.path).merge(
        "dev", into="main", on_conflict={"default.t:a": "theirs"}, dry_run=True
    )
    assert with_native.conflicts == ()


def test_names_that_change_places_mean_what_the_merged_catalog_calls_so(lake: Any) -> None:
    swap = ["ALTER TABLE t RENAME TO x", "ALTER TABLE u RENAME TO t", "ALTER TABLE x RENAME TO u"]
    setup = [*T, "CREATE TABLE u (n INT)"]
    fork(lake, setup, [*swap, "UPDATE u SET a = 'ours'"], ["UPDATE t SET a = 'theirs'"])
    for scope, changes in (("t", ["conflict"]), ("u", ["changed"])):
        review = lake.sql(f"MERGE BRANCH dev ON CONFLICT THEIRS FOR TABLE {scope} DRY RUN").collect()
        assert [r.change for r in review] == changes


def test_a_table_without_a_namespace_is_one_of_the_current_namespace(lake: Any) -> None:
    lake.sql(SPACE)
    lake.sql("CREATE TABLE t (id INT)")  # in default: meant by nobody
    lake.sql("USE {lake}.s")
    fork(lake, T, ["UPDATE t SET a = 'ours'"], ["UPDATE t SET a = 'theirs'"])
    lake.sql("MERGE BRANCH dev KEEP CONFLICTS")
    assert lake.rows("CALL {lake}.system.resolve(table => 't', choice => 'ours')") == [(0,)]
    lake.sql("ABORT MERGE")
    lake.sql("MERGE BRANCH dev ON CONFLICT THEIRS FOR TABLE t")
    assert lake.rows("SELECT a FROM t") == [("theirs",)]


def test_what_shall_fail_stays_open_whatever_is_decided_about_the_rest(lake: Any, refused: Any) -> None:
    fork(lake, T, ["UPDATE t SET id = 2, a = 'ours'"], ["UPDATE t SET id = 3, a = 'theirs'"])
    how = "ON CONFLICT THEIRS ON CONFLICT FAIL FOR COLUMN t.a"
    with refused("ANABRANCH_MERGE.CONFLICT", "because of 1 conflict: default.t: both sides changed a"):
        lake.sql(f"MERGE BRANCH dev {how}")
    lake.sql(f"MERGE BRANCH dev {how} KEEP CONFLICTS")
    shown = lake.rows("SELECT `column`, choice FROM system.conflicts")
    assert sorted(shown, key=str) == [("a", None), ("id", "theirs")]
    assert anabranch.open(lake.path).conflicts("main")[0].kind == "cell"
    lake.sql("UPDATE system.conflicts SET choice = 'ours' WHERE `column` = 'a'")
    lake.sql("CONTINUE MERGE")
    assert lake.rows("SELECT * FROM t") == [(3, "ours")]
