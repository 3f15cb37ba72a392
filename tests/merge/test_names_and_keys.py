"""Tables that both sides gave one name, keys and CHECKs that only one side knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import anabranch

KEY = "ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (id) NOT ENFORCED"
CHECK = "ALTER TABLE t ADD CONSTRAINT fine CHECK (a <> 'b')"


def fork(lake: Any, main: Sequence[str], dev: Sequence[str]) -> None:
    lake.sql("CREATE TABLE t (id INT, a STRING, b STRING)")
    lake.sql("INSERT INTO t VALUES (1, 'a1', 'b1'), (2, 'a2', 'b2')")
    lake.sql("CREATE BRANCH dev")
    for branch, statements in (("main", main), ("dev", dev)):
        lake.sql(f"USE BRANCH {branch}")
        for statement in statements:
            lake.sql(statement)
    lake.sql("USE BRANCH main")


def conflicts(lake: Any) -> list[tuple[Any, ...]]:
    """As both halves tell them: kind, and key or column."""
    found = told_by_spark(lake)
    assert set(found) == told_without_spark(lake)
    return found


def told_by_spark(lake: Any) -> list[tuple[Any, ...]]:
    rows = [r.asDict() for r in lake.sql("MERGE BRANCH dev DRY RUN").collect()]
    return [(r["kind"], r["key"] or r["column"]) for r in rows if r["change"] == "conflict"]


def told_without_spark(lake: Any) -> set[tuple[Any, ...]]:
    result = anabranch.open(lake.path).merge("dev", into="main", dry_run=True)
    return {(c.kind, c.key or c.column) for c in result.conflicts}


@pytest.mark.parametrize(("side", "columns"), [("OURS", ["x"]), ("THEIRS", ["y"])])
def test_a_side_is_chosen_where_both_made_a_table_of_one_name(
    lake: Any, side: str, columns: list[str]
) -> None:
    fork(lake, ["CREATE TABLE u (x INT)"], ["CREATE TABLE u (y INT)", "INSERT INTO t VALUES (3, 'a3', 'b3')"])
    assert conflicts(lake) == [("name", None)] * 2
    lake.sql(f"MERGE BRANCH dev ON CONFLICT {side} FOR TABLE u")
    assert lake.sql("SELECT * FROM u").columns == columns
    assert lake.rows("SELECT count(*) FROM t") == [(3,)]
    assert lake.rows("MERGE BRANCH dev") == []


@pytest.mark.parametrize(("side", "names"), [("OURS", ["z"]), ("THEIRS", ["t", "z"])])
def test_a_side_is_chosen_where_a_new_table_has_the_name_that_another_got(
    lake: Any, side: str, names: list[str]
) -> None:
    fork(
        lake,
        ["ALTER TABLE t RENAME TO z", "UPDATE z SET a = 'ours' WHERE id = 1"],
        ["CREATE TABLE z (q INT)"],
    )
    lake.sql(f"MERGE BRANCH dev ON CONFLICT {side}")
    assert sorted(name for _, name, _ in lake.rows("SHOW TABLES")) == names
    assert sorted(lake.rows(f"SELECT a FROM {names[0]}")) == [("a2",), ("ours",)]


def test_names_are_decided_like_other_conflicts(lake: Any) -> None:
    fork(lake, ["CREATE TABLE v (x INT)"], ["CREATE TABLE v AS SELECT a FROM t"])
    lake.sql("MERGE BRANCH dev KEEP CONFLICTS")
    lake.sql("UPDATE system.conflicts SET choice = 'theirs' WHERE kind = 'name'")
    lake.sql("CONTINUE MERGE")
    assert sorted(lake.rows("SELECT * FROM v")) == [("a1",), ("a2",)]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["INSERT INTO t VALUES (1, 'new', 'new')"], [("duplicate key", "1")]),
        (["INSERT INTO t VALUES (3, 'new', 'new')"], []),
        (["DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 'new', 'new')"], []),
        (["UPDATE t SET a = 'new' WHERE id = 1"], []),
        (["UPDATE t SET id = 2 WHERE id = 1"], [("duplicate key", "2")]),
    ],
)
def test_a_key_that_one_side_declared_holds_for_new_rows_of_the_other(
    lake: Any, turned: bool, statements: list[str], found: list[Any]
) -> None:
    fork(lake, *((statements, [KEY]) if turned else ([KEY], statements)))
    assert conflicts(lake) == found
    lake.sql("MERGE BRANCH dev ON CONFLICT THEIRS")
    ids = [i for (i,) in lake.rows("SELECT id FROM t")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("turned", [False, True])
def test_a_key_where_rows_were_deleted_and_compacted(lake: Any, turned: bool) -> None:
    """The row of the other side that is gone in the merged table stands in the way of none."""
    keyed = [KEY, "UPDATE t SET a = 'keyed' WHERE id = 2", "OPTIMIZE t"]
    other = [
        "DELETE FROM t WHERE id = 1",
        "INSERT INTO t VALUES (1, 'new', 'new')",
        "UPDATE t SET b = 'x' WHERE id = 2",
    ]
    fork(lake, *((other, keyed) if turned else (keyed, other)))
    assert conflicts(lake) == []
    lake.sql(
        "INSERT INTO `t@dev` VALUES (2, 'again', 'again')"
        if not turned
        else "INSERT INTO t VALUES (2, 'again', 'x')"
    )
    assert conflicts(lake) == [("duplicate key", "2")]


def test_keys_are_equal_as_their_collation_has_it(lake: Any) -> None:
    lake.sql("CREATE TABLE k (name STRING COLLATE UTF8_LCASE, CONSTRAINT pk PRIMARY KEY (name) NOT ENFORCED)")
    lake.sql("CREATE BRANCH dev")
    lake.sql("INSERT INTO k VALUES ('a')")
    lake.sql("INSERT INTO `k@dev` VALUES ('A')")
    assert told_by_spark(lake) == [("duplicate key", "a")]
    with pytest.raises(anabranch.errors.SchemaUnsupportedChange, match="name by a collation"):
        told_without_spark(lake)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["ALTER TABLE t RENAME COLUMN a TO aa"], [("schema", "a")]),
        (["ALTER TABLE t RENAME COLUMN a TO aa", "INSERT INTO t VALUES (3, 'x', 'x')"], [("schema", "a")]),
        (["ALTER TABLE t DROP COLUMN a"], [("schema", "a")]),
        (
            ["ALTER TABLE t RENAME COLUMN a TO x", "ALTER TABLE t RENAME COLUMN b TO a"],
            [("schema", "a")],
        ),
        (["ALTER TABLE t RENAME COLUMN b TO bb"], []),
        (["ALTER TABLE t ADD COLUMN c INT"], []),
    ],
)
def test_a_check_and_a_change_of_the_column_that_it_is_about(
    lake: Any, reused: set[str], turned: bool, statements: list[str], found: list[Any]
) -> None:
    reused.update("ab")
    fork(lake, *((statements, [CHECK]) if turned else ([CHECK], statements)))
    assert conflicts(lake) == found
    lake.sql(f"ALTER TABLE `t@{'dev' if turned else 'main'}` DROP CONSTRAINT fine")
    lake.sql("MERGE BRANCH dev")


PARTITIONED = "CREATE OR REPLACE TABLE t (id INT, a STRING, b STRING) PARTITIONED BY (a)"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("statements", "found"),
    [
        ([], []),
        (["DELETE FROM t WHERE id = 1"], []),
        (["OPTIMIZE t"], []),
        (["INSERT INTO t VALUES (3, 'a3', 'b3')"], [("schema", None)]),
        ([PARTITIONED], []),
        ([PARTITIONED, "INSERT INTO t VALUES (3, 'a3', 'b3')"], []),
        ([PARTITIONED.replace("(a)", "(b)")], [("schema", None)]),
    ],
)
def test_rows_of_a_side_and_partitions_of_the_other(
    lake: Any, turned: bool, statements: list[str], found: list[Any]
) -> None:
    """Files would not tell to which of the new partitions their rows belong, and conditions would not find them."""
    replaced = [PARTITIONED, "INSERT INTO t VALUES (8, 'a8', 'b8')"]
    fork(lake, *((statements, replaced) if turned else (replaced, statements)))
    assert conflicts(lake) == found
    if not found:
        lake.sql("MERGE BRANCH dev")
        for a in ("a3", "a8"):
            wanted = [(a,)] if a == "a8" or any("a3" in s for s in statements) else []
            assert lake.rows(f"SELECT a FROM t WHERE a = '{a}'") == wanted


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["INSERT INTO t VALUES (3, NULL, 'b3')"], [("constraint", None)]),
        (["INSERT INTO t VALUES (3, 'a3', NULL)"], []),
    ],
)
def test_a_column_that_must_not_be_null_on_one_side(
    lake: Any, turned: bool, statements: list[str], found: list[Any]
) -> None:
    required = ["CREATE OR REPLACE TABLE t (id INT, a STRING NOT NULL, b STRING)"]
    fork(lake, *((statements, required) if turned else (required, statements)))
    assert conflicts(lake) == found


def test_fields_and_quoted_names_in_a_check(lake: Any) -> None:
    lake.sql("CREATE TABLE s (id INT, p STRUCT<x: INT, y: INT>, `odd ``name` INT)")
    lake.sql("CREATE BRANCH dev")
    lake.sql("ALTER TABLE s ADD CONSTRAINT f CHECK (p.x > 0)")
    lake.sql("ALTER TABLE s ADD CONSTRAINT o CHECK (`odd ``name` > 0)")
    lake.sql("ALTER TABLE `s@dev` RENAME COLUMN p.y TO z")
    assert conflicts(lake) == []
    lake.sql("ALTER TABLE `s@dev` RENAME COLUMN p.x TO w")
    lake.sql("ALTER TABLE `s@dev` RENAME COLUMN `odd ``name` TO plain")
    assert sorted(conflicts(lake)) == [("schema", "odd `name"), ("schema", "x")]
