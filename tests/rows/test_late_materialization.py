"""Where few rows match, other columns than those of the condition are read for these rows only; nobody can tell."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from conftest import CATALOG_CLASS, Lake
from pyspark.errors import ArithmeticException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

SETTING = "spark.anabranch.read.late-materialization"
ROWS = 6000
# each value is NULL in other rows: in none, few, most, whole stretches, or all of them
COLUMNS = {
    "id": "id",
    "tiny": "CAST(id % 100 AS TINYINT)",
    "few": "IF(id % 97 = 0, NULL, CAST(id AS INT))",
    "flag": "IF(id % 5 < 3, NULL, id % 2 = 0)",
    "all_true": "true",
    "dictionary": "IF(id % 3 = 0, NULL, concat('v', pmod(hash(id), 37)))",
    "one_value": "'same'",
    "plain": "IF(id BETWEEN 1000 AND 2100, NULL, concat(uuid_of(id), repeat('x', CAST(id % 50 AS INT))))",
    "empty_text": "IF(id % 2 = 0, '', NULL)",
    "blob": "CAST(concat('b', id) AS BINARY)",
    "real32": "CAST(id AS FLOAT) / 3",
    "real64": "IF(id % 11 = 0, double('NaN'), id / 7)",
    "small_decimal": "CAST(id AS DECIMAL(9, 2))",
    "large_decimal": "CAST(id AS DECIMAL(38, 10)) / 3",
    "day": "date_add(DATE'1500-01-01', CAST(id * 30 AS INT))",
    "moment": "timestamp_micros(id * 1000003)",
    "local_moment": "CAST(timestamp_micros(id * 1000003) AS TIMESTAMP_NTZ)",
    "nested": "IF(id % 4 = 0, NULL, named_struct('a', IF(id % 3 = 0, NULL, id), 'b', concat('n', id)))",
    "nothing": "CAST(NULL AS INT)",
}
CONDITIONS = [
    "pmod(hash(id), 1000) = 3",
    "id = 4711",
    "id IN (0, 2999, 3000, 5999)",
    "few IS NULL AND id > 17",
    "dictionary = 'v5'",
    "plain LIKE '%77xx%'",
    "nested.a > 5900",
    "nested.b = 'n77'",
    "flag AND id % 7 = 0",
    "real64 = double('NaN')",
    "day < DATE'1600-01-01' AND id % 2 = 1",
    "id % 2 = 0",
    "id >= 0",
    "nothing = 1",
    "id < 0",
    "_row_id % 500 = 1",
    "id % 10 <> 0 AND 100 / (id % 10) > 50",
    "small_decimal = 1234.00 OR large_decimal < 2.5",
    "moment BETWEEN TIMESTAMP'1970-01-01 00:10:00' AND TIMESTAMP'1970-01-01 00:11:00'",
    "real32 > 1999.5F OR tiny = 17Y AND real64 < 12D",
    "exists(array(id, few), x -> x % 1000 = 3)",
]


@pytest.fixture(scope="module")
def wide(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The table t of two files with several row groups of many pages each; some rows deleted, one column added later."""
    lake = Lake(spark, "late", tmp_path_factory.mktemp("late"))
    spark.conf.set("spark.sql.catalog.late", CATALOG_CLASS)
    spark.conf.set("spark.sql.catalog.late.warehouse", lake.uri)
    settings = {
        "parquet.block.size": "100000",
        "parquet.page.row.count.limit": "300",
        "parquet.page.size": "2000",
    }
    columns = ", ".join(f"{e} AS {n}" for n, e in COLUMNS.items()).replace(
        "uuid_of(id)", "sha1(CAST(id AS STRING))"
    )
    for name, value in settings.items():
        spark.conf.set(name, value)
    lake.sql(
        "CREATE TABLE late.default.t TBLPROPERTIES ('anabranch.write.inline-rows' = '0') "
        f"AS SELECT /*+ REPARTITION_BY_RANGE(2, id) */ {columns} FROM range({ROWS})"
    )
    for name in settings:
        spark.conf.unset(name)
    lake.sql("DELETE FROM late.default.t WHERE id % 13 = 5")
    lake.sql("ALTER TABLE late.default.t ADD COLUMN later STRING DEFAULT 'then'")
    lake.sql(
        f"INSERT INTO late.default.t SELECT *, 'new' FROM (SELECT {columns} FROM range({ROWS}, {ROWS} + 50))"
    )
    yield lake
    spark.conf.unset("spark.sql.catalog.late")
    spark.conf.unset("spark.sql.catalog.late.warehouse")


@contextmanager
def reading(spark: SparkSession, when: str) -> Iterator[None]:
    """With the setting."""
    spark.conf.set(SETTING, when)
    try:
        yield
    finally:
        spark.conf.unset(SETTING)


def rows(lake: Lake, spark: SparkSession, when: str, query: str) -> list[str]:
    with reading(spark, when):
        return sorted(map(str, lake.rows(query)))


def test_the_files_have_many_row_groups_and_pages_and_all_encodings(wide: Lake) -> None:
    from pyarrow import parquet

    (path, _) = sorted(wide.path.glob("data/**/*.parquet"), key=lambda p: -p.stat().st_size)[:2]
    metadata = parquet.read_metadata(path)
    assert metadata.num_row_groups > 2
    found = {
        e
        for g in range(metadata.num_row_groups)
        for c in range(metadata.num_columns)
        for e in metadata.row_group(g).column(c).encodings
    }
    assert {"PLAIN", "PLAIN_DICTIONARY", "RLE"} <= found


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_query_answers_the_same(wide: Lake, spark: SparkSession, condition: str) -> None:
    query = f"SELECT *, _row_id, _row_commit FROM late.default.t WHERE {condition}"
    assert rows(wide, spark, "always", query) == rows(wide, spark, "never", query)


@pytest.mark.parametrize("condition", [c for c in CONDITIONS if "nested" in c])
def test_a_field_is_found_where_the_others_of_its_struct_are_not_read(
    wide: Lake, spark: SparkSession, condition: str
) -> None:
    query = f"SELECT plain, dictionary FROM late.default.t WHERE {condition}"
    assert len(rows(wide, spark, "never", query)) > 0
    assert rows(wide, spark, "always", query) == rows(wide, spark, "never", query)


@pytest.mark.parametrize("column", list(COLUMNS))
def test_each_type_of_column_is_picked_right(wide: Lake, spark: SparkSession, column: str) -> None:
    query = f"SELECT id, {column} FROM late.default.t WHERE pmod(hash(id), 9) = 3"
    assert rows(wide, spark, "always", query) == rows(wide, spark, "never", query)


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "lz4_raw", "uncompressed"])
def test_rows_are_picked_from_pages_however_these_are_packed(
    wide: Lake, spark: SparkSession, codec: str
) -> None:
    from pyarrow import parquet

    spark.conf.set("spark.sql.parquet.compression.codec", codec)
    try:
        wide.sql(
            "CREATE OR REPLACE TABLE late.default.packed TBLPROPERTIES ('anabranch.write.inline-rows' = '0') "
            "AS SELECT * FROM late.default.t"
        )
    finally:
        spark.conf.unset("spark.sql.parquet.compression.codec")
    newest = max(wide.path.glob("data/**/*.parquet"), key=lambda p: p.stat().st_mtime)
    assert parquet.read_metadata(newest).row_group(0).column(0).compression == codec.partition("_")[0].upper()
    query = "SELECT * FROM late.default.packed WHERE pmod(hash(id), 20) = 3"
    assert rows(wide, spark, "always", query) == rows(wide, spark, "never", query)


def test_rows_that_few_are_sought_of_are_not_read(wide: Lake, spark: SparkSession) -> None:
    """What shows that the pages are cut down at all: Spark's reader gives no more rows than match."""
    with reading(spark, "always"):
        frame = wide.sql("SELECT plain FROM late.default.t WHERE pmod(hash(id), 1000) = 3")
        count = len(frame.collect())
        scanned = frame._jdf.queryExecution().executedPlan().collectLeaves().apply(0)
        assert scanned.metrics().apply("numOutputRows").value() == count < 20


def test_an_update_changes_the_same_rows(wide: Lake, spark: SparkSession) -> None:
    where = "pmod(hash(id), 500) = 7"
    before = wide.rows(f"SELECT id, few, _row_id FROM late.default.t WHERE {where}")
    with reading(spark, "always"):
        wide.sql(f"UPDATE late.default.t SET few = -id WHERE {where}")
    after = wide.rows(f"SELECT id, few, _row_id FROM late.default.t WHERE {where}")
    assert sorted(after) == sorted((i, -i, row) for i, _, row in before)
    assert len(before) > 5
    wide.sql("RESTORE TABLE late.default.t TO VERSION AS OF `main~1`")


def test_an_unknown_value_of_the_setting_is_refused(wide: Lake, spark: SparkSession, refused: Any) -> None:
    with reading(spark, "sometimes"):
        with refused("ANABRANCH_WRITE.OPTION", SETTING, "'sometimes'", "always, auto, never"):
            wide.rows("SELECT * FROM late.default.t WHERE id = 1")


def test_a_condition_that_fails_says_so_as_always(wide: Lake, spark: SparkSession) -> None:
    with reading(spark, "always"):
        with pytest.raises(ArithmeticException) as caught:
            wide.rows("SELECT * FROM late.default.t WHERE 100 / (id % 10) > 50")
    assert caught.value.getCondition() == "DIVIDE_BY_ZERO"
    assert caught.value.getQueryContext()[0].fragment() == "100 / (id % 10)"
