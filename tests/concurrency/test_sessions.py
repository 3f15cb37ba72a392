"""Two sessions that race: creations, inserts, overwrites, refs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from concurrency.rivals import Rivals, conflict, outcome, versions


@pytest.mark.proves("TXN-2")
def test_two_inserts_both_count(rivals: Rivals) -> None:
    with rivals.held("INSERT INTO lake.default.t SELECT 2 FROM {gate}") as insert:
        rivals.other.rows("INSERT INTO lake.default.t VALUES (3)")
    insert.result()
    assert rivals.one.ids() == rivals.other.ids() == [1, 2, 3]
    assert versions(rivals.other) == [3, 2, 1, 0]


@pytest.mark.proves("TXN-2")
@pytest.mark.parametrize(
    "change", ["ADD COLUMN b INT", "RENAME COLUMN id TO key", "ALTER COLUMN id TYPE BIGINT"]
)
def test_an_insert_does_not_fit_on_changed_columns(rivals: Rivals, change: str) -> None:
    with rivals.held("INSERT INTO lake.default.u SELECT 2 FROM {gate}") as insert:
        rivals.other.rows(f"ALTER TABLE lake.default.u {change}")
    told = str(conflict(insert))
    assert "default.u" in told and "ALTER TABLE by other" in told
    assert rivals.other.rows("SELECT * FROM lake.default.u") == []
    assert versions(rivals.other, "u") == [1, 0]


@pytest.mark.proves("TXN-2")
@pytest.mark.parametrize(
    "late", ["INSERT INTO lake.default.t SELECT 2 FROM {gate}", "DELETE FROM lake.default.t WHERE {open}"]
)
def test_changed_properties_and_comments_are_no_matter_to_changes_of_rows(rivals: Rivals, late: str) -> None:
    with rivals.held(late) as change:
        rivals.other.rows("ALTER TABLE lake.default.t SET TBLPROPERTIES ('a' = 'b')")
        rivals.other.rows("ALTER TABLE lake.default.t ALTER COLUMN id COMMENT 'the key'")
    change.result()
    assert rivals.one.ids() == ([1, 2] if late.startswith("INSERT") else [])
    assert ("a", "b") in rivals.one.rows("SHOW TBLPROPERTIES lake.default.t")
    assert rivals.one.rows("DESCRIBE TABLE lake.default.t") == [("id", "bigint", "the key")]
    assert versions(rivals.other) == [4, 3, 2, 1, 0]


@pytest.mark.proves("TXN-2")
def test_a_rename_of_the_table_is_no_matter_to_an_insert(rivals: Rivals) -> None:
    with rivals.held("INSERT INTO lake.default.t SELECT 2 FROM {gate}") as insert:
        rivals.other.rows("ALTER TABLE lake.default.t RENAME TO default.v")
    insert.result()
    assert rivals.other.ids(table="v") == [1, 2]


def test_an_insert_into_a_dropped_table_is_a_conflict(rivals: Rivals) -> None:
    with rivals.held("INSERT INTO lake.default.t SELECT 2 FROM {gate}") as insert:
        rivals.other.rows("DROP TABLE lake.default.t")
    assert "default.t was dropped" in str(conflict(insert))
    assert [row[1] for row in rivals.other.rows("SHOW TABLES IN lake.default")] == ["u"]


@pytest.mark.proves("TXN-2")
def test_an_overwrite_does_not_undo_an_insert(rivals: Rivals) -> None:
    with rivals.held("INSERT OVERWRITE lake.default.t SELECT 2 FROM {gate}") as overwrite:
        rivals.other.rows("INSERT INTO lake.default.t VALUES (3)")
    told = str(conflict(overwrite))
    head = rivals.other.rows("SHOW COMMITS IN lake LIMIT 1")[0][0]
    assert "default.t was changed" in told and "INSERT by other" in told
    assert "-".join(head.split("-")[:2]) in told
    assert rivals.one.ids() == [1, 3]


@pytest.mark.proves("TXN-2")
def test_an_overwrite_of_another_table_is_no_conflict(rivals: Rivals) -> None:
    with rivals.held("INSERT OVERWRITE lake.default.t SELECT 2 FROM {gate}") as overwrite:
        rivals.other.rows("INSERT OVERWRITE lake.default.u VALUES (3)")
    overwrite.result()
    assert (rivals.other.ids(), rivals.one.ids(table="u")) == ([2], [3])


def test_a_table_created_meanwhile_is_not_replaced(rivals: Rivals) -> None:
    with rivals.held("CREATE TABLE lake.default.v AS SELECT 2 AS id FROM {gate}") as create:
        rivals.other.rows("CREATE TABLE lake.default.v AS SELECT 3 AS id")
    assert outcome(create.result) == "ANABRANCH_TABLE.ALREADY_EXISTS"
    assert rivals.one.ids(table="v") == [3]


def test_of_two_who_create_a_table_one_wins(rivals: Rivals) -> None:
    for number in range(5):
        statement = f"CREATE TABLE lake.default.new{number} (id BIGINT)"
        assert sorted(rivals.at_once(statement, statement)) == ["TABLE_OR_VIEW_ALREADY_EXISTS", "done"]
    assert len(rivals.one.rows("SHOW TABLES IN lake.default")) == 7


@pytest.mark.proves("REF-3")
def test_of_two_who_create_a_branch_one_wins(rivals: Rivals) -> None:
    for number in range(5):
        statements = [f"CREATE BRANCH dev{number} IN lake FROM {ref}" for ref in ("main", "empty")]
        done = rivals.at_once(*statements)
        assert sorted(done) == ["ANABRANCH_REF.ALREADY_EXISTS", "done"]
        # it is the branch of the one who was told so
        wanted = [1] if done[0] == "done" else []
        assert rivals.one.ids(f"dev{number}") == rivals.other.ids(f"dev{number}") == wanted


@pytest.mark.proves("REF-3")
def test_of_two_who_create_a_tag_one_wins(rivals: Rivals) -> None:
    for number in range(5):
        statements = [f"CREATE TAG v{number} IN lake FROM {ref}" for ref in ("main", "empty")]
        done = rivals.at_once(*statements)
        assert sorted(done) == ["ANABRANCH_REF.ALREADY_EXISTS", "done"]
        wanted = [1] if done[0] == "done" else []
        assert rivals.one.ids(f"v{number}") == rivals.other.ids(f"v{number}") == wanted


@pytest.mark.proves("LOG-5")
def test_an_insert_goes_on_after_a_reset(rivals: Rivals) -> None:
    with rivals.held("INSERT INTO lake.default.t SELECT 2 FROM {gate}") as insert:
        rivals.other.rows("RESET BRANCH main TO empty IN lake")
    insert.result()
    assert rivals.one.ids() == rivals.other.ids() == [2]
    assert [row[3] for row in rivals.one.rows("SHOW COMMITS IN lake LIMIT 2")] == ["INSERT", "RESET BRANCH"]


@pytest.mark.proves("LOG-5")
def test_an_insert_into_a_table_that_a_reset_took_away_is_a_conflict(rivals: Rivals) -> None:
    with rivals.held("INSERT INTO lake.default.t SELECT 2 FROM {gate}") as insert:
        rivals.other.rows("RESET BRANCH main TO 'main~2' IN lake")
    assert "default.t was dropped" in str(conflict(insert))


@pytest.mark.proves("LOG-5")
def test_an_insert_into_a_dropped_branch_fails(rivals: Rivals) -> None:
    rivals.one.rows("CREATE BRANCH dev IN lake")
    with rivals.held("INSERT INTO lake.default.`t@dev` SELECT 2 FROM {gate}") as insert:
        rivals.other.rows("DROP BRANCH dev IN lake")
    assert outcome(insert.result) == "ANABRANCH_REF.CLOSED"
    with rivals.held("INSERT INTO lake.default.t SELECT 2 FROM {gate}") as insert:
        rivals.other.rows("CREATE BRANCH dev IN lake")  # again: another log
    insert.result()
    assert (rivals.other.ids("dev"), rivals.one.ids()) == ([1], [1, 2])


@pytest.mark.proves("MRG-3")
def test_an_insert_joins_what_a_merge_brought(rivals: Rivals) -> None:
    rivals.one.rows("CREATE BRANCH dev IN lake")
    rivals.one.rows("INSERT INTO lake.default.`t@dev` VALUES (3)")
    with rivals.held("INSERT INTO lake.default.t SELECT 2 FROM {gate}") as insert:
        rivals.other.rows("MERGE BRANCH dev INTO main IN lake")
    insert.result()
    assert rivals.one.ids() == rivals.other.ids() == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.proves("LOG-5")
def test_no_acknowledged_insert_is_lost_to_resets(rivals: Rivals) -> None:
    """Each acknowledged row stands in exactly one of the logs that main had, before that was closed."""
    rivals.one.rows("CREATE TAG base IN lake FROM empty")
    stop = threading.Event()
    done: list[int] = []

    def insert() -> None:
        for id in range(100, 200):
            statement = f"INSERT INTO lake.default.t VALUES ({id})"
            if not stop.is_set() and outcome(partial(rivals.one.rows, statement)) == "done":
                done.append(id)

    with ThreadPoolExecutor(1) as pool:
        inserts = pool.submit(insert)
        for _ in range(8):
            rivals.other.rows("RESET BRANCH main TO base IN lake")
        stop.set()
        inserts.result()
    logs = sorted((rivals.path / "_anabranch" / "log").iterdir())
    assert len(logs) == 9
    found = [id for log in logs for id in rivals.other.ids(head_of(log)) if id > 1]
    assert sorted(found) == done
    assert rivals.one.ids() == rivals.other.ids()


def head_of(log: Path) -> str:
    """The position of the last entry in a log's folder."""
    newest = min(f.stem for f in log.iterdir() if not f.name.startswith("."))
    return f"{log.name}-{999_999_999_999 - int(newest)}"
