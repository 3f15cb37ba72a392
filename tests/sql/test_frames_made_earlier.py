"""A DataFrame reads the commit that was there when it was made, and what it read does not undo what came since."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@pytest.fixture
def table(lake: Any) -> Any:
    """Table t, partitioned by p: ids 1 and 2, in the partitions a and b."""
    lake.sql("CREATE TABLE t (id INT, p STRING) PARTITIONED BY (p)")
    lake.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    return lake


def rows(lake: Any) -> list[tuple[Any, ...]]:
    return lake.rows("SELECT * FROM t ORDER BY id")


def frame(lake: Any, condition: str = "true") -> DataFrame:
    found: DataFrame = lake.spark.table(f"{lake.name}.default.t").where(condition)
    return found


def overwrite(df: DataFrame, name: str) -> None:
    from pyspark.sql.functions import lit

    df.writeTo(name).overwrite(lit(True))


OVERWRITES: dict[str, Callable[[DataFrame, str], None]] = {
    "overwrite": overwrite,
    "overwritePartitions": lambda df, name: df.writeTo(name).overwritePartitions(),
    "insertInto": lambda df, name: df.write.insertInto(name, overwrite=True),
    "saveAsTable": lambda df, name: df.write.mode("overwrite").saveAsTable(name),
    "save": lambda df, name: df.write.format("anabranch").mode("overwrite").save(name),
    "createOrReplace": lambda df, name: df.writeTo(name).createOrReplace(),
}


@pytest.mark.parametrize("change", ["INSERT INTO t VALUES (3, 'a')", "UPDATE t SET id = 7", "DROP TABLE t"])
@pytest.mark.parametrize("cached", [False, True])
def test_a_frame_goes_on_reading_what_was_there_when_it_was_made(
    table: Any, change: str, cached: bool
) -> None:
    made = frame(table)
    if cached:
        made.cache().count()
    table.sql(change)
    assert sorted(map(tuple, made.collect())) == [(1, "a"), (2, "b")]
    assert made.count() == 2
    made.unpersist()


@pytest.mark.parametrize("how", OVERWRITES)
@pytest.mark.parametrize(
    "change",
    ["INSERT INTO t VALUES (3, 'a')", "DELETE FROM t WHERE id = 1", "UPDATE t SET id = 7 WHERE id = 1"],
)
def test_rows_read_earlier_do_not_overwrite_what_came_since(
    table: Any, refused: Any, how: str, change: str
) -> None:
    made = frame(table)
    table.sql(change)
    before = rows(table)
    with refused("ANABRANCH_WRITE.READ_EARLIER", "default.t", "anew"):
        OVERWRITES[how](made, f"{table.name}.default.t")
    assert rows(table) == before
    OVERWRITES[how](frame(table), f"{table.name}.default.t")
    assert rows(table) == before


def test_changes_by_others_are_kept_just_so(table: Any, refused: Any) -> None:
    made = frame(table)
    other = table.spark.newSession()
    other.conf.set(f"spark.sql.catalog.{table.name}", "io.anabranch.spark.AnabranchCatalog")
    other.conf.set(f"spark.sql.catalog.{table.name}.warehouse", table.uri)
    other.sql(f"INSERT INTO {table.name}.default.t VALUES (3, 'c')")
    with refused("ANABRANCH_WRITE.READ_EARLIER"):
        overwrite(made, f"{table.name}.default.t")
    assert rows(table) == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize("how", ["overwritePartitions", "where"])
def test_partitions_are_overwritten_one_after_the_other_from_one_frame(
    table: Any, refused: Any, how: str
) -> None:
    from pyspark.sql.functions import col

    made = frame(table)
    for p in ("a", "b"):
        part = made.where(col("p") == p).selectExpr("id + 10 AS id", "p")
        writer = part.writeTo(f"{table.name}.default.t")
        writer.overwritePartitions() if how == "overwritePartitions" else writer.overwrite(col("p") == p)
    assert rows(table) == [(11, "a"), (12, "b")]
    with refused("ANABRANCH_WRITE.READ_EARLIER"):
        made.where("p = 'a'").writeTo(f"{table.name}.default.t").overwritePartitions()
    assert rows(table) == [(11, "a"), (12, "b")]


def test_other_writes_take_rows_that_were_read_earlier(table: Any) -> None:
    """Nothing that came since is lost by them; and an old state that is named is meant."""
    name = f"{table.name}.default.t"
    made = frame(table)
    made.writeTo(name).append()
    made.writeTo(name).append()
    assert rows(table) == [(1, "a"), (1, "a"), (1, "a"), (2, "b"), (2, "b"), (2, "b")]
    table.sql("CREATE TABLE u AS SELECT * FROM t")
    overwrite(made, f"{table.name}.default.u")
    assert table.rows("SELECT count(*) FROM u") == [(2,)]
    table.sql("INSERT OVERWRITE t SELECT * FROM t VERSION AS OF 1")
    assert rows(table) == [(1, "a"), (2, "b")]
