"""How each system says what the tasks need: names of tables, branches, histories.

Runs in the worker, on the Python of that system: nothing but the standard library and pyspark.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Engine:
    """Plain Parquet, and what the others share. Each task has an area of its own: a database or catalog."""

    format = "parquet"

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self.spark = spark
        self.root = root

    def prepare(self, area: str) -> None:
        self.spark.sql(f"CREATE DATABASE IF NOT EXISTS {area} LOCATION '{self.folder(area).as_uri()}'")

    def folder(self, area: str) -> Path:
        return self.root / area

    def table(self, area: str, name: str) -> str:
        return f"{area}.{name}"

    def create_as(self, table: str, query: str) -> None:
        self.spark.sql(f"CREATE TABLE {table} USING {self.format} AS {query}")

    def write_files(self, rows: DataFrame, table: str, rows_per_file: int) -> None:
        """Writes a new table with a file for each so many rows."""
        rows.write.option("maxRecordsPerFile", rows_per_file).format(self.format).saveAsTable(table)

    def create_branch(self, area: str, table: str, name: str) -> None:
        raise NotImplementedError

    def history(self, table: str) -> str:
        raise NotImplementedError


class Delta(Engine):
    format = "delta"

    def __init__(self, spark: SparkSession, root: Path) -> None:
        super().__init__(spark, root)
        spark.conf.set("spark.databricks.delta.properties.defaults.enableDeletionVectors", "true")

    def create_branch(self, area: str, table: str, name: str) -> None:
        # it has no branches; a shallow clone is the nearest: it shares the data, and goes its own way
        self.spark.sql(f"CREATE TABLE {area}.{name} SHALLOW CLONE {table}")

    def history(self, table: str) -> str:
        return f"DESCRIBE HISTORY {table}"


class Iceberg(Engine):
    format = "iceberg"

    def prepare(self, area: str) -> None:
        conf = self.spark.conf
        conf.set(f"spark.sql.catalog.{area}", "org.apache.iceberg.spark.SparkCatalog")
        conf.set(f"spark.sql.catalog.{area}.type", "hadoop")
        conf.set(f"spark.sql.catalog.{area}.warehouse", self.folder(area).as_uri())
        conf.set(f"spark.sql.catalog.{area}.table-default.format-version", "3")
        for command in ("merge", "update", "delete"):
            conf.set(f"spark.sql.catalog.{area}.table-default.write.{command}.mode", "merge-on-read")
        self.spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {area}.db")

    def table(self, area: str, name: str) -> str:
        return f"{area}.db.{name}"

    def write_files(self, rows: DataFrame, table: str, rows_per_file: int) -> None:
        # it looks at a file's size after each 1,000 rows
        assert rows_per_file == 1000
        rows.writeTo(table).option("target-file-size-bytes", 1).using("iceberg").create()

    def create_branch(self, area: str, table: str, name: str) -> None:
        self.spark.sql(f"ALTER TABLE {table} CREATE BRANCH {name}")

    def history(self, table: str) -> str:
        return (
            f"SELECT h.*, s.operation, s.summary FROM {table}.history h "
            f"JOIN {table}.snapshots s USING (snapshot_id)"
        )


class Anabranch(Engine):
    format = "anabranch"

    def prepare(self, area: str) -> None:
        self.spark.conf.set(f"spark.sql.catalog.{area}", "io.anabranch.spark.AnabranchCatalog")
        self.spark.conf.set(f"spark.sql.catalog.{area}.warehouse", self.folder(area).as_uri())
        self.spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {area}.db")

    def table(self, area: str, name: str) -> str:
        return f"{area}.db.{name}"

    def write_files(self, rows: DataFrame, table: str, rows_per_file: int) -> None:
        # it, too, looks at a file's size after each 1,000 rows
        assert rows_per_file == 1000
        rows.writeTo(table).tableProperty("anabranch.write.target-file-bytes", "1").using(
            "anabranch"
        ).create()

    def create_branch(self, area: str, table: str, name: str) -> None:
        self.spark.sql(f"CREATE BRANCH {name} IN {area}")

    def history(self, table: str) -> str:
        return f"DESCRIBE HISTORY {table}"


ENGINES: dict[str, type[Engine]] = {
    "parquet": Engine,
    "delta": Delta,
    "iceberg": Iceberg,
    "anabranch": Anabranch,
}
