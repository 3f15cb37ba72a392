"""Fixtures of the tests of the Python API: a table of three rows, and rows to merge into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from anabranch import Table

if TYPE_CHECKING:
    from conftest import Lake
    from pyspark.sql import DataFrame, SparkSession


@pytest.fixture
def lake(new_lake: Callable[..., Lake]) -> Lake:
    """A repository with the table ``default.t``."""
    lake = new_lake()
    lake.rows("CREATE TABLE {lake}.t (id BIGINT, v STRING)")
    lake.rows("INSERT INTO {lake}.t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    return lake


@pytest.fixture
def t(lake: Lake) -> Table:
    return Table.forName(lake.spark, f"{lake.name}.default.t")


@pytest.fixture
def source(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([(2, "B"), (4, "D")], "id BIGINT, v STRING")
