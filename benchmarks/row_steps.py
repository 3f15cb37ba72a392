"""Statements that change rows of the large table. A part of `steps.Steps`, in the worker of a system."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from timing import objects, timed

if TYPE_CHECKING:
    from engines import Engine

SCATTERED = "pmod(hash(id), 1000)"
NEW_IDS = 100_000_000
UPSERT = (
    "MERGE INTO {table} t USING {source} s ON t.id = s.id "
    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
)
STATEMENTS = {
    "merge scattered": UPSERT.replace("{source}", "scattered"),
    "merge near": UPSERT.replace("{source}", "near"),
    "update": f"UPDATE {{table}} SET l_quantity = l_quantity + 1 WHERE {SCATTERED} = 3",
    "delete": f"DELETE FROM {{table}} WHERE {SCATTERED} = 5",
    "delete one": "DELETE FROM {table} WHERE id = {middle}",
}
PERCENT = "UPDATE {table} SET l_quantity = l_quantity + 1 WHERE pmod(hash(id), 100) = {part}"
PERCENTS = 10
THREADS = 4
UPDATES = 5


class RowSteps:
    """MERGE, UPDATE, DELETE; and updates by several threads at once."""

    engine: Engine

    def row_sources(self, rows: int) -> None:
        """Views `scattered` (1 % of the ids, and 0.1 % new ones) and `near` (1,000 ids of one file)."""
        spark = self.engine.spark
        self.middle = rows // 2 + rows // 16
        one_percent = "SELECT * FROM source WHERE pmod(hash(id), 100) = 7"
        fresh = f"SELECT id + {NEW_IDS} AS id, * EXCEPT (id) FROM source WHERE {SCATTERED} = 9"
        near = f"SELECT * FROM source WHERE id BETWEEN {self.middle + 1} AND {self.middle + 1000}"
        for name, query in (("scattered", f"{one_percent} UNION ALL {fresh}"), ("near", near)):
            place = (self.engine.folder("sources") / name).as_uri()
            spark.sql(query).coalesce(1).write.mode("overwrite").parquet(place)
            spark.read.parquet(place).createOrReplaceTempView(name)

    def change_rows(self, name: str, turn: int) -> dict[str, float]:
        """Runs one of `STATEMENTS` on `load.t<turn>`."""
        table = self.engine.table("load", f"t{turn}")
        before = objects(self.engine.folder("load"))
        text = STATEMENTS[name].format(table=table, middle=self.middle)
        seconds = timed(lambda: self.engine.spark.sql(text).collect())
        added = {p: n for p, n in objects(self.engine.folder("load")).items() if p not in before}
        return {"seconds": seconds, "megabytes": sum(added.values()) / 1e6}

    def growth(self, turn: int) -> float:
        """Megabytes by which ten updates, each of another 1 % of the rows, make `load.t<turn>` larger."""
        before = objects(self.engine.folder("load"))
        for part in range(PERCENTS):
            text = PERCENT.format(table=self.engine.table("load", f"t{turn}"), part=part + 20)
            self.engine.spark.sql(text).collect()
        return (sum(objects(self.engine.folder("load")).values()) - sum(before.values())) / 1e6

    def threads(self) -> int:
        """Four threads with five updates each, of different rows of one file: how many went through."""
        self.engine.prepare("threads")
        table = self.engine.table("threads", "t")
        self.engine.create_as(table, "SELECT /*+ COALESCE(1) */ id, 0 AS v FROM range(1000)")

        def work(thread: int) -> int:
            done = 0
            for turn in range(UPDATES):
                row = thread * UPDATES + turn
                try:
                    self.engine.spark.sql(f"UPDATE {table} SET v = v + 1 WHERE id = {row}")
                    done += 1
                except Exception:
                    continue
            return done

        with ThreadPoolExecutor(THREADS) as pool:
            done = sum(pool.map(work, range(THREADS)))
        kept = self.engine.spark.sql(f"SELECT sum(v) AS n FROM {table}").collect()[0]["n"]
        assert kept == done, f"{done} updates were acknowledged, {kept} are there"
        return done
