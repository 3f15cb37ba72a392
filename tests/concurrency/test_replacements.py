"""INSERT INTO … REPLACE WHERE while another session writes to the same table."""

from __future__ import annotations

import pytest

from concurrency.rivals import Rivals, Session, conflict


@pytest.fixture
def shared(rivals: Rivals) -> Rivals:
    """With the table ``r`` in one file: id from 0 to 9, v = 'v'."""
    rivals.one.rows(
        "CREATE TABLE lake.default.r TBLPROPERTIES ('anabranch.write.inline-rows' = '0') AS "
        "SELECT /*+ COALESCE(1) */ id, 'v' AS v FROM range(10)"
    )
    return rivals


def values(session: Session) -> list[tuple[int, str]]:
    return sorted(session.rows("SELECT id, v FROM lake.default.r"))


PLAIN = [(i, "v") for i in range(10)]
REPLACE = "INSERT INTO lake.default.r REPLACE WHERE id >= 8 SELECT 20, 'new' FROM {gate}"


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("UPDATE lake.default.r SET v = 'w' WHERE id = 1", [(0, "v"), (1, "w"), *PLAIN[2:8]]),
        ("DELETE FROM lake.default.r WHERE id = 1", [(0, "v"), *PLAIN[2:8]]),
        ("INSERT INTO lake.default.r VALUES (7, 'other')", [*PLAIN[:7], (7, "other"), (7, "v")]),
        ("INSERT INTO lake.default.r REPLACE WHERE id = 0 VALUES (0, 'w')", [(0, "w"), *PLAIN[1:8]]),
    ],
)
def test_rows_that_the_condition_is_false_for_may_change_meanwhile(
    shared: Rivals, statement: str, left: list[tuple[int, str]]
) -> None:
    with shared.held(REPLACE) as late:
        shared.other.rows(statement)
    late.result()
    assert values(shared.one) == values(shared.other) == [*left, (20, "new")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lake.default.r SET v = 'w' WHERE id = 8",
        "DELETE FROM lake.default.r WHERE id = 9",
        "INSERT INTO lake.default.r REPLACE WHERE id > 8 VALUES (9, 'w')",
        "INSERT OVERWRITE lake.default.r VALUES (1, 'w')",
    ],
)
def test_a_change_of_a_row_that_goes_is_a_conflict(shared: Rivals, statement: str) -> None:
    with shared.held(REPLACE) as late:
        shared.other.rows(statement)
    after = values(shared.other)
    assert "default.r" in str(conflict(late))
    assert values(shared.one) == after and (20, "new") not in after


def test_a_row_that_came_meanwhile_and_should_go_is_never_left_beside_the_new_ones(shared: Rivals) -> None:
    """Else the table would hold what no order of the two statements gives, where both read."""
    with shared.held(REPLACE) as late:
        shared.other.rows(
            "INSERT INTO lake.default.r SELECT 30, string(count(*)) FROM lake.default.r WHERE id >= 8"
        )
    assert "default.r" in str(conflict(late))
    assert values(shared.one) == [*PLAIN, (30, "2")]


def test_what_is_replaced_may_be_compacted_meanwhile(shared: Rivals) -> None:
    shared.one.rows("INSERT INTO lake.default.r VALUES (9, 'more')")
    with shared.held(REPLACE) as late:
        shared.other.rows("OPTIMIZE lake.default.r")
    late.result()
    assert values(shared.one) == [*PLAIN[:8], (20, "new")]
