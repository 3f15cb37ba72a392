"""What Arrow would leave out of what users give, without a word: all of it is written, or refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pandas
import polars
import pyarrow as pa
import pytest

from anabranch import Repository

Refused = Callable[[str], Any]


def test_tables_in_turn_may_have_columns_and_types_of_their_own(repo: Repository, refused: Refused) -> None:
    """Those of a list are all known at the start; those of a generator come by and by."""
    parts = [
        pa.table({"a": [1], "n": [None]}),
        pandas.DataFrame({"b": ["x"], "a": [2.5]}),
        polars.DataFrame({"n": [7]}),
    ]
    table = repo.create_table("db.t", parts)
    assert table.to_arrow().to_pydict() == {
        "a": [1.0, 2.5, None],
        "n": [None, None, 7],
        "b": [None, "x", None],
    }
    table.append(part for part in (parts[0], parts[2]))
    assert table.to_arrow()["n"].to_pylist() == [None, None, 7, None, 7]
    for late, row in ((pa.table({"a": [2], "z": [3]}), 1), (pa.table({"a": ["x"]}), 1)):
        with refused("ANABRANCH_WRITE.VALUE") as caught:
            table.append(t for t in (pa.table({"a": [1]}), late))
        assert caught.value.parameters["row"] == str(row)
    with pytest.raises(TypeError, match="row 1 is of dict"):
        table.append([parts[0], {"a": 1}])
    assert table.count() == 5


@pytest.mark.parametrize(
    "values",
    [
        [dt.date(2026, 1, 1), pandas.NaT, dt.datetime(2026, 1, 1, 5)],
        [[dt.date(2026, 1, 1)], None, [dt.datetime(2026, 1, 1, 5)]],
        [dt.datetime(2026, 1, 1), None, pandas.Timestamp(1)],
    ],
)
@pytest.mark.parametrize("frame", [dict, pandas.DataFrame])
def test_a_time_is_not_cut_to_what_the_first_one_has(
    repo: Repository, refused: Refused, values: list[Any], frame: Callable[[Any], Any]
) -> None:
    with refused("ANABRANCH_WRITE.VALUE") as caught:
        repo.create_table("db.t", frame({"v": pandas.Series(values, dtype=object)}))
    assert (caught.value.parameters["column"], caught.value.parameters["row"]) == ("v", "2")


def test_a_decimal_has_no_more_digits_than_its_type(repo: Repository, refused: Refused) -> None:
    """DuckDB's HUGEINT is a decimal of 38 digits to Arrow, and may have 39: such a table could not be read."""
    for sql in (
        "SELECT 170141183460469231731687303715884105727 AS v",
        "SELECT [1::HUGEINT, -(99999999999999999999999999999999999999::HUGEINT + 1)] v",
    ):
        with refused("ANABRANCH_WRITE.VALUE"):
            repo.create_table("db.t", duckdb.sql(sql))
    most = Decimal("999.99")
    rows = {
        "v": pa.array([most, -most, None], pa.decimal128(5, 2)),
        "w": pa.array([most, None, None], pa.decimal32(5, 2)),
    }
    assert repo.create_table("db.t", rows).to_arrow()["w"].to_pylist() == [most, None, None]
