"""Copy on write: files of which rows go are written anew, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rows.tables import FILES, InMode, counts, create, lineage_of, no_commit, table

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

MODE = "'anabranch.write.mode' = 'copy-on-write'"
COPY = f"TBLPROPERTIES ('anabranch.write.inline-rows' = '0', {MODE})"


@pytest.fixture
def lake(new_lake: Any, spark: SparkSession) -> Any:
    made = new_lake()
    spark.sql(f"USE {made.name}.default")
    return InMode(made.spark, made.name, made.path, "copy-on-write")


@pytest.fixture
def three_files(lake: Any) -> Any:
    """The table t: ids 0 to 9, 10 to 19 and 20 to 29 in a file each, v = 'v'."""
    lake.sql(f"CREATE TABLE t (id INT, v STRING) {FILES}")
    for start in (0, 10, 20):
        lake.sql(
            f"INSERT INTO t SELECT /*+ COALESCE(1) */ CAST(id AS INT), 'v' FROM range({start}, {start} + 10)"
        )
    return lake


def data(lake: Any) -> set[Path]:
    return set(lake.path.glob("data/**/*.parquet"))


def metrics(lake: Any) -> dict[str, int]:
    found = dict(lake.rows("DESCRIBE HISTORY t LIMIT 1")[0][5])
    return {name: value for name, value in found.items() if not name.endswith("_ms")}


def test_only_the_files_that_hold_changed_rows_are_written_anew(three_files: Any) -> None:
    before, whole = data(three_files), lineage_of(three_files)
    three_files.sql("UPDATE t SET v = 'w' WHERE id IN (3, 4) AND v = 'v'")
    (new,) = data(three_files) - before
    told = metrics(three_files)
    assert told.pop("bytes_removed") > 0
    assert told == {
        "rows_inserted": 0,
        "rows_updated": 2,
        "rows_deleted": 0,
        "rows_copied": 8,
        "files_added": 1,
        "files_removed": 1,
        "bytes_added": new.stat().st_size,
    }
    after = lineage_of(three_files)
    assert {i for i in after if after[i] != whole[i]} == {3, 4}
    assert all(after[i][0] == whole[i][0] for i in whole)
    assert three_files.rows("SELECT id FROM t WHERE v = 'w' ORDER BY id") == [(3,), (4,)]


def test_no_row_is_ever_marked(three_files: Any) -> None:
    three_files.sql("DELETE FROM t WHERE id % 10 < 5")
    assert "files_masked" not in metrics(three_files)
    assert metrics(three_files)["rows_copied"] == 15
    # three small files became one
    assert three_files.rows("DESCRIBE DETAIL t")[0][8] == 1
    assert table(three_files, "id") == [(i,) for i in range(30) if i % 10 >= 5]


def test_a_merge_copies_what_it_does_not_change(three_files: Any) -> None:
    before, whole = data(three_files), lineage_of(three_files)
    three_files.sql(
        "MERGE INTO t USING (SELECT * FROM VALUES (12, 'w'), (13, NULL), (40, 'new') AS s (id, v)) s ON t.id = s.id "
        "WHEN MATCHED AND s.v IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    assert counts(three_files) == (1, 1, 1)
    assert metrics(three_files)["rows_copied"] == 8
    assert len(data(three_files) - before) == 1
    after = lineage_of(three_files)
    assert {i for i in whole if after.get(i) != whole[i]} == {12, 13}
    assert after[12][0] == whole[12][0]
    assert after[40][0] > max(i for i, _ in whole.values())
    assert after[40][1] == after[12][1]


@pytest.mark.parametrize("statement", ["DELETE FROM t WHERE id < 10", "DELETE FROM t WHERE id + 0 < 10"])
def test_a_file_of_which_no_row_is_left_just_goes(three_files: Any, statement: str) -> None:
    before = data(three_files)
    three_files.sql(statement)
    assert data(three_files) == before
    assert counts(three_files) == (0, 0, 10)
    assert three_files.rows("SELECT count(*), min(id) FROM t") == [(20, 10)]


def test_a_file_of_which_all_rows_change_is_not_copied(three_files: Any) -> None:
    three_files.sql("UPDATE t SET v = 'w' WHERE id < 10")
    assert metrics(three_files)["rows_copied"] == 0
    assert counts(three_files) == (0, 10, 0)


def test_only_changed_rows_are_changes(three_files: Any) -> None:
    three_files.sql("UPDATE t SET v = 'w' WHERE id = 3")
    three_files.sql("DELETE FROM t WHERE id = 14")
    changes = "SELECT id, v, _change_type FROM t CHANGES FROM VERSION 4 TO VERSION 5 {} ORDER BY id, v"
    told = [(3, "v", "update_preimage"), (3, "w", "update_postimage"), (14, "v", "delete")]
    for more in ("", ", deduplicationMode = 'netChanges'"):
        assert three_files.rows(changes.format(f"WITH (computeUpdates = 'true'{more})")) == told


def test_rows_keep_their_ids_where_these_are_many_runs(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t (id INT, v STRING) {FILES}")
    lake.sql("INSERT INTO t SELECT /*+ COALESCE(1) */ CAST(id AS INT), 'v' FROM range(1000)")
    whole = lineage_of(lake)
    lake.sql("DELETE FROM t WHERE id % 3 = 1")
    assert lineage_of(lake) == {i: row for i, row in whole.items() if i % 3 != 1}
    lake.sql("UPDATE t SET v = 'w' WHERE id % 100 = 0")
    after = lineage_of(lake)
    assert all(after[i][0] == whole[i][0] for i in after)
    assert {i for i in after if after[i][1] != whole[i][1]} == {i for i in after if i % 100 == 0}
    assert lake.rows(f"SELECT id FROM t WHERE _row_id = {whole[999][0]}") == [(999,)]


def test_few_rows_go_on_standing_in_commits(lake: Any) -> None:
    create(lake, "id INT, v STRING", "(1, 'a'), (2, 'b'), (3, 'c')", "")
    blocks = lake.rows("DESCRIBE DETAIL t")[0][8]
    lake.sql("UPDATE t SET v = 'x' WHERE id = 2")
    assert table(lake) == [(1, "a"), (2, "x"), (3, "c")]
    assert data(lake) == set()
    assert lake.rows("DESCRIBE DETAIL t")[0][8] == blocks


def test_partitions_stay_apart(lake: Any) -> None:
    create(
        lake,
        "id INT, p STRING",
        "(1, 'a'), (2, 'a'), (3, 'b'), (4, NULL), (5, NULL)",
        f"PARTITIONED BY (p) {COPY}",
    )
    lake.sql("UPDATE t SET p = 'b' WHERE id IN (1, 4)")
    assert table(lake) == [(1, "b"), (2, "a"), (3, "b"), (4, "b"), (5, None)]
    for value, ids in (("= 'a'", [2]), ("= 'b'", [1, 3, 4]), ("IS NULL", [5])):
        assert lake.rows(f"SELECT id FROM t WHERE p {value} ORDER BY id") == [(i,) for i in ids]


def test_what_a_failed_statement_wrote_is_removed(three_files: Any, refused: Any) -> None:
    three_files.sql("ALTER TABLE t ADD CONSTRAINT short CHECK (length(v) < 3)")
    before = data(three_files)
    with no_commit(three_files), refused("CHECK_CONSTRAINT_VIOLATION"):
        three_files.sql("UPDATE t SET v = 'long' WHERE id = 3")
    assert data(three_files) == before


def test_a_data_file_that_is_gone_is_named(three_files: Any, refused: Any) -> None:
    files = data(three_files)
    for file in files:
        file.rename(file.with_suffix(".away"))
    with refused("ANABRANCH_DATA.FILE_MISSING", "default.t"):
        three_files.sql("DELETE FROM t WHERE id = 3")
    for file in files:
        file.with_suffix(".away").rename(file)


def test_the_mode_can_change(three_files: Any) -> None:
    three_files.sql("ALTER TABLE t SET TBLPROPERTIES ('anabranch.write.mode' = 'merge-on-read')")
    three_files.sql("DELETE FROM t WHERE id = 1")
    assert "files_masked" in metrics(three_files)
    three_files.sql(f"ALTER TABLE t SET TBLPROPERTIES ({MODE})")
    three_files.sql("DELETE FROM t WHERE id = 2")
    assert metrics(three_files)["rows_copied"] == 8
    three_files.sql("ALTER TABLE t UNSET TBLPROPERTIES ('anabranch.write.mode')")
    three_files.sql("DELETE FROM t WHERE id = 3")
    assert "files_masked" in metrics(three_files)
    assert table(three_files, "id") == [(0,), *((i,) for i in range(4, 30))]


@pytest.mark.parametrize(
    "property",
    [
        "'anabranch.write.mode' = 'both'",
        "'anabranch.write.target-file-bytes' = 'big'",
        "'anabranch.optimize.deleted-percent' = '-1'",
        "'anabranch.commit.isolation' = 'chaos'",
    ],
)
def test_a_wrong_property_is_refused_when_it_is_set(lake: Any, refused: Any, property: str) -> None:
    name = property.split("'")[1]
    with no_commit(lake), refused("ANABRANCH_WRITE.OPTION", name):
        lake.sql(f"CREATE TABLE t (id INT) TBLPROPERTIES ({property})")
    create(lake, "id INT", "(1)")
    with no_commit(lake), refused("ANABRANCH_WRITE.OPTION", name):
        lake.sql(f"ALTER TABLE t SET TBLPROPERTIES ({property})")
