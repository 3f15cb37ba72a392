"""A table as a dataset of Arrow and a lazy frame of Polars, and conditions of all sorts."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from polars import col

import anabranch
from anabranch import Repository, Table
from anabranch.core.operations.scan import Scan

Refused = Callable[[str], Any]

ROWS = pa.table(
    {
        "name": ["a", "b", None, "d"],
        "id": [1, 2, 3, 4],
        "x": [1.5, math.nan, None, math.inf],
        "s": [{"x": math.nan}, {"x": 1.0}, None, {"x": None}],
    }
)


@pytest.fixture(params=["one commit", "a file for each row"])
def table(repo: Repository, request: pytest.FixtureRequest) -> Table:
    if request.param == "one commit":
        return repo.create_table("db.t", ROWS)
    made = repo.create_table("db.t", ROWS.schema, properties={"anabranch.write.inline-rows": "0"})
    for i in range(ROWS.num_rows):
        made.append(ROWS.slice(i, 1))
    return made


def ids(rows: pa.Table) -> list[Any]:
    return sorted(rows.column("id").to_pylist())


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (pc.field(1) == 3, [3]),
        (pc.field(0) == "d", [4]),
        (pc.field("x").is_null(nan_is_null=True), [2, 3]),
        (pc.field("x") < 2, [1]),
        (pc.field("s", "x") == 1, [2]),
        (pc.field("_row_id") == 1, [2]),
        (duckdb.ColumnExpression("id") == duckdb.ConstantExpression(2), [2]),
        ("x > 2", [2, 4]),
        ("ID = 1 OR name IS NULL -- a remark", [1, 3]),
        ("id IN (SELECT max(id) FROM t)", [4]),
    ],
    ids=str,
)
def test_a_condition_finds_the_same_rows_whatever_columns_are_read(
    table: Table, condition: Any, found: list[int]
) -> None:
    assert ids(table.to_arrow(["id"], condition)) == found
    assert table.count(condition) == len(found)
    assert table.to_arrow([], condition).num_rows == len(found)
    assert ids(table.to_arrow(where=condition)) == found


@pytest.mark.parametrize(
    "condition",
    [
        col("x") > 2,
        ~(col("x") > 2),
        col("x") == math.nan,
        col("x") < math.nan,
        col("x") != math.nan,
        (col("x") >= math.inf) | (col("id") == 1),
        col("x").is_in([math.nan, 1.5]),
        col("s").struct.field("x") == math.nan,
        col("name").is_in(["a", None]),
        col("name").ne_missing("a"),
        col("id").is_between(2, 3) & col("x").is_null(),
    ],
    ids=str,
)
def test_a_lazy_frame_tells_of_nan_and_null_what_frames_do(table: Table, condition: polars.Expr) -> None:
    frame = polars.DataFrame(ROWS)
    lazy = table.scan_polars()
    assert lazy.filter(condition).sort("id").collect().equals(frame.filter(condition), null_equal=True)
    assert lazy.filter(condition).select("name").collect().height == frame.filter(condition).height
    assert lazy.head(2).filter(condition).collect().height <= 2


def test_a_lazy_frame_finds_negative_zeros_where_frames_do(repo: Repository) -> None:
    frame = polars.DataFrame({"f": [-0.0, 0.0, 1.0], "i": [1, 2, 3]})
    lazy = repo.create_table("db.zeros", frame).scan_polars()
    for condition in (col("f").is_in([0.0, 1.0]), col("f") == 0, col("f") < 0):
        assert lazy.filter(condition).collect().equals(frame.filter(condition))


def test_a_lazy_frame_reads_no_more_than_is_asked_for(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch by batch, so that what Polars streams stays in bounded memory."""
    made = repo.create_table("db.long", {"id": range(300_000), "x": [0.5] * 300_000})
    given: list[tuple[int, list[str]]] = []
    batches = Scan.batches

    def seen(self: Scan, *files: Any) -> Any:
        for batch in batches(self, *files):
            given.append((batch.num_rows, batch.schema.names))
            yield batch

    monkeypatch.setattr(Scan, "batches", seen)
    assert made.scan_polars().select("id").head(5).collect().height == 5
    assert len(given) == 1 and given.pop()[1] == ["id"]
    assert made.scan_polars().filter(col("id") == 7).collect().height == 1
    assert [rows for rows, _ in given] == [1]
    given.clear()
    assert made.scan_polars().filter(col("id") >= 0).select(polars.len()).collect().item() == 300_000
    assert len(given) >= 3 and max(rows for rows, _ in given) <= 128 * 1024


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_rows_of_a_lazy_frame_are_numbered_without_a_column(table: Table, engine: Any) -> None:
    numbered = table.scan_polars().with_row_index()
    assert numbered.select("index").collect(engine=engine)["index"].to_list() == [0, 1, 2, 3]
    few = numbered.filter(col("index") > 2).select("index").collect(engine=engine)
    assert few["index"].to_list() == [3]


def test_a_dataset_names_a_column_that_is_not_there(table: Table, refused: Refused) -> None:
    with refused("ANABRANCH_SCHEMA.COLUMN_NOT_FOUND") as caught:
        table.dataset().to_table(columns=["id", "nope"])
    assert caught.value.parameters["column"] == "nope"


def test_times_that_can_not_be_compared_are_an_error(repo: Repository, refused: Refused) -> None:
    made = repo.create_table("db.times", {"z": [datetime(2026, 1, 1, tzinfo=timezone.utc)]})
    with refused("ANABRANCH_SQL.FAILED"):
        made.to_arrow(where=pc.field("z") > datetime(2025, 1, 1))
    assert made.count(pc.field("z") > datetime(2025, 1, 1, tzinfo=timezone.utc)) == 1


def test_rows_without_columns_are_counted_all_the_same(table: Table) -> None:
    assert table.to_arrow([]).num_rows == 4
    assert sum(b.num_rows for b in table.to_batches([], "id > 1")) == 3
    assert table.dataset().scanner(columns=[]).to_table().num_rows == 4


def test_columns_may_be_one_name_or_named_twice(repo: Repository, table: Table) -> None:
    assert table.to_arrow("id").column_names == ["id"]
    assert table.to_arrow(["id", "ID"], "id = 1").column_names == ["id", "id"]
    made = repo.create_table("db.p", ROWS, partition_by="name", primary_key="id")
    assert made.detail().partition_columns == ("name",)


def test_conditions_of_arrow_choose_what_is_changed(table: Table) -> None:
    assert table.update({"name": "'new'"}, pc.field("name").is_null()) == 1
    assert table.delete(pc.field("x").is_nan()) == 1
    assert set(zip(*table.to_arrow(["id", "name"]).to_pydict().values(), strict=True)) == {
        (1, "a"),
        (3, "new"),
        (4, "d"),
    }


@pytest.mark.parametrize("condition", [pc.field("nope") == 1, pc.field("name") > 5, "nope = 1", "id =", " "])
def test_a_condition_that_makes_no_sense_is_an_error(table: Table, refused: Refused, condition: Any) -> None:
    with refused("ANABRANCH_SQL.FAILED"):
        table.to_arrow(where=condition)


@pytest.mark.parametrize("condition", [[("id", "=", 1)], col("id") == 1, 5])
def test_a_condition_of_something_else_is_refused(table: Table, condition: Any) -> None:
    with pytest.raises(TypeError, match="a condition is SQL"):
        table.to_arrow(where=condition)
    with pytest.raises(TypeError, match="a condition is SQL"):
        table.delete(condition)


def test_parameters_may_be_numbers_of_numpy(repo: Repository, table: Table) -> None:
    assert ids(table.to_arrow(where="id = ?", parameters=[numpy.int32(2)])) == [2]
    assert repo.sql("SELECT id FROM db.t WHERE id = $n", {"n": numpy.float64(3)}).num_rows == 1
    with pytest.raises(TypeError, match="parameters are a list"):
        table.count("name = ?", "ab")


def test_conditions_read_no_files_and_see_no_variables(
    repo: Repository, table: Table, refused: Refused, tmp_path: Path
) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("id\n1\n")
    with refused("ANABRANCH_SQL.FAILED"):
        table.to_arrow(where=f"id IN (SELECT id FROM read_csv('{file}'))")
    with refused("ANABRANCH_SQL.FAILED"):
        repo.create_table(
            "db.c", {"a": [1]}, checks={"c": f"true); COPY (SELECT 1) TO '{tmp_path}/x.csv'; SELECT (1"}
        )
    assert not (tmp_path / "x.csv").exists()
    for name in ("names", "connection", "query"):
        with refused("ANABRANCH_SQL.FAILED"):
            table.to_arrow(where=f"id IN (SELECT id FROM {name})")
        with refused("ANABRANCH_SQL.FAILED"):
            repo.sql(f"SELECT * FROM {name}")


def test_a_dataset_does_what_those_of_arrow_do(table: Table, tmp_path: Path) -> None:
    dataset = table.dataset()
    some = dataset.filter(pc.field("id") > 1).filter(pc.field("id") < 4)
    assert (some.count_rows(), ids(some.to_table()), some.head(1).num_rows) == (2, [2, 3], 1)
    assert some.scanner(filter=pc.field("id") != 2).count_rows() == 1
    assert dataset.take([0, 3]).num_rows == 2
    assert dataset.sort_by([("id", "descending")]).head(1).column("id").to_pylist() == [4]
    assert some.filter(pc.field("id") == 2).to_table(columns=["id"]).to_pylist() == [{"id": 2}]
    other = ds.dataset(pa.table({"id": [1], "other": ["x"]}))
    narrow = table.dataset().filter(pc.field("id") < 3)
    assert ids(ds.dataset(narrow.to_table(columns=["id"])).join(other, "id").to_table()) == [1, 2]
    ds.write_dataset(dataset.scanner(columns=["id"]), tmp_path / "copy", format="parquet")
    assert ids(ds.dataset(tmp_path / "copy").to_table()) == [1, 2, 3, 4]


def test_what_would_read_files_by_themselves_is_refused_and_does_not_crash(table: Table) -> None:
    with pytest.raises(FileNotFoundError, match="which rows are deleted"):
        ds.Scanner.from_dataset(table.dataset()).to_table()
    for wrong in (
        lambda d: d.to_table(columns={"x": pc.field("id") + 1}),
        lambda d: list(d.get_fragments()),
        lambda d: d.replace_schema(ROWS.schema),
        lambda d: d.__reduce__(),
    ):
        with pytest.raises(NotImplementedError):
            wrong(table.dataset())


def test_a_table_is_what_takes_streams_of_arrow_reads(repo: Repository, table: Table) -> None:
    assert ids(pa.table(table)) == [1, 2, 3, 4]
    assert polars.DataFrame(table).height == 4
    assert anabranch.open(repo.root).table("db.t").append(table.at(table.version)) == 4


def test_a_nan_is_no_change_of_a_nan_wherever_it_stands(repo: Repository) -> None:
    made = repo.create_table(
        "db.n", {"x": [math.nan], "l": [[math.nan, 1.0]], "s": [{"x": math.nan}], "t": [(1, 2)]}
    )
    made.update({"x": "x"})
    assert made.cell_changes(0).num_rows == 0
    made.update({"l": "[l[1], 2.0]", "s": "{'x': 1.0}"})
    assert made.cell_changes(0).column("column").to_pylist() == ["l", "s"]


def test_batches_have_at_most_the_rows_that_are_asked_for(repo: Repository) -> None:
    table = repo.create_table("db.t", {"id": range(1000)})
    table.append({"id": range(1000, 1005)})
    dataset = table.dataset()
    for batches in (
        dataset.to_batches(batch_size=400),
        dataset.scanner(batch_size=400).to_batches(),
    ):
        sizes, rows = [], []
        for batch in batches:
            sizes.append(batch.num_rows)
            rows += batch.column("id").to_pylist()
        assert sizes == [400, 400, 200, 5] and rows == list(range(1005))
    assert [b.num_rows for b in dataset.to_batches(columns=[], batch_size=1000)] == [1000, 5]
    with pytest.raises(ValueError, match="at least one row"):
        dataset.to_batches(batch_size=0)
