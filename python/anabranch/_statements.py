"""Running statements with bound parameters: what all parts of the Spark API share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession


class Statements:
    """A catalog that statements are run on."""

    _spark: SparkSession
    _id: str
    """The name of the catalog, quoted."""

    def _rows(
        self, statement: str, args: Mapping[str, object] | None = None, times: Sequence[str] = ()
    ) -> list[Row]:
        """Runs a statement; `times` are columns to return as microseconds since 1970.

        Collected as they are, timestamps would be in local time, where an hour in autumn happens twice.
        """
        frame = self._spark.sql(statement, args=dict(args or {}))
        if times:
            others = f"* EXCEPT ({', '.join(times)})"
            frame = frame.selectExpr(others, *(f"unix_micros({column}) AS {column}" for column in times))
        return frame.collect()


def message_clause(message: str | None) -> tuple[str, dict[str, str]]:
    """The clause of a statement that gives the commit a message, and its parameter."""
    return ("", {}) if message is None else (" MESSAGE :message", {"message": message})
