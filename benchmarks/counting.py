"""Statements of which the requests to the store are counted; runs in a worker of Anabranch.

Its session has the test helper `RecordingStores` on the classpath. Each request takes a few milliseconds
there, so that requests which are sent in parallel overlap, and count as one round.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from pyspark.sql import SparkSession

LATENCY_MS = 10
MANY_COMMITS = 270  # past the first checkpoint
TABLES = 100
CHANGED = 3  # of these, on both sides


class Counting:
    """One repository, opened again and again."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark = spark
        self.root = root
        jvm: Any = spark._jvm
        self.recorders = jvm.io.anabranch.test.RecordingStores
        self.recorders.install(LATENCY_MS)
        self.opened = 0
        self.catalog = self.reopen()
        for statement in (
            "CREATE TABLE {c}.default.t (id BIGINT, name STRING)",
            "INSERT INTO {c}.default.t VALUES (0, 'a')",
            "CREATE TABLE {c}.default.u (id BIGINT)",
            "INSERT INTO {c}.default.u VALUES (0)",
        ):
            self.sql(statement)
        self.store = self.recorders.last()

    def reopen(self) -> str:
        """A new catalog on the repository, which knows nothing of it yet."""
        self.opened += 1
        name = f"counted{self.opened}"
        self.spark.conf.set(f"spark.sql.catalog.{name}", "io.anabranch.spark.AnabranchCatalog")
        self.spark.conf.set(f"spark.sql.catalog.{name}.warehouse", self.root)
        self.spark.conf.set(f"spark.sql.catalog.{name}.opened", str(self.opened))
        return name

    def sql(self, text: str, catalog: str | None = None) -> None:
        self.spark.sql(text.replace("{c}", catalog or self.catalog)).collect()

    def prepare(self, name: str) -> None:
        getattr(self, f"prepare_{name}", lambda: None)()
        self.store.reset()

    def run(self, name: str) -> dict[str, Any]:
        """Runs one of the paths below; its requests, oldest first, and rounds."""
        getattr(self, name)()
        return {"requests": list(_strings(self.store.log())), "rounds": self.store.rounds()}

    # ---- the paths

    def read(self) -> None:
        self.sql("SELECT * FROM {c}.default.t")

    def insert_row(self) -> None:
        self.sql("INSERT INTO {c}.default.t VALUES (1, 'b')")

    def insert_files(self) -> None:
        self.sql("INSERT INTO {c}.default.t SELECT id, 'x' FROM range(0, 1000, 1, 2)")

    def prepare_lost_race(self) -> None:
        self.other = self.reopen()
        self.sql("INSERT INTO {c}.default.t VALUES (2, 'c')", self.other)
        # the last store opened is the other's now; ours stays the one that is counted

    def lost_race(self) -> None:
        """While this statement reads its input, another session commits."""
        slow = "SELECT 3, reflect('java.lang.Thread', 'sleep', 2000L)"
        racer = threading.Thread(target=lambda: self.sql("INSERT INTO {c}.default.t " + slow))
        racer.start()
        time.sleep(1)
        self.sql("INSERT INTO {c}.default.t VALUES (4, 'd')", self.other)
        racer.join()

    def create_branch(self) -> None:
        self.sql("CREATE BRANCH b IN {c}")

    def prepare_fast_forward(self) -> None:
        self.sql("INSERT INTO {c}.default.`t@b` VALUES (5, 'e')")

    def fast_forward(self) -> None:
        self.sql("MERGE BRANCH b IN {c}")

    def prepare_merge_disjoint(self) -> None:
        self.sql("INSERT INTO {c}.default.`t@b` VALUES (6, 'f')")
        self.sql("INSERT INTO {c}.default.u VALUES (6)")

    def merge_disjoint(self) -> None:
        self.sql("MERGE BRANCH b IN {c}")

    def prepare_merge_hundred(self) -> None:
        tables = [f"{{c}}.default.h{i}" for i in range(TABLES)]
        self.sql("START TRANSACTION IN {c}")
        for table in tables:
            self.sql(f"CREATE TABLE {table} (id BIGINT)")
            self.sql(f"INSERT INTO {table} VALUES (0)")
        self.sql("COMMIT")
        self.sql("CREATE BRANCH wide IN {c}")
        for table in tables[:CHANGED]:
            self.sql(f"INSERT INTO {table.replace('default.', 'default.`')}@wide` VALUES (1)")
            self.sql(f"INSERT INTO {table} VALUES (2)")

    def merge_hundred(self) -> None:
        self.sql("MERGE BRANCH wide IN {c}")

    def cold_small(self) -> None:
        self._cold()

    def prepare_cold_large(self) -> None:
        for i in range(MANY_COMMITS):
            self.sql(f"INSERT INTO {{c}}.default.u VALUES ({i})")
        time.sleep(1)  # the checkpoint is written in the background

    def cold_large(self) -> None:
        self._cold()

    def _cold(self) -> None:
        catalog = self.reopen()
        self.sql("SELECT * FROM {c}.default.t", catalog)
        self.store = self.recorders.last()


def _strings(scala_seq: Any) -> list[str]:
    return [scala_seq.apply(i) for i in range(scala_seq.size())]
