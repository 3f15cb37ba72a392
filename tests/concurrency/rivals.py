"""Two sessions that race, each with a repository of its own that knows nothing of the other's commits.

A statement is held between planning and committing by `tests/scala/Gate.scala`: so the interleavings are
exact.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.errors import PySparkException

from anabranch.session import CATALOG_CLASS

if TYPE_CHECKING:
    from conftest import Lake
    from pyspark.sql import SparkSession

_gates = itertools.count(1)


@dataclass(frozen=True)
class Session:
    """A session with the catalog ``lake``."""

    spark: SparkSession

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.spark.sql(text).collect()]

    def ids(self, ref: str = "main", table: str = "t") -> list[int]:
        return sorted(id for (id,) in self.rows(f"SELECT id FROM lake.default.`{table}@{ref}`"))


@dataclass(frozen=True)
class Rivals:
    """Two sessions on one repository."""

    one: Session
    other: Session
    path: Path

    @contextmanager
    def held(self, statement: str) -> Iterator[Future[Any]]:
        """Runs a statement in session `one`, whose ``{gate}`` (a table), or ``{open}`` (a condition), is shut
        until the block is left."""
        jvm: Any = self.one.spark._jvm
        gates = jvm.io.anabranch.test.Gate
        name = f"gate-{next(_gates)}"
        source = f"range(1) WHERE reflect('io.anabranch.test.Gate', 'pass', '{name}') = 'open'"
        with ThreadPoolExecutor(1) as pool:
            text = statement.replace("{gate}", source).replace("{open}", f"gate('{name}')")
            future = pool.submit(self.one.rows, text)
            try:
                assert gates.reached(name), future.exception()
                yield future
            finally:
                gates.open(name)

    def at_once(self, *statements: str) -> list[str]:
        """Runs a statement in each session at the same moment; gives "done" or the condition of the error."""
        start = threading.Barrier(len(statements))

        def run(session: Session, statement: str) -> str:
            start.wait()
            return outcome(lambda: session.rows(statement))

        with ThreadPoolExecutor(len(statements)) as pool:
            futures = [
                pool.submit(run, s, t) for s, t in zip((self.one, self.other), statements, strict=True)
            ]
            return [f.result() for f in futures]


def outcome(action: Callable[[], Any]) -> str:
    """Gives "done", or the condition of the error."""
    try:
        action()
    except PySparkException as error:
        return error.getCondition() or repr(error)
    return "done"


def meet(spark: SparkSession, lake: Lake) -> Rivals:
    """With tables ``t``, which holds the row 1, and ``u``, and a tag ``empty`` from before that row."""
    jvm: Any = spark._jvm
    sessions = []
    for author in ("one", "other"):
        session = Session(spark.newSession())
        session.spark.conf.set("spark.sql.catalog.lake", CATALOG_CLASS)
        session.spark.conf.set("spark.sql.catalog.lake.warehouse", lake.uri)
        session.spark.conf.set("spark.anabranch.commit.author", author)
        session.spark.udf.registerJavaFunction("gate", "io.anabranch.test.GateFunction", "boolean")
        session.rows("SHOW BRANCHES IN lake")
        jvm.io.anabranch.test.ColdStart.forget(lake.uri)
        sessions.append(session)
    sessions[0].rows("CREATE TABLE lake.default.u (id INT)")
    sessions[0].rows("CREATE TABLE lake.default.t (id BIGINT)")
    sessions[0].rows("CREATE TAG empty IN lake")
    sessions[0].rows("INSERT INTO lake.default.t VALUES (1)")
    return Rivals(sessions[0], sessions[1], lake.path)


def versions(session: Session, table: str = "t") -> list[int]:
    return [row[0] for row in session.rows(f"DESCRIBE HISTORY lake.default.{table}")]


def conflict(future: Future[Any]) -> PySparkException:
    """The conflict in which a statement ended."""
    error = future.exception()
    assert isinstance(error, PySparkException), error
    assert error.getCondition() == "ANABRANCH_COMMIT.CONFLICT", error
    return error
