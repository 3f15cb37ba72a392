"""OPTIMIZE: rows move to other files, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from rows.tables import FILES, create, lineage_of, no_commit, operations, table

if TYPE_CHECKING:
    from pathlib import Path


class Result(NamedTuple):
    """What OPTIMIZE tells."""

    table: str
    version: int
    commit: str | None
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    files_removed: int
    files_added: int


def optimize(lake: Any, tail: str = "", **args: Any) -> Result:
    (row,) = lake.rows(f"OPTIMIZE t {tail}", **args)
    return Result(*row)


def data(lake: Any) -> set[Path]:
    return set(lake.path.glob("data/**/*.parquet"))


def insert(lake: Any, *starts: int, count: int = 10, columns: str = "CAST(id AS INT), 'v'") -> None:
    """A file of `count` rows for each start."""
    for start in starts:
        lake.sql(f"INSERT INTO t SELECT /*+ COALESCE(1) */ {columns} FROM range({start}, {start + count})")


@pytest.fixture
def many(lake: Any) -> Any:
    """The table t: ids 0 to 49 in five files of ten, v = 'v'."""
    lake.sql(f"CREATE TABLE t (id INT, v STRING) {FILES}")
    insert(lake, 0, 10, 20, 30, 40)
    return lake


def test_small_files_become_one(many: Any) -> None:
    whole = lineage_of(many)
    files = data(many)
    done = optimize(many)
    assert (done.table, done.version) == ("default.t", 6)
    assert (done.files_before, done.files_after, done.files_removed, done.files_added) == (5, 1, 5, 1)
    assert done.bytes_before == sum(f.stat().st_size for f in files)
    (new,) = data(many) - files
    assert done.bytes_after == new.stat().st_size
    assert lineage_of(many) == whole
    told = many.rows("DESCRIBE HISTORY t LIMIT 1")[0]
    assert told[3] == "OPTIMIZE" and told[8] == done.commit
    assert {k: v for k, v in told[5].items() if "bytes" not in k} == {
        "files_added": 1,
        "files_removed": 5,
        "rows_copied": 50,
    }


def test_a_table_that_needs_nothing_gives_no_commit(many: Any) -> None:
    optimize(many)
    with no_commit(many):
        done = optimize(many)
    assert done.commit is None
    assert (done.version, done.files_removed, done.files_added) == (6, 0, 0)
    many.sql("TRUNCATE TABLE t")
    with no_commit(many):
        assert optimize(many).files_after == 0


def test_rows_that_stand_in_commits_go_to_a_file(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT, v STRING)")
    for i in range(4):
        lake.sql(f"INSERT INTO t VALUES ({i}, 'v')")
    lake.sql("UPDATE t SET v = 'w' WHERE id = 2")
    whole = lineage_of(lake)
    assert data(lake) == set()
    done = optimize(lake)
    assert (done.files_before, done.files_after) == (4, 1)
    assert len(data(lake)) == 1
    assert lineage_of(lake) == whole
    assert table(lake) == [(0, "v"), (1, "v"), (2, "w"), (3, "v")]


@pytest.mark.proves("ROW-5")
def test_updated_rows_come_back_to_the_others_with_id_and_commit(many: Any) -> None:
    many.sql("UPDATE t SET v = 'w' WHERE id % 7 = 0")
    many.sql("DELETE FROM t WHERE id % 10 = 5")
    whole = lineage_of(many)
    rows = table(many)
    assert optimize(many).files_after == 1
    assert lineage_of(many) == whole and table(many) == rows
    # and once more, from a file that holds both
    insert(many, 50)
    many.sql("UPDATE t SET v = 'x' WHERE id IN (1, 51)")
    whole = lineage_of(many)
    optimize(many)
    assert lineage_of(many) == whole
    commit = whole[1][1]
    assert many.rows(f"SELECT id FROM t WHERE _row_commit = {commit} ORDER BY id") == [(1,), (51,)]
    assert many.rows(f"SELECT id FROM t WHERE _row_id = {whole[7][0]}") == [(7,)]


@pytest.mark.proves("ROW-5")
def test_many_runs_of_ids_stand_in_the_file(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t (id INT, v STRING) {FILES}")
    insert(lake, 0, 1000, count=1000)
    lake.sql("DELETE FROM t WHERE id % 3 = 1")
    lake.sql("UPDATE t SET v = 'w' WHERE id % 30 = 0")
    whole = lineage_of(lake)
    assert optimize(lake).files_after == 1
    assert lineage_of(lake) == whole
    lake.sql("DELETE FROM t WHERE id < 100")
    assert lineage_of(lake) == {i: row for i, row in whole.items() if i >= 100}


@pytest.mark.parametrize(("deleted", "written"), [(4, False), (5, True), (99, True)])
def test_a_file_loses_its_deleted_rows_from_the_share_on_that_the_table_says(
    lake: Any, deleted: int, written: bool
) -> None:
    lake.sql(f"CREATE TABLE t (id INT, v STRING) {FILES}")
    insert(lake, 0, count=100)
    lake.sql(f"DELETE FROM t WHERE id < {deleted}")
    whole = lineage_of(lake)
    assert (optimize(lake).commit is not None) == written
    assert lineage_of(lake) == whole
    if not written:
        lake.sql("ALTER TABLE t SET TBLPROPERTIES ('anabranch.optimize.deleted-percent' = '4')")
        assert optimize(lake).commit is not None


def set_target(lake: Any, size: float) -> None:
    lake.sql(f"ALTER TABLE t SET TBLPROPERTIES ('anabranch.write.target-file-bytes' = '{int(size)}')")


def test_files_of_about_the_target_size_are_left_alone(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t (id INT, v STRING) {FILES}")
    insert(lake, 0, count=10000)
    (large,) = data(lake)
    insert(lake, 10000, 10010, 10020)
    set_target(lake, large.stat().st_size * 1.2)
    done = optimize(lake)
    assert (done.files_removed, done.files_added) == (3, 1)


def test_groups_are_not_larger_than_the_target(many: Any) -> None:
    set_target(many, 2.5 * max(f.stat().st_size for f in data(many)))
    done = optimize(many)
    assert (done.files_removed, done.files_added, done.files_after) == (4, 2, 3)


@pytest.mark.parametrize("transform", ["p", "bucket(3, p)", "truncate(1, p)"])
def test_partitions_stay_apart(lake: Any, transform: str) -> None:
    create(lake, "id INT, p STRING", "(1, 'a'), (2, 'b')", f"PARTITIONED BY ({transform}) {FILES}")
    for more in ("(3, 'a'), (4, NULL)", "(5, NULL), (6, 'b')"):
        lake.sql(f"INSERT INTO t VALUES {more}")
    whole = lineage_of(lake)
    done = optimize(lake)
    assert (done.files_before, done.files_after) == (6, 3)
    assert lineage_of(lake) == whole
    for value, ids in (("= 'a'", [1, 3]), ("= 'b'", [2, 6]), ("IS NULL", [4, 5])):
        assert lake.rows(f"SELECT id FROM t WHERE p {value} ORDER BY id") == [(i,) for i in ids]


CHOSEN = {
    "WHERE id >= 20 AND id < 40": 2,
    "WHERE id < 11": 2,
    "WHERE id IN (5, 45)": 2,
    "WHERE id < 20 AND upper(v) = 'V'": 2,
    "WHERE id BETWEEN 3 AND 33 MESSAGE 'tidy'": 4,
    "WHERE id = 5": 0,
    "WHERE id > 100": 0,
    "WHERE id > 1 AND false": 0,
}


def test_a_condition_chooses_files(many: Any) -> None:
    for tail, removed in CHOSEN.items():
        assert optimize(many, tail).files_removed == removed, tail
        many.sql("RESTORE TABLE t TO VERSION AS OF 5")
    assert optimize(many, "WHERE id >= :low AND id < :high", low=10, high=30).files_removed == 2
    assert many.rows("DESCRIBE HISTORY t LIMIT 1")[0][4]["where"] == "((id >= 10) AND (id < 30))"


@pytest.mark.parametrize(
    "condition", ["v LIKE '%v'", "id + 1 = 2", "id IN (SELECT 1)", "id = (SELECT max(id) FROM t)"]
)
def test_a_condition_that_says_nothing_about_files_is_refused(
    many: Any, refused: Any, condition: str
) -> None:
    with no_commit(many), refused("ANABRANCH_WRITE.OPTIMIZE_CONDITION", "default.t"):
        optimize(many, f"WHERE {condition}")


def test_what_makes_no_sense_is_refused(many: Any, refused: Any) -> None:
    many.sql("CREATE TAG before")
    with no_commit(many):
        with refused("UNRESOLVED_COLUMN.WITH_SUGGESTION", "nope"):
            optimize(many, "WHERE nope = 1")
        with refused("ANABRANCH_REF.READ_ONLY", "before"):
            many.sql("OPTIMIZE `t@before`")
        with refused("ANABRANCH_TABLE.NOT_FOUND", "other"):
            many.sql("OPTIMIZE other")


def test_a_branch_is_optimized_alone(many: Any) -> None:
    many.sql("CREATE BRANCH dev")
    many.sql("OPTIMIZE `t@dev`")
    assert operations(many)[-1] == "INSERT"
    assert operations(many, "`t@dev`")[-1] == "OPTIMIZE"
    assert lineage_of(many) == lineage_of(many, of="`t@dev`")


@pytest.mark.proves("ROW-5")
def test_it_is_no_change(many: Any) -> None:
    many.sql("UPDATE t SET v = 'w' WHERE id = 3")
    many.sql("CREATE TAG before")
    optimize(many)
    for more in ("", " WITH (deduplicationMode = 'netChanges')"):
        assert many.rows(f"SELECT * FROM t CHANGES FROM VERSION 7 TO VERSION 7{more}") == []
    many.sql("UPDATE t SET v = 'x' WHERE id = 4")
    many.sql("DELETE FROM t WHERE id = 5")
    told = many.rows(
        "SELECT id, v, _change_type FROM t CHANGES FROM VERSION 7 TO VERSION 9 "
        "WITH (computeUpdates = 'true', deduplicationMode = 'netChanges') ORDER BY id, v"
    )
    assert told == [(4, "v", "update_preimage"), (4, "x", "update_postimage"), (5, "v", "delete")]
    row_id = lineage_of(many)[3][0]
    history = many.rows(f"CALL {{lake}}.system.row_history(table => 'default.t', row_id => {row_id})")
    assert [(r[1], r[5]) for r in history] == [("update", "UPDATE"), ("insert", "INSERT")]
    many.sql("CREATE TAG after")
    optimize(many)
    assert many.rows("CALL {lake}.system.diff(from => 'after', to => 'main')") == []
    (row,) = many.rows("CALL {lake}.system.diff(from => 'before', to => 'main')")
    assert row[0] == "default.t"


def test_columns_that_came_and_went_are_as_before(many: Any, reused: set[str]) -> None:
    many.sql("ALTER TABLE t ADD COLUMN n INT DEFAULT 7")
    many.sql("ALTER TABLE t RENAME COLUMN v TO w")
    insert(many, 50, columns="CAST(id AS INT), 'new', NULL")
    many.sql("ALTER TABLE t ADD COLUMN s STRUCT<a: INT, b: ARRAY<STRING>>")
    reused.add("w")
    rows = table(many)
    assert optimize(many).files_after == 1
    assert table(many) == rows
    assert many.rows("SELECT DISTINCT w, n, s FROM t ORDER BY 1") == [("new", None, None), ("v", 7, None)]


def test_older_versions_can_be_read_and_restored(many: Any) -> None:
    whole = lineage_of(many)
    optimize(many)
    assert lineage_of(many, of="t VERSION AS OF 5") == whole
    many.sql("DELETE FROM t WHERE id < 25")
    many.sql("RESTORE TABLE t TO VERSION AS OF 4")
    assert lineage_of(many) == {i: row for i, row in whole.items() if i < 40}


def test_a_copying_table_is_optimized_too(many: Any) -> None:
    many.sql("ALTER TABLE t SET TBLPROPERTIES ('anabranch.write.mode' = 'copy-on-write')")
    many.sql("UPDATE t SET v = 'w' WHERE id = 3")
    whole = lineage_of(many)
    assert optimize(many).files_after == 1
    assert lineage_of(many) == whole


def test_a_column_and_a_table_may_have_the_name_of_a_keyword(lake: Any) -> None:
    lake.sql(f"CREATE TABLE `table` (`where` INT) {FILES}")
    for i in range(2):
        lake.sql(f"INSERT INTO `table` VALUES ({i})")
    assert lake.rows("OPTIMIZE table")[0][3:5] == (2, 1)
    lake.sql("INSERT INTO `table` VALUES (2)")
    assert lake.rows("OPTIMIZE TABLE `table` WHERE `where` >= 0")[0][3:5] == (2, 1)


def test_explain_does_not_write(many: Any) -> None:
    with no_commit(many):
        many.rows("EXPLAIN OPTIMIZE t")
