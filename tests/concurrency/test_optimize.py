"""OPTIMIZE beside other writers: it makes none of them fail, and loses nothing that they did."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import PySparkException

from concurrency.rivals import Rivals, Session, conflict

# one task waits, whatever the number of files
ONCE = "0 = (SELECT count(*) - 1 FROM range(1) WHERE {open})"


@pytest.fixture
def shared(rivals: Rivals) -> Rivals:
    """With the table ``r``: ids 0 to 9 and 10 to 19 in a file each, v = 'v'."""
    rivals.one.rows(
        "CREATE TABLE lake.default.r TBLPROPERTIES ('anabranch.write.inline-rows' = '0') AS "
        "SELECT /*+ COALESCE(1) */ id, 'v' AS v FROM range(10)"
    )
    rivals.one.rows("INSERT INTO lake.default.r SELECT /*+ COALESCE(1) */ id, 'v' FROM range(10, 20)")
    return rivals


def held(session: Session) -> Any:
    """An OPTIMIZE that has read the table as it is now; `run` does it, and tells whether there was a commit."""
    jvm: Any = session.spark._jvm
    return jvm.io.anabranch.spark.test.HeldCompaction(session.spark._jsparkSession, "lake", "r")


def values(session: Session) -> dict[int, str]:
    found = session.rows("SELECT id, v FROM lake.default.r")
    assert len(found) == len(dict(found)), "a row is there twice"
    return dict(found)


def row_ids(session: Session) -> dict[int, int]:
    return dict(session.rows("SELECT id, _row_id FROM lake.default.r"))


def operations(session: Session) -> list[str]:
    return [row[3] for row in session.rows("DESCRIBE HISTORY lake.default.r")]


def files(session: Session) -> int:
    count: int = session.rows("DESCRIBE DETAIL lake.default.r")[0][8]
    return count


PLAIN = dict.fromkeys(range(20), "v")
CHANGES = {
    "UPDATE lake.default.r SET v = 'w' WHERE id IN (3, 12)": PLAIN | {3: "w", 12: "w"},
    "DELETE FROM lake.default.r WHERE id IN (3, 12)": {i: "v" for i in PLAIN if i not in (3, 12)},
    "DELETE FROM lake.default.r WHERE id % 10 > 0": {0: "v", 10: "v"},
    "MERGE INTO lake.default.r t USING (SELECT 5L AS id, 'm' AS v UNION ALL SELECT 30, 'new') s ON t.id = s.id "
    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *": PLAIN | {5: "m", 30: "new"},
    "INSERT INTO lake.default.r VALUES (20, 'new')": PLAIN | {20: "new"},
}


@pytest.mark.proves("TXN-2", "ROW-5")
@pytest.mark.parametrize("change", CHANGES)
def test_rows_that_change_while_files_are_compacted_stay_changed(shared: Rivals, change: str) -> None:
    ids = row_ids(shared.one)
    late = held(shared.one)
    shared.other.rows(change)
    assert late.run()
    assert values(shared.one) == values(shared.other) == CHANGES[change]
    assert operations(shared.one)[0] == "OPTIMIZE"
    assert {i: row for i, row in row_ids(shared.one).items() if i < 20}.items() <= ids.items()


@pytest.mark.proves("TXN-2", "ROW-5")
@pytest.mark.parametrize("change", [c for c in CHANGES if not c.startswith("INSERT")])
def test_rows_are_found_where_a_compaction_has_moved_them(shared: Rivals, change: str) -> None:
    ids = row_ids(shared.one)
    held = change.replace(" WHERE id", f" WHERE {ONCE} AND id").replace(
        "'new')", "'new' FROM range(1) WHERE {open})"
    )
    with shared.held(held) as late:
        shared.other.rows("OPTIMIZE lake.default.r")
    late.result()
    assert values(shared.one) == values(shared.other) == CHANGES[change]
    assert operations(shared.one)[1] == "OPTIMIZE"
    assert {i: row for i, row in row_ids(shared.one).items() if i < 20}.items() <= ids.items()


@pytest.mark.proves("TXN-2")
def test_rows_are_found_after_changes_of_others_and_two_compactions(shared: Rivals) -> None:
    with shared.held(f"UPDATE lake.default.r SET v = 'late' WHERE id IN (4, 14) AND {ONCE}") as late:
        shared.other.rows("UPDATE lake.default.r SET v = 'w' WHERE id IN (3, 13)")
        shared.other.rows("OPTIMIZE lake.default.r")
        shared.other.rows("DELETE FROM lake.default.r WHERE id = 15")
        shared.other.rows("INSERT INTO lake.default.r VALUES (20, 'new')")
        shared.other.rows("OPTIMIZE lake.default.r")
    late.result()
    expected = PLAIN | {3: "w", 13: "w", 4: "late", 14: "late", 20: "new"}
    assert values(shared.one) == {i: v for i, v in expected.items() if i != 15}


@pytest.mark.proves("TXN-2")
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_same_row_is_a_conflict_all_the_same(shared: Rivals, when: str) -> None:
    row_id = row_ids(shared.one)[4]
    with shared.held("UPDATE lake.default.r SET v = 'late' WHERE id = 4 AND {open}") as late:
        if when == "before":
            shared.other.rows("UPDATE lake.default.r SET v = 'w' WHERE id = 4")
        shared.other.rows("OPTIMIZE lake.default.r")
        if when == "after":
            shared.other.rows("UPDATE lake.default.r SET v = 'w' WHERE id = 4")
    told = str(conflict(late))
    assert f"_row_id {row_id}" in told and "UPDATE by other" in told
    assert values(shared.one) == PLAIN | {4: "w"}


def test_a_deletion_of_whole_files_follows_their_rows(shared: Rivals) -> None:
    late = "DELETE FROM lake.default.r WHERE id < 10"  # without the gate: no data is read
    with shared.held("INSERT INTO lake.default.r SELECT 20, 'new' FROM {gate}") as insert:
        shared.other.rows("OPTIMIZE lake.default.r")
        shared.other.rows(late)
    insert.result()
    assert values(shared.one) == {i: "v" for i in range(10, 20)} | {20: "new"}


@pytest.mark.proves("TXN-5")
def test_moved_rows_are_no_news_to_who_read_them(shared: Rivals) -> None:
    # tried on the new rows; the gate is passed by the rows of one file alone
    with shared.held("UPDATE lake.default.r SET v = 'one' WHERE id % 20 = 3 AND {open}") as late:
        shared.other.rows("UPDATE lake.default.r SET v = 'two' WHERE id % 20 = 4")
        shared.other.rows("OPTIMIZE lake.default.r")
    late.result()
    assert values(shared.one) == PLAIN | {3: "one", 4: "two"}


@pytest.mark.proves("TXN-5")
def test_a_row_that_a_statement_would_have_read_is_news_though_it_was_moved(shared: Rivals) -> None:
    with shared.held("UPDATE lake.default.r SET v = 'one' WHERE (v = 'w' OR id = 1) AND {open}") as late:
        shared.other.rows("UPDATE lake.default.r SET v = 'w' WHERE id = 5")
        shared.other.rows("OPTIMIZE lake.default.r")
    assert "would have read" in str(conflict(late))
    assert values(shared.other) == PLAIN | {5: "w"}


def test_what_was_made_of_files_that_others_removed_is_given_up(shared: Rivals) -> None:
    before = set(shared.path.glob("data/**/*.parquet"))
    late = held(shared.one)
    shared.other.rows("DELETE FROM lake.default.r WHERE id < 10")
    assert not late.run()
    assert operations(shared.one)[0] == "DELETE"
    assert values(shared.one) == {i: "v" for i in range(10, 20)}
    assert set(shared.path.glob("data/**/*.parquet")) == before


def test_two_compactions_at_once_are_one(shared: Rivals) -> None:
    late = held(shared.one)
    shared.other.rows("OPTIMIZE lake.default.r")
    late.run()
    assert operations(shared.one).count("OPTIMIZE") == 1
    assert values(shared.one) == PLAIN and files(shared.one) == 1


def test_rows_that_a_restore_brought_back_meanwhile_are_not_lost(shared: Rivals) -> None:
    shared.one.rows("DELETE FROM lake.default.r WHERE id = 3")
    late = held(shared.one)
    shared.other.rows("RESTORE TABLE lake.default.r TO VERSION AS OF 1")
    late.run()
    assert values(shared.one) == PLAIN


def test_new_columns_meanwhile_are_a_conflict(shared: Rivals) -> None:
    before = set(shared.path.glob("data/**/*.parquet"))
    late = held(shared.one)
    shared.other.rows("ALTER TABLE lake.default.r ADD COLUMN n INT")
    with pytest.raises(PySparkException, match=r"the columns of default\.r were changed") as caught:
        late.run()
    assert caught.value.getCondition() == "ANABRANCH_COMMIT.CONFLICT"
    assert set(shared.path.glob("data/**/*.parquet")) == before


# --- copy on write


@pytest.fixture
def copied(shared: Rivals) -> Rivals:
    shared.one.rows("ALTER TABLE lake.default.r SET TBLPROPERTIES ('anabranch.write.mode' = 'copy-on-write')")
    return shared


@pytest.mark.proves("TXN-2")
def test_copies_of_different_files_both_succeed(copied: Rivals) -> None:
    with copied.held("UPDATE lake.default.r SET v = 'one' WHERE id = 1 AND {open}") as late:
        copied.other.rows("UPDATE lake.default.r SET v = 'two' WHERE id = 12")
    late.result()
    assert values(copied.one) == PLAIN | {1: "one", 12: "two"}


@pytest.mark.proves("TXN-2")
@pytest.mark.parametrize("mode", ["copy-on-write", "merge-on-read"])
def test_a_file_that_both_change_is_a_conflict_where_the_later_one_copies_it(
    copied: Rivals, mode: str
) -> None:
    before = set(copied.path.glob("data/**/*.parquet"))
    ids = row_ids(copied.one)
    with copied.held("UPDATE lake.default.r SET v = 'one' WHERE id = 1 AND {open}") as late:
        if mode == "merge-on-read":
            copied.other.rows("ALTER TABLE lake.default.r UNSET TBLPROPERTIES ('anabranch.write.mode')")
        copied.other.rows("DELETE FROM lake.default.r WHERE id = 2")
        mine = set(copied.path.glob("data/**/*.parquet")) - before
    told = str(conflict(late))
    # the copy has taken the other's row along, or is gone itself
    assert f"_row_id {ids[2 if mode == 'merge-on-read' else 1]}" in told and "by other" in told
    assert values(copied.one) == {i: v for i, v in PLAIN.items() if i != 2}
    assert set(copied.path.glob("data/**/*.parquet")) == before | mine


@pytest.mark.proves("TXN-2")
def test_a_copy_of_a_file_that_was_compacted_meanwhile_is_a_conflict(copied: Rivals) -> None:
    with copied.held("UPDATE lake.default.r SET v = 'one' WHERE id = 1 AND {open}") as late:
        copied.other.rows("OPTIMIZE lake.default.r")
    assert "OPTIMIZE by other" in str(conflict(late))


@pytest.mark.proves("TXN-5")
def test_write_skew_is_refused_with_copies_too(copied: Rivals) -> None:
    leave = "UPDATE lake.default.r SET v = 'off' WHERE id = {} AND (SELECT count(*) FROM lake.default.r WHERE v = 'v') > 19"
    with copied.held(leave.format(1) + " AND {open}") as late:
        copied.other.rows(leave.format(12))
    assert "would have read" in str(conflict(late))
    assert values(copied.one) == PLAIN | {12: "off"}
