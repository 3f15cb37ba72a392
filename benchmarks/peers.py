"""The systems that are compared, each with the Python and the Spark settings that it runs on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from anabranch import jar_path

SETTINGS = {
    "spark.master": "local[2]",
    "spark.driver.memory": "4g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""Equal for all systems."""

NAMES = ("parquet", "anabranch", "delta", "iceberg")


@dataclass(frozen=True)
class System:
    """One of the systems: how to start a process of it, and what it is called in reports."""

    name: str
    title: str
    python: Path
    conf: dict[str, str] = field(default_factory=dict)


def system(name: str, cache: Path) -> System:
    """The system of that name, installed if need be.

    Args:
        name: one of `NAMES`.
        cache: folder for the environments of peers.

    Raises:
        subprocess.CalledProcessError: if its packages can't be installed.
    """
    here = Path(sys.executable)
    if name == "anabranch":
        conf = {
            "spark.jars": str(jar_path()),
            "spark.sql.extensions": "io.anabranch.spark.AnabranchExtensions",
        }
        return System(name, "Anabranch", here, conf)
    if name == "delta":
        # its default of 50 partitions for the log is made for clusters and hurts on a small machine
        conf = {
            "spark.jars.packages": "io.delta:delta-spark_4.2_2.13:4.4.0",
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.databricks.delta.snapshotPartitions": "2",
        }
        return System(name, "Delta 4.4.0", here, conf)
    if name == "iceberg":
        # it has no build for Spark 4.2: it gets an environment with the newest that it has one for
        conf = {
            "spark.jars.packages": "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0",
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        }
        return System(name, "Iceberg 1.12.0", environment(cache / "iceberg", "pyspark==4.1.4"), conf)
    return System(name, "Parquet", here)


def environment(folder: Path, *packages: str) -> Path:
    """The Python of a virtual environment with these packages, made when it is not there yet."""
    python = folder / "bin" / "python"
    wanted = "\n".join(packages)
    stamp = folder / "packages.txt"
    if not stamp.is_file() or stamp.read_text() != wanted:
        print(f"installing {' '.join(packages)} …", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        stamp.write_text(wanted)
    return python
