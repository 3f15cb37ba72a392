"""What the tests of row-level statements do with tables again and again. The table is called ``t``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rows.lineage import METRICS

if TYPE_CHECKING:
    from conftest import Lake

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
"""Rows go to Parquet files, however few they are."""


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
