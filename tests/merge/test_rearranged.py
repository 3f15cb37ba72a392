"""Merges of branches of which one, or both, wrote rows to other files: that is no change."""

from __future__ import annotations

from typing import Any

import pytest
from rows.tables import FILES, lineage_of

import anabranch

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


@pytest.mark.proves("MRG-5")
@pytest.mark.parametrize("key", [False, True])
def test_no_file_is_read_where_both_compacted_and_changed_different_rows(forked: Any, key: bool) -> None:
    """The merged table keeps the files of main, and carries over by row id what dev did to its own."""
    if key:
        for table in ("t", "`t@dev`"):
            forked.sql(f"ALTER TABLE {table} ADD CONSTRAINT pk PRIMARY KEY (id) NOT ENFORCED")
    ids = {i: row for i, (row, _) in lineage_of(forked).items()}
    forked.sql("DELETE FROM t WHERE id = 1")
    forked.sql("DELETE FROM `t@dev` WHERE id = 2")
    for table in ("t", "`t@dev`"):
        forked.sql(f"OPTIMIZE {table}")
    forked.sql("UPDATE t SET b = 'x' WHERE id = 4")
    forked.sql("DELETE FROM t WHERE id = 6")
    forked.sql("UPDATE `t@dev` SET a = 'y' WHERE id = 17")
    forked.sql("DELETE FROM `t@dev` WHERE id = 6 OR id = 8")
    forked.sql("INSERT INTO `t@dev` VALUES (30, 'v', 'v')")
    data, away = forked.path / "data", forked.path / "away"
    data.rename(away)
    try:
        forked.sql("MERGE BRANCH dev")
        assert not data.exists()
    finally:
        away.rename(data)
    assert changed(forked) == {4: ("v", "x"), 17: ("y", "v")}
    merged = {i: row for i, (row, _) in lineage_of(forked).items()}
    assert set(merged) == {*range(20), 30} - {1, 2, 6, 8}
    assert all(ids[i] == row for i, row in merged.items() if i in ids)
    files = forked.rows("SELECT DISTINCT input_file_name() FROM t")
    assert len(files) == 4, "that of the compaction, of two updates and of the insert"
    forked.sql("MERGE BRANCH main INTO dev")
    assert {i: row for i, (row, _) in lineage_of(forked, of="`t@dev`").items()} == merged


def test_both_compacted_and_one_restored_what_was_before(forked: Any) -> None:
    """A commit that the base knows then says no more that the row is as it was there."""
    forked.sql("UPDATE t SET a = 'w' WHERE id = 3")
    forked.sql("MERGE BRANCH main INTO dev")
    forked.sql("RESTORE TABLE `t@dev` TO VERSION AS OF 2")
    forked.sql("OPTIMIZE `t@dev`")
    forked.sql("OPTIMIZE t")
    forked.sql("MERGE BRANCH dev")
    assert (changed(forked), len(lineage_of(forked))) == ({}, 20)


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


def test_a_compaction_is_nothing_to_pick_or_to_revert(forked: Any) -> None:
    forked.sql("UPDATE `t@dev` SET a = 'w' WHERE id = 3")
    forked.sql("OPTIMIZE `t@dev`")
    for statement in ("CHERRY PICK dev", "REVERT dev ON dev"):
        assert forked.rows(f"{statement} DRY RUN") == forked.rows(statement) == []
    native = anabranch.open(forked.path)
    assert native.cherry_pick("dev").commit is native.revert("dev", on="dev").commit is None
    assert changed(forked) == {}
