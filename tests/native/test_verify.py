"""Verification and blame: what was written is what is there, and who wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import anabranch
from anabranch import Repository

SMALL = pa.struct([("a", pa.int32())])


@pytest.fixture
def table_file(repo: Repository) -> Path:
    """A data file of db.t, which was written to thrice, on two branches."""
    repo.create_table("db.t", {"id": list(range(1000))})
    repo.create_branch("b")
    repo.create_tag("v1")
    repo.table("db.t", "b").delete("id = 7")
    repo.table("db.t").append({"id": [5000]})
    assert repo.store.folder is not None
    (file,) = (repo.store.folder / "data" / repo.table("db.t").id).iterdir()
    return file


def problems(repo: Repository, full: bool = True) -> list[tuple[str, str]]:
    return [(f.object, f.problem) for f in repo.verify(full) if f.problem]


def test_nothing_is_wrong_with_what_was_written(repo: Repository, table_file: Path) -> None:
    found = list(repo.verify(full=True))
    assert [f.object for f in found if f.problem] == []
    assert {"main", "b", "tag:v1"} <= {f.object for f in found}
    assert sum("_anabranch/log/" in f.object for f in found) == 6


def test_a_file_that_was_changed_or_is_gone_is_found(repo: Repository, table_file: Path) -> None:
    data = table_file.read_bytes()
    table_file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    name = f"data/{repo.table('db.t').id}/{table_file.name}"
    assert problems(repo, full=False) == []
    assert set(problems(repo)) == {(name, "its digest does not match")}
    table_file.write_bytes(data + b"x")
    assert set(problems(repo, full=False)) == {(name, f"it has {len(data) + 1} bytes and not {len(data)}")}
    table_file.unlink()
    assert set(problems(repo, full=False)) == {(name, "it is gone")}


@pytest.mark.proves("LOG-6")
def test_an_entry_that_was_changed_is_found(repo: Repository, table_file: Path) -> None:
    assert repo.store.folder is not None
    log = repo.store.folder / "_anabranch" / "log" / "000000"
    second = sorted(log.iterdir())[-2]
    second.write_text(second.read_text().replace('"ada"', '"eve"'))
    with pytest.raises(anabranch.errors.LogChainBroken):
        list(anabranch.open(repo.store).verify())


def test_blame_names_the_commit_of_each_row(repo: Repository) -> None:
    repo.create_table("db.t", {"id": [1, 2]}, message="first")
    repo.table("db.t").update({"id": "20"}, "id = 2", message="was wrong")
    rows = repo.table("db.t").blame("id > 0").to_pylist()
    assert {r["id"]: (r["_author"], r["_message"]) for r in rows} == {
        1: ("ada", "first"),
        20: ("ada", "was wrong"),
    }
    assert rows[-1]["_commit"] == repo.show().id


def test_blame_by_cell_follows_each_cell_to_the_commit_that_changed_it(
    repo: Repository, refused: Callable[[str], Any]
) -> None:
    def by(author: str, ref: str = "main") -> Any:
        return anabranch.open(repo.store, ref, author=author).table("db.t")

    repo.create_table("db.t", {"id": [1, 2, 3], "v": ["a", "b", None]})
    by("eve").update({"v": "'B'"}, "id = 2", message="capital")
    by("ada").rename_column("v", "w")
    by("bob").append({"id": [4], "n": [7]}, evolve=True)
    repo.create_branch("dev")
    by("ada").update({"w": "'ours'"}, "id = 1")
    by("bob", "dev").update({"n": "5"}, "id = 1")
    anabranch.open(repo.store, author="zoe").merge("dev")
    by("zoe").optimize()

    def cells(where: str | None = None) -> dict[tuple[int, str], Any]:
        found = repo.table("db.t").blame(where, cells=True).to_pylist()
        return {(r["row_id"], r["column"]): (r["value"], r["author"], r["operation"]) for r in found}

    assert cells("id <= 2") == {
        (0, "id"): ("1", "ada", "CREATE TABLE AS SELECT"),
        (0, "w"): ("ours", "ada", "UPDATE"),
        (0, "n"): ("5", "bob", "UPDATE"),
        (1, "id"): ("2", "ada", "CREATE TABLE AS SELECT"),
        (1, "w"): ("B", "eve", "UPDATE"),
        (1, "n"): (None, "ada", "CREATE TABLE AS SELECT"),
    }
    assert (
        cells().keys() == {(row, c) for row in (0, 1, 2, 4) for c in ("id", "w", "n")}
        and cells("id = 99") == {}
    )
    assert repo.table("db.t").blame("id = 1").to_pylist()[0]["_author"] == "zoe"
    before = cells("id = 2")
    by("zoe").delete("id = 2")
    by("zoe").restore("main~1")
    assert cells("id = 2") == before, "a row that went and came back is as old as it was"
    by("zoe").append({"id": list(range(1000))})
    with refused("ANABRANCH_PROCEDURE.INVALID_ARGUMENT") as caught:
        cells()
    assert "more than 1000 rows" in str(caught.value)
    with refused("ANABRANCH_TRANSACTION.REFUSED"), repo.transaction() as tx:
        tx.table("db.t").blame(cells=True)


def test_rows_and_cells_that_changed(repo: Repository) -> None:
    repo.create_table("db.t", {"id": [1, 2, 3, 4], "x": [1.0, float("nan"), 3.0, None]})
    table = repo.table("db.t")
    table.update({"x": "x + 1"}, "id <= 2")
    table.delete("id = 3")
    table.append({"id": [5]})
    changes = table.changes(0).select(["_change_type", "id", "_row_id"]).to_pylist()
    assert [(c["_change_type"], c["id"], c["_row_id"]) for c in changes][:5] == [
        ("update_preimage", 1, 0),
        ("update_postimage", 1, 0),
        ("update_preimage", 2, 1),
        ("update_postimage", 2, 1),
        ("delete", 3, 2),
    ]
    assert changes[5]["_change_type"] == "insert" and changes[5]["id"] == 5
    cells = table.cell_changes(0).to_pylist()
    assert [(c["row_id"], c["column"], c["before"], c["after"]) for c in cells] == [(0, "x", "1.0", "2.0")]
    table.restore(0)
    assert table.changes(0).num_rows == 0, "a restore brings back the rows that were there"


def test_changes_over_a_restore_hold_the_wider_values_of_before(repo: Repository) -> None:
    repo.create_table("db.t", {"id": pa.array([1], pa.int32()), "s": pa.array([{"a": 1}], SMALL)})
    table = repo.table("db.t")
    table.append({"id": pa.array([1 << 40]), "s": pa.array([{"a": 1 << 40}])}, evolve=True)
    table.restore(0)
    assert repo.table("db.t").schema.field("id").type == pa.int32()
    (gone,) = repo.table("db.t").changes("main~1").select(["_change_type", "id", "s"]).to_pylist()
    assert gone == {"_change_type": "delete", "id": 1 << 40, "s": {"a": 1 << 40}}


def test_the_versions_of_a_row(repo: Repository) -> None:
    repo.create_table("db.t", {"id": [1, 2], "s": ["a", "b"]})
    table = repo.table("db.t")
    table.update({"s": "'B'"}, "id = 2", message="capital")
    table.append({"id": [3]})
    assert [(v.change, v.row["s"]) for v in table.row_history(1)] == [("update", "B"), ("insert", "b")]
    table.delete("id = 2", message="away")
    assert [(v.change, v.commit.message, v.row["s"]) for v in table.row_history(1)] == [
        ("delete", "away", "B"),
        ("update", "capital", "B"),
        ("insert", "", "b"),
    ]
    assert table.row_history(99) == []
