"""Two sessions that change rows of one table at the same time."""

from __future__ import annotations

import pytest

from concurrency.rivals import Rivals, Session, conflict, outcome


@pytest.fixture
def shared(rivals: Rivals) -> Rivals:
    """With the table ``r`` in one file: id from 0 to 9, v = 'v'."""
    rivals.one.rows(
        "CREATE TABLE lake.default.r TBLPROPERTIES ('anabranch.write.inline-rows' = '0') AS "
        "SELECT /*+ COALESCE(1) */ id, 'v' AS v FROM range(10)"
    )
    return rivals


def values(session: Session) -> dict[int, str]:
    found = session.rows("SELECT id, v FROM lake.default.r")
    assert len(found) == len(dict(found)), "a row is there twice"
    return dict(found)


PLAIN = dict.fromkeys(range(10), "v")


@pytest.mark.proves("DV-4")
def test_updates_of_different_rows_of_one_file_both_succeed(shared: Rivals) -> None:
    late = "UPDATE lake.default.r SET v = 'one' WHERE id = 1 AND {open}"
    with shared.held(late) as update:
        shared.other.rows("UPDATE lake.default.r SET v = 'two' WHERE id = 2")
        shared.other.rows("DELETE FROM lake.default.r WHERE id = 3")
    update.result()
    assert (
        values(shared.one)
        == values(shared.other)
        == {i: v for i, v in PLAIN.items() if i != 3}
        | {
            1: "one",
            2: "two",
        }
    )
    assert [row[3] for row in shared.other.rows("DESCRIBE HISTORY lake.default.r")][:3] == [
        "UPDATE",
        "DELETE",
        "UPDATE",
    ]


@pytest.mark.proves("DV-4", "TXN-2")
@pytest.mark.parametrize("first", ["UPDATE lake.default.r SET v = 'two'", "DELETE FROM lake.default.r"])
@pytest.mark.parametrize("second", ["UPDATE lake.default.r SET v = 'one'", "DELETE FROM lake.default.r"])
def test_changes_of_the_same_row_are_a_conflict_that_names_it(
    shared: Rivals, first: str, second: str
) -> None:
    row_id = shared.one.rows("SELECT _row_id FROM lake.default.r WHERE id = 4")[0][0]
    with shared.held(f"{second} WHERE id IN (1, 4) AND {{open}}") as late:
        shared.other.rows(f"{first} WHERE id IN (4, 5)")
    told = str(conflict(late))
    assert "default.r" in told and f"_row_id {row_id}" in told
    assert f"{first.split()[0]} by other" in told
    assert values(shared.one).get(1) == "v"


def test_the_same_row_in_a_file_of_updates_is_named_too(shared: Rivals) -> None:
    shared.one.rows("UPDATE lake.default.r SET v = 'w' WHERE id >= 3")
    row_id = shared.one.rows("SELECT _row_id FROM lake.default.r WHERE id = 4")[0][0]
    with shared.held("DELETE FROM lake.default.r WHERE id = 4 AND {open}") as late:
        shared.other.rows("UPDATE lake.default.r SET v = 'x' WHERE id = 4")
    assert f"_row_id {row_id}" in str(conflict(late))


@pytest.mark.proves("TXN-2")
def test_a_deletion_of_rows_and_an_insert_both_count(shared: Rivals) -> None:
    with shared.held("INSERT INTO lake.default.r SELECT 10, 'new' FROM {gate}") as insert:
        shared.other.rows("DELETE FROM lake.default.r WHERE id = 1")
    insert.result()
    assert values(shared.one) == {i: v for i, v in PLAIN.items() if i != 1} | {10: "new"}


def test_rows_of_a_file_that_was_overwritten_meanwhile_are_a_conflict(shared: Rivals) -> None:
    with shared.held("DELETE FROM lake.default.r WHERE id = 4 AND {open}") as late:
        shared.other.rows("INSERT OVERWRITE lake.default.r VALUES (4, 'four')")
    assert "default.r" in str(conflict(late))
    assert values(shared.one) == {4: "four"}


def operations(session: Session, table: str = "r") -> list[str]:
    return [row[3] for row in session.rows(f"DESCRIBE HISTORY lake.default.{table}")]


@pytest.mark.proves("TXN-5")
def test_conditions_that_bounds_can_not_tell_apart_are_tried_on_the_new_rows(shared: Rivals) -> None:
    with shared.held("UPDATE lake.default.r SET v = 'one' WHERE id % 3 = 1 AND {open}") as late:
        shared.other.rows("UPDATE lake.default.r SET v = 'two' WHERE id % 3 = 2")
    late.result()
    assert values(shared.one) == {i: ("v", "one", "two")[i % 3] for i in range(10)}


@pytest.mark.proves("TXN-5")
@pytest.mark.parametrize("isolation", ["serializable", "snapshot"])
def test_a_row_that_an_update_would_have_seen_is_a_conflict_but_under_snapshot_isolation(
    shared: Rivals, isolation: str
) -> None:
    shared.one.spark.conf.set("spark.anabranch.commit.isolation", isolation)
    with shared.held("UPDATE lake.default.r SET v = 'one' WHERE (v = 'w' OR id = 1) AND {open}") as late:
        shared.other.rows("UPDATE lake.default.r SET v = 'w' WHERE id = 5")
    if isolation == "serializable":
        told = str(conflict(late))
        assert "default.r" in told and "would have read" in told and "UPDATE by other" in told
        assert values(shared.other) == PLAIN | {5: "w"}
    else:
        late.result()
        assert values(shared.other) == PLAIN | {5: "w", 1: "one"}


@pytest.mark.proves("TXN-5")
def test_an_insert_that_reads_nothing_is_never_a_conflict(shared: Rivals) -> None:
    with shared.held("UPDATE lake.default.r SET v = 'one' WHERE (v = 'w' OR id = 1) AND {open}") as late:
        shared.other.rows("INSERT INTO lake.default.r VALUES (10, 'w')")
    late.result()
    assert values(shared.other) == PLAIN | {1: "one", 10: "w"}


LEAVE = "UPDATE lake.default.r SET v = 'off' WHERE id = {} AND (SELECT count(*) FROM lake.default.r WHERE v = 'v') > 9"


@pytest.mark.proves("TXN-5")
@pytest.mark.parametrize("level", ["session", "table", "serializable"])
def test_write_skew_is_refused_but_under_snapshot_isolation(shared: Rivals, level: str) -> None:
    # each may leave while ten are there; together they may not
    if level == "table":
        shared.one.rows(
            "ALTER TABLE lake.default.r SET TBLPROPERTIES ('anabranch.commit.isolation' = 'snapshot')"
        )
    if level == "session":
        shared.one.spark.conf.set("spark.anabranch.commit.isolation", "snapshot")
    with shared.held(LEAVE.format(1) + " AND {open}") as late:
        shared.other.rows(LEAVE.format(2))
    if level == "serializable":
        assert "would have read" in str(conflict(late))
        assert values(shared.one) == PLAIN | {2: "off"}
    else:
        late.result()
        assert values(shared.one) == PLAIN | {1: "off", 2: "off"}


@pytest.mark.proves("TXN-5")
def test_two_inserts_that_each_read_what_the_other_writes_are_a_conflict(rivals: Rivals) -> None:
    with rivals.held("INSERT INTO lake.default.u SELECT count(*) FROM lake.default.t, {gate}") as late:
        rivals.other.rows("INSERT INTO lake.default.t SELECT count(*) + 7 FROM lake.default.u")
    told = str(conflict(late))
    assert "default.t" in told and "INSERT by other" in told
    assert rivals.other.ids() == [1, 7] and rivals.other.ids(table="u") == []


@pytest.mark.proves("TXN-5")
def test_an_insert_may_be_thought_to_come_before_a_change_of_what_it_read(rivals: Rivals) -> None:
    with rivals.held("INSERT INTO lake.default.u SELECT t.id FROM lake.default.t, {gate}") as late:
        rivals.other.rows("UPDATE lake.default.t SET id = 100")
    late.result()
    assert rivals.other.ids() == [100] and rivals.other.ids(table="u") == [1]


@pytest.mark.proves("TXN-5")
def test_what_is_read_in_the_past_can_not_change(rivals: Rivals) -> None:
    rivals.one.rows("INSERT INTO lake.default.t VALUES (2)")
    past = "INSERT INTO lake.default.u SELECT t.id FROM lake.default.t VERSION AS OF 1 AS t, {gate}"
    with rivals.held(past) as late:
        rivals.other.rows("INSERT INTO lake.default.t SELECT count(*) + 7 FROM lake.default.u")
    late.result()
    assert rivals.other.ids() == [1, 2, 7] and rivals.other.ids(table="u") == [1]


def test_an_unknown_isolation_level_is_refused_before_anything_is_written(shared: Rivals) -> None:
    shared.one.spark.conf.set("spark.anabranch.commit.isolation", "chaos")
    assert outcome(lambda: shared.one.rows("DELETE FROM lake.default.r WHERE id = 1")) == (
        "ANABRANCH_WRITE.OPTION"
    )
    assert values(shared.other) == PLAIN


def test_a_stale_cache_is_no_conflict(shared: Rivals) -> None:
    shared.one.rows("SELECT * FROM lake.default.r")
    for i in range(3):
        shared.other.rows(f"UPDATE lake.default.r SET v = 'two' WHERE id = {i}")
        shared.one.rows(f"UPDATE lake.default.r SET v = 'one' WHERE id = {i + 3}")
    assert values(shared.one) == PLAIN | dict.fromkeys(range(3), "two") | dict.fromkeys(range(3, 6), "one")
    assert operations(shared.one)[:6] == ["UPDATE"] * 6
