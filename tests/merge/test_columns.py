"""Columns that both sides changed: their order, their defaults, fields of structs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import anabranch

SETUP = ("CREATE TABLE t (id INT, a STRING, s STRUCT<x: INT>)", "INSERT INTO t VALUES (1, 'a1', struct(1))")


def fork(lake: Any, main: Sequence[str], dev: Sequence[str]) -> None:
    for statement in (*SETUP, "CREATE BRANCH dev", *main, "USE BRANCH dev", *dev, "USE BRANCH main"):
        lake.sql(statement)


def merged(lake: Any, tmp_path: Path, choice: str | None = None) -> list[str]:
    """The columns that both halves give the merged table."""
    copy = tmp_path / "native"
    shutil.copytree(lake.path, copy)
    anabranch.open(copy).merge("dev", on_conflict=choice)  # type: ignore[arg-type]
    lake.sql("MERGE BRANCH dev" + (f" ON CONFLICT {choice.upper()}" if choice else ""))
    columns: list[str] = lake.sql("SELECT * FROM t").columns
    assert anabranch.open(copy).table("default.t").schema.names == columns
    return columns


def conflicts(lake: Any) -> list[tuple[str | None, str]]:
    rows = lake.sql("MERGE BRANCH dev DRY RUN").collect()
    native = anabranch.open(lake.path).merge("dev", into="main", dry_run=True).conflicts
    found = [(r.column, r.detail) for r in rows if r.change == "conflict"]
    assert found == [(c.column, c.detail) for c in native]
    return found


@pytest.mark.parametrize(
    ("ours", "theirs", "columns"),
    [
        (("ALTER COLUMN a COMMENT 'x'",), ("ADD COLUMN c INT AFTER id",), ["id", "c", "a", "s"]),
        (("ALTER COLUMN s AFTER id",), ("ADD COLUMN c INT FIRST",), ["c", "id", "s", "a"]),
        (("ADD COLUMN c INT AFTER id",), ("ADD COLUMN d INT AFTER id",), ["id", "c", "d", "a", "s"]),
        (("ADD COLUMN c INT",), ("ALTER COLUMN s FIRST",), ["s", "c", "id", "a"]),
    ],
)
def test_a_new_column_stands_behind_what_it_was_put_behind(
    lake: Any, tmp_path: Path, ours: Sequence[str], theirs: Sequence[str], columns: list[str]
) -> None:
    fork(lake, [f"ALTER TABLE t {s}" for s in ours], [f"ALTER TABLE t {s}" for s in theirs])
    assert merged(lake, tmp_path) == columns


@pytest.mark.parametrize(("side", "columns"), [("ours", ["a", "id", "s"]), ("theirs", ["s", "id", "a"])])
def test_columns_put_into_two_orders_are_a_conflict(
    lake: Any, tmp_path: Path, side: str, columns: list[str]
) -> None:
    fork(lake, ["ALTER TABLE t ALTER COLUMN a FIRST"], ["ALTER TABLE t ALTER COLUMN s FIRST"])
    assert conflicts(lake) == [(None, "both sides changed the order of its columns")]
    assert merged(lake, tmp_path, side) == columns


def test_defaults_and_comments_are_decided_by_their_column(lake: Any) -> None:
    fork(
        lake,
        ["ALTER TABLE t ALTER COLUMN a SET DEFAULT 'ours'", "ALTER TABLE t ALTER COLUMN a COMMENT 'ours'"],
        [
            "ALTER TABLE t ALTER COLUMN a SET DEFAULT 'theirs'",
            "ALTER TABLE t ALTER COLUMN a COMMENT 'theirs'",
        ],
    )
    assert conflicts(lake) == [
        ("a", "both sides changed its comment"),
        ("a", "both sides changed its default"),
    ]
    lake.sql("MERGE BRANCH dev ON CONFLICT THEIRS FOR COLUMN t.a")
    lake.sql("INSERT INTO t (id) VALUES (2)")
    assert lake.rows("SELECT a FROM t WHERE id = 2") == [("theirs",)]


@pytest.mark.proves("MRG-4")
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("type", ["INT", "STRING"])
def test_a_field_that_one_side_added_and_the_other_added_and_dropped_is_a_conflict(
    lake: Any, reused: set[str], turned: bool, type: str
) -> None:
    """Or the values that were dropped with it would come back, as another type even."""
    reused.add("s")
    add = ["ALTER TABLE t ADD COLUMN s.f INT"]
    drop = [
        f"ALTER TABLE t ADD COLUMN s.f {type}",
        "INSERT INTO t VALUES (2, 'a2', struct(2, 77))",
        "ALTER TABLE t DROP COLUMN s.f",
    ]
    fork(lake, *((drop, add) if turned else (add, drop)))
    assert conflicts(lake) == [("s.f", "one side added it, the other added and dropped it")]


def test_a_field_dropped_on_one_side_goes_though_the_other_changed_its_struct(
    lake: Any, reused: set[str], tmp_path: Path
) -> None:
    reused.add("s")
    fork(
        lake,
        ["ALTER TABLE t ADD COLUMN s.y INT", "UPDATE t SET s = named_struct('x', 1, 'y', 5)"],
        ["ALTER TABLE t ADD COLUMN s.z INT", "ALTER TABLE t DROP COLUMN s.x"],
    )
    assert merged(lake, tmp_path) == ["id", "a", "s"]
    assert lake.rows("SELECT s.* FROM t") == [(5, None)]


@pytest.mark.parametrize("side", ["OURS", "THEIRS"])
def test_no_choice_settles_which_type_the_values_of_both_sides_have(
    lake: Any, refused: Any, reused: set[str], side: str
) -> None:
    """Files of both sides hold them: the table could not be read."""
    reused.add("c")
    fork(
        lake,
        ["ALTER TABLE t ADD COLUMN c INT", "UPDATE t SET c = 1"],
        ["ALTER TABLE t ADD COLUMN c STRING", "INSERT INTO t VALUES (2, 'a2', NULL, 'x')"],
    )
    with refused("ANABRANCH_MERGE.CONFLICT", "its type differs (column c)"):
        lake.sql(f"MERGE BRANCH dev ON CONFLICT {side}")
    with pytest.raises(anabranch.errors.MergeConflict, match="its type differs"):
        anabranch.open(lake.path).merge("dev", into="main", on_conflict=side.lower())  # type: ignore[arg-type]
    lake.sql("ALTER TABLE `t@dev` DROP COLUMN c")
    with refused("ANABRANCH_MERGE.CONFLICT", "added and dropped it (column c)"):
        lake.sql("MERGE BRANCH dev ON CONFLICT OURS")
    lake.sql("MERGE BRANCH dev ON CONFLICT THEIRS")
    assert lake.rows("SELECT * FROM t ORDER BY id") == [(1, "a1", (1,)), (2, "a2", None)]
