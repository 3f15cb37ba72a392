"""Fixtures of the SQL tests: an empty repository that is the current catalog, and errors by their class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Refused = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def lake(new_lake: Any, spark: SparkSession) -> Any:
    """An empty repository, the current catalog of the session; its namespace is ``default``."""
    made = new_lake()
    spark.sql(f"USE {made.name}.default")
    return made


@pytest.fixture
def refused() -> Refused:
    """``with refused("ANABRANCH_REF.NOT_FOUND", "dev"):`` expects that class, and the words in the message."""

    @contextmanager
    def expect(condition: str, *words: str) -> Iterator[Any]:
        with pytest.raises(PySparkException) as caught:
            yield caught
        assert caught.value.getCondition() == condition, str(caught.value)
        for word in words:
            assert word in str(caught.value)

    return expect
