"""`anabranch.Table.optimize`, as users of Delta's DeltaTable know it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from anabranch import Table

if TYPE_CHECKING:
    from conftest import Lake


@pytest.fixture
def t(new_lake: Callable[..., Lake]) -> Table:
    """id 0 to 3, each in a block of its own."""
    lake = new_lake()
    lake.rows("CREATE TABLE {lake}.`t 1` (id BIGINT)")
    for i in range(4):
        lake.rows(f"INSERT INTO {{lake}}.`t 1` VALUES ({i})")
    return Table.forName(lake.spark, f"{lake.name}.default.`t 1`")


def test_files_are_put_together(t: Table) -> None:
    (done,) = t.optimize().executeCompaction().collect()
    assert (done.files_before, done.files_after) == (4, 1)
    assert done.commit == t.history(1).collect()[0].commit
    assert sorted(r.id for r in t.toDF().collect()) == [0, 1, 2, 3]
    assert t.optimize().executeCompaction().collect()[0].commit is None


def test_conditions_choose_files(t: Table) -> None:
    half = t.optimize().where("id >= 1 -- not the first")
    assert half.where("id < 3").executeCompaction().collect()[0].files_removed == 2
    assert half.executeCompaction().collect()[0].files_removed == 2


def test_a_condition_that_is_no_text_is_refused(t: Table) -> None:
    with pytest.raises(TypeError, match="SQL text"):
        t.optimize().where(t.toDF().id > 1)  # type: ignore[arg-type]
