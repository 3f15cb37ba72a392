"""What a writer began so long ago that a vacuum may have taken its files for garbage is not committed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

HOUR = 60 * 60 * 1000


def began(spark: SparkSession, hours: float) -> Any:
    jvm: Any = spark._jvm
    millis = int(hours * HOUR)
    return jvm.io.anabranch.core.transaction.Began(
        jvm.java.lang.System.nanoTime() - millis * 1_000_000, int(time.time() * 1000) - millis
    )


def by(spark: SparkSession, hours: float) -> Any:
    jvm: Any = spark._jvm
    conf = spark._jsparkSession.sessionState().conf()
    none, nothing = jvm.scala.Option.empty(), jvm.scala.collection.immutable.HashMap()
    return jvm.io.anabranch.spark.CommitSettings.context(conf, none, nothing).since(began(spark, hours))


@pytest.mark.proves("TXN-7")
def test_what_began_more_than_72_hours_ago_is_not_committed(
    new_lake: Callable[..., Any], spark: SparkSession
) -> None:
    lake = new_lake()
    lake.sql("CREATE TABLE {lake}.default.t (id INT)")
    repository = spark._jsparkSession.sessionState().catalogManager().catalog(lake.name).repository()
    repository.createBranch("young", "main", False, by(spark, 71.9))
    with pytest.raises(Py4JJavaError, match=r"TRANSACTION\.TOO_OLD.*72 hours ago.*Nothing was committed"):
        repository.createBranch("old", "main", False, by(spark, 72.1))
    with pytest.raises(Py4JJavaError, match=r"TRANSACTION\.TOO_OLD"):
        repository.dropBranch("young", False, by(spark, 72.1))
    assert sorted(r[0] for r in lake.rows("SHOW BRANCHES IN {lake}")) == ["main", "young"]


def test_it_counts_from_when_the_table_was_looked_up(
    new_lake: Callable[..., Any], spark: SparkSession
) -> None:
    lake = new_lake()
    lake.sql("CREATE TABLE {lake}.default.t (id INT)")
    repository = spark._jsparkSession.sessionState().catalogManager().catalog(lake.name).repository()
    ref = repository.resolve("main")
    assert ref.began().hours() == 0
    assert by(spark, 80).since(ref.began()).began().hours() == 80
    assert by(spark, 0).since(began(spark, 80)).began().hours() == 80
