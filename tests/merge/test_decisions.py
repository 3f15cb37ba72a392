"""Conflicts of an unfinished merge are decided by UPDATE, too; what can be decided, and what comes to light then."""

from __future__ import annotations

from typing import Any

import pytest

SHOWN = "SELECT row_id, `column`, choice, value FROM {lake}.system.conflicts ORDER BY row_id, `column`"


def test_conflicts_are_decided_by_update(kept: Any) -> None:
    kept.sql("UPDATE {lake}.system.conflicts SET choice = 'theirs' WHERE `column` = 'a'")
    assert kept.rows(SHOWN) == [(1, "a", "theirs", None), (1, "n", None, None), (2, None, None, None)]
    kept.sql(
        "UPDATE {lake}.system.conflicts SET value = CAST(ours AS INT) + CAST(theirs AS INT) WHERE kind = 'cell' AND base = '2'"
    )
    kept.sql("UPDATE {lake}.system.conflicts SET choice = 'Ours' WHERE choice IS NULL")
    assert kept.rows(SHOWN) == [(1, "a", "theirs", None), (1, "n", "value", "50"), (2, None, "ours", None)]
    kept.sql("CONTINUE MERGE IN {lake}")
    assert sorted(kept.rows("SELECT * FROM t")) == [(1, "a1", 1), (2, "theirs", 50)]


def test_a_decision_is_replaced(kept: Any) -> None:
    kept.sql("UPDATE {lake}.system.conflicts SET value = '7' WHERE `column` = 'n'")
    kept.sql("UPDATE {lake}.system.conflicts SET choice = 'theirs'")
    assert [c[2] for c in kept.rows(SHOWN)] == ["theirs"] * 3
    kept.sql("UPDATE {lake}.system.conflicts SET choice = 'value', value = NULL WHERE `column` = 'n'")
    kept.sql("UPDATE {lake}.system.`conflicts@main` SET choice = 'theirs' WHERE `column` = 'a'")  # as it was
    kept.sql("CONTINUE MERGE IN {lake}")
    assert sorted(kept.rows("SELECT * FROM t")) == [(1, "a1", 1), (2, "theirs", None), (3, "theirs", 30)]


def test_a_table_of_decisions_is_merged_into_the_conflicts(kept: Any) -> None:
    kept.sql(
        "MERGE INTO {lake}.system.conflicts c USING (SELECT * FROM VALUES ('a', 'theirs'), ('n', 'ours') AS v(name, side)) d "
        "ON c.`column` = d.name WHEN MATCHED THEN UPDATE SET choice = d.side"
    )
    assert [c[1:3] for c in kept.rows(SHOWN)] == [("a", "theirs"), ("n", "ours"), (None, None)]


@pytest.mark.parametrize(
    ("statement", "condition", "word"),
    [
        ("UPDATE c SET choice = 'mine'", "INVALID_DECISION", "mine"),
        ("UPDATE c SET choice = 'ours', value = '1'", "INVALID_DECISION", "both"),
        ("UPDATE c SET theirs = '1' WHERE `column` = 'n'", "INVALID_DECISION", "theirs"),
        ("UPDATE c SET value = '1' WHERE row_id = 2", "INVALID_DECISION", "for a cell"),
        ("UPDATE c SET value = 'many' WHERE `column` = 'n'", "INVALID_VALUE", "many"),
        ("DELETE FROM c WHERE row_id = 2", "INVALID_DECISION", "not when it is deleted"),
        (
            "MERGE INTO c USING (SELECT 1 AS i) s ON c.row_id = s.i WHEN MATCHED THEN DELETE",
            "INVALID_DECISION",
            "",
        ),
        (
            "MERGE INTO c USING (SELECT 9 AS i) s ON c.row_id = s.i "
            "WHEN MATCHED THEN UPDATE SET choice = 'ours' WHEN NOT MATCHED THEN INSERT (row_id) VALUES (s.i)",
            "INVALID_DECISION",
            "added",
        ),
        ("CALL {lake}.system.resolve(value => '1', where => 'row_id = 2')", "INVALID_DECISION", "for a cell"),
    ],
)
def test_what_is_no_decision_is_refused(
    kept: Any, refused: Any, statement: str, condition: str, word: str
) -> None:
    with refused(f"ANABRANCH_MERGE.{condition}", word):
        kept.sql(statement.replace(" c ", " {lake}.system.conflicts c "))
    assert {c[2] for c in kept.rows(SHOWN)} == {None}


@pytest.mark.proves("MRG-8")
def test_a_decision_is_taken_back(kept: Any, refused: Any) -> None:
    kept.sql("CALL {lake}.system.resolve(choice => 'ours')")
    kept.sql("UPDATE {lake}.system.conflicts SET value = '7' WHERE `column` = 'n'")
    kept.sql("UPDATE {lake}.system.conflicts SET choice = NULL WHERE `column` = 'n'")
    assert kept.rows(SHOWN) == [(1, "a", "ours", None), (1, "n", None, None), (2, None, "ours", None)]
    with refused("ANABRANCH_MERGE.CONFLICT", "of 1 conflict:"):
        kept.sql("CONTINUE MERGE IN {lake}")
    kept.sql("CALL {lake}.system.resolve(choice => 'theirs', row_id => 1, column => 'a')")
    assert kept.rows("CALL {lake}.system.resolve(choice => 'open', row_id => 1)") == [(2,)]
    assert kept.rows("CALL {lake}.system.resolve(choice => 'theirs', column => 'n')") == [(1,)]
    kept.sql("UPDATE {lake}.system.conflicts SET choice = 'open', value = NULL")
    assert {c[2] for c in kept.rows(SHOWN)} == {None}
    assert kept.rows("CALL {lake}.system.resolve(choice => 'theirs')") == [(0,)]
    kept.sql("UPDATE {lake}.system.conflicts SET choice = 'theirs' WHERE row_id = 77")


def test_a_transaction_decides_nothing(kept: Any, refused: Any) -> None:
    kept.sql("START TRANSACTION IN {lake}")
    try:
        with refused("ANABRANCH_TRANSACTION.REFUSED", "conflicts"):
            kept.sql("UPDATE {lake}.system.conflicts SET choice = 'ours'")
    finally:
        kept.sql("ROLLBACK TRANSACTION")


def test_conflicts_of_a_branch_that_is_not_there(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_REF.NOT_FOUND", "nope"):
        lake.rows("SELECT * FROM {lake}.system.`conflicts@nope`")


def test_rows_contradict_each_other_once_their_columns_are_decided(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT, a STRING, n INT)")
    lake.sql("INSERT INTO t VALUES (1, 'a', 1)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    for branch, name, n in (("main", "x", 2), ("dev", "y", 3)):
        lake.sql(f"ALTER TABLE `t@{branch}` RENAME COLUMN a TO {name}")
        lake.sql(f"UPDATE `t@{branch}` SET n = {n}")
    lake.sql("MERGE BRANCH dev IN {lake} KEEP CONFLICTS")
    assert lake.rows(SHOWN) == [(None, "x", None, None)]
    assert lake.rows("CALL {lake}.system.resolve(choice => 'theirs', column => 'x')") == [(1,)]
    assert lake.rows(SHOWN) == [(None, "x", "theirs", None), (0, "n", None, None)]
    assert lake.rows("CALL {lake}.system.resolve(value => '5', row_id => 0, column => 'n')") == [(0,)]
    assert lake.rows(SHOWN) == [(None, "x", "theirs", None), (0, "n", "value", "5")]
    lake.sql("CONTINUE MERGE IN {lake}")
    assert lake.rows("SELECT id, y, n FROM t") == [(1, "a", 5)]


def test_a_broken_constraint_is_mended_on_a_branch(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t (id INT, n INT)")
    lake.sql("INSERT INTO t VALUES (1, 1)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0)")
    lake.sql("UPDATE t SET n = 2")
    lake.sql("UPDATE `t@dev` SET n = 3")
    lake.sql("INSERT INTO `t@dev` VALUES (2, -1)")
    lake.sql("MERGE BRANCH dev IN {lake} KEEP CONFLICTS")
    with refused("ANABRANCH_MERGE.INVALID_DECISION", "positive"):
        lake.sql("UPDATE {lake}.system.conflicts SET choice = 'ours' WHERE kind = 'constraint'")
    lake.sql("CALL {lake}.system.resolve(value => '-5', column => 'n')")
    kinds = lake.rows("SELECT kind, choice FROM {lake}.system.conflicts ORDER BY choice NULLS LAST")
    assert kinds == [("cell", "value"), ("constraint", None), ("constraint", None)]
    with refused("ANABRANCH_MERGE.CONFLICT", "'dev'", "positive"):
        lake.sql("CONTINUE MERGE IN {lake}")
    lake.sql("ALTER TABLE t DROP CONSTRAINT positive")
    lake.sql("CONTINUE MERGE IN {lake}")
    assert sorted(lake.rows("SELECT * FROM t")) == [(1, -5), (2, -1)]
