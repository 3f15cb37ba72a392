"""The files of a scan are dealt to tasks of about the same size, so that no core waits for another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

FILES = 7


@pytest.fixture
def seven(new_lake: Any) -> Any:
    """The table t of seven files of the same size."""
    lake = new_lake()
    lake.sql(
        "CREATE TABLE {lake}.default.t TBLPROPERTIES ('anabranch.write.inline-rows' = '0') "
        f"AS SELECT /*+ REPARTITION({FILES}) */ id FROM range(70000)"
    )
    return lake


@contextmanager
def settings(spark: SparkSession, **values: int) -> Iterator[None]:
    names = {f"spark.sql.files.{key}": str(value) for key, value in {"openCostInBytes": 0, **values}.items()}
    for name, value in names.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name in names:
            spark.conf.unset(name)


def rows_of_tasks(lake: Any) -> list[int]:
    frame = lake.sql("SELECT spark_partition_id() AS task, count(*) FROM {lake}.default.t GROUP BY 1")
    return sorted(n for _, n in frame.collect())


def test_each_core_gets_the_same(seven: Any, spark: SparkSession) -> None:
    with settings(spark):
        assert rows_of_tasks(seven) == pytest.approx([30000, 40000], abs=1000)


def test_as_many_tasks_as_asked_for(seven: Any, spark: SparkSession) -> None:
    with settings(spark, minPartitionNum=FILES):
        assert rows_of_tasks(seven) == pytest.approx([10000] * FILES, abs=1000)


def test_no_more_tasks_than_asked_for(seven: Any, spark: SparkSession) -> None:
    with settings(spark, minPartitionNum=FILES, maxPartitionNum=3):
        assert rows_of_tasks(seven) == pytest.approx([20000, 20000, 30000], abs=1000)


def test_large_scans_fill_the_cores_in_each_round(seven: Any, spark: SparkSession) -> None:
    size = max(f.stat().st_size for f in seven.path.glob("data/**/*.parquet"))
    with settings(spark, maxPartitionBytes=int(size * 1.5)):
        # five tasks of up to so much would leave a core idle in the last round
        assert rows_of_tasks(seven) == pytest.approx([10000, 20000, 20000, 20000], abs=1000)


def test_an_empty_table_needs_none(new_lake: Any) -> None:
    lake = new_lake()
    lake.sql("CREATE TABLE {lake}.default.e (id INT)")
    assert lake.rows("SELECT count(*) FROM {lake}.default.e") == [(0,)]
