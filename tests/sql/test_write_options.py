"""Options of a DataFrame's writer that choose the rows which it overwrites: kept to or refused, never ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
OVERWRITES = ("save", "insertInto", "saveAsTable", "createOrReplace")


@pytest.fixture
def partitioned(lake: Any) -> Any:
    lake.sql(f"CREATE TABLE t (id INT, p STRING) PARTITIONED BY (p) {FILES}")
    lake.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'b')")
    return lake


def ids(lake: Any, relation: str = "t") -> list[int]:
    return sorted(row[0] for row in lake.rows(f"SELECT id FROM {relation}"))


def all_ways(lake: Any, *, to: str = "t", **options: str) -> dict[str, Callable[[], Any]]:
    """Ways to write the row (9, 'b') over a table, by name."""
    name = f"{lake.name}.default.{to}"
    frame = lake.spark.sql("SELECT 9 AS id, 'b' AS p")
    writer = frame.write.mode("overwrite").options(**options)
    return {
        "save": lambda: writer.format("anabranch").save(name),
        "insertInto": lambda: writer.insertInto(name, overwrite=True),
        "saveAsTable": lambda: writer.saveAsTable(name),
        "createOrReplace": lambda: frame.writeTo(name).options(**options).createOrReplace(),
        "append": lambda: frame.writeTo(name).options(**options).append(),
    }


@pytest.mark.parametrize(
    "options",
    [{"txnAppId": "a", "txnVersion": "1"}, {"replaceUsing": "id"}, {"replaceOn": "t.id = s.id"}],
    ids=["txn", "using", "on"],
)
def test_what_would_overwrite_more_or_twice_is_refused(
    partitioned: Any, refused: Any, options: dict[str, str]
) -> None:
    for write in all_ways(partitioned, **options).values():
        with refused("ANABRANCH_WRITE.OPTION", next(iter(options))):
            write()
    assert ids(partitioned) == [1, 2, 3]


@pytest.mark.parametrize("way", OVERWRITES)
def test_partitions_are_overwritten_alone_where_the_option_says_so(partitioned: Any, way: str) -> None:
    all_ways(partitioned, partitionOverwriteMode="dynamic")[way]()
    assert ids(partitioned) == [1, 9]


@pytest.mark.parametrize("way", OVERWRITES)
@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("p = 'b'", [1, 9]),
        ("id = 2", [1, 3, 9]),
        ("p = 'a' OR id % 2 = 1", [2, 9]),
        ("id IS NULL", [1, 2, 3, 9]),
    ],
)
def test_rows_are_overwritten_alone_for_which_the_condition_is_true(
    partitioned: Any, way: str, condition: str, left: list[int]
) -> None:
    partitioned.sql("CREATE BRANCH dev")
    all_ways(partitioned, REPLACEWHERE=condition)[way]()
    assert ids(partitioned) == left
    all_ways(partitioned, replaceWhere=condition, branch="dev")[way]()
    assert ids(partitioned, "`t@dev`") == left
    assert partitioned.rows("SELECT p FROM t WHERE id = 9") == [("b",)]
    history = partitioned.rows("DESCRIBE HISTORY t")
    assert [row[0] for row in history] == [2, 1, 0], "the table is the same"


@pytest.mark.parametrize("options", [{"replaceWhere": "p = 'b'"}, {"partitionOverwriteMode": "dynamic"}])
def test_a_table_that_is_not_there_is_created_whole(partitioned: Any, options: dict[str, str]) -> None:
    all_ways(partitioned, to="fresh", **options)["saveAsTable"]()
    assert ids(partitioned, "fresh") == [9]


def test_new_columns_come_along_with_a_part(partitioned: Any) -> None:
    frame = partitioned.spark.sql("SELECT 9 AS id, 'b' AS p, true AS more")
    writer = frame.write.mode("overwrite").option("mergeSchema", "true")
    writer.option("replaceWhere", "id = 2").saveAsTable(f"{partitioned.name}.default.t")
    rows = partitioned.rows("SELECT * FROM t ORDER BY id")
    assert rows == [(1, "a", None), (3, "b", None), (9, "b", True)]


def test_a_condition_goes_with_an_overwrite_of_all_rows_alone(partitioned: Any, refused: Any) -> None:
    from pyspark.sql import functions as F

    with refused("ANABRANCH_WRITE.OPTION", "replaceWhere"):
        all_ways(partitioned, replaceWhere="p = 'b'")["append"]()
    frame = partitioned.spark.sql("SELECT 9 AS id, 'b' AS p")
    with refused("ANABRANCH_WRITE.OPTION", "replaceWhere"):
        frame.writeTo("t").option("replaceWhere", "p = 'b'").overwrite(F.col("id") == 1)
    with refused("ANABRANCH_WRITE.OPTION", "replaceWhere"):
        frame.writeTo("t").option("replaceWhere", "p = 'b'").overwritePartitions()
    both = all_ways(partitioned, replaceWhere="p = 'b'", partitionOverwriteMode="dynamic")
    for way in OVERWRITES:
        with refused("ANABRANCH_WRITE.OPTION", "replaceWhere", "partitionOverwriteMode"):
            both[way]()
    assert ids(partitioned) == [1, 2, 3]


@pytest.mark.parametrize(
    ("condition", "error"),
    [("p = ", "PARSE_SYNTAX_ERROR"), ("nope = 1", "UNRESOLVED_COLUMN.WITH_SUGGESTION")],
)
@pytest.mark.parametrize("way", OVERWRITES)
def test_a_condition_that_means_nothing_is_refused(
    partitioned: Any, refused: Any, way: str, condition: str, error: str
) -> None:
    with refused(error):
        all_ways(partitioned, replaceWhere=condition)[way]()
    assert ids(partitioned) == [1, 2, 3]
