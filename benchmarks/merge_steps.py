"""Merges of two branches that both changed a large table. A part of `steps.Steps`, in the worker of a system.

No peer merges branches; what comes nearest there is a MERGE INTO of the rows that the other side changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from timing import timed

if TYPE_CHECKING:
    from engines import Engine

SHARE = "id < {rows} AND pmod(hash(id), 100) = {n}"


class MergeSteps:
    """Each side changes 1 % of the rows of the first copy of the input."""

    engine: Engine

    def merge_table(self, copies: int) -> None:
        """Loads the input so many times into `merges.x<copies>`, with ids of their own."""
        self.engine.prepare("merges")
        parts = [f"SELECT id + {n * 10**9}L AS id, * EXCEPT (id) FROM source" for n in range(copies)]
        self.engine.create_as(self.engine.table("merges", f"x{copies}"), " UNION ALL ".join(parts))

    def merge_sides(self, copies: int, rows: int, turn: int, both: int) -> float:
        """Changes both sides, `both` rows on each of them, and merges; gives the seconds of the merge."""
        spark, table = self.engine.spark, self.engine.table("merges", f"x{copies}")
        ours = SHARE.format(rows=rows, n=2 * turn)
        theirs = SHARE.format(rows=rows, n=2 * turn + 1)
        if both:
            theirs = f"({theirs}) OR (id < {both * 100} AND {ours})"
        if self.engine.format != "anabranch":
            spark.sql(f"UPDATE {table} SET l_quantity = l_quantity + 1 WHERE {ours}")
            changes = (self.engine.folder("sources") / f"changes{copies}-{turn}").as_uri()
            spark.sql(f"SELECT id, l_tax + 1 AS l_tax FROM {table} WHERE {theirs}").write.parquet(changes)
            statement = (
                f"MERGE INTO {table} t USING parquet.`{changes}` s ON t.id = s.id "
                "WHEN MATCHED THEN UPDATE SET t.l_tax = s.l_tax"
            )
        else:
            branch = f"side{copies}x{turn}"
            self.engine.create_branch("merges", table, branch)
            spark.sql(f"UPDATE {table} SET l_quantity = l_quantity + 1 WHERE {ours}")
            there = f"merges.db.`x{copies}@{branch}`"
            spark.sql(f"UPDATE {there} SET l_tax = l_tax + 1 WHERE {theirs}")
            statement = f"MERGE BRANCH {branch} INTO main IN merges"
        return timed(lambda: spark.sql(statement).collect())

    def merge_compacted(self, turn: int) -> float:
        """Changes rows on both sides, then compacts both, and merges; gives the seconds of the merge."""
        spark, table, branch = self.engine.spark, self.engine.table("merges", "x1"), f"compacted{turn}"
        there = f"merges.db.`x1@{branch}`"
        self.engine.create_branch("merges", table, branch)
        spark.sql(f"UPDATE {table} SET l_quantity = l_quantity + 1 WHERE id % 100 = {2 * turn}")
        spark.sql(f"UPDATE {there} SET l_tax = l_tax + 1 WHERE id % 100 = {2 * turn + 1}")
        for side in (table, there):
            spark.sql(f"OPTIMIZE {side}")
        return timed(lambda: spark.sql(f"MERGE BRANCH {branch} INTO main IN merges").collect())
