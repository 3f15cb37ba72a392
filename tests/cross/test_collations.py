"""Text that a collation compares: Spark does, and the native client finds no other rows than Spark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import anabranch

pytestmark = pytest.mark.cross


def test_rows_that_are_equal_by_a_collation_are_found_by_spark_alone(new_lake: Callable[..., Any]) -> None:
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    lake.sql("CREATE TABLE {lake}.db.t (id INT, s STRING COLLATE UTF8_LCASE, b STRING COLLATE UTF8_BINARY)")
    lake.sql("INSERT INTO {lake}.db.t VALUES (1, 'Ada', 'x')")
    table = anabranch.open(lake.path).table("db.t")
    table.append({"id": [2], "s": ["ADA"], "b": ["X"]})
    assert lake.rows("SELECT count(*) FROM {lake}.db.t WHERE s = 'ada'") == [(2,)]
    assert table.to_arrow(["s"], "b = 'x'")["s"].to_pylist() == ["Ada"]
    tries: list[Callable[[], Any]] = [
        lambda: table.count("s = 'ada'"),
        lambda: table.delete("s = 'ada'"),
        lambda: table.upsert({"s": ["ada"]}, "s"),
    ]
    for wrong in tries:
        with pytest.raises(anabranch.errors.SqlCollation, match="only Spark compares"):
            wrong()
