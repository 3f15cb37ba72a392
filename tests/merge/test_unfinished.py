"""Merges whose conflicts are kept, decided in SQL, and continued by whoever comes next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import anabranch


def conflicts(lake: Any, columns: str = "row_id, `column`, choice, value") -> list[Any]:
    return lake.rows(f"SELECT {columns} FROM {{lake}}.system.conflicts ORDER BY row_id, `column`")


def test_conflicts_are_rows(kept: Any) -> None:
    columns = "table, kind, row_id, `column`, base, ours, theirs"
    assert conflicts(kept, columns) == [
        ("default.t", "cell", 1, "a", "a2", "ours", "theirs"),
        ("default.t", "cell", 1, "n", "2", "20", "30"),
        (
            "default.t",
            "delete/change",
            2,
            None,
            '{"a":"a3","id":"3","n":"3"}',
            None,
            '{"a":"theirs","id":"3","n":"30"}',
        ),
    ]


def test_each_is_decided_and_the_merge_continued_by_somebody_else(
    kept: Any, new_lake: Callable[..., Any]
) -> None:
    assert kept.rows("CALL {lake}.system.resolve(choice => 'theirs', row_id => 1, column => 'a')") == [(2,)]
    assert kept.rows("CALL {lake}.system.resolve(value => '25', table => 't', column => 'n')") == [(1,)]
    other = new_lake(path=kept.path)
    assert conflicts(other) == [
        (1, "a", "theirs", None),
        (1, "n", "value", "25"),
        (2, None, None, None),
    ]
    assert other.rows(
        "CALL {lake}.system.resolve(choice => 'ours', where => \"kind = 'delete/change'\")"
    ) == [(0,)]
    other.sql("CONTINUE MERGE IN {lake} MESSAGE 'as we agreed'")
    assert sorted(kept.rows("SELECT * FROM t")) == [(1, "a1", 1), (2, "theirs", 25)]
    (_, _, _, operation, message, _, _, _, parents, _), *_ = kept.rows("SHOW COMMITS IN {lake} LIMIT 1")
    assert (operation, message, len(parents)) == ("MERGE BRANCH", "as we agreed", 2)
    assert conflicts(kept) == []
    assert kept.rows("MERGE BRANCH dev IN {lake}") == []


def test_a_later_decision_replaces_an_earlier_one_and_a_closer_one_goes_first(kept: Any) -> None:
    kept.sql("CALL {lake}.system.resolve(choice => 'theirs', row_id => 1, column => 'a')")
    kept.sql("CALL {lake}.system.resolve(choice => 'ours', row_id => 1, column => 'a')")
    assert kept.rows("CALL {lake}.system.resolve(choice => 'theirs')") == [(0,)]
    kept.sql("CONTINUE MERGE IN {lake}")
    assert sorted(kept.rows("SELECT * FROM t")) == [(1, "a1", 1), (2, "ours", 30), (3, "theirs", 30)]


def test_what_happens_on_the_branch_meanwhile_is_merged_too(kept: Any) -> None:
    kept.sql("INSERT INTO t VALUES (4, 'a4', 4)")
    kept.sql("UPDATE t SET n = 30 WHERE id = 2")  # now as theirs
    kept.sql("UPDATE `t@dev` SET n = 99 WHERE id = 1")  # after the merge was begun: not a part of it
    assert [c[:2] for c in conflicts(kept)] == [(1, "a"), (2, None)]
    kept.sql("CALL {lake}.system.resolve(choice => 'ours')")
    kept.sql("CONTINUE MERGE IN {lake}")
    assert sorted(kept.rows("SELECT * FROM t")) == [(1, "a1", 1), (2, "ours", 30), (4, "a4", 4)]
    kept.sql("MERGE BRANCH dev IN {lake}")
    assert sorted(kept.rows("SELECT n FROM t")) == [(4,), (30,), (99,)]


def test_a_merge_is_given_up(kept: Any, refused: Any) -> None:
    kept.sql("ABORT MERGE IN {lake}")
    assert conflicts(kept) == []
    for statement in ("ABORT MERGE IN {lake}", "CONTINUE MERGE IN {lake}"):
        with refused("ANABRANCH_MERGE.NONE_UNFINISHED", "main"):
            kept.sql(statement)
    kept.sql("MERGE BRANCH dev IN {lake} ON CONFLICT OURS KEEP CONFLICTS")
    assert sorted(kept.rows("SELECT id FROM t")) == [(1,), (2,)]


def test_an_open_conflict_stops_the_merge_and_keeps_it(kept: Any, refused: Any) -> None:
    kept.sql("CALL {lake}.system.resolve(choice => 'theirs', column => 'a')")
    with refused("ANABRANCH_MERGE.CONFLICT", "2 conflicts"):
        kept.sql("CONTINUE MERGE IN {lake}")
    with refused("ANABRANCH_MERGE.UNFINISHED", "dev", "main"):
        kept.sql("MERGE BRANCH dev IN {lake}")
    with refused("ANABRANCH_MERGE.UNFINISHED", "dev", "main"):
        kept.sql("MERGE BRANCH dev IN {lake} KEEP CONFLICTS")
    assert len(conflicts(kept)) == 3


@pytest.mark.parametrize(
    ("arguments", "condition", "word"),
    [
        ("choice => 'ours', row_id => 77", "ANABRANCH_MERGE.NO_SUCH_CONFLICT", "_row_id 77"),
        ("choice => 'ours', where => 'row_id = 77'", "ANABRANCH_MERGE.NO_SUCH_CONFLICT", "row_id = 77"),
        ("choice => 'mine'", "ANABRANCH_PROCEDURE.INVALID_ARGUMENT", "mine"),
        ("choice => 'ours', value => '1'", "ANABRANCH_PROCEDURE.INVALID_ARGUMENT", "not both"),
        ("value => '1'", "ANABRANCH_PROCEDURE.INVALID_ARGUMENT", "column"),
        ("value => 'many', row_id => 1, column => 'n'", "ANABRANCH_MERGE.INVALID_VALUE", "many"),
    ],
)
def test_a_decision_about_nothing_is_refused(
    kept: Any, refused: Any, arguments: str, condition: str, word: str
) -> None:
    with refused(condition, word):
        kept.sql(f"CALL {{lake}}.system.resolve({arguments})")
    assert {r[2] for r in conflicts(kept)} == {None}


def test_a_choice_for_a_schema(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT, a STRING)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("ALTER TABLE t RENAME COLUMN a TO x")
    lake.sql("ALTER TABLE `t@dev` RENAME COLUMN a TO y")
    lake.sql("MERGE BRANCH dev IN {lake} KEEP CONFLICTS")
    assert conflicts(lake, "kind, `column`, ours, theirs") == [("schema", "x", "x", "y")]
    lake.sql("CALL {lake}.system.resolve(choice => 'theirs', table => 't')")
    lake.sql("CONTINUE MERGE IN {lake}")
    assert lake.sql("SELECT * FROM t").columns == ["id", "y"]


@pytest.mark.parametrize("half", ["spark", "native"])
def test_an_unfinished_merge_ends_with_its_branch(kept: Any, refused: Any, half: str) -> None:
    kept.sql("CREATE BRANCH target FROM main")
    kept.sql("MERGE BRANCH dev INTO target KEEP CONFLICTS")
    if half == "spark":
        kept.sql("DROP BRANCH target")
    else:
        anabranch.open(kept.path).drop_branch("target")
    kept.sql("CREATE BRANCH target FROM main")
    with refused("ANABRANCH_MERGE.NONE_UNFINISHED", "INTO"):
        kept.sql("CONTINUE MERGE INTO target")
