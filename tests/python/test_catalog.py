"""The statements that `anabranch.Catalog` sends, and what it makes of the rows; with no session behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pyspark.sql import Row

from anabranch import Catalog, MergeResult, RestoreResult, TableChange
from anabranch.giving_up import ExpireResult

MICROS = 1_767_225_600_000_001
TIME = datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=timezone.utc)


class Conf:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.get = self.values.get
        self.set = self.values.__setitem__
        self.unset = self.values.__delitem__


class Session:
    """Stands in for a SparkSession: records statements, answers with the rows it was given."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.answer: list[dict[str, Any]] = []
        self.conf = Conf()

    def sql(self, text: str, args: dict[str, Any]) -> Session:
        self.said.append((text, args))
        return self

    def selectExpr(self, *columns: str) -> Session:
        return self

    def collect(self) -> list[dict[str, Any]]:
        return self.answer


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def lake(session: Session) -> Catalog:
    any_session: Any = session
    return Catalog(any_session, "lake")


STATEMENTS: list[tuple[Callable[[Catalog], object], str, dict[str, Any]]] = [
    (lambda c: c.branches(), "SHOW BRANCHES IN `lake`", {}),
    (lambda c: c.tags(), "SHOW TAGS IN `lake`", {}),
    (lambda c: c.drop_branch("b"), "DROP BRANCH :name IN `lake`", {"name": "b"}),
    (lambda c: c.drop_branch("b", if_exists=True), "DROP BRANCH IF EXISTS :name IN `lake`", {"name": "b"}),
    (lambda c: c.drop_tag("t"), "DROP TAG :name IN `lake`", {"name": "t"}),
    (lambda c: c.use("a b"), "USE REFERENCE :ref IN `lake`", {"ref": "a b"}),
    (lambda c: c.merge("b"), "MERGE BRANCH :source IN `lake`", {"source": "b"}),
    (
        lambda c: c.merge("b", into="main", message="it's", dry_run=True),
        "MERGE BRANCH :source INTO :branch IN `lake` DRY RUN MESSAGE :message",
        {"source": "b", "branch": "main", "message": "it's"},
    ),
    (lambda c: c.log(), "SHOW COMMITS IN `lake`", {}),
    (lambda c: c.log("main~2", limit=5), "SHOW COMMITS ON :ref IN `lake` LIMIT 5", {"ref": "main~2"}),
    (lambda c: c.history("db.t"), "DESCRIBE HISTORY `lake`.`db`.`t`", {}),
    (lambda c: c.history(["d.b", "t"], 3), "DESCRIBE HISTORY `lake`.`d.b`.`t` LIMIT 3", {}),
    (
        lambda c: c.diff("main", "b"),
        "CALL `lake`.system.diff(from => :from, to => :to)",
        {"from": "main", "to": "b"},
    ),
    (
        lambda c: c.diff("main", "b", ["d.b", "t"]),
        "CALL `lake`.system.diff(from => :from, to => :to, table => :table)",
        {"from": "main", "to": "b", "table": "`d.b`.t"},
    ),
    (lambda c: c.vacuum(), "VACUUM IN `lake`", {}),
    (
        lambda c: c.vacuum("db.t", retain_hours=199.5, dry_run=True),
        "VACUUM `lake`.`db`.`t` RETAIN 200 HOURS DRY RUN",
        {},
    ),
]


@pytest.mark.parametrize(("call", "text", "args"), STATEMENTS, ids=[s[1] for s in STATEMENTS])
def test_statements(
    session: Session, lake: Catalog, call: Callable[[Catalog], object], text: str, args: dict[str, Any]
) -> None:
    call(lake)
    assert session.said == [(text, args)]


def test_create(session: Session, lake: Catalog) -> None:
    session.answer = [{"name": "b", "commit": "c1"}]
    assert lake.create_branch("b") == "c1"
    assert lake.create_branch("b", "main", if_not_exists=True) == "c1"
    assert lake.create_tag("t", from_ref="b") == "c1"
    assert session.said == [
        ("CREATE BRANCH :name IN `lake`", {"name": "b"}),
        ("CREATE BRANCH IF NOT EXISTS :name IN `lake` FROM :ref", {"name": "b", "ref": "main"}),
        ("CREATE TAG :name IN `lake` FROM :ref", {"name": "t", "ref": "b"}),
    ]


def test_reset_and_current_ref(session: Session, lake: Catalog) -> None:
    session.answer = [{"commit": "c1", "reference": "b"}]
    assert lake.reset("b", "main~1", "wrong file") == "c1"
    assert lake.current_ref() == "b"
    assert session.said[0] == (
        "RESET BRANCH :branch TO :to IN `lake` MESSAGE :message",
        {"branch": "b", "to": "main~1", "message": "wrong file"},
    )


def test_times_are_utc(session: Session, lake: Catalog) -> None:
    row = {"name": "b", "commit": "c", "time": MICROS, "author": "a", "message": "m", "current": True}
    session.answer = [row]
    assert lake.branches()[0].time == TIME
    assert lake.tags()[0].time == TIME


def test_merge_results(session: Session, lake: Catalog) -> None:
    assert lake.merge("b") == MergeResult(None, False, ())
    row = {"table": "db.t", "change": "changed", "detail": "", "commit": "c1", "fast_forward": True}
    session.answer = [row]
    assert lake.merge("b") == MergeResult("c1", True, (TableChange("db.t", "changed", ""),))
    conflict = {
        **row,
        "table": "db.u",
        "change": "conflict",
        "detail": "changed on both sides",
        "kind": "cell",
    }
    session.answer = [row, Row(**conflict)]
    assert [conflict.table for conflict in lake.merge("b", dry_run=True).conflicts] == ["db.u"]
    assert [change.table for change in lake.merge("b", dry_run=True).changes] == ["db.t"]


def test_how_a_merge_goes_is_said_in_sql(session: Session, lake: Catalog) -> None:
    lake.merge("b", on_conflict={"*": "ours", "db.t": "theirs", "db.t:price": "ours"}, squash=True)
    lake.merge("b", "main", "m", ff_only=True, on_conflict="theirs", keep_conflicts=True)
    lake.cherry_pick("c1", "main", parent=2)
    lake.revert("c1", on="main", dry_run=True)
    lake.continue_merge(message="m")
    lake.abort_merge("main")
    lake.conflicts("dev")
    assert session.said == [
        (
            "MERGE BRANCH :source IN `lake` SQUASH ON CONFLICT OURS ON CONFLICT THEIRS FOR TABLE `db`.`t`"
            " ON CONFLICT OURS FOR COLUMN `db`.`t`.`price`",
            {"source": "b"},
        ),
        (
            "MERGE BRANCH :source INTO :branch IN `lake` FF ONLY ON CONFLICT THEIRS KEEP CONFLICTS MESSAGE :message",
            {"source": "b", "branch": "main", "message": "m"},
        ),
        ("CHERRY PICK :source INTO :branch IN `lake` PARENT 2", {"source": "c1", "branch": "main"}),
        ("REVERT :source ON :branch IN `lake` DRY RUN", {"source": "c1", "branch": "main"}),
        ("CONTINUE MERGE IN `lake` MESSAGE :message", {"message": "m"}),
        ("ABORT MERGE INTO :branch IN `lake`", {"branch": "main"}),
        ("SELECT * FROM `lake`.system.`conflicts@dev`", {}),
    ]
    with pytest.raises(ValueError, match="'mine' is no side"):
        lake.merge("b", on_conflict="mine")  # type: ignore[arg-type]


def test_decisions_are_bound(session: Session, lake: Catalog) -> None:
    session.answer = [{"open": 2}]
    assert lake.resolve("ours", row_id=7, column="a") == 2
    assert session.said == [
        (
            "CALL `lake`.system.resolve(choice => :choice, row_id => :row_id, column => :column)",
            {"choice": "ours", "row_id": 7, "column": "a"},
        )
    ]


def test_restore(session: Session, lake: Catalog) -> None:
    session.answer = [{"table": "db.t", "version": 4, "commit": "c", "rows": 9, "files": 1}]
    assert lake.restore("db.t", version=3) == RestoreResult("db.t", 4, "c", 9, 1)
    lake.restore("db.t", timestamp=TIME, message="undo")
    assert session.said == [
        ("RESTORE TABLE `lake`.`db`.`t` TO VERSION AS OF :point", {"point": "3"}),
        (
            "RESTORE TABLE `lake`.`db`.`t` TO TIMESTAMP AS OF :point MESSAGE :message",
            {"point": TIME, "message": "undo"},
        ),
    ]
    for wrong in ({}, {"version": 1, "timestamp": TIME}):
        with pytest.raises(ValueError, match="not both"):
            lake.restore("db.t", **wrong)


def test_expiries(session: Session, lake: Catalog) -> None:
    row = {"branches": "*", "before": MICROS, "author": "ada", "time": MICROS, "expired_commits": 3}
    session.answer = [row]
    assert lake.expire(TIME) == ExpireResult("*", TIME, "ada", TIME, 3)
    lake.expire(timedelta(days=30), "ci/*")
    call = "CALL `lake`.system.expire(older_than => :older_than, branches => :branches)"
    assert session.said[0] == (call, {"older_than": TIME, "branches": "*"})
    assert session.said[1][1]["branches"] == "ci/*"
    assert datetime.now(timezone.utc) - session.said[1][1]["older_than"] - timedelta(days=30) < timedelta(
        minutes=1
    )
    wrong: Any = "30 days"
    with pytest.raises(TypeError, match="a datetime or a timedelta"):
        lake.expire(wrong)


def test_commit_info_sets_and_restores(session: Session, lake: Catalog) -> None:
    session.conf.set("spark.anabranch.commit.author", "before")
    with lake.commit_info(author="Ada", message="unit error", metadata={"ticket": "Lab-7 µ"}):
        assert session.conf.values == {
            "spark.anabranch.commit.author": "Ada",
            "spark.anabranch.commit.message": "unit error",
            "spark.anabranch.commit.metadata": '{"ticket": "Lab-7 µ"}',
        }
        with pytest.raises(KeyError), lake.commit_info(message="inner"):
            assert session.conf.get("spark.anabranch.commit.message") == "inner"
            raise KeyError
        assert session.conf.get("spark.anabranch.commit.message") == "unit error"
    assert session.conf.values == {"spark.anabranch.commit.author": "before"}


def test_commit_info_takes_strings_only(session: Session, lake: Catalog) -> None:
    wrong: Any = {"rows": 7}
    with pytest.raises(TypeError, match="must be strings"), lake.commit_info(author="x", metadata=wrong):
        pass
    assert session.conf.values == {}


def test_a_catalog_name_can_not_carry_sql() -> None:
    session: Any = Session()
    with pytest.raises(ValueError, match="can't be the name of a catalog"):
        Catalog(session, "lake; DROP")
