"""`anabranch.Table`: one table, as users of Delta's DeltaTable know it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, IntegerType, MapType, StringType, StructField, StructType

from anabranch import Catalog, Table

if TYPE_CHECKING:
    from conftest import Lake
    from pyspark.sql import SparkSession

ROWS = [(1, "a"), (2, "b"), (3, "c")]


def rows(t: Table) -> list[tuple[Any, ...]]:
    return sorted(tuple(r) for r in t.toDF().collect())


def views(spark: SparkSession) -> list[str]:
    return [v.name for v in spark.catalog.listTables() if v.name.startswith("anabranch_")]


# --- finding and creating


def test_a_table_is_found_by_its_name_also_on_a_branch(lake: Lake, t: Table) -> None:
    lake.rows("CREATE BRANCH dev IN {lake}")
    dev = Table.forName(lake.spark, f"{lake.name}.default.`t@dev`")
    dev.delete("id = 1")
    assert rows(dev) == ROWS[1:] and rows(t) == ROWS
    assert Table.isAnabranchTable(lake.spark, f"{lake.name}.default.t")


def test_other_tables_and_missing_ones_are_told_apart(lake: Lake, spark: SparkSession) -> None:
    with pytest.raises(PySparkException):
        Table.forName(spark, f"{lake.name}.default.nowhere")
    spark.sql("CREATE TABLE spark_catalog.default.plain (id INT) USING parquet")
    try:
        with pytest.raises(ValueError, match="another format"):
            Table.forName(spark, "spark_catalog.default.plain")
        assert not Table.isAnabranchTable(spark, "spark_catalog.default.plain")
    finally:
        spark.sql("DROP TABLE spark_catalog.default.plain")
    assert not any(Table.isAnabranchTable(spark, n) for n in (f"{lake.name}.default.nowhere", "a..b", ""))


def test_an_absolute_path_is_no_table(spark: SparkSession) -> None:
    for path in ("/data/t", "s3a://bucket/t"):
        with pytest.raises(ValueError, match="forName"):
            Table.forPath(spark, path)


def test_a_table_is_built_column_by_column(lake: Lake) -> None:
    name = f"{lake.name}.default.made"
    made = (
        Table.create(lake.spark)
        .tableName(name)
        .addColumn("id", "BIGINT", nullable=False)
        .addColumn("it's", StringType(), comment="isn't it?", default="'x'")
        .addColumns(StructType([StructField("n", IntegerType(), True, {"comment": "a number"})]))
        .partitionedBy("n")
        .property("a.b", "c'd")
        .comment("a 'table'")
        .execute()
    )
    lake.rows("INSERT INTO {lake}.made (id, n) VALUES (1, 2)")
    assert rows(made) == [(1, "x", 2)]
    described = {r[0]: r[1] for r in lake.rows("DESCRIBE TABLE EXTENDED {lake}.made")}
    assert described["it's"] == "string" and described["Comment"] == "a 'table'"
    assert ("a.b", "c'd") in lake.rows("SHOW TBLPROPERTIES {lake}.made")
    with pytest.raises(PySparkException) as caught:
        Table.create(lake.spark).tableName(name).addColumn("id", "INT").execute()
    assert caught.value.getCondition() == "TABLE_OR_VIEW_ALREADY_EXISTS"
    assert rows(Table.createIfNotExists(lake.spark).tableName(name).addColumn("z", "INT").execute()) == [
        (1, "x", 2)
    ]
    assert Table.replace(lake.spark).tableName(name).addColumn("z", "INT").execute().toDF().columns == ["z"]
    assert Table.createOrReplace(lake.spark).tableName(name).addColumn(
        "y", "INT"
    ).execute().toDF().columns == ["y"]


def test_a_schema_keeps_its_nested_names_and_comments(lake: Lake) -> None:
    inner = StructType().add("a.b", IntegerType(), False, {"comment": "it's"}).add("`", StringType())
    schema = StructType().add("m", MapType(StringType(), ArrayType(inner)))
    made = Table.create(lake.spark).tableName(f"{lake.name}.default.deep").addColumns(schema).execute()
    assert made.toDF().schema == schema
    with pytest.raises(TypeError, match="a type must be"):
        Table.create(lake.spark).addColumn("g", int)  # type: ignore[arg-type]


def test_a_builder_without_name_or_columns_says_so(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="tableName"):
        Table.create(spark).addColumn("id", "INT").execute()
    with pytest.raises(ValueError, match="addColumn"):
        Table.create(spark).tableName("lake.default.x").execute()


# --- update and delete


def test_rows_are_deleted_by_text_and_by_columns(t: Table) -> None:
    t.delete("id = 2")
    assert rows(t) == [ROWS[0], ROWS[2]]
    t.delete(F.col("id") == 3)
    assert rows(t) == [ROWS[0]]


def test_without_a_condition_all_rows_go(t: Table) -> None:
    t.delete()
    assert rows(t) == []


UPDATES: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "text": lambda: ("id > 1", {"v": "upper(v)"}),
    "Column condition": lambda: (F.col("id") > 1, {"v": "upper(v)"}),
    "Column value": lambda: ("id > 1", {"v": F.upper("v")}),
    "Columns": lambda: (F.col("id") > 1, {"v": F.upper(F.col("v")), "id": F.col("id") + 0}),
}


@pytest.mark.parametrize("kind", UPDATES)
def test_rows_are_updated_by_text_and_by_columns(lake: Lake, t: Table, kind: str) -> None:
    condition, values = UPDATES[kind]()
    ids = dict(lake.rows("SELECT id, _row_id FROM {lake}.t"))  # type: ignore[arg-type]
    t.update(condition, values)
    assert rows(t) == [(1, "a"), (2, "B"), (3, "C")]
    assert dict(lake.rows("SELECT id, _row_id FROM {lake}.t")) == ids  # type: ignore[arg-type]
    metrics = t.history(1).collect()[0]["operationMetrics"]
    assert metrics["rows_updated"] == 2 and metrics["rows_inserted"] == 0
    assert views(lake.spark) == []


def test_an_alias_names_the_table_in_conditions(t: Table) -> None:
    t.alias("x").update("x.id = 1", {"v": "concat(x.v, '!')"})
    t.alias("x").update(F.col("x.id") == 2, {"v": F.concat("x.v", F.lit("?"))})
    t.alias("x").delete(F.col("x.id") == 3)
    assert rows(t) == [(1, "a!"), (2, "b?")]


def test_update_and_delete_say_what_is_wrong(t: Table) -> None:
    with pytest.raises(ValueError, match="set names no column"):
        t.update("id = 1", {})
    with pytest.raises(TypeError, match="a condition must be SQL"):
        t.delete(1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"column 'v' must be SQL text.*lit\(1\)"):
        t.update("id = 1", {"v": 1})  # type: ignore[dict-item]


# --- history


def test_history_detail_and_restore(lake: Lake, t: Table) -> None:
    lake.rows("CREATE TAG before IN {lake}")
    t.delete("id = 1")
    t.update(set={"v": "'x'"})
    assert [r["operation"] for r in t.history().collect()] == ["UPDATE", "DELETE", "INSERT", "CREATE TABLE"]
    assert [r["version"] for r in t.history(2).collect()] == [3, 2]
    assert t.detail().collect()[0]["numRows"] == 2
    t.restoreToVersion(2)
    assert rows(t) == ROWS[1:]
    t.restoreToVersion("before")
    assert rows(t) == ROWS
    time = t.history().where("version = 2").collect()[0]["timestamp"]
    t.restoreToTimestamp(str(time))
    assert rows(t) == ROWS[1:]
    with pytest.raises(ValueError, match="negative"):
        t.history(-1)


def test_changes_of_rows_and_cells_between_any_two_refs(lake: Lake, t: Table) -> None:
    lake.rows("CREATE TAG 'v1' IN {lake}")
    t.update("id > 1", {"v": "concat(v, '!')"})
    t.update("id = 2", {"v": "'b'"})
    t.delete("id = 1")
    lake.rows("INSERT INTO {lake}.t VALUES (9, NULL)")
    assert [r["_change_type"] for r in t.changes(1).orderBy("_commit_version", "_row_id").collect()].count(
        "update_preimage"
    ) == 3
    net = {(r["id"], r["_change_type"]) for r in t.changes("v1", net=True).collect()}
    assert net == {
        (1, "delete"),
        (2, "update_preimage"),
        (2, "update_postimage"),
        (3, "update_preimage"),
        (3, "update_postimage"),
        (9, "insert"),
    }
    cells = [tuple(c)[1:] for c in t.cell_changes("v1").collect()]
    assert cells == [("v", "c", "c!")]
    assert [tuple(c)[1:] for c in t.cell_changes("v1", 2).orderBy("row_id").collect()] == [
        ("v", "b", "b!"),
        ("v", "c", "c!"),
    ]
    lake.rows("CREATE BRANCH dev IN {lake} FROM 'v1'")
    Table.forName(lake.spark, f"{lake.name}.default.`t@dev`").update("id = 3", {"v": "NULL"})
    assert [tuple(c)[1:] for c in t.cell_changes("main", "dev").collect()] == [("v", "c!", None)]


def test_a_difference_tells_tables_rows_and_cells(lake: Lake, t: Table) -> None:
    catalog = Catalog(lake.spark, lake.name)
    lake.rows("CREATE BRANCH dev IN {lake}")
    lake.rows("UPDATE {lake}.`t@dev` SET v = 'c!' WHERE id = 3")
    lake.rows("INSERT INTO {lake}.`t@dev` VALUES (4, 'd')")
    lake.rows("ALTER TABLE {lake}.`t@dev` ADD COLUMN n INT")
    found = catalog.diff("main", "dev")
    (change,) = found
    assert (len(found), found[0].table, found[:1]) == (1, "default.t", (change,))
    assert (change.rows_added, change.rows_changed, change.rows_removed) == (1, 1, 0)
    assert change.schema_changes == ("added n integer",)
    told = found.changes("default.t").select("_change_type", "id", "v").collect()
    assert sorted(tuple(r) for r in told) == [
        ("insert", 4, "d"),
        ("update_postimage", 3, "c!"),
        ("update_preimage", 3, "c"),
    ]
    assert [tuple(c)[1:] for c in found.cell_changes(["default", "t"]).collect()] == [("v", "c", "c!")]
    assert list(catalog.diff("main", "main")) == []


@pytest.fixture
def only(lake: Lake) -> Iterator[None]:
    """The catalog of the test is the current one."""
    before = lake.spark.catalog.currentCatalog()
    lake.spark.catalog.setCurrentCatalog(lake.name)
    yield
    lake.spark.catalog.setCurrentCatalog(before)


@pytest.mark.usefixtures("only")
def test_the_articles_delta_listings_run_after_changing_import_and_format_name(
    spark: SparkSession, tmp_path: Any
) -> None:
    features, fixes = str(tmp_path / "features.parquet"), str(tmp_path / "corrected_diagnoses.parquet")
    schema = "patient_id INT, encounter_id INT, diagnosis STRING"
    spark.createDataFrame([(1, 1, "J45"), (2, 2, "I10"), (3, 3, "E11")], schema).write.parquet(features)
    spark.createDataFrame([(2, 2, "I11"), (9, 9, "Z00")], schema).write.parquet(fixes)

    from anabranch import Table as DeltaTable

    df = spark.read.parquet(features)
    df.write.format("anabranch").save("data/delta/training_features")
    df_v0 = spark.read.format("anabranch").option("versionAsOf", 0).load("data/delta/training_features")
    assert df_v0.count() == 3

    delta_table = DeltaTable.forPath(spark, "data/delta/training_features")
    history = delta_table.history()
    history.select("version", "timestamp", "operation", "operationMetrics").show()
    january = str(history.collect()[0]["timestamp"])
    df_jan = (
        spark.read.format("anabranch").option("timestampAsOf", january).load("data/delta/training_features")
    )
    assert df_jan.count() == 3

    delta_table.update("patient_id = 1", {"diagnosis": "'wrong'"})
    delta_table = DeltaTable.forPath(spark, "data/delta/training_features")
    delta_table.restoreToVersion(0)
    assert delta_table.toDF().where("diagnosis = 'wrong'").count() == 0
    delta_table.restoreToTimestamp(january)

    df_clean = spark.read.format("anabranch").option("versionAsOf", 0).load("data/delta/training_features")
    assert df_clean.count() == 3
    df_corrections = spark.read.parquet(fixes)
    delta_table.alias("target").merge(
        df_corrections.alias("source"),
        "target.patient_id = source.patient_id AND target.encounter_id = source.encounter_id",
    ).whenMatchedUpdateAll().execute()
    assert sorted(map(tuple, delta_table.toDF().collect())) == [(1, 1, "J45"), (2, 2, "I11"), (3, 3, "E11")]
    df.write.format("anabranch").mode("append").save("data/delta/training_features")
    assert [r["operation"] for r in delta_table.history().collect()] == [
        "INSERT",
        "MERGE",
        "RESTORE",
        "RESTORE",
        "UPDATE",
        "CREATE TABLE AS SELECT",
    ]
