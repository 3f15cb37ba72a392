"""Random transactions beside random statements of others: what is committed is as if one had come after the other.

`pytest --histories 100` runs as many, and others each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from pyspark.errors import PySparkException

HISTORIES = 10
FIRST = 30
"""Rows at the start."""
CONFLICT = "ANABRANCH_COMMIT.CONFLICT"

State = dict[str, dict[int, int]]
"""Rows by table and key."""


@dataclass(frozen=True)
class Statement:
    """A statement, and what it does to a model of the tables."""

    sql: str
    act: Callable[[State], State]


def with_rows(state: State, table: str, rows: dict[int, int]) -> State:
    return {**state, table: rows}


def insert(table: str, key: int, value: int) -> Statement:
    def act(s: State) -> State:
        return with_rows(s, table, {**s[table], key: value})

    return Statement(f"INSERT INTO {table} VALUES ({key}, {value})", act)


def delete(table: str, low: int, high: int) -> Statement:
    def act(s: State) -> State:
        return with_rows(s, table, {k: v for k, v in s[table].items() if not low <= k <= high})

    return Statement(f"DELETE FROM {table} WHERE k BETWEEN {low} AND {high}", act)


def update(table: str, low: int, high: int, factor: int) -> Statement:
    def act(s: State) -> State:
        rows = {k: v * factor + 1 if low <= k <= high else v for k, v in s[table].items()}
        return with_rows(s, table, rows)

    return Statement(f"UPDATE {table} SET v = v * {factor} + 1 WHERE k BETWEEN {low} AND {high}", act)


def total(table: str, of: str, key: int) -> Statement:
    def act(s: State) -> State:
        return with_rows(s, table, {**s[table], key: sum(s[of].values())})

    return Statement(f"INSERT INTO {table} SELECT {key}, coalesce(sum(v), 0) FROM {of}", act)


class History:
    """Two tables; keys are never used twice, so that a row is one row of the model."""

    def __init__(self, number: int) -> None:
        self.random = Random(number)
        self.next_key = FIRST

    def key(self) -> int:
        self.next_key += 1
        return self.next_key

    def statement(self) -> Statement:
        table, other = self.random.sample(["t", "u"], 2)
        low = self.random.randrange(self.next_key + 1)
        high = low + self.random.choice([0, 0, 1, 3])
        kind = self.random.randrange(12)
        if kind == 0:
            return total(table, other, self.key())
        if kind < 4:
            return insert(table, self.key(), self.random.randrange(5))
        if kind < 7:
            return delete(table, low, high)
        return update(table, low, high, self.random.choice([2, 3, -1]))

    def statements(self, most: int) -> list[Statement]:
        return [self.statement() for _ in range(self.random.randint(1, most))]


def done(state: State, statements: list[Statement]) -> State:
    for s in statements:
        state = s.act(state)
    return state


@pytest.fixture
def sessions(lake: Any) -> Iterator[tuple[Any, Any]]:
    """One in which a transaction can be open, and another on the same repository."""
    other = lake.spark.newSession()
    other.conf.set(f"spark.sql.catalog.{lake.name}", "io.anabranch.spark.AnabranchCatalog")
    other.conf.set(f"spark.sql.catalog.{lake.name}.warehouse", lake.uri)
    other.sql(f"USE {lake.name}.default")
    yield lake, other
    with suppress(PySparkException):  # none is open, where the test has passed
        lake.sql("ROLLBACK")


def test_transactions_are_serializable_beside_statements_of_others(
    sessions: tuple[Any, Any], request: pytest.FixtureRequest
) -> None:
    lake, other = sessions
    committed = 0
    asked = request.config.getoption("--histories")
    seeds = Random()
    chosen = [seeds.randrange(10**6) for _ in range(asked)] if asked else range(40, 40 + HISTORIES)
    for number in chosen:
        committed += one(lake, other, History(number), number % 2 == 0)
    assert committed >= len(chosen) // 4, "hardly any says something of changes side by side"


def one(lake: Any, other: Any, history: History, inline: bool) -> bool:
    rows = "" if inline else "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
    state: State = {}
    for table in ("t", "u"):
        lake.sql(f"CREATE OR REPLACE TABLE {table} (k INT, v BIGINT) {rows}")
        lake.sql(f"INSERT INTO {table} SELECT id, id FROM range(0, {FIRST}, 1, 1)")
        state[table] = {k: k for k in range(FIRST)}

    def seen(session: Any) -> State:
        found = {t: session.sql(f"SELECT k, v FROM {t}").collect() for t in ("t", "u")}
        return {t: {r[0]: r[1] for r in all} for t, all in found.items()}

    ours, theirs = history.statements(4), history.statements(3)
    told = "\n".join(["ours:", *(s.sql for s in ours), "theirs:", *(s.sql for s in theirs)])
    lake.sql("START TRANSACTION")
    for s in ours:
        lake.sql(s.sql)
    assert seen(lake.spark) == done(state, ours), told
    for s in theirs:
        other.sql(s.sql)
    if history.random.random() < 0.3:
        other.sql("OPTIMIZE t")
    ids = {r[0]: r[1] for r in other.sql("SELECT k, _row_id FROM t").collect()}
    try:
        lake.sql("COMMIT")
    except PySparkException as e:
        assert e.getCondition() == CONFLICT, told
        assert "statement " in str(e), told
        assert seen(other) == done(state, theirs), told
        return False
    orders = [[*theirs[:n], *ours, *theirs[n:]] for n in range(len(theirs) + 1)]
    now = seen(other)
    assert now in [done(state, order) for order in orders], told
    after = {r[0]: r[1] for r in other.sql("SELECT k, _row_id FROM t").collect()}
    assert all(after[k] == ids[k] for k in after.keys() & ids.keys()), told
    assert len(set(after.values())) == len(after) == len(now["t"]), told
    return True
