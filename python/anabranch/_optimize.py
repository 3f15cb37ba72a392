"""The builder behind `anabranch.Table.optimize`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class OptimizeBuilder:
    """Which files of a table to put together. Each call gives a new builder."""

    def __init__(self, spark: SparkSession, table: str, condition: str | None = None) -> None:
        """Use `anabranch.Table.optimize`.

        Args:
            spark: the session.
            table: its name, quoted.
            condition: SQL text.
        """
        self._spark = spark
        self._table = table
        self._condition = condition

    def where(self, condition: str) -> OptimizeBuilder:
        """Only files that may hold rows for which the condition is true; of several, for which all are.

        Raises:
            TypeError: if the condition is no SQL text.
        """
        if not isinstance(condition, str):
            raise TypeError(f"a condition on files must be SQL text, and is {condition!r}")
        both = condition if self._condition is None else f"({self._condition}\n) AND ({condition}\n)"
        return OptimizeBuilder(self._spark, self._table, both)

    def executeCompaction(self) -> DataFrame:
        """Does it, as one commit; none if there is nothing to do.

        Returns:
            One row: ``table``, ``version``, ``commit`` (NULL where nothing was to do), ``files_before``,
            ``files_after``, ``bytes_before``, ``bytes_after``, ``files_removed``, ``files_added``. Rows that
            stand in a commit count as a file.

        Raises:
            AnalysisException: ANABRANCH_WRITE.OPTIMIZE_CONDITION, ANABRANCH_REF.READ_ONLY,
                ANABRANCH_COMMIT.CONFLICT if columns were changed meanwhile.
        """
        where = "" if self._condition is None else f"\nWHERE {self._condition}"
        return self._spark.sql(f"OPTIMIZE {self._table}{where}")
