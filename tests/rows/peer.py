"""The jars of Delta, for a session that has both."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from s3.server import Unavailable, pyspark_jars

from anabranch import _java

DELTA = ("io.delta", "delta-spark_4.2_2.13", "4.4.0")
SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.stats.collect": "false",  # what it skips files by is not our concern
}


def delta_jars(cache: Path) -> list[Path]:
    """Delta's jars, resolved once by the Ivy that comes with pyspark; what else it needs, Spark has.

    Raises:
        Unavailable: if they are not in the cache and can't be downloaded.
    """
    listed = cache / f"{DELTA[1]}-{DELTA[2]}.classpath"
    jars = [Path(p) for p in listed.read_text().split(os.pathsep)] if listed.exists() else []
    if not jars or not all(j.exists() for j in jars):
        jars = _resolved(listed)
    return [jar for jar in jars if jar.name.startswith("delta-")]


def _resolved(listed: Path) -> list[Path]:
    listed.parent.mkdir(parents=True, exist_ok=True)
    java = _java.find_java()
    if java is None:
        raise Unavailable("there is no Java 17 or newer to resolve Delta with")
    ivy = next(pyspark_jars().glob("ivy-*.jar"))
    command = [str(java), "-cp", str(ivy), "org.apache.ivy.Main", "-confs", "default"]
    command += ["-cache", str(Path.home() / ".ivy2.5.2" / "cache")]
    command += ["-dependency", *DELTA, "-cachepath", str(listed)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if run.returncode != 0 or not listed.exists():
        listed.unlink(missing_ok=True)
        raise Unavailable(f"{':'.join(DELTA)} can't be resolved: {run.stdout[-300:]}")
    return [Path(p) for p in listed.read_text().split(os.pathsep)]
