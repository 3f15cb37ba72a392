"""Two sessions that race, each with a repository of its own that knows nothing of the other's commits.

A statement is held between planning and committing by `tests/scala/Gate.scala`: so the interleavings are
exact.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from anabranch.session import CATALOG_CLASS

if TYPE_CHECKING:
    from conftest import Lake
    from pyspark.sql import SparkSession

_gates = itertools.count(1)


@dataclass(frozen=True)
class Session:
    """A session with the catalog ``lake``."""

    spark: SparkSession

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.spark.sql(text).collect()]

    def ids(self, ref: str = "main", table: str = "t") -> list[int]:
        return sorted(id for (id,) in self.rows(f"SELECT id FROM lake.default.`{table}@{ref}`"))


@dataclass(frozen=True)
class Rivals:
    """Two sessions on one repository."""

    one: Session
    other: Session
    path: Path

    @contextmanager
    def held(self, statement: str) -> Iterator[Future[Any]]:
        """Runs a statement in session `one`, whose ``{gate}`` (a table), or ``{open}`` (a condition), is shut
        until the block is left."""
        jvm: Any = self.one.spark._jvm
        gates = jvm.io.anabranch.test.Gate
        name = f"gate-{next(_gates)}"
        source = f"range(1) WHERE reflect('io.anabranch.test.Gate', 'pass', '{name}') = 'open'"
        with ThreadPoolExecutor(1) as pool:
            text = statement.replace("{gate}", source).replace("{open}", f"gate('{name}')")
            future = pool.submit(self.one.rows, text)
            try:
                assert gates.reached(name), future.exception()
                yield future
            finally:
                gates.open(name)

    def at_once(self, *statements: str) -> list[str]:
        """Runs a statement in each session at the same moment; gives "done" or the condition of the error."""
        start = threading.Barrier(len(statements))

        def run(session: Session, statement: str) -> str:
            start.wait()
            return outcome(lambda: session.rows(statement))

        with ThreadPoolExecutor(len(statements)) as pool:
            futures = [
                pool.submit(run, s, t) for s, t in zip((self.one, self.other), statements, strict=True)
            ]
            return [f.result() for f in futures]


def outcome(action: Callable[[], Any]) -> str:
    """Gives "done", or the condition of the error."""
    try:
        action()
    except PySparkException as error:
        return error.getCondition() or repr(error)
    return "done"


@pytest.fixture
def rivals(spark: SparkSession, new_lake: Callable[..., Lake]) -> Rivals:
    """With tables ``t``, which holds the row 1, and ``u``, and a tag ``empty`` from before that row."""
    lake = new_lake()
    jvm: Any = spark._jvm
    sessions = []
    for author in ("one", "other"):
        session = Session(spark.newSession())
        session.spark.conf.set("spark.sql.catalog.lake", CATALOG_CLASS)
        session.spark.conf.set("spark.sql.catalog.lake.warehouse", lake.uri)
        session.spark.conf.set("spark.anabranch.commit.author", author)
        session.spark.udf.registerJavaFunction("gate", "io.anabranch.test.GateFunction", "boolean")
        session.rows("SHOW BRANCHES IN lake")
        jvm.io.anabranch.test.ColdStart.forget(lake.uri)
        sessions.append(session)
    sessions[0].rows("CREATE TABLE lake.default.u (id INT)")
    sessions[0].rows("CREATE TABLE lake.default.t (id BIGINT)")
    sessions[0].rows("CREATE TAG empty IN lake")
    sessions[0].rows("INSERT INTO lake.default.t VALUES (1)")
    return Rivals(sessions[0], sessions[1], lake.path)


def versions(session: Session, table: str = "t") -> list[int]:
    return [row[0] for row in session.rows(f"DESCRIBE HISTORY lake.default.{table}")]


def conflict(future: Future[Any]) -> PySparkException:
    """The conflict in which a statement ended."""
    error = future.exception()
    assert isinstance(error, PySparkException), error
    assert error.getCondition() == "ANABRANCH_COMMIT.CONFLICT", error
    return error


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
def test_changed_properties_are_no_matter_to_an_insert(rivals: Rivals) -> None:
    with rivals.held("INSERT INTO lake.default.t SELECT 2 FROM {gate}") as insert:
        rivals.other.rows("ALTER TABLE lake.default.t SET TBLPROPERTIES ('a' = 'b')")
    insert.result()
    assert rivals.one.ids() == [1, 2]
    assert ("a", "b") in rivals.one.rows("SHOW TBLPROPERTIES lake.default.t")
    assert versions(rivals.other) == [3, 2, 1, 0]


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
