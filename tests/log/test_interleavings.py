"""Two statements, each stopped before every request to the store: all orders of their requests are tried.

The statements run on the core, on rows that stand in commits (tests/scala/SmallStatements.scala). All orders, not a
choice of them: a writer makes two requests when nobody disturbs it, and at most ten when it loses a race.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

import pytest

CONFLICT = "ANABRANCH_COMMIT.CONFLICT"
DONE = "done"
BOTH, ONLY_A, ONLY_B = (DONE, DONE), (DONE, CONFLICT), (CONFLICT, DONE)

Statement = dict[str, Any]


def where(column: str, *values: int) -> dict[str, Any]:
    return {"column": column, "in": list(values)}


def update(k: int, v: int, **more: Any) -> Statement:
    return {"do": "update", "where": where("k", k), "set": v, **more}


def delete(k: int) -> Statement:
    return {"do": "delete", "where": where("k", k)}


def insert(*rows: tuple[int, int], **more: Any) -> Statement:
    return {"do": "insert", "rows": [list(row) for row in rows], **more}


def leave(table: str, other: str) -> Statement:
    """Row 1 of a table goes off duty while somebody of the other table is on."""
    duty = {"table": other, "where": where("v", 0), "at_least": 1}
    return {"do": "update", "table": table, "where": where("k", 1), "set": 9, "while": duty}


EVENS = {"do": "delete", "where": {"column": "k", "even": True}}
ODDS = {"do": "delete", "where": {"column": "k", "even": False}}
RESTORE = {"do": "restore", "to": "1"}
ADD_COLUMN = {"do": "add column", "column": "w"}
SET_PROPERTY = {"do": "set property", "properties": {"owner": "ada"}}
DELETE_ALL = {"do": "delete all"}
OPTIMIZE = {"do": "optimize"}

ROWS = [(k, 0) for k in range(1, 5)]
PLAIN = {"tables": ["t"], "statements": [insert(*ROWS), update(4, 1)]}
TWO_TABLES = {"tables": ["t", "u"], "statements": [insert((1, 0)), insert((1, 0), table="db.u")]}
# so many rows that deletion vectors are objects of their own
LARGE = {"tables": ["t"], "statements": [insert(*((k, 0) for k in range(4400)))]}


@dataclass(frozen=True)
class Scenario:
    """What there is, what A and B do, and what may come of it: who is told that it succeeded."""

    a: Statement
    b: Statement
    outcomes: set[tuple[str, str]]
    setup: dict[str, Any]

    def __init__(self, a: Statement, b: Statement, *outcomes: tuple[str, str], **setup: Any) -> None:
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "b", b)
        object.__setattr__(self, "outcomes", set(outcomes))
        object.__setattr__(self, "setup", setup or PLAIN)


SCENARIOS = {
    "updates of different rows of one block": Scenario(update(1, 5), update(2, 6), BOTH),
    "updates of one row": Scenario(update(1, 5), update(1, 6), BOTH, ONLY_A, ONLY_B),
    "update and deletion of one row": Scenario(update(1, 5), delete(1), BOTH, ONLY_A, ONLY_B),
    "the same deletion twice": Scenario(delete(1), delete(1), BOTH, ONLY_A, ONLY_B),
    "an update of rows that the other's update makes": Scenario(
        update(1, 1), {"do": "update", "where": where("v", 1), "set": 8}, BOTH, ONLY_A
    ),
    "updates that make each other's rows": Scenario(
        {"do": "update", "where": where("v", 0), "set": 1},
        {"do": "update", "where": where("v", 1), "set": 0},
        BOTH,
        ONLY_A,
        ONLY_B,
    ),
    "inserts": Scenario(insert((8, 8)), insert((9, 9)), BOTH),
    "an insert, and an update of other rows": Scenario(insert((8, 8)), update(1, 5), BOTH),
    "an insert, and an update that would have seen its row": Scenario(insert((1, 8)), update(1, 5), BOTH),
    "an insert of many files, and an update": Scenario(
        insert(*((k, 8) for k in range(101)), files=101), update(1, 5), BOTH
    ),
    "a deletion of whole files, and an update": Scenario(DELETE_ALL, update(1, 5), BOTH, ONLY_A, ONLY_B),
    "a deletion of whole files, and an insert": Scenario(DELETE_ALL, insert((8, 8)), BOTH),
    "large deletion vectors of one block": Scenario(EVENS, ODDS, BOTH, **LARGE),
    "a large deletion vector, and an update of a row in it": Scenario(
        EVENS, update(2, 5), BOTH, ONLY_A, ONLY_B, **LARGE
    ),
    "write skew over two tables": Scenario(
        leave("db.t", "db.u"), leave("db.u", "db.t"), BOTH, ONLY_A, ONLY_B, **TWO_TABLES
    ),
    "a write that reads another table, and a change of that": Scenario(
        leave("db.t", "db.u"), update(1, 9, table="db.u"), BOTH, **TWO_TABLES
    ),
    "RESTORE and an update": Scenario(RESTORE, update(4, 5), BOTH, ONLY_A, ONLY_B),
    "RESTORE and an insert": Scenario(RESTORE, insert((8, 8)), BOTH, ONLY_B),
    "a new column and an insert": Scenario(ADD_COLUMN, insert((8, 8)), BOTH, ONLY_A),
    "a new column and an update": Scenario(ADD_COLUMN, update(1, 5), BOTH, ONLY_A),
    "a new column and a property": Scenario(ADD_COLUMN, SET_PROPERTY, BOTH, ONLY_A, ONLY_B),
    "a property and an insert": Scenario(SET_PROPERTY, insert((8, 8)), BOTH),
    "a property and an update": Scenario(SET_PROPERTY, update(1, 5), BOTH),
    "OPTIMIZE and an update": Scenario(OPTIMIZE, update(1, 5), BOTH),
    "OPTIMIZE and a deletion": Scenario(OPTIMIZE, delete(4), BOTH),
    "OPTIMIZE and a deletion of whole files": Scenario(OPTIMIZE, DELETE_ALL, BOTH),
    "OPTIMIZE twice": Scenario(OPTIMIZE, OPTIMIZE, BOTH),
}


def meaning(state: Any) -> Any:
    """What there is, apart from the numbers that follow from the order of the log: the statement that comes later
    there may be thought to have come first.
    """
    return {
        name: (table["columns"], table["properties"], sorted(row[2:] for row in table["rows"]))
        for name, table in state["tables"].items()
    }


@pytest.mark.proves("LOG-1", "TXN-1", "TXN-2", "TXN-4", "TXN-5", "DV-4", "ROW-1", "ROW-2", "ROW-5")
@pytest.mark.parametrize("name", SCENARIOS)
def test_in_any_order_of_requests_one_statement_comes_after_the_other_or_is_refused(
    java: Any, name: str
) -> None:
    scenario = SCENARIOS[name]
    setup, writers = json.dumps(scenario.setup), json.dumps([scenario.a, scenario.b])
    serial = {
        order: json.loads(java.Interleavings.serial(setup, writers, order))
        for order in ("A", "B", "AB", "BA")
    }
    for in_order in (True, False):
        found = json.loads(java.Interleavings.all(setup, writers, in_order))
        for outcome in found:
            done = [w for w, told in zip("AB", outcome["answers"], strict=True) if told == DONE]
            allowed = [serial["".join(order)] for order in itertools.permutations(done)]
            state = outcome["state"]
            assert meaning(state) in map(meaning, allowed), f"{outcome['example']}: {outcome['answers']}"
            assert set(state["commits"]) <= set(done), "a commit of a statement that was refused"
            for table in state["tables"].values():
                ids = [row[0] for row in table["rows"]]
                assert len(set(ids)) == len(ids), "a row is there twice"
            for told, message in zip(outcome["answers"], outcome["messages"], strict=True):
                assert told == DONE or "db." in message, message
        assert {tuple(o["answers"]) for o in found} == scenario.outcomes
        # the least there is to try: two requests of the one between two of the other
        assert sum(o["orders"] for o in found) >= 6
