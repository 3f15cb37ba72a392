"""The measured steps. Each method runs in the worker of a system and returns what JSON can hold.

Times are seconds of wall clock, from the call in Python to the last row back in Python.
"""

from __future__ import annotations

from engines import Engine
from merge_steps import MergeSteps
from row_steps import RowSteps
from timing import objects, timed

ROWS_PER_FILE = 1000

SCAN = "SELECT sum(l_quantity), sum(l_extendedprice), sum(l_discount), sum(l_tax) FROM {table}"
GROUP = (
    "SELECT l_returnflag, l_linestatus, count(*), sum(l_quantity), avg(l_extendedprice) FROM {table} "
    "GROUP BY l_returnflag, l_linestatus ORDER BY 1, 2"
)
QUERIES = {"scan": SCAN, "group": GROUP}


class Steps(RowSteps, MergeSteps):
    """What a worker can be asked for."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.spark = engine.spark

    # ---- the large table

    def source(self, path: str) -> int:
        """Makes the input visible as the view `source`; returns its rows."""
        # one task, and so one file, for each of the 8 files of the input
        self.spark.conf.set("spark.sql.files.minPartitionNum", "8")
        rows = self.spark.read.parquet(path)
        rows.createOrReplaceTempView("source")
        return rows.count()

    def ctas(self, turn: int) -> dict[str, float]:
        """Loads the input into a new table `load.t<turn>`."""
        if turn == 0:
            self.engine.prepare("load")
        table = self.engine.table("load", f"t{turn}")
        before = objects(self.engine.folder("load"))
        self.spark.conf.set("spark.sql.files.minPartitionNum", "8")
        seconds = timed(lambda: self.engine.create_as(table, "SELECT * FROM source"))
        self.spark.conf.unset("spark.sql.files.minPartitionNum")
        written = {p: n for p, n in objects(self.engine.folder("load")).items() if p not in before}
        data = [n for p, n in written.items() if p.endswith(".parquet") and "/metadata/" not in p]
        return {
            "seconds": seconds,
            "files": len([n for n in data if n > 100_000]),
            "megabytes": sum(written.values()) / 1e6,
        }

    def query(self, name: str, turn: int) -> float:
        """Runs one of `QUERIES` on `load.t<turn>`."""
        text = QUERIES[name].format(table=self.engine.table("load", f"t{turn}"))
        return timed(lambda: self.spark.sql(text).collect())

    # ---- small commits

    def small_table(self, area: str) -> None:
        self.engine.prepare(area)
        table = self.engine.table(area, "t")
        self.spark.sql(
            f"CREATE TABLE {table} (id BIGINT, name STRING, value DOUBLE) USING {self.engine.format}"
        )

    def inserts(self, area: str, first: int, count: int) -> list[float]:
        """One row a statement."""
        table = self.engine.table(area, "t")
        return [
            timed(lambda i=i: self.spark.sql(f"INSERT INTO {table} VALUES ({i}, 'name {i}', {i}.5)"))  # type: ignore[misc]
            for i in range(first, first + count)
        ]

    def noop_writes(self, count: int) -> list[float]:
        """The floor: the same row, written to nowhere."""
        row = self.spark.sql("SELECT 1L AS id, 'name' AS name, 1.5D AS value")
        return [timed(lambda: row.write.format("noop").mode("append").save()) for _ in range(count)]

    def objects(self, area: str) -> dict[str, float]:
        found = objects(self.engine.folder(area))
        return {"objects": len(found), "megabytes": sum(found.values()) / 1e6}

    def count(self, area: str) -> dict[str, float]:
        table = self.engine.table(area, "t")
        rows: list[int] = []
        seconds = timed(lambda: rows.append(self.spark.table(table).count()))
        return {"seconds": seconds, "rows": rows[0]}

    def history(self, area: str) -> dict[str, float]:
        """All of the history of `<area>.t`, to the last row."""
        rows: list[int] = []
        text = self.engine.history(self.engine.table(area, "t"))
        seconds = timed(lambda: rows.append(len(self.spark.sql(text).collect())))
        return {"seconds": seconds, "rows": rows[0]}

    # ---- many files

    def many_files(self, area: str, files: int) -> dict[str, float]:
        """A table `<area>.t` of so many files with 1,000 rows each, by `id`."""
        self.engine.prepare(area)
        rows = self.spark.range(0, files * ROWS_PER_FILE, 1, min(files, 8)).selectExpr(
            "id", "concat('name ', id) AS name", "id / 7 AS value", "cast(id % 100 AS INT) AS bucket"
        )
        table = self.engine.table(area, "t")
        seconds = timed(lambda: self.engine.write_files(rows, table, ROWS_PER_FILE))
        found = [p for p in objects(self.engine.folder(area)) if p.endswith(".parquet") and "/_" not in p]
        return {"seconds": seconds, "files": len(found)}

    def one_file(self, area: str, id: int) -> float:
        """A query that only one of the files can answer."""
        rows: list[object] = []
        text = f"SELECT sum(value) FROM {self.engine.table(area, 't')} WHERE id BETWEEN {id} AND {id + 9}"
        seconds = timed(lambda: rows.extend(self.spark.sql(text).collect()))
        assert len(rows) == 1
        return seconds

    def branch(self, area: str, name: str) -> float:
        table = self.engine.table(area, "t")
        return timed(lambda: self.engine.create_branch(area, table, name))

    # ---- requests

    def start_counting(self, root: str) -> None:
        from counting import Counting

        self.counting = Counting(self.spark, root)

    def prepare_count(self, name: str) -> None:
        self.counting.prepare(name)

    def count_requests(self, name: str) -> dict[str, object]:
        return self.counting.run(name)
