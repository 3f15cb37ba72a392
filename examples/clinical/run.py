"""The main job on generated clinical records, told as a short story. README.md says what it shows.

python run.py [repository] [--conf key=value …]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pyspark.sql import SparkSession

import anabranch
import chapters
import generate
import handover
import ingest
from lake import Lake
from story import Story

CATALOG = "lake"
_QUIET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",  # the tables are small
    # and so is the job: it is over before more compilation than this would pay
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
}


def main(arguments: Sequence[str]) -> None:
    """Sets up, tells the story, and says how to go on."""
    options = _parse(arguments)
    population = int(os.environ.get("POPULATION", generate.DEFAULT_POPULATION))
    exports = generate.generate(generate.CACHE, population)
    repository = options.repository or _fresh_folder(generate.CACHE / "lake")
    story = Story()
    print("Anabranch on generated clinical records: from a FHIR export to a model that can be audited")
    story.fact("repository", repository)
    conf = dict(pair.split("=", 1) for pair in options.conf)
    had_java_home = os.environ.get("JAVA_HOME")
    log = generate.CACHE / "spark.log"
    with _errors_into(log):
        spark = _session(repository, conf)
    story.fact("Spark's own log", str(log))
    first, second = (ingest.Export(exports[name]) for name in generate.RELEASES)
    demo = chapters.Demo(
        Lake(spark, f"{CATALOG}.clinical"), anabranch.Catalog(spark, CATALOG), story, first, second
    )
    try:
        chapters.tell(demo)
    finally:
        spark.stop()
    story.chapter("Without Spark: the same repository in pandas, in a process that has no JVM")
    handover.look_without_spark(repository, chapters.TAG, conf, generate.CACHE)
    print(f"\nDone in {story.seconds:.0f} s. Go on with spark-sql, for one:")
    print("  SHOW COMMITS IN lake;  SELECT * FROM lake.clinical.source_file VERSION AS OF 'train-2026-01';\n")
    java = os.environ.get("JAVA_HOME")
    print(_spark_sql(repository, conf, java if java != had_java_home else None))
    if repository.startswith("file:"):
        program = shlex.quote(str(Path(sys.executable).with_name("anabranch")))
        print(f"\nor without Spark:\n{program} -r {shlex.quote(repository)} diff {chapters.TAG} main")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "repository",
        nargs="?",
        help="a new one: a URI (file:///…, s3a://bucket/…); default .cache/clinical/lake",
    )
    parser.add_argument(
        "--conf",
        action="append",
        default=[],
        metavar="key=value",
        help="a Spark setting, such as an S3 endpoint",
    )
    return parser.parse_args(arguments)


def _fresh_folder(folder: Path) -> str:
    """The default place belongs to this example: what an earlier run left there goes."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder.as_uri()


def _session(repository: str, conf: dict[str, str]) -> SparkSession:
    builder = SparkSession.builder.appName("anabranch clinical example").master("local[*]")
    for key, value in {**_QUIET, **conf}.items():
        builder = builder.config(key, value)
    spark = anabranch.configure(builder, CATALOG, repository).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


@contextlib.contextmanager
def _errors_into(log: Path) -> Iterator[None]:
    """Sends standard error into a file: for a while here, for good in a JVM that is started meanwhile."""
    sys.stderr.flush()
    own = os.dup(2)
    try:
        with open(log, "wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(own, 2)
        os.close(own)


def _spark_sql(repository: str, conf: dict[str, str], java_home: str | None) -> str:
    """The command line that opens the repository in spark-sql, without settings that are secrets."""
    settings = {
        **{key: value for key, value in conf.items() if "secret" not in key},
        **anabranch.spark_conf(CATALOG, repository),
        "spark.sql.catalogImplementation": "in-memory",
    }
    # spark-sql finds its Spark through the first python on the path
    start = f'PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH" '
    start += f"JAVA_HOME={shlex.quote(java_home)} " if java_home else ""
    lines = [f"--conf {shlex.quote(f'{key}={value}')}" for key, value in settings.items()]
    return start + " \\\n  ".join(["spark-sql", *lines])


if __name__ == "__main__":
    main(sys.argv[1:])
