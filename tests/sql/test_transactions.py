"""Transactions: several statements on one branch are one commit, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pyspark.errors import PySparkException

import anabranch


@pytest.fixture
def people(lake: Any) -> Iterator[Any]:
    """Table t with rows (1, 'a'), (2, 'b'), (3, 'c') on main; no transaction is open, also after the test."""
    lake.sql("CREATE TABLE t (id INT, s STRING)")
    lake.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    yield lake
    with suppress(PySparkException):  # mostly none is open
        lake.sql("ROLLBACK")


def outside(lake: Any) -> Any:
    """Another session on the same repository."""
    other = lake.spark.newSession()
    other.conf.set(f"spark.sql.catalog.{lake.name}", "io.anabranch.spark.AnabranchCatalog")
    other.conf.set(f"spark.sql.catalog.{lake.name}.warehouse", lake.uri)
    other.sql(f"USE {lake.name}.default")
    return other


def rows(lake: Any, relation: str = "t") -> list[tuple[Any, ...]]:
    return sorted(lake.rows(f"SELECT * FROM {relation}"))


def commits(lake: Any) -> list[tuple[Any, ...]]:
    """Operation, message, tables and metrics of main's commits, newest first."""
    return [(r[3], r[4], r[5], r[6]) for r in lake.rows("SHOW COMMITS ON main")]


def test_several_statements_and_tables_are_one_commit(people: Any) -> None:
    before = len(commits(people))
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO t VALUES (4, 'd')")
    people.sql("CREATE NAMESPACE n")
    people.sql("CREATE TABLE n.u (x INT)")
    people.sql("INSERT INTO n.u SELECT id FROM t")
    people.sql("ALTER TABLE n.u RENAME TO n.v")
    people.sql("CREATE TABLE w AS SELECT sum(x) AS total FROM n.v")
    assert len(commits(people)) == before
    [(branch, commit)] = people.rows("COMMIT MESSAGE 'all of it'")
    log = commits(people)
    assert len(log) == before + 1
    assert log[0][:3] == ("TRANSACTION", "all of it", ["default.t", "default.w", "n.v"])
    assert log[0][3]["rows_inserted"] == 1 + 4 + 1
    assert (branch, commit) == ("main", people.rows("SHOW COMMITS LIMIT 1")[0][0])
    assert (len(rows(people)), rows(people, "n.v"), rows(people, "w")) == (
        4,
        [(1,), (2,), (3,), (4,)],
        [(10,)],
    )


def test_reads_inside_see_own_writes_and_nobody_else_does(people: Any) -> None:
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO t VALUES (4, 'd')")
    people.sql("CREATE TABLE u (x INT)")
    assert len(rows(people)) == 4
    assert len(rows(people, "`t@main`")) == 4
    assert {r[1] for r in people.rows("SHOW TABLES")} == {"t", "u"}
    other = outside(people)
    assert other.table("t").count() == 3
    people.sql("COMMIT")
    assert other.table("t").count() == 4


def test_a_rollback_leaves_nothing(people: Any) -> None:
    before = commits(people)
    people.sql("START TRANSACTION")
    people.sql("DROP TABLE t")
    people.sql("CREATE TABLE u (x INT)")
    people.sql("ROLLBACK TRANSACTION")
    assert (commits(people), len(rows(people))) == (before, 3)
    assert {r[1] for r in people.rows("SHOW TABLES")} == {"t"}


def test_a_failed_statement_stages_nothing_and_the_transaction_goes_on(people: Any, refused: Any) -> None:
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO t VALUES (4, 'd')")
    with refused("CAST_INVALID_INPUT"):
        people.sql("INSERT INTO t SELECT CAST(s AS INT), s FROM t")
    with refused("ANABRANCH_NAMESPACE.NOT_EMPTY"):
        people.sql("DROP NAMESPACE default")
    people.sql("INSERT INTO t VALUES (5, 'e')")
    people.sql("COMMIT")
    assert [r[0] for r in rows(people)] == [1, 2, 3, 4, 5]


def test_an_empty_transaction_makes_no_commit(people: Any) -> None:
    before = commits(people)
    people.sql("START TRANSACTION")
    people.sql("CREATE TABLE u (x INT)")
    people.sql("DROP TABLE u")
    assert people.rows("COMMIT TRANSACTION") == [("main", None)]
    assert commits(people) == before


def test_rows_changed_twice_count_once_and_keep_their_ids(people: Any) -> None:
    ids = dict(people.rows("SELECT id, _row_id FROM t"))
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO t VALUES (4, 'd'), (5, 'e'), (6, 'f')")
    people.sql("UPDATE t SET s = 'x' WHERE id IN (1, 4)")
    people.sql("UPDATE t SET s = 'y' WHERE id IN (1, 4)")
    people.sql("DELETE FROM t WHERE id IN (2, 5)")
    people.sql(
        "MERGE INTO t USING (SELECT * FROM VALUES (3, 'z'), (7, 'g') v(id, s)) v ON t.id = v.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    expected = [(1, "y"), (3, "z"), (4, "y"), (6, "f"), (7, "g")]
    assert rows(people) == expected
    assert all(r[0] < 0 for r in people.rows("SELECT _row_id FROM t WHERE id IN (4, 6, 7)"))
    people.sql("COMMIT")
    assert rows(people) == expected
    metrics = commits(people)[0][3]
    assert (metrics["rows_inserted"], metrics["rows_updated"], metrics["rows_deleted"]) == (3, 2, 1)
    now = dict(people.rows("SELECT id, _row_id FROM t"))
    assert {k: now[k] for k in (1, 3)} == {k: ids[k] for k in (1, 3)}
    assert len(set(now.values())) == 5
    assert not {now[k] for k in (4, 6, 7)} & set(ids.values())
    assert min(now.values()) >= 0
    assert len(people.rows("SELECT DISTINCT _row_commit FROM t")) == 1
    version = people.rows("DESCRIBE HISTORY t")[0][0]
    changes = people.rows(
        f"SELECT id, _change_type FROM t CHANGES FROM VERSION {version} TO VERSION {version}"
    )
    kinds = {k: sorted(c for i, c in changes if i == k) for k in range(1, 8)}
    assert (kinds[2], kinds[4], kinds[5], kinds[6]) == (["delete"], ["insert"], [], ["insert"])


def test_appends_of_others_meanwhile_are_kept(people: Any) -> None:
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO t VALUES (4, 'd')")
    outside(people).sql("INSERT INTO t VALUES (5, 'e')")
    people.sql("COMMIT")
    assert [r[0] for r in rows(people)] == [1, 2, 3, 4, 5]
    assert len(people.rows("SELECT DISTINCT _row_id FROM t")) == 5


@pytest.mark.parametrize(
    "other",
    [
        "DROP TABLE t",
        "ALTER TABLE t ADD COLUMN n INT",
        "UPDATE t SET s = 'o' WHERE id = 1",
        "DELETE FROM t",
    ],
)
def test_a_conflict_names_the_statement_and_ends_the_transaction(
    people: Any, refused: Any, other: str
) -> None:
    people.sql("CREATE TABLE u (x INT)")
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO u VALUES (1)")
    people.sql("UPDATE t SET s = 'x' WHERE id = 1")
    outside(people).sql(other)
    with refused("ANABRANCH_COMMIT.CONFLICT", "statement 2 (UPDATE)", "default.t"):
        people.sql("COMMIT")
    assert rows(people, "u") == []
    with refused("ANABRANCH_TRANSACTION.NONE_OPEN"):
        people.sql("COMMIT")


def test_rows_that_others_changed_meanwhile_stay_changed(people: Any) -> None:
    other = outside(people)
    people.sql("START TRANSACTION")
    people.sql("UPDATE t SET s = 'x' WHERE id = 1")
    people.sql("INSERT INTO t VALUES (4, 'd'), (5, 'e')")
    people.sql("DELETE FROM t WHERE id = 4")
    people.sql("UPDATE t SET s = upper(s) WHERE id = 5")
    other.sql("DELETE FROM t WHERE id = 2")
    other.sql("UPDATE t SET s = 'o' WHERE id = 3")
    other.sql("INSERT INTO t VALUES (9, 'i')")
    before = {r[0]: r[1] for r in other.sql("SELECT id, _row_id FROM t").collect()}
    people.sql("COMMIT")
    assert rows(people) == [(1, "x"), (3, "o"), (5, "E"), (9, "i")]
    now = dict(people.rows("SELECT id, _row_id FROM t"))
    assert {k: now[k] for k in (1, 3, 9)} == {k: before[k] for k in (1, 3, 9)}


def test_rows_that_were_moved_meanwhile_are_followed(people: Any) -> None:
    people.sql("CREATE TABLE files (id INT) TBLPROPERTIES ('anabranch.write.inline-rows' = '0')")
    for n in range(4):
        people.sql(f"INSERT INTO files VALUES ({n}), ({10 + n})")
    people.sql("START TRANSACTION")
    people.sql("DELETE FROM files WHERE id = 11")
    people.sql("DELETE FROM files WHERE id IN (2, 12)")
    people.sql("UPDATE files SET id = 100 WHERE id = 3")
    outside(people).sql("OPTIMIZE files")
    people.sql("COMMIT")
    assert [r[0] for r in people.rows("SELECT id FROM files ORDER BY id")] == [0, 1, 10, 13, 100]


def test_a_name_taken_meanwhile_is_a_conflict(people: Any, refused: Any) -> None:
    people.sql("START TRANSACTION")
    people.sql("CREATE TABLE u AS SELECT 1 AS x")
    outside(people).sql("CREATE TABLE u (y INT)")
    with refused("ANABRANCH_COMMIT.CONFLICT", "statement 1 (CREATE TABLE AS SELECT)", "default.u"):
        people.sql("COMMIT")


def test_what_would_commit_by_itself_is_refused(people: Any, refused: Any) -> None:
    people.sql("CREATE BRANCH dev")
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO t VALUES (4, 'd')")
    with refused("ANABRANCH_TRANSACTION.ALREADY_OPEN", "main"):
        people.sql("START TRANSACTION")
    with refused("ANABRANCH_TRANSACTION.OTHER_BRANCH", "dev"):
        people.sql("INSERT INTO `t@dev` VALUES (9, 'i')")
    with refused("ANABRANCH_TRANSACTION.OTHER_BRANCH", "dev"):
        people.spark.table("t").writeTo("t").option("branch", "dev").append()
    for statement in (
        "CREATE BRANCH b", "CREATE TAG g", "DROP BRANCH dev", "USE BRANCH dev", "RESET BRANCH main TO `main~1`",
        "MERGE BRANCH dev", "CHERRY PICK `main~1`", "REVERT main", "OPTIMIZE t", "CALL {lake}.system.resolve(choice => 'ours')",
    ):  # fmt: skip
        with refused("ANABRANCH_TRANSACTION.REFUSED"):
            people.sql(statement)
    assert len(rows(people, "`t@dev`")) == 3
    people.spark.table("t").limit(1).writeTo("t").option("branch", "main").append()
    assert len(rows(people)) == 5
    people.sql("ROLLBACK")
    assert len(rows(people)) == 3


def test_a_transaction_holds_on_any_branch(people: Any) -> None:
    people.sql("CREATE BRANCH dev")
    people.sql("USE BRANCH dev")
    people.sql("START TRANSACTION")
    people.sql("TRUNCATE TABLE t")
    people.sql("INSERT INTO t VALUES (9, 'i')")
    assert rows(people) == [(9, "i")]
    assert len(rows(people, "t VERSION AS OF 1")) == 3
    people.sql("COMMIT")
    assert (rows(people, "`t@dev`"), len(rows(people, "`t@main`"))) == ([(9, "i")], 3)


def test_rows_are_marked_in_a_transaction_whatever_the_write_mode(people: Any) -> None:
    mode = "TBLPROPERTIES ('anabranch.write.mode' = 'copy-on-write')"
    people.sql(f"CREATE TABLE big {mode} AS SELECT id FROM range(100000)")
    people.sql("START TRANSACTION")
    people.sql("UPDATE big SET id = -1 WHERE id = 7")
    people.sql("INSERT INTO big VALUES (-2)")
    people.sql("COMMIT")
    assert people.rows("SELECT min(id), count(*) FROM big") == [(-2, 100001)]
    assert "files_masked" in str(people.rows("SHOW COMMITS LIMIT 1"))
    people.sql("UPDATE big SET id = -3 WHERE id = 8")
    assert "rows_copied" in str(people.rows("SHOW COMMITS LIMIT 1"))
    assert people.rows("SELECT min(id), count(DISTINCT _row_id) FROM big") == [(-3, 100001)]


def test_syntax_errors_show_the_statement(people: Any, refused: Any) -> None:
    with refused("ANABRANCH_SQL.SYNTAX", "COMMIT [TRANSACTION] [MESSAGE 'text']", "^"):
        people.sql("COMMIT WORK")


def test_python_commits_at_the_end_and_rolls_back_on_an_exception(people: Any) -> None:
    catalog = anabranch.Catalog(people.spark, people.name)
    with catalog.transaction(message="both", author="Ada", metadata={"ticket": "7"}) as tx:
        people.sql("INSERT INTO t VALUES (4, 'd')")
        people.sql("CREATE TABLE u AS SELECT * FROM t")
    newest = catalog.log(limit=1)[0]
    assert (newest.id, newest.message, newest.author, newest.metadata) == (
        tx.commit,
        "both",
        "Ada",
        {"ticket": "7"},
    )
    with pytest.raises(ZeroDivisionError), catalog.transaction():
        people.sql("DROP TABLE t")
        raise ZeroDivisionError
    assert catalog.log(limit=1)[0].id == tx.commit
    assert len(rows(people)) == 4


def test_what_a_statement_read_is_checked_at_the_commit(people: Any, refused: Any) -> None:
    people.sql("CREATE TABLE u (n BIGINT)")
    other = outside(people)
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO u SELECT count(*) FROM t")
    other.sql("INSERT INTO t SELECT n, 'x' FROM u")
    other.sql("INSERT INTO t SELECT 8, 'y' FROM (SELECT count(*) FROM u)")
    with refused("ANABRANCH_COMMIT.CONFLICT", "statement 1 (INSERT)", "would have read"):
        people.sql("COMMIT")
    people.sql("SET spark.anabranch.commit.isolation = snapshot")
    try:
        people.sql("START TRANSACTION")
        people.sql("INSERT INTO u SELECT count(*) FROM t")
        other.sql("INSERT INTO t SELECT 9, 'z' FROM (SELECT count(*) FROM u)")
        people.sql("COMMIT")
    finally:
        people.sql("RESET spark.anabranch.commit.isolation")
    assert rows(people, "u") == [(4,)]


def test_what_a_query_showed_is_checked_at_the_commit(people: Any, refused: Any) -> None:
    people.sql("CREATE TABLE u (n BIGINT)")
    other = outside(people)
    skewed = "INSERT INTO t SELECT 8, 'y' FROM (SELECT count(*) FROM u)"
    people.sql("START TRANSACTION")
    assert people.rows("SELECT count(*) FROM t") == [(3,)]
    people.sql("INSERT INTO u VALUES (3)")
    other.sql(skewed)
    with refused("ANABRANCH_COMMIT.CONFLICT", "a query: ", "would have read"):
        people.sql("COMMIT")
    for look in ("SELECT * FROM t WHERE id = 1", "SELECT * FROM t VERSION AS OF 0"):
        people.sql("START TRANSACTION")
        people.rows(look)
        people.sql("INSERT INTO u VALUES (3)")
        other.sql(skewed)
        people.sql("COMMIT")
    assert people.rows("SELECT count(*) FROM u") == [(2,)]


def test_a_statement_that_found_nothing_to_do_must_still_find_nothing(people: Any, refused: Any) -> None:
    people.sql("CREATE TABLE u (n BIGINT)")
    people.sql("START TRANSACTION")
    people.sql("DELETE FROM t WHERE id = 7")
    people.sql("INSERT INTO u VALUES (1)")
    outside(people).sql("INSERT INTO t SELECT 7, 'y' FROM (SELECT count(*) FROM u)")
    with refused("ANABRANCH_COMMIT.CONFLICT", "statement 1 (DELETE)", "would have read"):
        people.sql("COMMIT")


def test_schema_and_rows_change_together(people: Any) -> None:
    before = len(commits(people))
    people.sql("START TRANSACTION")
    people.sql("ALTER TABLE t ADD COLUMN n INT")
    people.sql("UPDATE t SET n = id * 10")
    people.sql("MERGE WITH SCHEMA EVOLUTION INTO t USING (SELECT 4 AS id, 'd' AS s, 40 AS n, true AS late) v "
               "ON t.id = v.id WHEN NOT MATCHED THEN INSERT *")  # fmt: skip
    people.sql("ALTER TABLE t DROP COLUMN s")
    people.sql("ALTER TABLE t ADD CONSTRAINT few CHECK (n < 100)")
    people.sql("COMMIT")
    assert rows(people) == [(1, 10, None), (2, 20, None), (3, 30, None), (4, 40, True)]
    assert len(commits(people)) == before + 1


def test_many_files_are_listed_apart_with_their_deleted_rows(people: Any) -> None:
    people.sql("CREATE TABLE p (id BIGINT, k INT) PARTITIONED BY (k)")
    people.sql("START TRANSACTION")
    for start in (0, 130):
        people.sql(f"INSERT INTO p SELECT id, CAST({start} + id % 130 AS INT) FROM range(130000)")
    people.sql("DELETE FROM p WHERE id < 500")
    people.sql("DELETE FROM p WHERE k = 7")
    expected = people.rows("SELECT count(*), sum(id), count(DISTINCT _row_id) FROM p")
    people.sql("COMMIT")
    assert people.rows("SELECT count(*), sum(id), count(DISTINCT _row_id) FROM p") == expected
    metrics = commits(people)[0][3]
    assert (metrics["rows_inserted"], metrics.get("rows_deleted")) == (expected[0][0], None)
    assert people.rows("SELECT count(*) FROM p WHERE _row_id < 0") == [(0,)]


def test_a_cached_table_shows_what_is_true_at_each_moment(people: Any) -> None:
    people.sql("CACHE TABLE t")
    people.sql("START TRANSACTION")
    people.sql("DELETE FROM t WHERE id = 1")
    assert len(rows(people)) == 2
    people.sql("ROLLBACK")
    assert len(rows(people)) == 3
    people.sql("UNCACHE TABLE t")


def test_rows_of_a_transaction_merge_like_others(people: Any) -> None:
    people.sql("CREATE BRANCH dev")
    people.sql("USE BRANCH dev")
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO t VALUES (4, 'd'), (5, 'e')")
    people.sql("DELETE FROM t WHERE id IN (1, 5)")
    people.sql("UPDATE t SET s = 'x' WHERE id IN (2, 4)")
    people.sql("COMMIT")
    people.sql("UPDATE `t@main` SET s = 'y' WHERE id = 3")
    people.sql("MERGE BRANCH dev INTO main")
    assert rows(people, "`t@main`") == [(2, "x"), (3, "y"), (4, "x")]
    people.sql("USE BRANCH main")
    people.sql("REVERT main PARENT 1")
    assert rows(people) == [(1, "a"), (2, "b"), (3, "y")]


def test_a_reset_of_the_branch_meanwhile_is_a_conflict(people: Any, refused: Any) -> None:
    people.sql("START TRANSACTION")
    people.sql("DELETE FROM t WHERE id = 1")
    outside(people).sql("RESET BRANCH main TO `main~1`")
    with refused("ANABRANCH_COMMIT.CONFLICT", "statement 1 (DELETE)"):
        people.sql("COMMIT")
    assert rows(people) == []
