"""How a session is set up, without starting one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import anabranch
from anabranch import _java, session

BASE = {
    "spark.jars": "/jars/anabranch.jar",
    "spark.sql.extensions": "io.anabranch.spark.AnabranchExtensions",
    "spark.sql.catalog.lake": "io.anabranch.spark.AnabranchCatalog",
}


class Builder:
    """Stands in for SparkSession.builder."""

    def __init__(self, **options: str) -> None:
        self._options: dict[str, str] = {key.replace("__", "."): value for key, value in options.items()}

    def config(self, key: str, value: str) -> Builder:
        self._options[key] = value
        return self


@pytest.fixture(autouse=True)
def one_jar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "jar_path", lambda: Path("/jars/anabranch.jar"))
    monkeypatch.setattr(_java, "ensure_java_home", lambda: None)


def configured(builder: Builder, **arguments: Any) -> dict[str, str]:
    any_builder: Any = builder
    assert anabranch.configure(any_builder, **arguments) is builder
    return builder._options


def test_importing_does_not_import_spark() -> None:
    script = (
        "import sys, anabranch; print([m for m in sys.modules if m.split('.')[0] in ('pyspark', 'pandas')])"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.strip() == "[]"


def test_a_local_repository() -> None:
    conf = anabranch.spark_conf("lake", "file:///data/lake")
    assert conf == {**BASE, "spark.sql.catalog.lake.warehouse": "file:///data/lake"}


def test_a_path_becomes_a_uri(tmp_path: Path) -> None:
    conf = anabranch.spark_conf("lake", tmp_path / "a lake")
    assert conf["spark.sql.catalog.lake.warehouse"] == f"file://{tmp_path}/a%20lake"


def test_a_branch() -> None:
    assert anabranch.spark_conf("lake", "file:///x", "fix")["spark.sql.catalog.lake.branch"] == "fix"


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n", "S3"])
def test_s3(scheme: str) -> None:
    conf = anabranch.spark_conf("lake", f"{scheme}://bucket/lake")
    assert conf["spark.sql.catalog.lake.warehouse"].lower() == "s3a://bucket/lake"
    assert conf["spark.jars.packages"] == "org.apache.hadoop:hadoop-aws:3.5.0"


@pytest.mark.parametrize("uri", ["file:///s3://x", "hdfs://h/lake", "/data/lake", "gs://bucket/lake"])
def test_nothing_is_fetched_for_other_stores(uri: str) -> None:
    conf = anabranch.spark_conf("lake", uri)
    assert "spark.jars.packages" not in conf
    assert conf["spark.sql.catalog.lake.warehouse"] == uri


def test_no_repository_leaves_the_catalog_out() -> None:
    assert anabranch.spark_conf() == {k: v for k, v in BASE.items() if "catalog" not in k}


def test_configure_keeps_what_the_builder_has() -> None:
    builder = Builder(
        spark__sql__extensions="a.B, c.D",
        spark__jars="/x.jar",
        spark__jars__packages="g:a:1",
        spark__app__name="x",
    )
    options = configured(builder, repository="s3://bucket/lake")
    assert options["spark.sql.extensions"] == f"a.B,c.D,{session.EXTENSION}"
    assert options["spark.jars"] == "/x.jar,/jars/anabranch.jar"
    assert options["spark.jars.packages"] == "g:a:1,org.apache.hadoop:hadoop-aws:3.5.0"
    assert options["spark.app.name"] == "x"


def test_configure_twice_adds_a_second_catalog() -> None:
    builder = Builder()
    configured(builder, repository="s3://bucket/one")
    options = configured(builder, catalog="other", repository="s3://bucket/two", branch="dev")
    assert options["spark.sql.extensions"] == session.EXTENSION
    assert options["spark.jars"] == "/jars/anabranch.jar"
    assert options["spark.sql.catalog.lake.warehouse"] == "s3a://bucket/one"
    assert options["spark.sql.catalog.other.warehouse"] == "s3a://bucket/two"
    assert options["spark.sql.catalog.other.branch"] == "dev"
    assert "spark.sql.catalog.lake.branch" not in options


def test_configure_refuses_a_catalog_name_before_it_changes_anything() -> None:
    builder = Builder()
    with pytest.raises(ValueError, match="can't be the name of a catalog"):
        configured(builder, catalog="a-b", repository="file:///x")
    assert builder._options == {}
