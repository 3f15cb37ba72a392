"""Bad input gives a clear error, loses nothing and leaves no half state."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def written(lake: Any) -> Any:
    lake.sql("CREATE TABLE t (id BIGINT)")
    lake.sql("INSERT INTO t SELECT id FROM range(0, 500, 1, 1)")
    return lake


@pytest.fixture
def reopened(written: Any, new_lake: Any, spark: Any) -> Iterator[Any]:
    """Forgets the repository, so that it is read from the store again."""
    forget = spark._jvm.io.anabranch.test.ColdStart.forget

    def again() -> Any:
        forget(written.uri)
        return new_lake(path=written.path)

    yield again


def entries(lake: Any) -> list[Any]:
    """Log objects of main, oldest first."""
    return sorted(lake.path.glob("_anabranch/log/000000/*.json"), reverse=True)


def objects(lake: Any) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in lake.path.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("warehouse", "words"),
    [
        ("/data/lake", "scheme"),
        ("lake", "scheme"),
        ("file:///tmp/../etc", ".."),
        ("ftp://host/lake", "ftp"),
        ("file:///tmp/lake?x=1", "?"),
    ],
)
def test_a_warehouse_that_is_no_absolute_uri_is_refused(
    spark: Any, refused: Any, warehouse: str, words: str
) -> None:
    name = f"bad{abs(hash(warehouse))}"
    spark.conf.set(f"spark.sql.catalog.{name}", "io.anabranch.spark.AnabranchCatalog")
    spark.conf.set(f"spark.sql.catalog.{name}.warehouse", warehouse)
    with refused("ANABRANCH_REPOSITORY.INVALID_LOCATION", words):
        spark.sql(f"SHOW NAMESPACES IN {name}")


def test_a_catalog_without_a_warehouse_is_refused(spark: Any, refused: Any) -> None:
    spark.conf.set("spark.sql.catalog.nowhere", "io.anabranch.spark.AnabranchCatalog")
    with refused("ANABRANCH_REPOSITORY.INVALID_LOCATION", "missing"):
        spark.sql("SHOW NAMESPACES IN nowhere")


def test_a_place_without_permission_is_refused(spark: Any, refused: Any) -> None:
    spark.conf.set("spark.sql.catalog.closed", "io.anabranch.spark.AnabranchCatalog")
    # nobody, not even root, may create a folder here
    spark.conf.set("spark.sql.catalog.closed.warehouse", "file:///sys/kernel/lake")
    with refused("ANABRANCH_REPOSITORY.NO_PERMISSION", "/sys/kernel/lake"):
        spark.sql("SHOW NAMESPACES IN closed")


@pytest.mark.proves("REPO-1")
def test_a_newer_format_is_refused_with_both_numbers(written: Any, reopened: Any, refused: Any) -> None:
    file = written.path / "_anabranch" / "repository.json"
    file.write_text(file.read_text().replace('"format":1', '"format":2'))
    later = reopened()
    with refused("ANABRANCH_REPOSITORY.UNSUPPORTED_FORMAT", "version 2", "up to 1"):
        later.sql("SHOW TABLES IN {lake}.default")


@pytest.mark.proves("REPO-2")
def test_an_unknown_feature_is_refused_by_name(written: Any, reopened: Any, refused: Any) -> None:
    file = written.path / "_anabranch" / "repository.json"
    file.write_text(file.read_text().replace('"reader_features":[]', '"reader_features":["time-machine"]'))
    later = reopened()
    with refused("ANABRANCH_REPOSITORY.UNKNOWN_FEATURE", "reader", "time-machine"):
        later.sql("SHOW TABLES IN {lake}.default")


@pytest.mark.proves("REPO-2")
def test_a_feature_that_only_writers_need_does_not_keep_readers_out(
    written: Any, reopened: Any, refused: Any
) -> None:
    file = written.path / "_anabranch" / "repository.json"
    file.write_text(file.read_text().replace('"writer_features":[]', '"writer_features":["signing"]'))
    later = reopened()
    assert later.rows("SELECT count(*) FROM {lake}.default.t") == [(500,)]
    with refused("ANABRANCH_REPOSITORY.UNKNOWN_FEATURE", "writer", "signing"):
        later.sql("INSERT INTO {lake}.default.t VALUES (1)")


def test_a_truncated_entry_is_named(written: Any, reopened: Any, refused: Any) -> None:
    entry = entries(written)[1]
    entry.write_bytes(entry.read_bytes()[:-20])
    later = reopened()
    with refused("ANABRANCH_LOG.CORRUPT_OBJECT", entry.name):
        later.sql("SELECT * FROM {lake}.default.t")


@pytest.mark.proves("LOG-6", "COM-1")
def test_an_edited_entry_breaks_the_chain_and_is_named(written: Any, reopened: Any, refused: Any) -> None:
    entry = entries(written)[1]
    entry.write_text(entry.read_text().replace('"operation":"CREATE TABLE"', '"operation":"CREATE TABLEX"'))
    later = reopened()
    with refused("ANABRANCH_LOG.CHAIN_BROKEN", entry.name):
        later.sql("SELECT * FROM {lake}.default.t")


@pytest.mark.proves("COM-2", "COM-3")
def test_edited_statistics_are_noticed_and_erased_ones_are_not_missed(
    written: Any, reopened: Any, refused: Any
) -> None:
    entry = entries(written)[-1]
    content = json.loads(entry.read_text())
    (part,) = [k for k in content["commits"][0]["parts"] if k.startswith("stats:")]
    ((_, bounds),) = content["commits"][0]["parts"][part]["value"].items()
    original = entry.read_text()
    bounds["id"]["max"] = 3
    entry.write_text(json.dumps(content))
    later = reopened()
    with refused("ANABRANCH_LOG.CORRUPT_OBJECT", entry.name, "stats:"):
        later.sql("SELECT * FROM {lake}.default.t")
    content = json.loads(original)
    del content["commits"][0]["parts"][part]
    entry.write_text(json.dumps(content))
    assert (
        reopened().spark.sql(f"SELECT count(*) FROM {written.name}.default.t WHERE id > 400").collect()[0][0]
        == 99
    )


@pytest.mark.proves("COM-3")
def test_erased_rows_of_a_commit_are_an_error_where_they_are_read(
    written: Any, reopened: Any, refused: Any
) -> None:
    written.sql("INSERT INTO t VALUES (1000)")
    entry = entries(written)[-1]
    content = json.loads(entry.read_text())
    parts = content["commits"][0]["parts"]
    for name in [k for k in parts if k.startswith("rows:")]:
        del parts[name]
    entry.write_text(json.dumps(content))
    later = reopened()
    with refused("ANABRANCH_DATA.ROWS_ERASED", "default.t"):
        later.rows("SELECT * FROM {lake}.default.t")
    assert later.rows("SELECT count(*) FROM {lake}.default.t VERSION AS OF 1") == [(500,)]


@pytest.mark.proves("LOG-8")
def test_a_missing_entry_is_named(written: Any, reopened: Any, refused: Any) -> None:
    written.sql("CREATE BRANCH dev")
    entries(written)[1].unlink()
    later = reopened()
    with refused("ANABRANCH_LOG.ENTRY_MISSING", "000000-1"):
        later.sql("SELECT * FROM {lake}.default.`t@dev`")


def test_a_missing_data_file_is_named_with_its_table_and_commit(written: Any, refused: Any) -> None:
    (file,) = written.path.glob("data/**/*.parquet")
    file.unlink()
    written.spark.conf.set("spark.sql.files.ignoreMissingFiles", "true")
    try:
        with refused("ANABRANCH_DATA.FILE_MISSING", file.name, "default.t", "000000-2"):
            written.rows("SELECT sum(id) FROM t")
    finally:
        written.spark.conf.unset("spark.sql.files.ignoreMissingFiles")


def test_changes_whose_rows_are_gone_are_named_and_not_left_out(written: Any, refused: Any) -> None:
    (file,) = written.path.glob("data/**/*.parquet")
    written.sql("DELETE FROM t")
    file.unlink()
    with refused("ANABRANCH_DATA.FILE_MISSING", file.name, "default.t", "000000-2"):
        written.rows("SELECT * FROM t CHANGES FROM VERSION 2 TO VERSION 2")
    with refused("ANABRANCH_DATA.FILE_MISSING", file.name):
        written.rows("SELECT * FROM t VERSION AS OF 1")
    assert written.rows("SELECT count(*) FROM t") == [(0,)]


def test_an_entry_that_would_be_too_large_is_refused(lake: Any, refused: Any) -> None:
    before = objects(lake)
    with refused("ANABRANCH_REPOSITORY.LIMIT_EXCEEDED", "log entry"):
        lake.sql(f"CREATE TABLE t (id INT) TBLPROPERTIES ('big' = '{'x' * 4_200_000}')")
    assert {k: v for k, v in objects(lake).items() if k in before} == before
    assert lake.rows("SHOW TABLES") == []


def test_wrong_types_and_counts_of_columns_write_nothing(written: Any) -> None:
    commits = written.rows("SHOW COMMITS")
    for sql in (
        "INSERT INTO t VALUES ('x')",
        "INSERT INTO t VALUES (1, 2)",
        "INSERT INTO t SELECT map('a', 1)",
    ):
        with pytest.raises(Exception, match=r"INCOMPATIBLE_DATA|ARITY_MISMATCH|CAST_INVALID_INPUT"):
            written.sql(sql)
    assert written.rows("SHOW COMMITS") == commits


def race(*statements: Any) -> list[Any]:
    """Runs each in a thread of its own, at the same moment; what they returned or raised."""
    results: list[Any] = [None] * len(statements)
    start = threading.Barrier(len(statements))

    def run(i: int) -> None:
        start.wait()
        try:
            results[i] = statements[i]()
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(statements))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


@pytest.mark.proves("REF-3")
def test_of_two_who_create_one_name_one_succeeds(lake: Any) -> None:
    for kind, condition in (
        ("BRANCH", "ANABRANCH_REF.ALREADY_EXISTS"),
        ("TAG", "ANABRANCH_REF.ALREADY_EXISTS"),
    ):
        results = race(*[lambda k=kind: lake.rows(f"CREATE {k} IN_RACE_{k}") for _ in range(4)])
        won = [r for r in results if isinstance(r, list)]
        lost = [r for r in results if not isinstance(r, list)]
        assert len(won) == 1, results
        assert all(condition in str(e) for e in lost), lost


@pytest.mark.proves("TAB-5", "TXN-1")
def test_of_two_who_create_one_table_one_succeeds(lake: Any) -> None:
    results = race(*[lambda: lake.rows("CREATE TABLE raced (id INT)") for _ in range(4)])
    assert sum(isinstance(r, list) for r in results) == 1, results
    assert all("ALREADY_EXISTS" in str(r) for r in results if not isinstance(r, list)), results
    assert lake.rows("SHOW TABLES") == [("default", "raced", False)]


@pytest.mark.proves("TXN-2")
def test_writers_that_append_at_once_all_succeed(written: Any) -> None:
    results = race(*[lambda n=n: written.rows(f"INSERT INTO t VALUES ({1000 + n})") for n in range(4)])
    assert results == [[]] * 4
    assert written.rows("SELECT count(*) FROM t WHERE id >= 1000") == [(4,)]
    assert [r[0] for r in written.rows("DESCRIBE HISTORY t")] == [5, 4, 3, 2, 1, 0]


def test_a_name_that_two_refs_have_is_ambiguous_until_its_kind_is_said(written: Any, refused: Any) -> None:
    written.sql("CREATE BRANCH twice FROM `main~1`")
    written.sql("CREATE TAG once")
    # two who create a branch and a tag of one name at the same moment may both succeed
    shutil.copytree(written.path / "_anabranch/refs/tags/once", written.path / "_anabranch/refs/tags/twice")
    before = objects(written)
    for statement in (
        "SELECT * FROM `t@twice`",
        "SELECT * FROM t VERSION AS OF 'twice'",
        "SHOW COMMITS ON twice",
        "CREATE BRANCH other FROM twice",
        "USE REFERENCE twice",
        "MERGE BRANCH twice",
    ):
        with refused("ANABRANCH_REF.AMBIGUOUS", "'twice'", "a branch and a tag", "branch:twice"):
            written.sql(statement).collect()
    assert objects(written) == before
    as_branch, as_tag = (written.rows(f"SELECT count(*) FROM `t@{kind}:twice`") for kind in ("branch", "tag"))
    assert as_branch != as_tag
    written.sql("USE TAG twice")
    assert written.rows("SELECT count(*) FROM t") == as_tag
    written.sql("USE BRANCH twice")
    assert written.rows("SELECT count(*) FROM t") == as_branch
    written.sql("DROP TAG twice")
    assert written.rows("SELECT count(*) FROM `t@twice`") == as_branch


@pytest.mark.parametrize("statement", ["ANALYZE TABLE t", "ANALYZE TABLES IN default", "ANALYZE TABLES"])
def test_statistics_are_kept_without_being_asked_for(lake: Any, refused: Any, statement: str) -> None:
    lake.sql("CREATE TABLE t (n INT)")
    with refused("NOT_SUPPORTED_COMMAND_FOR_V2_TABLE", "ANALYZE TABLE"):
        lake.sql(f"{statement} COMPUTE STATISTICS")
