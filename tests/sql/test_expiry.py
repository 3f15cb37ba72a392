"""CALL system.expire: which uses of what was given up are refused, and what stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pyspark.errors import PySparkException

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"


def now() -> str:
    """A time after all that was done, and before what is done next, as SQL has it."""
    time.sleep(0.003)
    found = datetime.now(timezone.utc)
    time.sleep(0.003)
    return f"TIMESTAMP '{found:%Y-%m-%d %H:%M:%S.%f}Z'"


def head(lake: Any, ref: str = "main") -> str:
    return str(lake.rows(f"SHOW COMMITS ON '{ref}' LIMIT 1")[0][0])


def ids(lake: Any, of: str = "t") -> list[int]:
    return sorted(row[0] for row in lake.rows(f"SELECT id FROM {of}"))


@dataclass
class Past:
    """A table with a past: versions 0 (which has a tag), 1 and 2 were given up."""

    lake: Any
    old: str  # the commit of version 1
    time: str  # when that was the newest
    left: str  # the commit of version 3, the last one


@pytest.fixture
def past(lake: Any) -> Past:
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT 0 AS id, 'a' AS v")
    lake.sql("CREATE TAG v0")
    lake.sql("CREATE BRANCH b")
    lake.sql("INSERT INTO t VALUES (1, 'a')")
    old, then = head(lake), now()
    lake.sql("UPDATE t SET v = 'b' WHERE id = 1")
    lake.sql("UPDATE t SET v = 'c' WHERE id = 1")
    left = head(lake)
    with lake.by("ada"):
        lake.sql(f"CALL {{lake}}.system.expire(older_than => {now()})")
    return Past(lake, old, then, left)


USES = {
    "version": "SELECT * FROM t VERSION AS OF 1",
    "commit": "SELECT * FROM t VERSION AS OF '{old}'",
    "ancestor": "SELECT * FROM t VERSION AS OF 'main~3'",
    "time": "SELECT * FROM t TIMESTAMP AS OF {time}",
    "name": "SELECT * FROM `t@{old}`",
    "name of an ancestor": "SELECT * FROM `t@main~3`",
    "reference": "USE REFERENCE '{old}'",
    "changes from": "SELECT * FROM t CHANGES FROM VERSION 2 EXCLUSIVE",
    "changes to": "SELECT * FROM t CHANGES FROM VERSION 0 TO VERSION 1",
    "changes by the way": "SELECT * FROM t CHANGES FROM VERSION 0 EXCLUSIVE",
    "net changes": "SELECT * FROM t CHANGES FROM VERSION '{old}' WITH (deduplicationMode = 'netChanges')",
    "restore a version": "RESTORE TABLE t TO VERSION AS OF 1",
    "restore a commit": "RESTORE TABLE t TO VERSION AS OF '{old}'",
    "restore a time": "RESTORE TABLE t TO TIMESTAMP AS OF {time}",
    "reset": "RESET BRANCH b TO '{old}'",
    "branch": "CREATE BRANCH x FROM '{old}'",
    "tag": "CREATE TAG x FROM 'main~3'",
    "merge": "MERGE BRANCH '{old}' INTO b",
    "pick": "CHERRY PICK '{old}' INTO b",
    "revert": "REVERT '{old}'",
    "revert what came after": "REVERT '{left}'",
    "rebase": "REBASE BRANCH b ONTO '{old}'",
    "diff": "CALL {lake}.system.diff(from => '{old}', to => 'main')",
    "diff the other way": "CALL {lake}.system.diff(from => 'v0', to => '{old}')",
    "changes of a procedure": "CALL {lake}.system.changes(table => 'default.t', from_version => 1)",
    "changes between refs": "CALL {lake}.system.changes(table => 'default.t', from_ref => 'v0', to_ref => '{old}')",
    "row history": "CALL {lake}.system.row_history(table => 'default.`t@{old}`', row_id => 0)",
    "commits of rows": "CALL {lake}.system.row_commits(table => 'default.`t@{old}`')",
    "blame": "CALL {lake}.system.blame(table => 'default.`t@{old}`')",
}


@pytest.mark.proves("EXP-2")
@pytest.mark.parametrize("statement", USES.values(), ids=USES)
def test_what_was_given_up_is_refused_by_name(past: Past, refused: Any, statement: str) -> None:
    lake = past.lake
    before = lake.rows("SHOW BRANCHES"), lake.rows("SHOW TAGS")
    text = statement.replace("{old}", past.old).replace("{left}", past.left).replace("{time}", past.time)
    with refused("ANABRANCH_REF.EXPIRED", "given up: ada expired what was over on branches '*' by 20"):
        lake.rows(text)
    assert (lake.rows("SHOW BRANCHES"), lake.rows("SHOW TAGS")) == before


def test_options_of_readers_are_refused(past: Past, refused: Any) -> None:
    lake = past.lake
    for name, value in {"versionAsOf": "1", "timestampAsOf": past.time.split("'")[1]}.items():
        with refused("ANABRANCH_REF.EXPIRED"):
            lake.spark.read.option(name, value).table(f"{lake.name}.default.t").collect()


def test_a_write_by_an_expired_commit_stays_a_write_to_what_is_no_branch(past: Past) -> None:
    with pytest.raises(PySparkException) as caught:
        past.lake.sql(f"INSERT INTO `t@{past.old}` VALUES (5, 'x')")
    assert caught.value.getCondition() in ("ANABRANCH_REF.READ_ONLY", "ANABRANCH_REF.EXPIRED")


@pytest.mark.proves("EXP-1", "EXP-2")
def test_heads_tags_and_the_history_stay(past: Past) -> None:
    lake = past.lake
    assert [ids(lake, f"`t@{r}`") for r in ("main", "b", "v0", past.left)] == [[0, 1], [0], [0], [0, 1]]
    assert ids(lake, "t VERSION AS OF 'v0'") == ids(lake, "t VERSION AS OF 0") == [0]
    assert ids(lake, "t VERSION AS OF 3") == [0, 1]
    operations = [row[3] for row in lake.rows("SHOW COMMITS")]
    assert operations[:4] == ["EXPIRE", "UPDATE", "UPDATE", "INSERT"]
    assert head(lake, past.old) == past.old
    assert [row[0] for row in lake.rows("DESCRIBE HISTORY t")] == [3, 2, 1, 0]
    lake.sql("CREATE BRANCH x FROM v0")
    lake.sql("RESTORE TABLE t TO VERSION AS OF 'v0'")
    assert ids(lake) == ids(lake, "`t@x`") == [0]


def test_it_tells_what_was_given_up_and_once_more_changes_nothing(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1)")
    found = lake.sql(f"CALL {{lake}}.system.expire({now()}, 'ma*')")
    assert found.columns == ["branches", "before", "author", "time", "expired_commits"]
    (row,) = found.collect()
    assert row.branches == "ma*" and row.before < row.time and row.expired_commits == 2
    at = head(lake)
    (again,) = lake.sql(
        "CALL {lake}.system.expire(older_than => :time, branches => 'ma*')", time=row.before
    ).collect()
    assert (again.before, again.author, again.time) == (row.before, row.author, row.time)
    assert head(lake) == at
    assert lake.rows("SHOW COMMITS LIMIT 1")[0][3] == "EXPIRE"


def test_arguments_of_procedures_may_be_computed(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1)")

    def expired(arguments: str, **parameters: Any) -> Any:
        (row,) = lake.sql(f"CALL {{lake}}.system.expire({arguments})", **parameters).collect()
        return row

    assert expired("older_than => (SELECT TIMESTAMP '2020-01-01' FROM t)").before.year == 2020
    assert expired("older_than => :at - INTERVAL 1 DAY", at=datetime(2021, 1, 2)).before.year == 2021
    assert expired("current_date() - INTERVAL 1 YEAR").expired_commits == 0
    month = timedelta(days=30)
    for ago in ("current_timestamp() - INTERVAL 30 DAYS", "timestampadd(DAY, -30, now())"):
        row = expired(f"older_than => {ago}, branches => lower(concat('MA', '*'))")
        assert row.branches == "ma*" and row.expired_commits == 0
        assert month <= row.time - row.before < month + timedelta(minutes=5)
    with refused("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION"):
        expired("older_than => nobody - INTERVAL 1 DAY")


@pytest.mark.proves("EXP-3")
@pytest.mark.parametrize(
    ("arguments", "condition"),
    [
        ("TIMESTAMP '2999-01-01'", "ANABRANCH_EXPIRY.LATER_THAN_NOW"),
        ("TIMESTAMP '2020-01-01'", "ANABRANCH_EXPIRY.EARLIER_THAN_BEFORE"),
        ("TIMESTAMP '2020-01-01', 'a b'", "ANABRANCH_REF.INVALID_NAME"),
        ("TIMESTAMP '2020-01-01', ''", "ANABRANCH_REF.INVALID_NAME"),
        ("TIMESTAMP '2020-01-01', NULL", "ANABRANCH_PROCEDURE.NULL_ARGUMENT"),
        ("NULL", "ANABRANCH_PROCEDURE.NULL_ARGUMENT"),
    ],
)
def test_what_can_not_be_given_up(past: Past, refused: Any, arguments: str, condition: str) -> None:
    at = head(past.lake)
    with refused(condition):
        past.lake.rows(f"CALL {{lake}}.system.expire({arguments})")
    assert head(past.lake) == at


@pytest.mark.proves("EXP-1")
def test_branches_by_the_name_under_which_they_were_opened(lake: Any, refused: Any) -> None:
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT 0 AS id")
    commits = {}
    for branch in ("main", "ci/1", "dev"):
        lake.sql(f"CREATE BRANCH IF NOT EXISTS `{branch}`")
        lake.sql(f"INSERT INTO `t@{branch}` VALUES (1)")
        commits[branch] = head(lake, branch)
        lake.sql(f"INSERT INTO `t@{branch}` VALUES (2)")
    lake.sql("DROP BRANCH dev")
    (row,) = lake.rows(f"CALL {{lake}}.system.expire({now()}, 'ci/*')")
    assert row[4] == 2
    assert ids(lake, f"`t@{commits['main']}`") == [0, 1] and ids(lake, f"`t@{commits['dev']}`") == [
        0,
        1,
        1,
        2,
    ]
    lake.sql("RESET BRANCH `ci/1` TO main")
    with refused("ANABRANCH_REF.EXPIRED", "'ci/*'"):
        ids(lake, f"`t@{commits['ci/1']}`")
    lake.sql(f"CALL {{lake}}.system.expire({now()}, 'dev')")
    with refused("ANABRANCH_REF.EXPIRED", "'dev'"):
        ids(lake, f"`t@{commits['dev']}`")


def test_a_version_is_there_as_long_as_it_was_the_newest(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1)")
    lake.sql("CREATE TABLE u (id INT)")
    middle = now()
    lake.sql("INSERT INTO t VALUES (2)")
    lake.sql("CREATE TABLE w (id INT)")
    lake.sql(f"CALL {{lake}}.system.expire({middle})")
    assert ids(lake, "t VERSION AS OF 1") == [1], "it was the newest when the time came"
    with refused("ANABRANCH_REF.EXPIRED"):
        ids(lake, "t VERSION AS OF 0")
    lake.sql(f"CALL {{lake}}.system.expire({now()})")
    assert ids(lake, "t VERSION AS OF 2") == [1, 2], "it is the newest still"


def test_merges_read_their_bases_which_nobody_else_may(lake: Any, refused: Any) -> None:
    lake.sql(f"CREATE TABLE t {FILES} AS SELECT id, 'base' AS v FROM range(3)")
    base = head(lake)
    lake.sql("CREATE BRANCH dev")
    lake.sql("UPDATE `t@dev` SET v = 'theirs' WHERE id = 1")
    lake.sql("CREATE TAG theirs FROM dev")
    lake.sql("UPDATE t SET v = 'ours' WHERE id = 2")
    lake.sql(f"CALL {{lake}}.system.expire({now()})")
    for statement in (f"SELECT * FROM `t@{base}`", "MERGE BRANCH theirs", "REBASE BRANCH dev ONTO main"):
        with refused("ANABRANCH_REF.EXPIRED"):
            lake.rows(statement)
    lake.sql("MERGE BRANCH dev")
    assert sorted(lake.rows("SELECT * FROM t")) == [(0, "base"), (1, "theirs"), (2, "ours")]


@pytest.fixture
def ruled(lake: Any) -> Iterator[Any]:
    with lake.by("ada"):
        lake.sql("CREATE TABLE t (id INT)")
        yield lake


@pytest.mark.parametrize(
    ("rule", "condition"),
    [
        ("PROTECT BRANCH 'main' FOR ada", "ANABRANCH_REF.PROTECTED"),
        ("GRANT MANAGE ON BRANCH '*' TO ada", "ANABRANCH_PERMISSION.DENIED"),
    ],
)
def test_who_may_change_rules_may_expire(ruled: Any, refused: Any, rule: str, condition: str) -> None:
    ruled.sql(rule)
    with ruled.by("bob"), refused(condition):
        ruled.rows("CALL {lake}.system.expire(TIMESTAMP '2020-01-01', 'dev')")
    with ruled.by("ada"):
        assert ruled.rows("CALL {lake}.system.expire(TIMESTAMP '2020-01-01', 'dev')")[0][2] == "ada"


def test_it_is_refused_in_a_transaction(lake: Any, refused: Any) -> None:
    lake.sql("START TRANSACTION")
    try:
        with refused("ANABRANCH_TRANSACTION.REFUSED"):
            lake.rows("CALL {lake}.system.expire(TIMESTAMP '2020-01-01')")
        with refused("ANABRANCH_TRANSACTION.REFUSED"):
            lake.rows("VACUUM")
    finally:
        lake.sql("ROLLBACK")


def test_what_was_expired_in_a_transaction_is_refused_there(past: Past, refused: Any) -> None:
    lake = past.lake
    lake.sql("START TRANSACTION")
    try:
        lake.sql("INSERT INTO t VALUES (9, 'x')")
        with refused("ANABRANCH_REF.EXPIRED"):
            ids(lake, "t VERSION AS OF 1")
        assert ids(lake) == [0, 1, 9]
    finally:
        lake.sql("ROLLBACK")
