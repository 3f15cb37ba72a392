"""`anabranch.Table.merge`, as users of Delta's DeltaTable know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from anabranch import Table

if TYPE_CHECKING:
    from conftest import Lake
    from pyspark.sql import DataFrame, SparkSession

ROWS = [(1, "a"), (2, "b"), (3, "c")]


def rows(t: Table) -> list[tuple[Any, ...]]:
    return sorted(tuple(r) for r in t.toDF().collect())


def views(spark: SparkSession) -> list[str]:
    return [v.name for v in spark.catalog.listTables() if v.name.startswith("anabranch_")]


def test_a_merge_updates_and_inserts_all_columns(lake: Lake, t: Table, source: DataFrame) -> None:
    merge = t.alias("t").merge(source.alias("s"), "t.id = s.id")
    merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
    assert rows(t) == [(1, "a"), (2, "B"), (3, "c"), (4, "D")]
    newest = t.history(1).collect()[0]
    assert newest["operation"] == "MERGE"
    told = newest["operationMetrics"]
    assert (told["rows_updated"], told["rows_inserted"], told["rows_deleted"]) == (1, 1, 0)
    assert views(lake.spark) == []


def test_a_merge_has_clauses_with_conditions(t: Table, spark: SparkSession) -> None:
    source = spark.createDataFrame([(1, "x"), (2, "y"), (5, "z"), (6, "w")], "id BIGINT, v STRING").alias("s")
    (
        t.alias("t")
        .merge(source, "t.id = s.id")
        .whenMatchedDelete("s.v = 'x'")
        .whenMatchedUpdate(set={"v": "concat(t.v, s.v)"})
        .whenNotMatchedInsert("s.id > 5", {"id": "s.id", "v": "'new'"})
        .whenNotMatchedBySourceUpdate("t.id = 3", {"v": "'alone'"})
        .execute()
    )
    assert rows(t) == [(2, "by"), (3, "alone"), (6, "new")]
    t.alias("t").merge(source, "t.id = s.id").whenNotMatchedBySourceDelete().execute()
    assert rows(t) == [(2, "by"), (6, "new")]


def test_text_and_columns_stand_side_by_side(t: Table, source: DataFrame) -> None:
    (
        t.alias("t")
        .merge(source.alias("s"), "t.id = s.id")
        .whenMatchedUpdate(F.col("s.v") == "B", {"v": F.concat(F.col("s.v"), F.lit("'"))})
        .whenNotMatchedInsert(values={"id": F.col("id") + 10, "v": F.lower("s.v")})
        .execute()
    )
    assert rows(t) == [(1, "a"), (2, "B'"), (3, "c"), (14, "d")]


def test_columns_name_both_sides_under_any_alias(t: Table, source: DataFrame) -> None:
    merge = t.alias("x y").merge(source.alias("s").where("id > 0"), F.col("`x y`.id") == F.col("s.id"))
    (
        merge.whenNotMatchedBySourceUpdate(F.col("`x y`.id") == 3, {"v": F.lit("alone")})
        .whenNotMatchedInsert(values={"id": "s.id", "v": F.col("s.v")})
        .whenMatchedUpdate(set={"v": F.concat("`x y`.v", "s.v")})
        .execute()
    )
    assert rows(t) == [(1, "a"), (2, "bB"), (3, "alone"), (4, "D")]
    with pytest.raises(PySparkException) as caught:
        t.alias("t").merge(source.alias("s"), "t.id = s.id").whenMatchedUpdate(
            F.col("v") == "a", {"v": F.lit("z")}
        ).execute()
    assert caught.value.getCondition() == "AMBIGUOUS_REFERENCE"


def test_a_comment_in_a_text_ends_with_the_text(t: Table, source: DataFrame) -> None:
    t.update("id = 1 -- this one", {"v": "'z' -- why"})
    t.delete("id = 3 -- and that")
    t.alias("t").merge(source.alias("s"), "t.id = s.id -- by key").whenMatchedUpdate(
        "s.id > 0 -- always", {"v": "s.v -- new"}
    ).execute()
    assert rows(t) == [(1, "z"), (2, "B")]


def test_a_builder_can_be_used_twice(t: Table, source: DataFrame) -> None:
    merge = t.alias("t").merge(source.alias("s"), "t.id = s.id")
    merge.whenMatchedDelete()
    merge.whenNotMatchedInsertAll().execute()
    assert rows(t) == [*ROWS, (4, "D")]


def test_a_merge_without_aliases_takes_names_as_they_are(t: Table, spark: SparkSession) -> None:
    source = spark.createDataFrame([(2, "B")], "k BIGINT, w STRING")
    t.merge(source, "id = k").whenMatchedUpdate(set={"v": "w"}).execute()
    assert rows(t) == [(1, "a"), (2, "B"), (3, "c")]


@pytest.mark.parametrize("alias", ["w.x`y", "target"])
def test_names_with_special_characters_and_fields_of_structs(lake: Lake, alias: str) -> None:
    lake.rows("CREATE TABLE {lake}.`w.x``y` (`the id` INT, s STRUCT<`a.b`: INT, c: STRING>)")
    lake.rows("INSERT INTO {lake}.`w.x``y` VALUES (1, named_struct('a.b', 1, 'c', 'x'))")
    odd = Table.forName(lake.spark, f"{lake.name}.default.`w.x``y`")
    given = lake.spark.createDataFrame([(1, 5)], "`the id` INT, `n.n` INT").alias("s s")
    quoted = alias.replace("`", "``")
    merge = odd.alias(alias).merge(given, f"`{quoted}`.`the id` = `s s`.`the id`")
    merge.whenMatchedUpdate(set={"s.`a.b`": "`s s`.`n.n`", f"`{quoted}`.s.c": "'{y}'"}).execute()
    assert [r.asDict(True) for r in odd.toDF().collect()] == [{"the id": 1, "s": {"a.b": 5, "c": "{y}"}}]
    odd.update("`the id` = 1", {"s.`a.b`": "6", "`the id`": "2"})
    odd.update(F.col("`the id`") == 2, {"s.c": F.lit("z")})
    assert [r.asDict(True) for r in odd.toDF().collect()] == [{"the id": 2, "s": {"a.b": 6, "c": "z"}}]


def test_a_table_is_merged_into_itself(t: Table) -> None:
    merge = t.alias("x").merge(t.toDF().where("id < 3").alias("s"), "x.id = s.id + 1")
    merge.whenMatchedUpdate(set={"v": "s.v"}).whenNotMatchedBySourceDelete().execute()
    assert rows(t) == [(2, "a"), (3, "b")]


def test_a_merge_may_add_columns(t: Table, spark: SparkSession) -> None:
    source = spark.createDataFrame([(2, "B", 7)], "id BIGINT, v STRING, n INT")
    merge = t.alias("t").merge(source.alias("s"), "t.id = s.id").whenMatchedUpdateAll()
    merge.withSchemaEvolution().execute()
    assert sorted(t.toDF().collect(), key=lambda r: r["id"])[1].asDict() == {"id": 2, "v": "B", "n": 7}


def test_a_row_that_several_rows_match_is_an_error_and_changes_nothing(t: Table, spark: SparkSession) -> None:
    twice = spark.createDataFrame([(2, "B"), (2, "C")], "id BIGINT, v STRING").alias("s")
    with pytest.raises(PySparkException) as caught:
        t.alias("t").merge(twice, "t.id = s.id").whenMatchedUpdateAll().execute()
    assert caught.value.getCondition() == "MERGE_CARDINALITY_VIOLATION"
    assert rows(t) == ROWS and views(spark) == []


def test_a_merge_without_clauses_says_so(t: Table, source: DataFrame) -> None:
    with pytest.raises(ValueError, match="clause"):
        t.merge(source, "true").execute()
    with pytest.raises(ValueError, match="MATCHED has no condition"):
        t.merge(source, "true").whenMatchedDelete().whenMatchedUpdateAll().execute()
    with pytest.raises(ValueError, match="set names no column"):
        t.merge(source, "true").whenMatchedUpdate()
    with pytest.raises(ValueError, match="values names no column"):
        t.merge(source, "true").whenNotMatchedInsert()
    with pytest.raises(TypeError, match="the condition of a merge must be SQL"):
        t.merge(source, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a DataFrame"):
        t.merge("s", "true")  # type: ignore[arg-type]
