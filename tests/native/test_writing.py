"""Writing rows: from anything that has them, in one commit, checked before anything is seen."""

from __future__ import annotations

import datetime as dt
import errno
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow as pa
import pytest

import anabranch
from anabranch import Repository
from anabranch.core.format.arrow import arrow_schema
from anabranch.core.operations import packing
from anabranch.core.operations.scan import numbered_files
from anabranch.core.store.drafts import DraftFile

Refused = Callable[[str], Any]

EVERY_TYPE = pa.table(
    {
        "bool": [True, None, False],
        "byte": pa.array([1, None, -128], pa.int8()),
        "short": pa.array([1, None, -5], pa.int16()),
        "integer": pa.array([1, None, -5], pa.int32()),
        "long": pa.array([2**62, None, -5], pa.int64()),
        "float": pa.array([1.5, None, float("inf")], pa.float32()),
        "double": pa.array([1.5, None, -0.0], pa.float64()),
        "decimal": pa.array([Decimal("1.20"), None, Decimal("-99999999.99")], pa.decimal128(10, 2)),
        "big": pa.array([Decimal(10) ** 30, None, Decimal(0)], pa.decimal128(38, 4)),
        "string": ["ä", None, "😀" * 40],
        "binary": [b"\x00\xff", None, b""],
        "date": [dt.date(2026, 1, 31), None, dt.date(1969, 12, 31)],
        "timestamp": pa.array(
            [dt.datetime(2026, 1, 31, 1, 2, 3, 4), None, dt.datetime(1960, 1, 1)], pa.timestamp("us", "UTC")
        ),
        "ntz": pa.array(
            [dt.datetime(2026, 1, 31, 1, 2, 3, 4), None, dt.datetime(1960, 1, 1)], pa.timestamp("us")
        ),
        "list": [[1, None], None, []],
        "struct": [{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}],
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
        "deep": pa.array(
            [[{"m": [("k", [1, 2])]}], None, [None]],
            pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.list_(pa.int64())))])),
        ),
    }
)


@pytest.mark.proves("FILE-1", "FILE-2", "VAL-1")
@pytest.mark.parametrize("inline", ["100", "0"])
def test_every_type_comes_back(repo: Repository, inline: str) -> None:
    table = repo.create_table("db.t", EVERY_TYPE, properties={"anabranch.write.inline-rows": inline})
    assert table.to_arrow().equals(EVERY_TYPE)
    assert table.schema == EVERY_TYPE.schema
    assert any(f.is_inline for f in repo.resolved().state.by_name["db", "t"].files.files.values()) == (
        inline == "100"
    )


@pytest.mark.parametrize(
    "rows",
    [
        {"id": [1, 2], "name": ["a", "b"]},
        [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        pa.record_batch({"id": [1, 2], "name": ["a", "b"]}),
        pa.table({"name": ["a", "b"], "id": pa.array([1, 2], pa.int8())}).to_reader(),
        pandas.DataFrame({"id": [1, 2], "name": ["a", "b"]}),
        polars.DataFrame({"id": [1, 2], "name": ["a", "b"]}),
        pa.table({"ID": pa.array([1, 2], pa.uint32()), "Name": pa.array(["a", "b"]).dictionary_encode()}),
    ],
    ids=["columns", "rows", "batch", "reader", "pandas", "polars", "other types and case"],
)
def test_rows_come_from_anything_that_has_them(repo: Repository, rows: Any) -> None:
    repo.create_table("db.t", pa.schema([("id", pa.int64()), ("name", pa.string())]))
    assert repo.table("db.t").append(rows) == 2
    assert repo.table("db.t").to_arrow().to_pydict() == {"id": [1, 2], "name": ["a", "b"]}


def test_a_column_that_is_left_out_is_null(repo: Repository) -> None:
    repo.create_table("db.t", {"id": [1], "name": ["a"]}).append({"id": [2]})
    assert repo.table("db.t").to_arrow().column("name").to_pylist() == ["a", None]


@pytest.mark.parametrize(
    ("rows", "column", "row", "value"),
    [
        ({"id": [1, 2**40]}, "id", "1", str(2**40)),
        ({"id": [None, "x"]}, "id", "1", "'x'"),
        ({"id": [1, 1.5]}, "id", "1", "1.5"),
        ({"id": [1], "day": [dt.datetime(2026, 1, 1)]}, "day", "0", "datetime.datetime(2026, 1, 1, 0, 0)"),
        ({"id": [1, 2], "must": ["a", None]}, "must", "1", "NULL"),
    ],
    ids=["too large", "text for a number", "fraction for a whole number", "time for a date", "NULL"],
)
def test_a_wrong_value_is_named_with_its_column_and_row(
    repo: Repository, rows: Any, column: str, row: str, value: str, refused: Refused
) -> None:
    fields = [
        pa.field("id", pa.int32()),
        pa.field("day", pa.date32()),
        pa.field("must", pa.string(), nullable=False),
    ]
    repo.create_table("db.t", pa.schema(fields))
    with refused("ANABRANCH_WRITE.VALUE") as caught:
        repo.table("db.t").append({"must": ["a"] * len(rows["id"])} | rows)
    told = caught.value.parameters
    assert (told["column"], told["row"], told["value"]) == (column, row, value)
    assert repo.table("db.t").version == 0


def test_a_column_that_the_table_does_not_have(repo: Repository, refused: Refused) -> None:
    repo.create_table("db.t", {"id": [1]})
    with refused("ANABRANCH_SCHEMA.COLUMN_NOT_FOUND"):
        repo.table("db.t").append({"id": [1], "name": ["a"]})
    with refused("ANABRANCH_SCHEMA.COLUMN_EXISTS"):
        repo.table("db.t").append(pa.table([[1], [2]], names=["id", "ID"]))
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_TYPE"):
        repo.create_table("db.u", pa.schema([("x", pa.duration("s"))]))
    with refused("ANABRANCH_SCHEMA.RESERVED_NAME"):
        repo.create_table("db.u", {"_row_id": [1]})


def test_new_columns_come_with_the_rows_that_need_them(repo: Repository) -> None:
    repo.create_table("db.t", {"id": pa.array([1], pa.int32())})
    repo.table("db.t").append({"id": [2**40], "name": ["a"]}, evolve=True)
    table = repo.table("db.t")
    assert table.to_arrow().to_pydict() == {"id": [1, 2**40], "name": [None, "a"]}
    assert (table.schema.field("id").type, table.version) == (pa.int64(), 1)


@pytest.mark.proves("CON-1")
def test_checks_hold(repo: Repository, refused: Refused) -> None:
    repo.create_table("db.t", {"id": [1]}, checks={"positive": "id > 0"})
    with refused("ANABRANCH_WRITE.CHECK_VIOLATED") as caught:
        repo.table("db.t").append({"id": [2, -3]})
    assert (caught.value.parameters["constraint"], caught.value.parameters["row"]) == (
        "positive",
        "{'id': -3}",
    )
    with refused("ANABRANCH_WRITE.CHECK_VIOLATED"):
        repo.table("db.t").update({"id": "-id"})
    repo.table("db.t").append({"id": [None]})
    assert repo.resolved().state.by_name["db", "t"].metadata.writer_features == {"check-constraints"}


def test_overwrite_puts_rows_in_the_place_of_all(repo: Repository) -> None:
    repo.create_table("db.t", {"id": [1, 2]}).overwrite({"id": [9]})
    assert repo.table("db.t").to_arrow().column("id").to_pylist() == [9]
    assert repo.show().metrics == {"rows_inserted": 1, "rows_deleted": 2}
    assert repo.table("db.t").at(0).count() == 2


@pytest.fixture(params=["inline", "files"])
def numbers(request: pytest.FixtureRequest, repo: Repository) -> Repository:
    """db.t with ids 0 to 9."""
    properties = {"anabranch.write.inline-rows": "0"} if request.param == "files" else {}
    repo.create_table("db.t", {"id": list(range(10)), "s": list("abcdefghij")}, properties=properties)
    return repo


def lineage(repo: Repository) -> dict[int, tuple[str, int, int]]:
    rows = repo.table("db.t").to_arrow(["id", "s", "_row_id", "_row_commit"]).to_pylist()
    return {r["id"]: (r["s"], r["_row_id"], r["_row_commit"]) for r in rows}


@pytest.mark.proves("DV-1", "DV-3", "DV-5")
def test_deleted_rows_are_gone(numbers: Repository) -> None:
    table = numbers.table("db.t")
    assert (table.delete("id % 3 = 0"), table.count()) == (4, 6)
    assert table.delete("id = 100") == 0
    assert sorted(lineage(numbers)) == [1, 2, 4, 5, 7, 8]
    assert table.version == 1, "deleting nothing is no commit"
    assert table.delete("true") == 6
    assert numbers.resolved().state.by_name["db", "t"].files.files == {}


@pytest.mark.proves("ROW-4")
def test_changed_rows_keep_their_ids_and_tell_the_commit(numbers: Repository) -> None:
    table = numbers.table("db.t")
    assert table.update({"s": "upper(s) || ?"}, "id >= 8", ["!"]) == 2
    rows = lineage(numbers)
    assert [rows[i] for i in (7, 8, 9)] == [("h", 7, 2), ("I!", 8, 3), ("J!", 9, 3)]
    table.update({"s": "'again'"}, "id = 9")
    assert lineage(numbers)[9] == ("again", 9, 4)
    assert table.count("_row_id = 9") == 1


def test_an_upsert_changes_and_adds(numbers: Repository) -> None:
    table = numbers.table("db.t")
    done = table.upsert({"id": [1, 20], "s": ["B", "new"]}, on="id")
    assert done == {"rows_inserted": 1, "rows_updated": 1, "rows_deleted": 0}
    rows = lineage(numbers)
    assert (rows[1], rows[20][0], len(rows)) == (("B", 1, 3), "new", 11)
    assert rows[20][1] not in range(11), "an id that no other row had"


def test_a_merge_deletes_leaves_and_keeps_what_is_not_given(numbers: Repository, refused: Refused) -> None:
    table = numbers.table("db.t")
    assert table.merge({"id": [1, 50]}, on="id", matched="delete", not_matched=None)["rows_deleted"] == 1
    assert table.merge({"id": [2, 60], "s": ["x", "y"]}, on="id", matched=None)["rows_inserted"] == 1
    assert table.merge({"id": [3]}, on="id")["rows_updated"] == 1
    rows = lineage(numbers)
    assert (sorted(rows), rows[2][0], rows[3][0], rows[60][0]) == (
        [0, 2, 3, 4, 5, 6, 7, 8, 9, 60],
        "c",
        "d",
        "y",
    )
    with refused("ANABRANCH_WRITE.DUPLICATE_KEY"):
        table.upsert({"id": [5, 5], "s": ["p", "q"]}, on="id")


@pytest.mark.proves("COL-1", "COL-2", "COL-3", "COL-4")
def test_columns_change_without_touching_files(numbers: Repository, refused: Refused) -> None:
    table = numbers.table("db.t")
    table.rename_column("s", "letter")
    table.add_column("s", pa.int32(), comment="another one")
    table.append({"id": [10], "letter": ["k"], "s": [7]})
    table.widen_column("s", pa.int64())
    assert table.to_arrow(where="id >= 9").to_pydict() == {
        "id": [9, 10],
        "letter": ["j", "k"],
        "s": [None, 7],
    }
    table.drop_column("s")
    table.add_column("s", pa.string())
    assert table.to_arrow(["s"], "id = 10").to_pylist() == [{"s": None}], "a dropped column never comes back"
    physical = [c.physical for c in numbers.resolved().state.by_name["db", "t"].metadata.columns]
    assert physical == ["id", "s", "s~2"]
    for change in (
        lambda: table.widen_column("id", pa.int32()),
        lambda: table.widen_column("id", pa.string()),
    ):
        with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"):
            change()


def test_an_earlier_state_comes_back(numbers: Repository) -> None:
    table = numbers.table("db.t")
    before = lineage(numbers)
    table.delete("id < 5")
    table.add_column("x", pa.int32())
    done = table.restore(0)
    assert (done.rows, done.version) == (10, 3)
    assert lineage(numbers) == before
    table.add_column("x", pa.string())
    assert numbers.resolved().state.by_name["db", "t"].metadata.columns[-1].physical == "x~1"


@pytest.mark.proves("PART-1", "PART-2")
def test_files_are_cut_by_partition(repo: Repository) -> None:
    days = [dt.date(2026, 1, 1), dt.date(2026, 1, 31), dt.date(2026, 2, 1), None]
    rows = pa.table({"day": days * 50, "id": range(200)})
    properties = {"anabranch.write.inline-rows": "0"}
    table = repo.create_table(
        "db.t", rows, partition_by=["months(day)", "bucket(2, id)"], properties=properties
    )
    files = repo.resolved().state.by_name["db", "t"].files.files.values()
    months = {f.partition["months(day)"].value if "months(day)" in f.partition else None for f in files}
    assert months == {672, 673, None}
    assert {f.partition["bucket[2](id)"].value for f in files} == {0, 1}
    assert sorted(table.to_arrow().column("id").to_pylist()) == list(range(200))


@pytest.mark.proves("STAT-1", "STAT-2", "TAB-4", "MAN-2")
def test_many_files_stand_in_a_manifest_with_their_bounds(repo: Repository) -> None:
    properties = {"anabranch.write.inline-rows": "0"}
    rows = pa.table({"k": range(120), "x": [float("nan"), 1.0] * 60, "s": ["z" * 50] * 120})
    repo.create_table("db.t", rows, partition_by=["k"], properties=properties)
    again = anabranch.open(repo.store)
    state = again.resolved().state.by_name["db", "t"]
    files = numbered_files(state)
    assert len(files) == 120
    change = again.states.log.commit(again.resolved().state.id).commit.tables[state.id]
    assert (change.add, len(change.manifests)) == ([], 1)
    stats = next(f for f in files if f.partition["k"].value == 0).stats
    assert (stats["x"].max, stats["s"].max) == (None, ("text", "z" * 31 + "{"))
    ids = again.table("db.t").to_arrow(["k", "_row_id"]).to_pydict()
    assert sorted(ids["_row_id"]) == list(range(120))


def test_a_failure_in_the_middle_leaves_no_commit(repo: Repository, tmp_path: Path) -> None:
    repo.create_table("db.t", {"id": [1]})

    def batches() -> Any:
        yield pa.record_batch({"id": list(range(200_000))})
        raise KeyboardInterrupt

    schema = pa.schema([("id", pa.int64())])
    with pytest.raises(KeyboardInterrupt):
        repo.table("db.t").append(pa.RecordBatchReader.from_batches(schema, batches()))
    assert (repo.table("db.t").count(), repo.table("db.t").version) == (1, 0)
    assert list((tmp_path / "lake" / "data").rglob("*.parquet*")) == [], "nor half a file"


def test_schemas_of_arrow_are_those_of_the_format(repo: Repository) -> None:
    repo.create_table("db.t", EVERY_TYPE.schema)
    columns = repo.resolved().state.by_name["db", "t"].metadata.columns
    assert arrow_schema(columns) == EVERY_TYPE.schema
    assert [c.type for c in columns[:5]] == ["boolean", "byte", "short", "integer", "long"]


def test_rows_become_the_same_files_however_they_are_brought_and_keep_their_order(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are packed beside the thread that brings the rows; limits as they would be for a large table."""
    monkeypatch.setattr(packing, "PENDING_BYTES", 4_000)
    monkeypatch.setattr(packing, "MAX_UNPACKED_BYTES", 20_000)
    monkeypatch.setattr(packing, "MAX_WAITING_BYTES", 30_000)
    rows = pa.table({"id": range(20_000), "text": [str(i) * 3 for i in range(20_000)]})
    sizes = []
    for name in ("db.a", "db.b"):
        table = repo.create_table(name, rows.to_reader(500))
        assert table.to_arrow().equals(rows)
        sizes.append([f.rows for f in numbered_files(table._state)])
    assert sizes[0] == sizes[1] and len(sizes[0]) > 10 and sum(sizes[0]) == 20_000


def test_rows_that_can_not_be_stored_are_told_whichever_file_they_were_for(
    repo: Repository, monkeypatch: pytest.MonkeyPatch, refused: Refused, tmp_path: Path
) -> None:
    monkeypatch.setattr(packing, "MAX_UNPACKED_BYTES", 1_000)
    table = repo.create_table("db.t", pa.schema([("id", pa.int64())]))
    write = DraftFile.write

    def full(draft: DraftFile, data: bytes) -> int:
        if draft.size:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(draft, data)

    monkeypatch.setattr(DraftFile, "write", full)
    with refused("ANABRANCH_REPOSITORY.STORE_FAILED") as caught:
        table.append(pa.table({"id": range(10_000)}))
    assert "No space left on device" in str(caught.value)
    assert repo.table("db.t").count() == 0
    assert list(tmp_path.rglob("*.parquet*")) == []
