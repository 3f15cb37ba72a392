"""What UPDATE, DELETE and MERGE leave on the store, and what happens when that is damaged.

The forms of the statements are tested in `tests/rows`, races in `tests/concurrency`.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Lake

ROWS = 40_000


@pytest.fixture
def lake(new_lake: Callable[..., Lake]) -> Lake:
    """With the table `t` of one file: id from 0 up to ROWS, `v` = 'v' and the id."""
    lake = new_lake()
    lake.rows(
        f"CREATE TABLE {{lake}}.t AS SELECT /*+ COALESCE(1) */ id, concat('v', id) AS v FROM range({ROWS})"
    )
    return lake


def counts(lake: Lake) -> tuple[int, int]:
    return tuple(lake.rows("SELECT count(*), sum(id) FROM {lake}.t")[0])  # type: ignore[return-value]


def metrics(lake: Lake) -> dict[str, int]:
    found: dict[str, int] = lake.rows("DESCRIBE HISTORY {lake}.t")[0][5]
    return found


def vectors(lake: Lake) -> list[Path]:
    return sorted((lake.path / "_anabranch/dv").glob("*"))


def data_files(lake: Lake) -> list[Path]:
    return sorted((lake.path / "data").glob("*/*.parquet"))


def head(lake: Lake) -> str:
    newest: Any = lake.rows("SHOW COMMITS IN {lake} LIMIT 1")[0][0]
    return "-".join(newest.split("-")[:2])


def failure(lake: Lake, text: str) -> PySparkException:
    with pytest.raises(PySparkException) as caught:
        lake.rows(text)
    return caught.value


@pytest.mark.proves("DV-2")
def test_few_deleted_rows_stand_in_the_commit_and_many_in_an_object(lake: Lake) -> None:
    lake.rows("DELETE FROM {lake}.t WHERE id IN (3, 5)")
    assert vectors(lake) == []
    lake.rows("DELETE FROM {lake}.t WHERE id % 7 = 3 AND id > 5")
    assert len(vectors(lake)) == 1
    gone = {3, 5} | {i for i in range(6, ROWS) if i % 7 == 3}
    assert counts(lake) == (ROWS - len(gone), sum(range(ROWS)) - sum(gone))
    assert len(data_files(lake)) == 1


@pytest.mark.proves("DV-4")
def test_rows_that_were_deleted_stay_deleted(lake: Lake) -> None:
    lake.rows("DELETE FROM {lake}.t WHERE id < 10")
    lake.rows("DELETE FROM {lake}.t WHERE id BETWEEN 5 AND 20")
    assert counts(lake) == (ROWS - 21, sum(range(21, ROWS)))
    assert metrics(lake)["rows_deleted"] == 11


@pytest.mark.proves("DV-5")
def test_a_file_without_rows_is_removed(lake: Lake) -> None:
    lake.rows("UPDATE {lake}.t SET v = 'new' WHERE id % 2 = 0")
    lake.rows("DELETE FROM {lake}.t WHERE v <> 'new'")
    assert metrics(lake)["files_removed"] == 1
    assert counts(lake) == (ROWS // 2, sum(range(0, ROWS, 2)))
    assert lake.sql("DESCRIBE DETAIL {lake}.t").collect()[0]["numFiles"] == 1


def test_an_update_of_one_row_is_one_object(lake: Lake) -> None:
    before = {p for p in lake.path.rglob("*") if p.is_file()}
    lake.rows("UPDATE {lake}.t SET v = 'new' WHERE id = 77")
    made = {p for p in lake.path.rglob("*") if p.is_file()} - before
    assert [p.parent.parent.name for p in made] == ["log"]
    assert lake.rows("SELECT * FROM {lake}.t WHERE id = 77") == [(77, "new")]


@pytest.mark.proves("ROW-4")
def test_a_row_keeps_its_id_through_updates_and_its_commit_until_one(lake: Lake) -> None:
    asked = "SELECT id, _row_id, _row_commit FROM {lake}.t WHERE id IN (1, 2) ORDER BY id"
    born = lake.rows(asked)
    lake.rows("UPDATE {lake}.t SET v = 'once' WHERE id = 1")
    lake.rows("UPDATE {lake}.t SET v = 'twice' WHERE id = 1")
    (one, two), (old_one, old_two) = lake.rows(asked), born
    assert two == old_two
    assert one[1] == old_one[1] and one[2] > old_one[2]
    assert head(lake) == f"000000-{one[2]}"


@pytest.mark.proves("ROW-4")
@pytest.mark.parametrize("name", ["_row_id", "_ROW_COMMIT", "_row_place"])
def test_a_column_can_not_have_the_name_of_a_hidden_one(lake: Lake, name: str) -> None:
    for text in (f"CREATE TABLE {{lake}}.u ({name} INT)", f"ALTER TABLE {{lake}}.t ADD COLUMN {name} INT"):
        error = failure(lake, text)
        assert error.getCondition() == "ANABRANCH_SCHEMA.RESERVED_NAME"
        assert name.lower() in str(error)
    assert failure(lake, "CREATE TABLE {lake}.u AS SELECT id, _row_id FROM {lake}.t").getCondition() == (
        "ANABRANCH_SCHEMA.RESERVED_NAME"
    )
    lake.rows("CREATE TABLE {lake}.u AS SELECT _row_id AS row_id FROM {lake}.t WHERE id < 2")
    assert lake.rows("SELECT * FROM {lake}.u ORDER BY 1") == [(0,), (1,)]


def test_conditions_on_lineage_leave_out_files(lake: Lake) -> None:
    lake.rows("INSERT INTO {lake}.t VALUES (-1, 'late')")
    commit = int(head(lake).split("-")[1])
    newest = f"SELECT id FROM {{lake}}.t WHERE _row_commit >= {commit}"
    assert lake.rows(newest) == [(-1,)]
    assert "1 of 2 files" in lake.rows("EXPLAIN " + newest)[0][0]
    assert "1 of 2 files" in lake.rows("EXPLAIN SELECT id FROM {lake}.t WHERE _row_id = 7")[0][0]
    assert lake.rows("SELECT id FROM {lake}.t WHERE _row_id = 7") == [(7,)]


@pytest.mark.parametrize("vectorized", [True, False])
@pytest.mark.parametrize("filtered", ["", " WHERE id >= 100 AND id < 30000"])
def test_deleted_rows_are_left_out_by_every_reader(lake: Lake, vectorized: bool, filtered: str) -> None:
    lake.rows("DELETE FROM {lake}.t WHERE id % 10 = 1")
    lake.rows("UPDATE {lake}.t SET v = 'new' WHERE id % 10 = 2")
    lake.spark.conf.set("spark.sql.parquet.enableVectorizedReader", vectorized)
    lake.spark.conf.set("spark.sql.files.maxPartitionBytes", "64k")
    try:
        found = lake.rows(f"SELECT id, v, _row_id FROM {{lake}}.t{filtered}")
    finally:
        lake.spark.conf.unset("spark.sql.parquet.enableVectorizedReader")
        lake.spark.conf.unset("spark.sql.files.maxPartitionBytes")
    ids = range(100, 30000) if filtered else range(ROWS)
    wanted = [(i, "new" if i % 10 == 2 else f"v{i}", i) for i in ids if i % 10 != 1]
    assert sorted(found) == wanted


@pytest.mark.proves("DV-3")
@pytest.mark.parametrize("damage", ["gone", "changed", "cut"])
def test_a_damaged_deletion_vector_is_named(lake: Lake, damage: str) -> None:
    lake.rows("DELETE FROM {lake}.t WHERE id % 3 = 0")
    (vector,), (file,) = vectors(lake), data_files(lake)
    whole = vector.read_bytes()
    if damage == "gone":
        vector.unlink()
    else:
        vector.write_bytes(whole[:-1] if damage == "cut" else whole[:-1] + bytes([whole[-1] ^ 1]))
    for text in ("SELECT sum(id) FROM {lake}.t", "DELETE FROM {lake}.t WHERE id = 1"):
        error = failure(lake, text)
        assert error.getCondition() == "ANABRANCH_DATA.DELETION_VECTOR"
        for part in (vector.name, file.name, "t", head(lake)):
            assert part in str(error)
    vector.write_bytes(whole)
    assert counts(lake)[0] == sum(i % 3 != 0 for i in range(ROWS))


@pytest.mark.proves("DV-3")
@pytest.mark.parametrize("damage", ["changed", "cut", "no vector"])
def test_a_damaged_deletion_vector_in_a_commit_is_named(
    lake: Lake, new_lake: Callable[..., Lake], damage: str
) -> None:
    """The newest entry: no other tells its digest, so only the vector itself shows the damage."""
    lake.rows("DELETE FROM {lake}.t WHERE id IN (3, 5)")
    (file,) = data_files(lake)
    entry = min((lake.path / "_anabranch/log/000000").glob("*.json"))
    log = json.loads(entry.read_bytes())
    (change,) = log["commits"][-1]["body"]["tables"].values()
    (vector,) = change["deletions"].values()
    whole = base64.b64decode(vector["inline"])
    bad = {"changed": bytes([whole[0] ^ 1]) + whole[1:], "cut": whole[:-1], "no vector": b"?"}[damage]
    vector["inline"] = base64.b64encode(bad).decode()
    entry.write_bytes(json.dumps(log).encode())
    lake.spark._jvm.io.anabranch.test.ColdStart.forget(lake.uri)
    again = new_lake(path=lake.path)
    for text in ("SELECT sum(id) FROM {lake}.t", "DELETE FROM {lake}.t WHERE id = 1"):
        error = failure(again, text)
        assert error.getCondition() == "ANABRANCH_DATA.DELETION_VECTOR"
        assert file.stem in str(error) and head(again) in str(error)


def test_a_statement_that_matches_nothing_makes_no_commit(lake: Lake) -> None:
    before = head(lake)
    lake.rows("UPDATE {lake}.t SET v = 'x' WHERE id < 0")
    lake.rows("DELETE FROM {lake}.t WHERE id % 100000 = 99999")
    lake.rows("MERGE INTO {lake}.t USING (SELECT -1 AS k) ON id = k WHEN MATCHED THEN DELETE")
    assert head(lake) == before


def test_a_deletion_of_whole_files_reads_no_data(lake: Lake) -> None:
    lake.rows("INSERT INTO {lake}.t SELECT id + 100000, 'late' FROM range(1000)")
    for file in data_files(lake):
        file.unlink()
    lake.rows("DELETE FROM {lake}.t WHERE id < 90000")
    assert metrics(lake)["rows_deleted"] == ROWS and metrics(lake)["files_removed"] == 1
    lake.rows("DELETE FROM {lake}.t WHERE id >= 100000 AND v = 'late' AND v IS NOT NULL")
    assert metrics(lake)["rows_deleted"] == 1000
    assert counts(lake) == (0, None)


def test_a_deletion_of_a_partition_reads_no_data(lake: Lake) -> None:
    lake.rows(
        "CREATE TABLE {lake}.p PARTITIONED BY (day) AS "
        "SELECT id, CAST(id % 3 AS INT) AS day, concat(id % 3) AS s FROM range(3000)"
    )
    files = lake.path.joinpath("data").glob("*/*.parquet")
    kept = {
        row[0].rsplit("/", 1)[-1]
        for row in lake.rows("SELECT DISTINCT input_file_name() FROM {lake}.p WHERE day = 2")
    }
    for file in files:
        if file.name not in kept:
            file.unlink()
    lake.rows("DELETE FROM {lake}.p WHERE day IN (0, 1)")
    assert lake.rows("SELECT count(*), min(day), max(day) FROM {lake}.p") == [(1000, 2, 2)]


def test_a_deletion_of_everything_reads_no_data(lake: Lake) -> None:
    for file in data_files(lake):
        file.unlink()
    lake.rows("DELETE FROM {lake}.t")
    assert counts(lake) == (0, None) and metrics(lake)["rows_deleted"] == ROWS


def test_rows_with_null_are_not_deleted_by_bounds(lake: Lake) -> None:
    lake.rows("CREATE TABLE {lake}.n (id BIGINT, v DOUBLE)")
    lake.rows("INSERT INTO {lake}.n VALUES (1, 1.0), (2, NULL)")
    lake.rows("INSERT INTO {lake}.n VALUES (3, double('NaN')), (4, 2.0)")
    lake.rows("DELETE FROM {lake}.n WHERE v > 0.5")
    assert lake.rows("SELECT id FROM {lake}.n") == [(2,)]


@pytest.fixture
def wide() -> str:
    """SQL for rows of more bytes than a MERGE sends through a shuffle for a small source."""
    return "SELECT id, concat(sha2(CAST(id AS STRING), 512), sha2(concat(id, 1), 512)) AS v FROM range(0, 120000, 1, 4)"


def narrowed(lake: Lake, merge: str) -> bool:
    plan = lake.rows("EXPLAIN " + merge)[0][0]
    return "LeftSemi" in plan


def test_a_merge_narrows_a_large_target_to_the_keys_of_a_small_source(lake: Lake, wide: str) -> None:
    lake.rows(f"CREATE TABLE {{lake}}.w AS {wide}")
    lake.rows("CREATE TABLE {lake}.s AS SELECT id * 1000 AS k FROM range(150)")
    lake.rows("INSERT INTO {lake}.s VALUES (NULL), (3)")
    merge = (
        "MERGE INTO {lake}.w USING {lake}.s ON id = k "
        "WHEN MATCHED AND k % 2000 = 0 THEN UPDATE SET v = 'new' WHEN MATCHED THEN DELETE "
        "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (k, 'in')"
    )
    assert narrowed(lake, merge)
    lake.rows(merge)
    told = lake.rows("DESCRIBE HISTORY {lake}.w")[0][5]
    assert (told["rows_updated"], told["rows_deleted"], told["rows_inserted"]) == (60, 61, 31)
    assert lake.rows("SELECT count(*), count_if(v = 'new'), count_if(v = 'in') FROM {lake}.w") == [
        (120000 - 61 + 31, 60, 31)
    ]
    only_new = (
        "MERGE INTO {lake}.w USING {lake}.s ON id = k WHEN NOT MATCHED THEN INSERT (id, v) VALUES (k, 'x')"
    )
    assert narrowed(lake, only_new)
    lake.rows(only_new)
    # rows that were deleted, and NULL once more
    assert lake.rows("SELECT count(*) FROM {lake}.w WHERE v = 'x'") == [(61 + 1,)]


def test_a_merge_reads_no_file_that_the_keys_of_its_source_are_not_in(lake: Lake, wide: str) -> None:
    lake.rows(f"CREATE TABLE {{lake}}.w AS {wide}")
    lake.rows("CREATE TABLE {lake}.s AS SELECT id AS k FROM range(5)")
    used = lake.rows("SELECT DISTINCT input_file_name() FROM {lake}.w WHERE id < 5")[0][0]
    for file in data_files(lake):
        name = file.name
        if name not in used and file.parent.name in used:
            file.unlink()
    lake.rows("MERGE INTO {lake}.w USING {lake}.s ON id = k WHEN MATCHED THEN UPDATE SET v = 'new'")
    assert lake.rows("DESCRIBE HISTORY {lake}.w")[0][5]["rows_updated"] == 5


@pytest.mark.parametrize("added", ["", "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.k, s.v)"])
def test_a_merge_of_constants_plans_only_files_that_may_have_their_key(lake: Lake, added: str) -> None:
    lake.rows("CREATE TABLE {lake}.w AS SELECT id, 'v' AS v FROM range(0, 4000, 1, 4)")
    merge = (
        "MERGE INTO {lake}.w USING (SELECT 1500 AS k, 'new' AS v) s ON id = s.k "
        f"WHEN MATCHED AND w.v = 'v' THEN UPDATE SET v = s.v {added}"
    )
    assert "1 of 4 files" in lake.rows("EXPLAIN FORMATTED " + merge)[0][0]
    lake.rows(merge)
    assert lake.rows("SELECT id FROM {lake}.w WHERE v = 'new'") == [(1500,)]
    assert lake.rows("SELECT count(*) FROM {lake}.w") == [(4000,)]


def test_a_merge_with_a_random_source_computes_it_once(lake: Lake, wide: str) -> None:
    lake.rows(f"CREATE TABLE {{lake}}.w AS {wide}")
    random = "(SELECT CAST(rand() * 1000 AS BIGINT) AS k FROM range(3))"
    assert not narrowed(
        lake, f"MERGE INTO {{lake}}.w USING {random} ON id = k WHEN NOT MATCHED THEN INSERT (id) VALUES (k)"
    )
