"""What the tests of races share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from concurrency.rivals import Rivals, meet

if TYPE_CHECKING:
    from conftest import Lake
    from pyspark.sql import SparkSession


@pytest.fixture
def rivals(spark: SparkSession, new_lake: Callable[..., Lake]) -> Rivals:
    """With tables ``t``, which holds the row 1, and ``u``, and a tag ``empty`` from before that row."""
    return meet(spark, new_lake())
