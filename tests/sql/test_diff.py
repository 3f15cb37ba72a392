"""`CALL system.diff`: what differs between two refs, told from metadata alone."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

HISTORIES = 4
STEPS = 14
Counts = tuple[Any, Any, Any]


def counts(lake: Any, a: str, b: str) -> Counts:
    """Rows of `t` added, changed and removed from one ref to another; all None where it does not tell."""
    found = lake.rows("CALL {lake}.system.diff(from => :a, to => :b, table => 'default.t')", a=a, b=b)
    return tuple(found[0][7:10]) if found else (0, 0, 0)  # type: ignore[return-value]


def versions(lake: Any, ref: str) -> dict[int, int]:
    """The row commit of each row, by row id."""
    return dict(lake.rows(f"SELECT _row_id, _row_commit FROM `t@{ref}`"))


def really(old: dict[int, int], new: dict[int, int]) -> Counts:
    changed = sum(old[i] != new[i] for i in old.keys() & new.keys())
    return len(new.keys() - old.keys()), changed, len(old.keys() - new.keys())


@pytest.fixture(params=["0", "100"], ids=["files", "inline"])
def table(lake: Any, request: pytest.FixtureRequest) -> Any:
    """With rows 0 to 9 in a tag `start`."""
    lake.sql(
        f"CREATE TABLE t (id BIGINT, v INT) TBLPROPERTIES ('anabranch.write.inline-rows' = '{request.param}')"
    )
    lake.sql("INSERT INTO t SELECT /*+ COALESCE(1) */ id, 0 FROM range(10)")
    lake.sql("CREATE TAG start")
    return lake


STRAIGHT: list[tuple[list[str], Counts]] = [
    (["INSERT INTO t VALUES (10, 0), (11, 0)"], (2, 0, 0)),
    (["UPDATE t SET v = 1 WHERE id < 3"], (0, 3, 0)),
    (["UPDATE t SET v = 1 WHERE id < 3", "UPDATE t SET v = 2 WHERE id < 5"], (0, 5, 0)),
    (["DELETE FROM t WHERE id < 3", "DELETE FROM t WHERE id > 7"], (0, 0, 5)),
    (["INSERT INTO t VALUES (10, 0)", "UPDATE t SET v = 1 WHERE id = 10"], (1, 0, 0)),
    (["INSERT INTO t VALUES (10, 0)", "DELETE FROM t WHERE id >= 9"], (0, 0, 1)),
    (["UPDATE t SET v = 1 WHERE id < 3", "DELETE FROM t WHERE id = 1"], (0, 2, 1)),
    (
        [
            "MERGE INTO t USING (SELECT * FROM VALUES (1), (2), (77) AS s(k)) ON id = k "
            "WHEN MATCHED AND id = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET v = 5 "
            "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (k, 5)"
        ],
        (1, 1, 1),
    ),
    (["OPTIMIZE t"], (0, 0, 0)),
    (["INSERT INTO t VALUES (10, 0)", "UPDATE t SET v = 1 WHERE id = 3", "OPTIMIZE t"], (1, 1, 0)),
    (["INSERT OVERWRITE t VALUES (1, 1)"], (1, 0, 10)),
    (["DELETE FROM t", "RESTORE TABLE t TO VERSION AS OF 1"], (0, 0, 0)),
    (["ALTER TABLE t ADD COLUMN more INT"], (0, 0, 0)),
]


@pytest.mark.parametrize(("statements", "wanted"), STRAIGHT, ids=[" / ".join(s)[:60] for s, _ in STRAIGHT])
def test_rows_added_changed_and_removed_are_counted(
    table: Any, statements: list[str], wanted: Counts
) -> None:
    for statement in statements:
        table.sql(statement)
    assert really(versions(table, "start"), versions(table, "main")) == wanted
    assert counts(table, "start", "main") == wanted
    assert counts(table, "main", "start") == tuple(reversed(wanted))


def test_branches_that_changed_different_rows_are_counted(table: Any) -> None:
    table.sql("CREATE BRANCH dev")
    table.sql("UPDATE t SET v = 1 WHERE id = 1")
    table.sql("DELETE FROM t WHERE id = 2")
    table.sql("UPDATE `t@dev` SET v = 1 WHERE id IN (3, 4)")
    table.sql("INSERT INTO `t@dev` VALUES (10, 0), (11, 0), (12, 0)")
    # row 2 is only on dev, and so are three more
    assert counts(table, "main", "dev") == (4, 3, 0)
    table.sql("MERGE BRANCH dev")
    assert counts(table, "main", "main") == (0, 0, 0)
    table.sql("UPDATE `t@dev` SET v = 2 WHERE id = 1")
    assert counts(table, "main~1", "dev") == (None, None, None), "row 1 was changed on both sides"


def test_no_data_is_read(table: Any) -> None:
    table.sql("UPDATE t SET v = 1 WHERE id = 1")
    for file in table.path.glob("data/*/*.parquet"):
        file.unlink()
    assert counts(table, "start", "main") == (0, 1, 0)


def test_what_became_of_columns_is_told(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT, name STRING, gone DATE, s STRUCT<a: INT, b: STRING>)")
    lake.sql("CREATE TAG start")
    for change in (
        "RENAME COLUMN name TO label",
        "DROP COLUMN gone",
        "ADD COLUMN n DECIMAL(5, 2) COMMENT 'new'",
        "ALTER COLUMN id TYPE BIGINT",
        "ALTER COLUMN label COMMENT 'what it is called'",
        "ADD COLUMN s.c ARRAY<INT>",
        "ALTER COLUMN label FIRST",
    ):
        lake.sql(f"ALTER TABLE t {change}")
    (found,) = lake.rows("CALL {lake}.system.diff(from => 'start', to => 'main')")
    assert found[:3] == ("default.t", "changed", "columns changed")
    assert sorted(found[10]) == [
        "added n decimal(5,2)",
        "added s.c array<integer>",
        "comment of label",
        "dropped gone",
        "order of columns",
        "renamed name to label",
        "type of id from integer to long",
    ]


class History:
    """Random statements on two branches; remembers all commits and the rows that they had."""

    def __init__(self, lake: Any, number: int) -> None:
        self.lake, self.random, self.number = lake, Random(number), number
        self.said: list[str] = []
        self.states: dict[str, dict[int, int]] = {}
        limit, mode = ("0", "100")[number % 2], ("merge-on-read", "copy-on-write")[number // 2 % 2]
        self.do(
            "CREATE TABLE t (id BIGINT, v INT) TBLPROPERTIES "
            f"('anabranch.write.inline-rows' = '{limit}', 'anabranch.write.mode' = '{mode}')"
        )
        self.do("INSERT INTO t SELECT /*+ COALESCE(1) */ id, 0 FROM range(8)")
        self.do("CREATE BRANCH dev")
        self.next = 8

    def do(self, statement: str) -> None:
        self.said.append(statement)
        self.lake.sql(statement).collect()
        for branch in ("main", "dev") if len(self.said) > 2 else ("main",):
            (commit,) = (row[0] for row in self.lake.rows(f"SHOW COMMITS ON `{branch}` LIMIT 1"))
            if commit not in self.states:
                self.states[commit] = versions(self.lake, commit)

    def step(self) -> None:
        pick = self.random
        branch = pick.choice(["main", "main", "dev"])
        table, ids = f"`t@{branch}`", ", ".join(str(pick.randrange(self.next)) for _ in range(2))
        kind = pick.choice(
            ["insert", "insert", "update", "update", "merge", "delete", "optimize", "restore", "branch"]
        )
        if kind == "insert":
            self.do(f"INSERT INTO {table} VALUES ({self.next}, 0), ({self.next + 1}, 0)")
            self.next += 2
        elif kind == "update":
            self.do(f"UPDATE {table} SET v = v + 1 WHERE id IN ({ids})")
        elif kind == "delete":
            self.do(f"DELETE FROM {table} WHERE id IN ({ids})")
        elif kind == "merge":
            self.do(
                f"MERGE INTO {table} USING (SELECT DISTINCT * FROM VALUES ({ids.replace(', ', '), (')}), "
                f"({self.next}) AS s(k)) ON id = k WHEN MATCHED THEN UPDATE SET v = 9 "
                "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (k, 9)"
            )
            self.next += 1
        elif kind == "optimize":
            self.do(f"OPTIMIZE {table}")
        elif kind == "restore":
            last = self.lake.rows(f"DESCRIBE HISTORY {table} LIMIT 1")[0][0]
            self.do(f"RESTORE TABLE {table} TO VERSION AS OF {pick.randint(1, last)}")
        else:
            source, into = pick.sample(["main", "dev"], 2)
            self.do(f"MERGE BRANCH {source} INTO {into} ON CONFLICT {pick.choice(['OURS', 'THEIRS'])}")


@pytest.mark.parametrize("number", range(HISTORIES))
def test_what_is_counted_is_what_rows_tell_in_any_history(lake: Any, number: int) -> None:
    history = History(lake, number)
    for _ in range(STEPS):
        history.step()
    commits = list(history.states)
    pairs = [(a, b) for i, a in enumerate(commits) for b in commits[i + 1 : i + 5]]
    told = 0
    for a, b in pairs:
        found = counts(lake, a, b)
        if found != (None,) * 3:
            wanted = really(history.states[a], history.states[b])
            assert found == wanted, "\n".join([*history.said, f"from {a} to {b}"])
            told += 1
    assert told >= len(pairs) / 4, f"only {told} of {len(pairs)} are told"
