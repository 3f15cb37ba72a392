"""What becomes of the files of a write whose commit failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.proves("OBJ-4", "TXN-4")
@pytest.mark.parametrize(
    ("condition", "removed"),
    [
        ("ANABRANCH_COMMIT.CONFLICT", True),
        ("ANABRANCH_COMMIT.RETRIES_EXHAUSTED", True),
        ("ANABRANCH_COMMIT.OUTCOME_UNKNOWN", False),
        ("", False),
    ],
)
def test_files_are_removed_only_if_the_commit_is_known_not_to_be(
    spark: SparkSession, condition: str, removed: bool
) -> None:
    jvm: Any = spark._jvm
    assert jvm.io.anabranch.spark.test.FailingCommit().removesFiles(condition) is removed
