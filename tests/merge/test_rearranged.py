"""Merges of branches of which one, or both, wrote rows to other files: that is no change."""

from __future__ import annotations

from typing import Any

import pytest
from rows.tables import FILES, lineage_of

COPY = "ALTER TABLE t SET TBLPROPERTIES ('anabranch.write.mode' = 'copy-on-write')"


@pytest.fixture
def forked(lake: Any) -> Any:
    """Main and the branch dev: the table t, ids 0 to 9 and 10 to 19 in a file each, a = b = 'v'."""
    lake.sql(f"CREATE TABLE t (id INT, a STRING, b STRING) {FILES}")
    for start in (0, 10):
        lake.sql(
            f"INSERT INTO t SELECT /*+ COALESCE(1) */ CAST(id AS INT), 'v', 'v' FROM range({start}, {start} + 10)"
        )
    lake.sql("CREATE BRANCH dev")
    return lake


def changed(lake: Any) -> dict[int, tuple[str, str]]:
    return {i: (a, b) for i, a, b in lake.rows("SELECT id, a, b FROM t WHERE a <> 'v' OR b <> 'v'")}


@pytest.mark.proves("ROW-5")
@pytest.mark.parametrize("optimized", [["main"], ["dev"], ["main", "dev"]])
def test_a_compaction_and_changes_of_rows_combine(forked: Any, optimized: list[str]) -> None:
    forked.sql("UPDATE `t@dev` SET a = 'w' WHERE id IN (3, 13)")
    forked.sql("DELETE FROM `t@dev` WHERE id = 5")
    forked.sql("UPDATE t SET b = 'x' WHERE id IN (4, 13)")
    ids = {i: row for i, (row, _) in lineage_of(forked).items()}
    for branch in optimized:
        forked.sql(f"OPTIMIZE `t@{branch}`")
    forked.sql("UPDATE `t@dev` SET a = 'y' WHERE id = 17")
    forked.sql("DELETE FROM t WHERE id = 6")
    forked.sql("MERGE BRANCH dev")
    assert changed(forked) == {3: ("w", "v"), 4: ("v", "x"), 13: ("w", "x"), 17: ("y", "v")}
    assert {i: row for i, (row, _) in lineage_of(forked).items()} == {
        i: row for i, row in ids.items() if i not in (5, 6)
    }


@pytest.mark.proves("ROW-5")
def test_two_compactions_are_no_conflict(forked: Any) -> None:
    whole = lineage_of(forked)
    forked.sql("OPTIMIZE t")
    forked.sql("OPTIMIZE `t@dev`")
    forked.sql("MERGE BRANCH dev")
    assert lineage_of(forked) == whole


@pytest.mark.parametrize("copying", [["t"], ["t", "`t@dev`"]])
def test_rows_that_were_only_copied_are_not_changed(forked: Any, copying: list[str]) -> None:
    for table in copying:
        forked.sql(COPY.replace("TABLE t", f"TABLE {table}"))
    forked.sql("UPDATE `t@dev` SET a = 'w' WHERE id IN (3, 13)")
    forked.sql("UPDATE t SET b = 'x' WHERE id IN (4, 13)")
    forked.sql("DELETE FROM t WHERE id = 5")
    forked.sql("MERGE BRANCH dev")
    assert changed(forked) == {3: ("w", "v"), 4: ("v", "x"), 13: ("w", "x")}
    assert sorted(lineage_of(forked)) == [i for i in range(20) if i != 5]
