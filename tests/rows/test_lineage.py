"""Random histories with restores, branches and merges of branches: row lineage holds through all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from pyspark.errors import PySparkException

from rows import lineage
from rows.lineage import Row, Version
from rows.statements import rows, spark, statements, tables, values
from rows.tables import MODES, in_mode

if TYPE_CHECKING:
    from conftest import Lake

STEPS = 9
BRANCHES = ("main", "dev", "other")
TAILS = (
    "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')",
    "TBLPROPERTIES ('anabranch.write.inline-rows' = '2')",
    "",
)
EXPECTED = ("ANABRANCH_MERGE.CONFLICT", "ANABRANCH_REF.ALREADY_EXISTS")


class History:
    """A table t in a repository, on some branches."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.branches = ["main"]

    def place(self, branch: str) -> str:
        return f"{self.lake.name}.default.`t@{branch}`"

    def run(self, statement: str) -> bool:
        """Runs a statement; False if it was refused as it may be."""
        note(statement)
        try:
            self.lake.sql(statement)
        except PySparkException as error:
            if error.getCondition() not in EXPECTED:
                raise
            note(f"-- {error.getCondition()}")
            return False
        return True

    def restore(self, data: st.DataObject, place: str) -> None:
        last = self.lake.rows(f"DESCRIBE HISTORY {place} LIMIT 1")[0][0]
        self.run(f"RESTORE TABLE {place} TO VERSION AS OF {data.draw(st.integers(1, last))}")

    def fork(self, data: st.DataObject, source: str) -> None:
        left = [b for b in BRANCHES if b not in self.branches]
        if left and self.run(f"CREATE BRANCH {left[0]} IN {self.lake.name} FROM {source}"):
            self.branches.append(left[0])

    def merge(self, data: st.DataObject, target: str) -> None:
        others = [b for b in self.branches if b != target]
        if others:
            self.run(f"MERGE BRANCH {data.draw(st.sampled_from(others))} INTO {target} IN {self.lake.name}")


@given(data=st.data())
def test_lineage_holds_after_any_history(new_lake: Callable[..., Lake], data: st.DataObject) -> None:
    lake = new_lake()
    history = History(lake)
    columns = data.draw(tables())
    start = values(data.draw(rows(columns, 2, 6)))
    tail, mode = data.draw(st.sampled_from(TAILS)), data.draw(st.sampled_from(MODES))
    history.run(in_mode(f"CREATE TABLE {history.place('main')} ({columns.ddl}) {tail}", mode))
    history.run(f"INSERT INTO {history.place('main')} {start}")
    for _ in range(data.draw(st.integers(1, STEPS))):
        branch = data.draw(st.sampled_from(history.branches))
        place = history.place(branch)
        kind = data.draw(
            st.sampled_from([*["row"] * 4, "restore", "fork", "merge", "merge", "whole", "optimize"])
        )
        if kind == "row":
            history.run(spark(data.draw(statements(columns)), place))
        elif kind == "restore":
            history.restore(data, place)
        elif kind == "optimize":
            history.run(f"OPTIMIZE {place}")
        elif kind == "fork":
            history.fork(data, branch)
        elif kind == "merge":
            history.merge(data, branch)
        elif data.draw(st.booleans()):
            history.run(f"INSERT OVERWRITE {place} SELECT * FROM {place}")
        else:
            history.run(f"TRUNCATE TABLE {place}")
    lineage.check(lake.rows, lake.name, lake.path)


# ---- the checks themselves must be able to fail


def version(number: int, operation: str, *found: tuple[int, int, str], **metrics: int) -> Version:
    made = tuple(Row(id, commit, {"a": value}) for id, commit, value in found)
    return Version(number, operation, metrics, number, made)


BEFORE = version(1, "INSERT", (7, 1, "x"), (8, 1, "y"), rows_inserted=2)
ZERO = {"rows_inserted": 0, "rows_updated": 0, "rows_deleted": 0}
WRONG: dict[str, tuple[Callable[..., Any], Version]] = {
    "an update that changes an id": (
        lineage.rows_change_as_the_operation_says,
        version(2, "UPDATE", (7, 1, "x"), (9, 2, "z")),
    ),
    "a row that tells another commit than the one that wrote it": (
        lineage.rows_change_as_the_operation_says,
        version(2, "UPDATE", (7, 1, "x"), (8, 3, "z")),
    ),
    "a delete that writes": (lineage.rows_change_as_the_operation_says, version(2, "DELETE", (7, 2, "x"))),
    "an insert that removes": (lineage.rows_change_as_the_operation_says, version(2, "INSERT", (7, 1, "x"))),
    "counts that are missing": (
        lineage.metrics_are_the_difference,
        version(2, "UPDATE", (7, 1, "x"), (8, 1, "y")),
    ),
    "counts that are wrong": (
        lineage.metrics_are_the_difference,
        version(2, "MERGE", (7, 1, "x"), **{**ZERO, "rows_inserted": 1, "rows_deleted": 2}),
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_check_finds(what: str) -> None:
    check, after = WRONG[what]
    with pytest.raises(AssertionError):
        check("t", BEFORE, after)


def test_the_check_finds_ids_that_come_twice_and_contents_that_differ() -> None:
    with pytest.raises(AssertionError, match="more than once"):
        lineage.ids_are_unique("t", version(1, "INSERT", (7, 1, "x"), (7, 1, "x")))
    with pytest.raises(AssertionError, match="given again"):
        gone, back = version(2, "DELETE", (7, 1, "x")), version(3, "INSERT", (7, 1, "x"), (8, 3, "z"))
        lineage.ids_are_never_given_again("t", [BEFORE, gone, back])
    with pytest.raises(AssertionError, match="a is y"):
        other = version(2, "UPDATE", (7, 1, "x"), (8, 1, "z"))
        lineage.same_commit_means_same_content({"t": [BEFORE, other]}, set())
