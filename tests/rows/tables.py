"""What the tests of row-level statements do with tables again and again. The table is called ``t``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conftest import Lake

from rows.lineage import METRICS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MODES = ["merge-on-read", "copy-on-write"]

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
"""Rows go to Parquet files, however few they are."""

BOTH = "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
"""Clauses of a MERGE that takes all rows of the source."""


@dataclass(frozen=True)
class InMode(Lake):
    """A repository whose tables are created in a mode of writing."""

    mode: str = MODES[0]

    def sql(self, text: str, **args: Any) -> DataFrame:
        return super().sql(in_mode(text, self.mode), **args)


def in_mode(text: str, mode: str) -> str:
    """A CREATE TABLE with the table's mode of writing among its properties; any other statement as it is."""
    if (
        mode == MODES[0]
        or "anabranch.write.mode" in text
        or not re.match(r"\s*CREATE (OR REPLACE )?TABLE ", text)
    ):
        return text
    given = f"'anabranch.write.mode' = '{mode}'"
    if "TBLPROPERTIES (" in text:
        return text.replace("TBLPROPERTIES (", f"TBLPROPERTIES ({given}, ", 1)
    head, separator, query = text.partition(" AS ")
    return f"{head} TBLPROPERTIES ({given}){separator}{query}"


def create(lake: Lake, columns: str, values: str, tail: str = FILES) -> None:
    """A table t with rows; `tail` ends its CREATE TABLE."""
    lake.sql(f"CREATE TABLE t ({columns}) {tail}")
    lake.sql(f"INSERT INTO t VALUES {values}")


def table(lake: Lake, what: str = "*", of: str = "t") -> list[tuple[Any, ...]]:
    """The rows of a table, ordered by its first column."""
    return lake.rows(f"SELECT {what} FROM {of} ORDER BY 1")


def lineage_of(lake: Lake, key: str = "id", of: str = "t") -> dict[Any, tuple[int, int]]:
    """Row id and row commit by a column that tells rows apart."""
    return {k: (i, c) for k, i, c in lake.rows(f"SELECT {key}, _row_id, _row_commit FROM {of}")}


def counts(lake: Lake, of: str = "t") -> tuple[int, int, int]:
    """How many rows the last version inserted, updated, deleted, as its history says."""
    metrics = lake.rows(f"DESCRIBE HISTORY {of} LIMIT 1")[0][5]
    inserted, updated, deleted = (metrics.get(name, 0) for name in METRICS)
    return inserted, updated, deleted


def operations(lake: Lake, of: str = "t") -> list[str]:
    """What made the versions of a table, oldest first."""
    return [r[3] for r in reversed(lake.rows(f"DESCRIBE HISTORY {of}"))]


@contextmanager
def no_commit(lake: Lake) -> Iterator[None]:
    """Nothing is committed meanwhile, on any branch."""
    before = lake.rows("SHOW BRANCHES IN {lake}")
    yield
    assert lake.rows("SHOW BRANCHES IN {lake}") == before
