"""Reading rows: columns, conditions, lineage, the past, and other libraries."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from anabranch import Repository, errors
from anabranch.core.log.environment import requests
from anabranch.core.operations.scan import Reading, Scan

Refused = Callable[[str], Any]
ROWS = {
    "id": list(range(6)),
    "name": ["a", "b", "c", None, "e", "f"],
    "x": [0.5, 1.5, float("nan"), None, -0.0, 2.5],
}


@pytest.fixture(params=["inline", "files"])
def repo_with_table(request: pytest.FixtureRequest, repo: Repository) -> Repository:
    """db.t: two commits, six rows; in commits, or in Parquet files."""
    properties = {"anabranch.write.inline-rows": "0"} if request.param == "files" else {}
    data = pa.table(ROWS)
    repo.create_table("db.t", data.slice(0, 4), properties=properties)
    repo.table("db.t").append(data.slice(4))
    return repo


def test_all_rows_in_the_order_of_their_commits(repo_with_table: Repository) -> None:
    table = repo_with_table.table("db.t")
    assert table.to_arrow(["id", "name"]).to_pylist() == pa.table(ROWS).select(["id", "name"]).to_pylist()
    assert (table.count(), table.version, table.schema.names) == (6, 1, ["id", "name", "x"])


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("id > 3", [4, 5]),
        ("name IS NULL", [3]),
        ("upper(name) IN ('A', 'E')", [0, 4]),
        ("x = 0", [4]),
        ("x > 1", [1, 2, 5]),
        (pc.field("id") == 2, [2]),
        (pc.field("name").is_null() | (pc.field("id") < 1), [0, 3]),
        (duckdb.ColumnExpression("id") == duckdb.ConstantExpression(5), [5]),
    ],
    ids=str,
)
def test_conditions_are_sql_or_expressions(repo_with_table: Repository, where: Any, found: list[int]) -> None:
    table = repo_with_table.table("db.t")
    assert table.to_arrow(["id"], where).column("id").to_pylist() == found
    assert table.count(where) == len(found)


def test_a_condition_may_name_long_texts_of_any_letters(repo: Repository) -> None:
    long = ["aü" * n for n in range(1, 99)]
    table = repo.create_table("db.t", {"s": ["b", *long], "r": [{"s": x} for x in ["b", *long]]})
    assert table.to_arrow(where=pc.field("s").isin(long)).num_rows == len(long)
    assert table.to_arrow(["r"], pc.field("r", "s").isin([long[-1], "b"])).num_rows == 2
    assert table.scan_polars().filter(polars.col("s").is_in(long)).collect().height == len(long)
    assert table.to_arrow(where=f"s IN ('{long[-1]}', 'b')").num_rows == 2


def test_values_are_bound_to_conditions(repo_with_table: Repository) -> None:
    table = repo_with_table.table("db.t")
    assert table.to_arrow(["id"], "name = ?", ["b"]).to_pylist() == [{"id": 1}]
    assert table.to_arrow(["id"], "name = $n", {"n": "x' OR true --"}).to_pylist() == []


@pytest.mark.proves("ROW-1", "ROW-2")
def test_rows_tell_where_they_come_from(repo_with_table: Repository) -> None:
    table = repo_with_table.table("db.t")
    rows = table.to_arrow(["id", "_row_id", "_row_commit"]).to_pylist()
    assert [r["_row_id"] for r in rows] == list(range(6))
    assert [r["_row_commit"] for r in rows] == [2] * 4 + [3] * 2
    assert table.to_arrow(["id"], "_row_commit = 3 AND _row_id = 5").to_pylist() == [{"id": 5}]


def test_the_past_is_read_by_version_ref_and_time(repo_with_table: Repository, refused: Refused) -> None:
    table = repo_with_table.table("db.t")
    first = table.history()[-1]
    assert [h.version for h in table.history()] == [1, 0]
    assert table.at(0).count() == table.at(first.commit).count() == table.at(first.time).count() == 4
    assert table.to_arrow(ref="main~1").num_rows == 4
    with refused("ANABRANCH_TABLE.VERSION_NOT_FOUND"):
        table.at(7)
    with refused("ANABRANCH_TABLE.NOT_FOUND"):
        table.at("main~2")
    with refused("ANABRANCH_TABLE.NOT_FOUND"):
        repo_with_table.table("db.nothing")


def test_other_libraries_push_down_into_it(repo_with_table: Repository) -> None:
    table = repo_with_table.table("db.t")
    assert table.to_pandas(where="id < 2")["name"].tolist() == ["a", "b"]
    assert table.to_polars(["id"]).to_series().to_list() == [0, 1, 2, 3, 4, 5]
    lazy = table.scan_polars().filter(polars.col("id") >= 4).select("name")
    assert lazy.collect().to_series().to_list() == ["e", "f"]
    connection = duckdb.connect()
    assert table.to_duckdb(connection).filter("id % 2 = 0").aggregate("sum(id)").fetchall() == [(6,)]
    dataset = table.dataset(hidden=True)
    assert dataset.to_table(columns=["id"], filter=pc.field("_row_id") == 1).to_pylist() == [{"id": 1}]
    assert (dataset.count_rows(), dataset.head(2).num_rows) == (6, 2)


def test_queries_reach_any_number_of_tables_and_refs(repo_with_table: Repository, refused: Refused) -> None:
    repo = repo_with_table
    repo.create_tag("v1", "main~1")
    repo.create_table("db.names", {"name": ["a", "f"], "person": ["Ada", "Fay"]})
    joined = repo.sql("SELECT person FROM db.t JOIN db.names USING (name) ORDER BY person")
    assert joined.column("person").to_pylist() == ["Ada", "Fay"]
    new = repo.sql("SELECT id FROM db.t AT 'main' a ANTI JOIN db.t AT 'v1' b USING (id) ORDER BY id")
    assert new.column("id").to_pylist() == [4, 5]
    assert repo.sql("SELECT * FROM db.t WHERE id = ?", [1]).schema.names == ["id", "name", "x"]
    assert repo.sql("SELECT _row_id FROM db.t WHERE id = 4").to_pylist() == [{"_row_id": 4}]
    with refused("ANABRANCH_SQL.FAILED"):
        repo.sql("SELEC 1")
    with refused("ANABRANCH_TABLE.NOT_FOUND"):
        repo.sql("SELECT * FROM db.nothing AT 'v1'")


def test_a_column_that_is_not_there_is_named(repo_with_table: Repository, refused: Refused) -> None:
    with refused("ANABRANCH_SCHEMA.COLUMN_NOT_FOUND") as caught:
        repo_with_table.table("db.t").to_arrow(["nope"])
    assert caught.value.parameters["known"] == "id, name, x"


@pytest.mark.proves("STAT-3", "PART-2")
def test_files_that_hold_no_wanted_row_are_not_read(repo: Repository) -> None:
    rows = pa.table({"k": ["a", "b"] * 50, "id": range(100)})
    repo.create_table("db.t", rows, partition_by=["k"], properties={"anabranch.write.inline-rows": "0"})
    repo.table("db.t").append({"k": ["a"], "id": [1000]})
    table = repo.table("db.t")
    assert repo.store.folder is not None
    for file in (repo.store.folder / "data" / table.id).iterdir():
        if file.stat().st_size:
            file.rename(file.with_suffix(".gone"))
    assert table.to_arrow(where="k = 'c'").num_rows == 0
    assert table.to_arrow(where="id > 5000").num_rows == 0
    assert table.count("_row_id > 5000") == 0


def test_a_missing_file_names_itself(repo: Repository, refused: Refused) -> None:
    repo.create_table("db.t", {"id": list(range(1000))})
    table = repo.table("db.t")
    assert repo.store.folder is not None
    (file,) = (repo.store.folder / "data" / table.id).iterdir()
    file.unlink()
    with refused("ANABRANCH_DATA.FILE_MISSING") as caught:
        table.to_arrow()
    assert caught.value.parameters["file"] == file.name


def test_changes_whose_rows_are_gone_are_named_and_not_left_out(repo: Repository, refused: Refused) -> None:
    table = repo.create_table("db.t", {"id": list(range(1000))})
    assert repo.store.folder is not None
    (file,) = (repo.store.folder / "data" / table.id).iterdir()
    repo.table("db.t").delete("true")
    file.unlink()
    with refused("ANABRANCH_DATA.FILE_MISSING") as caught:
        repo.table("db.t").changes(0)
    assert caught.value.parameters["file"] == file.name
    assert repo.table("db.t").count() == 0


def test_batches_come_one_after_the_other(repo: Repository) -> None:
    repo.create_table("db.t", {"id": list(range(300_000))})
    sizes = [b.num_rows for b in repo.table("db.t").to_batches(["id"])]
    assert sum(sizes) == 300_000
    assert max(sizes) <= 128 * 1024


def seen(running: list[int], i: int) -> int:
    running.append(i)
    return i


def test_requests_ahead_keep_their_order_and_number() -> None:
    running: list[int] = []
    found = requests.ahead(range(20), lambda i: seen(running, i), 3)
    assert next(found) == 0
    assert len(running) <= 4
    assert list(found) == list(range(1, 20))


def test_a_package_that_is_not_installed_is_named(
    repo_with_table: Repository, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with refused("ANABRANCH_CLIENT.MISSING_PACKAGE") as caught:
        repo_with_table.table("db.t").to_arrow(where="id = 1")
    assert "pip install 'anabranch[duckdb]'" in caught.value.action
    assert repo_with_table.table("db.t").to_arrow(where=pc.field("id") == 1).num_rows == 1


@pytest.mark.proves("DV-3", "ROW-2")
def test_row_groups_are_left_out_and_positions_stay_right(repo: Repository) -> None:
    rows = pa.table({"id": pa.arange(0, 400_000), "s": pa.repeat("x", 400_000)})
    repo.create_table("db.t", rows)
    table = repo.table("db.t")
    assert table.delete("id % 1000 = 7") == 400
    assert table.count("true") == table.count() == 399_600
    found = table.to_arrow(["id", "_row_id"], "id BETWEEN 299999 AND 300008").to_pylist()
    assert [(r["id"], r["_row_id"]) for r in found] == [
        (i, i) for i in range(299_999, 300_009) if i != 300_007
    ]
    state = repo.resolved().state.by_name["db", "t"]
    reading = Reading(Scan(repo.store, state, ["id"], pc.field("id") == 300_000), ["id"])
    ((number, file),) = reading.scan.files()
    assert [(p.start, p.rows) for p in reading.opened(number, file).pieces()] == [(262_144, 131_072)]
    whole = Reading(Scan(repo.store, state, ["id"]), ["id"])
    assert [(p.start, p.rows) for p in whole.opened(number, file).pieces()] == [(0, 400_000)]


def test_a_wide_table_is_read_without_making_a_schema_for_each_column(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = repo.create_table("db.t", {f"c{i}": range(200) for i in range(300)})
    made = []

    class Counting(pq.ParquetFile):  # type: ignore[misc]
        @property
        def schema_arrow(self) -> pa.Schema:
            made.append(1)
            return super().schema_arrow

    monkeypatch.setattr(pq, "ParquetFile", Counting)
    assert table.to_arrow().num_columns == 300
    assert 0 < len(made) < 10


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:100] + bytes(40_000) + b[40_100:]]
)
def test_a_damaged_file_is_named(
    repo: Repository, tmp_path: Path, refused: Callable[[str], Any], damage: Callable[[bytes], bytes]
) -> None:
    repo.create_table("db.t", {"v": [f"{i * 7919 % 1_000_003}x" for i in range(50_000)]})
    (file,) = (tmp_path / "lake" / "data").rglob("*.parquet")
    file.write_bytes(damage(file.read_bytes()))
    with refused("ANABRANCH_LOG.CORRUPT_OBJECT") as caught:
        repo.table("db.t").to_arrow()
    assert caught.value.parameters["path"].endswith(file.name)
    for read in (
        lambda: repo.table("db.t").to_arrow(where="v = '1x'"),
        lambda: repo.sql("SELECT max(v) FROM db.t"),
        lambda: repo.table("db.t").update({"v": "'y'"}, "v = '1x'"),
    ):
        with refused("ANABRANCH_LOG.CORRUPT_OBJECT") as again:  # DuckDB passes on nothing but words
            read()
        assert (again.value.parameters, again.value.action) == (caught.value.parameters, caught.value.action)


@pytest.mark.parametrize("condition", sorted(errors.templates()))
def test_an_error_that_comes_through_an_engine_is_what_it_was(condition: str) -> None:
    template = errors.templates()[condition]
    places = re.findall("<([a-zA-Z]+)>", "".join(template.values()))
    raised = errors.error(condition, **{name: f"the {name} (of 1)" for name in places})
    found = errors.told_in(f"reading the stream failed: Unknown error: {raised}\nDetail: x")
    assert found is not None and (type(found), str(found)) == (type(raised), str(raised))
    assert errors.told_in("[ANABRANCH_" + "NO.SUCH] x") is errors.told_in("division by zero") is None


def test_a_file_that_may_not_be_read_is_no_permission(
    repo: Repository, monkeypatch: pytest.MonkeyPatch, refused: Callable[[str], Any]
) -> None:
    table = repo.create_table("db.t", {"v": range(1000)})

    def denied(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pa, "memory_map", denied)
    with refused("ANABRANCH_REPOSITORY.NO_PERMISSION"):
        table.to_arrow()
