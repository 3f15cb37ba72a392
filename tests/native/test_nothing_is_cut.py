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

import anabranch
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


def test_rows_that_are_refused_leave_the_connection_that_they_come_from(repo: Repository) -> None:
    """DuckDB takes no query while a result is open, as long as somebody keeps the error."""
    table = repo.create_table("db.t", {"v": [0]}, checks={"small": "v < 100"})
    connection = duckdb.connect()
    kept = []
    for refused in (
        lambda: repo.create_table(
            "db.n", connection.sql("SELECT 170141183460469231731687303715884105727 AS v")
        ),
        lambda: repo.create_table("db.n", connection.sql("SELECT TIME '12:00' AS v")),
        lambda: repo.create_table("db.t", connection.sql("SELECT 1 AS v")),
        lambda: repo.create_table("db.n", connection.sql("SELECT 1 AS v"), primary_key="w"),
        lambda: table.append(connection.sql("SELECT range AS v FROM range(300000)")),
        lambda: table.append(connection.sql("SELECT 1 AS w")),
        lambda: table.append(connection.sql("SELECT 1 AS v, TIME '12:00' AS w"), evolve=True),
        lambda: table.upsert(connection.sql("SELECT 1 AS v, 2 AS w"), on="v"),
    ):
        with pytest.raises(anabranch.errors.AnabranchError) as caught:
            refused()
        kept.append(caught.value)
        assert connection.sql("SELECT 7").fetchall() == [(7,)], caught.value


ZONED = dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=9)))


@pytest.mark.parametrize(
    ("values", "row"),
    [
        ([dt.datetime(2026, 1, 1), None, ZONED], 2),
        ([ZONED, dt.datetime(2026, 1, 1)], 1),
        ([0.5, None, True], 2),
        (["a", b"b"], 0),
    ],
)
@pytest.mark.parametrize("frame", [dict, pandas.DataFrame])
def test_values_of_another_kind_than_others_are_not_made_into_theirs(
    repo: Repository, refused: Refused, values: list[Any], row: int, frame: Callable[[Any], Any]
) -> None:
    """Arrow takes a time without a zone for one of UTC, True for 1.0, and texts for bytes."""
    with refused("ANABRANCH_WRITE.VALUE") as caught:
        repo.create_table("db.t", frame({"v": pandas.Series(values, dtype=object)}))
    assert (caught.value.parameters["column"], caught.value.parameters["row"]) == ("v", str(row))


def mapped(t: pa.DataType) -> pa.DataType:
    return pa.map_(pa.string(), t)


@pytest.mark.parametrize(
    ("values", "type", "row"),
    [
        ([Decimal(1), 1.5], pa.int32(), 1),
        ([{"k": 1.0}, {"k": 1.5}], mapped(pa.int64()), 1),
        ([{"k": 1e39}], mapped(pa.float32()), 0),
        ([{"k": True}], mapped(pa.float64()), 0),
        ([{"k": b"x"}], mapped(pa.string()), 0),
        ([{"k": ZONED}], mapped(pa.timestamp("us")), 0),
        ([{"k": dt.datetime(2026, 1, 1)}], mapped(pa.timestamp("us", "UTC")), 0),
        ([{1: "x"}, {1.5: "x"}], pa.map_(pa.int64(), pa.string()), 1),
        ([[{"k": 1}], [{"k": float("nan")}]], pa.list_(mapped(pa.int8())), 1),
        ([{"x": 1.5, "m": {}}], pa.struct([("x", pa.int64()), ("m", mapped(pa.int8()))]), 0),
    ],
)
@pytest.mark.parametrize("frame", [dict, pandas.DataFrame])
def test_nor_does_the_type_of_the_column_cut_values(
    repo: Repository,
    refused: Refused,
    values: list[Any],
    type: pa.DataType,
    row: int,
    frame: Callable[[Any], Any],
) -> None:
    table = repo.create_table("db.t", pa.schema([("v", type)]))
    with refused("ANABRANCH_WRITE.VALUE") as caught:
        table.append(frame({"v": pandas.Series(values, dtype=object)}))
    told = caught.value.parameters
    assert (told["column"].split(".")[0], told["row"]) == ("v", str(row))
    assert table.count() == 0


def test_maps_come_back_from_pandas(repo: Repository) -> None:
    rows = pa.table({"i": [1, 2, 3], "m": pa.array([[("k", 1)], None, []], mapped(pa.int64()))})
    table = repo.create_table("db.t", rows)
    table.append(table.to_pandas())
    table.append(pandas.DataFrame({"i": [4], "m": [{"k": 5}]}))
    assert table.to_arrow()["m"].to_pylist() == [*2 * rows["m"].to_pylist(), [("k", 5)]]


def test_a_level_of_an_index_is_not_lost_behind_a_column_of_its_name(
    repo: Repository, refused: Refused
) -> None:
    frame = pandas.DataFrame({"v": [1, 2]}, index=pandas.Index([7, 8], name="v"))
    with refused("ANABRANCH_SCHEMA.COLUMN_EXISTS"):
        repo.create_table("db.t", frame)
    kept = pandas.DataFrame({"v": [1, 2]}).set_index("v", drop=False)
    assert repo.create_table("db.t", kept).to_arrow()["v"].to_pylist() == [1, 2]


@pytest.mark.parametrize("rows", [3, 300])
def test_text_that_nobody_could_read_is_refused(repo: Repository, refused: Refused, rows: int) -> None:
    data = [b"a"] * rows
    data[1] = b"Z\xfcrich"
    texts = pa.array(data, pa.binary()).view(pa.string())
    with refused("ANABRANCH_WRITE.VALUE") as caught:
        repo.create_table("db.t", pa.table({"v": texts}))
    assert (caught.value.parameters["row"], caught.value.parameters["value"]) == ("1", repr(data[1]))


HALF = "x\ud800"


@pytest.mark.parametrize(
    "use",
    [
        lambda repo: repo.create_namespace("n", message=HALF),
        lambda repo: repo.transaction(metadata={"k": HALF}).__enter__(),
        lambda repo: repo.create_namespace(HALF),
        lambda repo: repo.create_branch(HALF),
        lambda repo: repo.create_tag(HALF),
        lambda repo: repo.table("db.t", ref=HALF),
        lambda repo: repo.table(f"db.{HALF}"),
        lambda repo: repo.create_table("db.t", {HALF: [1]}),
        lambda repo: repo.sql(f"SELECT '{HALF}'"),
    ],
)
def test_half_a_surrogate_pair_is_no_text(
    repo: Repository, refused: Refused, use: Callable[[Repository], Any]
) -> None:
    with refused("ANABRANCH_CLIENT.INVALID_TEXT") as caught:
        use(repo)
    str(caught.value).encode()
    assert "x\\ud800" in str(caught.value)


def test_nor_is_it_one_where_columns_and_places_are_named(repo: Repository, refused: Refused) -> None:
    table = repo.create_table("db.t", {"a": ["b"]})
    for use in (table.rename_column, lambda _, name: table.add_column(name, pa.int8())):
        with refused("ANABRANCH_CLIENT.INVALID_TEXT"):
            use("a", HALF)
    with refused("ANABRANCH_WRITE.VALUE"):
        table.append({"a": [HALF]})
    with refused("ANABRANCH_SCHEMA.COLUMN_NOT_FOUND") as caught:
        table.to_arrow([HALF])
    str(caught.value).encode()
    with refused("ANABRANCH_REPOSITORY.INVALID_LOCATION"):
        anabranch.open(f"/nowhere/{HALF}")
