"""A Spark session on S3 in a process of its own, to which tests send statements.

hadoop-aws must be on the classpath of the JVM from its start, so the session of the other tests can not be
used. Run as a program, this is that process: it reads one JSON value a line, and answers with one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Refused(Exception):
    """A statement failed: `condition` is the error class."""

    def __init__(self, condition: str, message: str) -> None:
        super().__init__(message)
        self.condition = condition


class RemoteSession:
    """The near end: a catalog ``lake`` in the other process's session."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log

    def rows(self, statement: str) -> list[list[Any]]:
        """Runs a statement; values come as JSON has them, times as text."""
        return list(self._ask({"sql": statement}))

    def clinical(self, first: Path, second: Path) -> dict[str, Any]:
        """Runs the clinical example on two exports; its outcome."""
        return dict(self._ask({"clinical": [str(first), str(second)]}))

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the session ended: {self._log.read_text(errors='replace')[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(*answer["error"])
        return answer["value"]


@contextmanager
def remote_session(
    repository: str, settings: Mapping[str, str], jars: Sequence[Path], log: Path
) -> Iterator[RemoteSession]:
    """Starts the process, with Spark settings and jars for its classpath; what it prints goes to `log`."""
    paths = [ROOT / "examples" / "clinical", ROOT / "python"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    arguments = [repository, json.dumps(dict(settings)), os.pathsep.join(map(str, jars))]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, __file__, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            cwd=log.parent,
        )
    try:
        yield RemoteSession(process, log)
    finally:
        if process.stdin is not None:
            process.stdin.close()  # the session stops by itself
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _serve(repository: str, settings: Mapping[str, str], classpath: str) -> None:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    import anabranch

    builder = SparkSession.builder.master("local[2]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    builder = anabranch.configure(builder, repository=repository)
    # what the package would bring, without a copy of 600 MB for each session
    builder = builder.config("spark.jars.packages", "").config("spark.driver.extraClassPath", classpath)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed, by the JVM for one, goes to the log
    spark = builder.getOrCreate()
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if "sql" in request:
                answer["value"] = [list(row) for row in spark.sql(request["sql"]).collect()]
            else:
                answer["value"] = _clinical(spark, *request["clinical"])
        except PySparkException as error:
            answer["error"] = [error.getCondition() or "", str(error)]
        print(json.dumps(answer, default=str), file=answers, flush=True)
    spark.stop()


def _clinical(spark: Any, first: str, second: str) -> dict[str, Any]:
    import anabranch
    import chapters
    import ingest
    from lake import Lake
    from story import Story

    exports = [ingest.Export(Path(folder)) for folder in (first, second)]
    catalog = anabranch.Catalog(spark, "lake")
    outcome = chapters.tell(chapters.Demo(Lake(spark, "lake.clinical"), catalog, Story(), *exports))
    return {"digests": outcome.digests, "rows_lost_on_main": outcome.rows_lost_on_main}


if __name__ == "__main__":
    _serve(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])
