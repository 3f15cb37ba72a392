"""RESTORE, and procedures that only read, inside of a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pyspark.errors import PySparkException

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"


@pytest.fixture
def past(lake: Any) -> Iterator[Any]:
    """Table t: version 1 has ids 0 to 9 in a file, of which version 2 deleted 3, 3 updated 4, 4 inserted 10."""
    lake.sql(f"CREATE TABLE t (id INT, s STRING) {FILES}")
    lake.sql("INSERT INTO t SELECT /*+ COALESCE(1) */ CAST(id AS INT), 'v' FROM range(10)")
    lake.sql("DELETE FROM t WHERE id = 3")
    lake.sql("UPDATE t SET s = 'w' WHERE id = 4")
    lake.sql("INSERT INTO t VALUES (10, 'x')")
    yield lake
    with suppress(PySparkException):  # mostly none is open
        lake.sql("ROLLBACK")


def lineage(lake: Any, of: str = "t") -> list[tuple[Any, ...]]:
    return sorted(lake.rows(f"SELECT id, s, _row_id, _row_commit FROM {of}"))


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_an_earlier_state_comes_back_in_a_transaction(past: Any, version: int) -> None:
    wanted = lineage(past, f"t VERSION AS OF {version}")
    past.sql("START TRANSACTION")
    ((_, _, commit, rows, _),) = past.rows(f"RESTORE TABLE t TO VERSION AS OF {version}")
    assert (commit, rows, lineage(past)) == (None, len(wanted), wanted)
    past.sql("COMMIT")
    assert lineage(past) == wanted
    past.sql("RESTORE TABLE t TO VERSION AS OF 4")
    past.sql("INSERT INTO t VALUES (11, 'y')")
    assert len(lineage(past)) == 11


def test_statements_before_and_after_a_restore(past: Any) -> None:
    before = lineage(past, "t VERSION AS OF 2")
    past.sql("START TRANSACTION")
    past.sql("INSERT INTO t VALUES (12, 'gone')")
    past.sql("ALTER TABLE t ADD COLUMN gone INT")
    past.sql("RESTORE TABLE t TO VERSION AS OF 2")
    past.sql("UPDATE t SET s = 'z' WHERE id = 5")
    past.sql("DELETE FROM t WHERE id = 6")
    past.sql("INSERT INTO t VALUES (13, 'new')")
    seen = sorted(past.rows("SELECT id, s FROM t"))
    past.sql("COMMIT")
    assert sorted(past.rows("SELECT * FROM t")) == seen
    assert {r[0]: r[1] for r in seen} == {r[0]: r[1] for r in before if r[0] != 6} | {5: "z", 13: "new"}
    ids = {r[0]: r[2] for r in lineage(past)}
    assert all(ids[i] == row for i, _, row, _ in before if i != 6)
    metrics = past.rows("DESCRIBE HISTORY t LIMIT 1")[0][5]
    assert all(n > 0 for n in metrics.values())


def test_rows_that_a_transaction_brought_back_are_found_by_a_merge(past: Any) -> None:
    past.sql("CREATE BRANCH dev")
    for branch in ("main", "dev"):
        past.sql(f"USE BRANCH {branch}")
        past.sql("START TRANSACTION")
        past.sql("RESTORE TABLE t TO VERSION AS OF 1")
        past.sql("COMMIT")
    past.sql("USE BRANCH main")
    past.sql("UPDATE t SET s = 'ours' WHERE id = 5")
    past.sql("UPDATE `t@dev` SET s = 'theirs' WHERE id = 6")
    past.sql("MERGE BRANCH dev")
    rows = dict(past.rows("SELECT id, s FROM t"))
    assert (len(lineage(past)), rows[3], rows[5], rows[6]) == (10, "v", "ours", "theirs")


def test_a_restore_is_undone_by_a_rollback(past: Any) -> None:
    before = lineage(past)
    past.sql("START TRANSACTION")
    past.sql("RESTORE TABLE t TO VERSION AS OF 0")
    past.sql("ROLLBACK")
    assert lineage(past) == before


def test_a_table_of_the_transaction_has_no_past(past: Any, refused: Any) -> None:
    past.sql("START TRANSACTION")
    past.sql("CREATE TABLE u (x INT)")
    with refused("ANABRANCH_TABLE.NOT_FOUND", "default.u"):
        past.sql("RESTORE TABLE u TO VERSION AS OF 0")
    past.sql("ALTER TABLE t RENAME TO v")
    past.sql("RESTORE TABLE v TO VERSION AS OF 1")
    past.sql("COMMIT")
    assert len(lineage(past, "v")) == 10


@pytest.mark.parametrize(
    ("call", "rows"),
    [
        ("diff(from => 'main~1', to => 'main')", 1),
        ("changes(table => 't', from_version => 2)", 3),
        ("row_history(table => 't', where => 'id = 4')", 2),
        ("row_commits(table => 't')", 3),
        ("blame(table => 't', where => 'id = 4')", 2),
    ],
)
def test_procedures_that_read_tell_of_what_was_committed(past: Any, call: str, rows: int) -> None:
    past.sql("START TRANSACTION")
    past.sql("UPDATE t SET s = 'inside' WHERE id = 4")
    past.sql("INSERT INTO t VALUES (14, 'inside')")
    found = past.rows(f"CALL {{lake}}.system.{call}")
    assert (len(found), "inside" in str(found)) == (rows, False)
    past.sql("COMMIT")
    assert len(lineage(past)) == 11
