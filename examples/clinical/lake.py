"""The catalog as the other modules see it: names of tables, at a ref or not, and small queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Row, SparkSession


@dataclass(frozen=True)
class Lake:
    """One namespace of a catalog in a session. Statements go to the branch that the session uses."""

    spark: SparkSession
    namespace: str = "lake.clinical"

    def table(self, name: str, ref: str | int | None = None) -> str:
        """The table in a FROM clause: as it is on the branch in use, or at a ref or table version."""
        at = "" if ref is None else f" VERSION AS OF '{ref}'"
        return f"{self.namespace}.{name}{at}"

    def days(self, start: str, end: str) -> str:
        """SQL: how many days lie between two dates."""
        return f"datediff({end}, {start})"

    def each(self, array: str) -> str:
        """SQL: a row for each element of an array, in a select list."""
        return f"explode({array})"

    def rows(self, query: str) -> list[Row]:
        """All rows of a query."""
        return self.spark.sql(query).collect()

    def row(self, query: str) -> Row:
        """The only row of a query."""
        (row,) = self.rows(query)
        return row

    def run(self, statement: str) -> None:
        """A statement whose rows, if any, don't matter."""
        self.spark.sql(statement).collect()

    def digest(self, query: str) -> str:
        """SHA-256 over all rows of a query, whatever their order, computed in Spark.

        Each row is digested as JSON (so with names), the row digests are sorted, and digested again: equal
        digests mean the same rows the same number of times. `without_spark.digest` does so of a pandas frame.
        """
        each = f"SELECT sha2(to_json(struct(*), map('ignoreNullFields', 'false')), 256) AS row FROM ({query})"
        everything = "sha2(array_join(array_sort(collect_list(row)), ''), 256)"
        return str(self.row(f"SELECT {everything} AS digest FROM ({each})").digest)

    def counts(self, queries: Mapping[str, str]) -> dict[str, int]:
        """Runs many queries of one number each as a single job."""
        parts = [f"SELECT '{name}' AS name, n FROM ({query}) AS q(n)" for name, query in queries.items()]
        return {row.name: row.n for row in self.rows("\nUNION ALL ".join(parts))}
