"""Files that one half writes anew while the other changes their rows; and what each writes where both do the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from concurrency.rivals import Rivals, meet
from cross.test_both_halves import same

import anabranch

pytestmark = pytest.mark.cross

Lakes = Callable[..., Any]

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
ONCE = "0 = (SELECT count(*) - 1 FROM range(1) WHERE {open})"


@pytest.fixture
def shared(spark: Any, new_lake: Lakes) -> Rivals:
    """With the table ``r``: ids 0 to 999 and 1000 to 1999 in a file each, v = 'v'."""
    made = meet(spark, new_lake())
    made.one.rows(
        f"CREATE TABLE lake.default.r {FILES} AS SELECT /*+ COALESCE(1) */ id, 'v' AS v FROM range(1000)"
    )
    made.one.rows("INSERT INTO lake.default.r SELECT /*+ COALESCE(1) */ id, 'v' FROM range(1000, 2000)")
    return made


def lineage(rivals: Rivals) -> dict[int, tuple[Any, ...]]:
    """Rows by id, of which both halves say the same."""
    spark = rivals.other.rows("SELECT id, v, _row_id, _row_commit FROM lake.default.r")
    table = anabranch.open(rivals.path).table("default.r")
    native = table.to_arrow(["id", "v", "_row_id", "_row_commit"]).to_pylist()
    assert sorted(spark) == sorted(tuple(r.values()) for r in native)
    assert len(spark) == len({row[0] for row in spark}), "a row is there twice"
    return {row[0]: row[1:] for row in spark}


@pytest.mark.proves("ROW-5", "TXN-2")
@pytest.mark.parametrize("runs", ["few", "many"])
def test_rows_that_one_half_moved_are_changed_by_the_other_where_they_are(shared: Rivals, runs: str) -> None:
    if runs == "many":
        shared.one.rows("DELETE FROM lake.default.r WHERE id % 3 = 2")
    before, repo = lineage(shared), anabranch.open(shared.path, author="native")
    with repo.transaction() as tx:
        tx.table("default.r").update({"v": "'native'"}, "id IN (3, 1002)")
        tx.table("default.r").delete("id IN (4, 1003)")
        shared.other.rows("OPTIMIZE lake.default.r")
    after = lineage(shared)
    assert {i for i in before if after.get(i) != before[i]} == {3, 4, 1002, 1003}
    assert after[3][:2] == ("native", before[3][1]) and 4 not in after
    with shared.held(f"UPDATE lake.default.r SET v = 'spark' WHERE id IN (6, 1005) AND {ONCE}") as late:
        anabranch.open(shared.path).table("default.r").append({"id": [5000], "v": ["new"]})
        assert anabranch.open(shared.path).table("default.r").optimize().commit is not None
    late.result()
    last = lineage(shared)
    assert {i for i in after if last.get(i) != after[i]} == {6, 1005}
    assert last[6][:2] == ("spark", before[6][1]) and last[5000][0] == "new"
    assert [r[3] for r in shared.other.rows("DESCRIBE HISTORY lake.default.r LIMIT 4")] == [
        "UPDATE",
        "OPTIMIZE",
        "INSERT",
        "TRANSACTION",
    ]
    assert anabranch.open(shared.path).table("default.r").changes("main~1").num_rows == 4
    assert [f for f in anabranch.open(shared.path).verify(full=True) if f.problem] == []


COUNTED = ("rows_inserted", "rows_updated", "rows_deleted", "rows_copied", "files_added", "files_removed")


@pytest.mark.proves("ROW-4", "ROW-5")
@pytest.mark.parametrize("inline", ["100", "0"])
def test_both_halves_copy_and_compact_alike(new_lake: Lakes, tmp_path: Path, inline: str) -> None:
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    lake.sql(
        "CREATE TABLE {lake}.db.t (id INT, s STRING) PARTITIONED BY (truncate(100, id)) TBLPROPERTIES "
        f"('anabranch.write.mode' = 'copy-on-write', 'anabranch.write.inline-rows' = '{inline}')"
    )
    for start in (0, 20, 110):
        lake.sql(
            f"INSERT INTO {{lake}}.db.t SELECT /*+ COALESCE(1) */ CAST(id AS INT), 's' FROM range({start}, {start + 20})"
        )
    shutil.copytree(lake.path, tmp_path / "native")
    twin, table = new_lake(path=tmp_path / "native"), anabranch.open(tmp_path / "native").table("db.t")
    steps: list[tuple[str, Callable[[], object]]] = [
        ("UPDATE {lake}.db.t SET s = 'w' WHERE id IN (3, 25)", lambda: table.update({"s": "'w'"}, "id IN (3, 25)")),
        ("UPDATE {lake}.db.t SET id = 4 WHERE id = 115", lambda: table.update({"id": "4"}, "id = 115")),
        ("DELETE FROM {lake}.db.t WHERE id < 20 AND s = 's'", lambda: table.delete("id < 20 AND s = 's'")),
        (
            "MERGE INTO {lake}.db.t t USING (SELECT 26 AS id, 'm' AS s UNION ALL SELECT 300, 'new') n ON t.id = n.id "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
            lambda: table.upsert({"id": [26, 300], "s": ["m", "new"]}, on="id"),
        ),
        ("OPTIMIZE {lake}.db.t", lambda: table.optimize()),
        ("OPTIMIZE {lake}.db.t", lambda: table.optimize()),
    ]  # fmt: skip
    for statement, act in steps:
        lake.sql(statement)
        act()
        spark_rows, native_rows = same(lake), same(twin)
        # which of its numbers a new row gets is up to the writer
        assert [r for r in spark_rows if r[0] != 300] == [r for r in native_rows if r[0] != 300], statement
        spark, native = (x.rows("DESCRIBE HISTORY {lake}.db.t LIMIT 1")[0] for x in (lake, twin))
        assert spark[0] == native[0], statement
        told = [{name: dict(row[5]).get(name, 0) for name in COUNTED} for row in (spark, native)]
        assert told[0] == told[1], statement
