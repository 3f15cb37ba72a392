"""Sets up a Spark session: the jar, the extension and the catalog."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from anabranch import _java, _sql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    Builder = TypeVar("Builder", bound=SparkSession.Builder)

EXTENSION = "io.anabranch.spark.AnabranchExtensions"
CATALOG_CLASS = "io.anabranch.spark.AnabranchCatalog"
HADOOP_AWS = "org.apache.hadoop:hadoop-aws:3.5.0"
"""What Spark needs to reach S3; it matches the Hadoop that pyspark 4.2 ships."""

_LISTS = ("spark.jars", "spark.jars.packages", "spark.sql.extensions")


def jar_path() -> Path:
    """The jar of the JVM half, inside this package.

    Raises:
        FileNotFoundError: if it is not there, as in a checkout that was not built yet.
    """
    jars = sorted((Path(__file__).parent / "jars").glob("anabranch-spark-*.jar"))
    if not jars:
        raise FileNotFoundError(
            f"no jar in {Path(__file__).parent / 'jars'}: install the wheel of anabranch, or run `make jar`"
        )
    return jars[-1]


def spark_conf(
    catalog: str = "lake",
    repository: str | os.PathLike[str] | None = None,
    branch: str | None = None,
) -> dict[str, str]:
    """The Spark settings that make a repository a catalog, for spark-submit, a notebook or a settings file.

    Args:
        catalog: the name that the repository gets in SQL.
        repository: its root as a URI (``file:///data/lake``, ``s3://bucket/lake``, …) or a local path object.
            It is created at first use. None leaves the settings of the catalog out: only the jar and the
            extension, say for catalogs that are set up elsewhere.
        branch: the branch, tag or commit that sessions start on; None is ``main``.

    Returns:
        Settings and their values. For an S3 URI they name hadoop-aws as a package, which Spark then fetches
        from Maven Central; otherwise nothing is fetched.

    Raises:
        ValueError: if `catalog` can't be the name of a catalog.
        FileNotFoundError: if the jar was not built.
    """
    _sql.check_catalog(catalog)
    conf = {"spark.jars": str(jar_path()), "spark.sql.extensions": EXTENSION}
    if repository is None:
        return conf
    uri = _uri(repository)
    conf[f"spark.sql.catalog.{catalog}"] = CATALOG_CLASS
    conf[f"spark.sql.catalog.{catalog}.warehouse"] = uri
    if branch is not None:
        conf[f"spark.sql.catalog.{catalog}.branch"] = branch
    if uri.startswith("s3a://"):
        conf["spark.jars.packages"] = HADOOP_AWS
    return conf


def configure(
    builder: Builder,
    catalog: str = "lake",
    repository: str | os.PathLike[str] | None = None,
    branch: str | None = None,
) -> Builder:
    """Adds a repository as a catalog to a session that is being built.

        spark = anabranch.configure(SparkSession.builder, repository="file:///data/lake").getOrCreate()

    Call it once for each repository, with another `catalog`. Jars, packages and extensions that the builder
    already has stay. On a machine without Java 17, that of the extra ``anabranch[jdk]`` is used, by setting
    JAVA_HOME for this process. Spark reads most of these settings when it starts: call this before the first
    session of the process. A Spark Connect client needs none of it; there the server is set up with
    `spark_conf`.

    Args:
        builder: ``SparkSession.builder``, with whatever else is set on it.
        catalog: the name that the repository gets in SQL.
        repository: as in `spark_conf`.
        branch: as in `spark_conf`.

    Returns:
        The same builder.

    Raises:
        ValueError: if `catalog` can't be the name of a catalog.
        FileNotFoundError: if the jar was not built.
    """
    _java.ensure_java_home()
    present: dict[str, object] = getattr(builder, "_options", {})
    for key, value in spark_conf(catalog, repository, branch).items():
        builder.config(key, _append(str(present.get(key) or ""), value) if key in _LISTS else value)
    return builder


def _append(present: str, item: str) -> str:
    items = [part.strip() for part in present.split(",") if part.strip()]
    return ",".join(items if item in items else [*items, item])


def _uri(repository: str | os.PathLike[str]) -> str:
    if not isinstance(repository, str):
        return Path(repository).absolute().as_uri()
    scheme, separator, rest = repository.partition("://")
    # hadoop-aws, the one way that Spark has to S3, calls it s3a
    return f"s3a://{rest}" if separator and scheme.lower() in ("s3", "s3n") else repository
