"""A driver that dies between writing data and committing leaves nothing but files that nobody names."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
    import sys
    from pyspark.sql import SparkSession
    jars, warehouse, statement = sys.argv[1:]
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.jars", jars)
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.extensions", "io.anabranch.spark.AnabranchExtensions")
        .config("spark.sql.catalog.lake", "io.anabranch.spark.AnabranchCatalog")
        .config("spark.sql.catalog.lake.warehouse", warehouse)
        .getOrCreate()
    )
    spark._jvm.io.anabranch.test.HaltingStore.install("_anabranch/log/")
    print("rows before:", spark.table("lake.default.t").count(), flush=True)
    spark.sql(statement).collect()
    print("survived", flush=True)
"""


def contents(lake: Any) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in lake.path.rglob("_anabranch/**/*") if p.is_file()}


def data(lake: Any) -> set[Path]:
    return set(lake.path.glob("data/**/*.parquet"))


@pytest.mark.slow
@pytest.mark.proves("LOG-1", "TXN-4")
def test_a_killed_driver_leaves_no_trace_but_orphan_files(lake: Any, jar: Path, test_jar: Path) -> None:
    lake.sql("CREATE TABLE t AS SELECT id FROM range(200)")
    commits, objects, files = lake.rows("SHOW COMMITS"), contents(lake), data(lake)
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), f"{jar},{test_jar}", lake.uri]
    died = subprocess.run(
        [*command, "INSERT INTO lake.default.t SELECT id FROM range(1000, 1500)"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
    )
    assert "rows before: 200" in died.stdout and "survived" not in died.stdout, died.stderr
    assert died.returncode != 0
    assert contents(lake) == objects
    assert data(lake) > files, "the data was written before the commit"
    assert lake.rows("SHOW COMMITS") == commits
    assert lake.rows("SELECT count(*), max(id) FROM t") == [(200, 199)]
    lake.sql("INSERT INTO t SELECT id FROM range(1000, 1500)")
    assert lake.rows("SELECT count(*), max(id) FROM t") == [(700, 1499)]
