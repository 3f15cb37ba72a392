"""Fixtures of the SQL tests: an empty repository that is the current catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def lake(new_lake: Any, spark: SparkSession) -> Any:
    """An empty repository, the current catalog of the session; its namespace is ``default``."""
    made = new_lake()
    spark.sql(f"USE {made.name}.default")
    return made
