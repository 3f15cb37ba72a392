"""docs/configuration.md lists exactly the settings that there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

INTRO = """# Configuration

Made from the sources; `make test ARGS='tests/docs/test_configuration.py --update-docs'` writes it anew.

## Settings of a session

| setting | default | meaning |
|---|---|---|
| `spark.sql.extensions` | | `io.anabranch.spark.AnabranchExtensions`: the SQL of branches, tags and commits. |
| `spark.sql.catalog.<name>` | | `io.anabranch.spark.AnabranchCatalog` makes a repository the catalog `<name>`. |
| `spark.sql.catalog.<name>.warehouse` | | Root of the repository: an absolute URI. |
| `spark.sql.catalog.<name>.branch` | main | The ref that names without one mean; `USE BRANCH` sets it in the session. |
| `spark.sql.catalog.<name>.<other>` | | Passed to the file system, for this catalog only. |
"""


def table(rows: Any) -> str:
    lines = [(rows.apply(i)._1(), rows.apply(i)._2(), rows.apply(i)._3()) for i in range(rows.size())]
    return "".join(f"| `{name}` | {default} | {meaning} |\n" for name, default, meaning in lines)


def generated(spark: SparkSession) -> str:
    jvm: Any = spark._jvm
    settings = jvm.io.anabranch.spark.CommitSettings.All()
    properties = jvm.io.anabranch.spark.write.WritePlans.Properties()
    return (
        INTRO
        + table(settings)
        + table(jvm.io.anabranch.spark.read.LateMaterialization.All())
        + table(jvm.io.anabranch.spark.commands.VacuumCommand.All())
        + "\n## Properties of a table\n\n| property | default | meaning |\n|---|---|---|\n"
        + table(properties)
    )


def test_the_page_lists_what_the_sources_define(spark: SparkSession, request: pytest.FixtureRequest) -> None:
    page = generated(spark)
    if request.config.getoption("--update-docs"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page
