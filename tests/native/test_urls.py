"""Tables as Parquet files of URLs, which hold a ref: for whatever reads URLs, with no word of this project in its code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import duckdb
import fsspec
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import anabranch
from anabranch import Repository
from anabranch.errors import AnabranchError, RefNotFound, RepositoryNotFound

ROWS = {"id": [1, 2, 3], "name": ["a", "b", None]}


@pytest.fixture
def lake(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """db.t: the tag v1 has rows 1, 2 and 3, main has 1 and 4, the branch team/x only 3."""
    table = repo.create_table("db.t", ROWS)
    repo.create_tag("v1")
    repo.create_branch("team/x")
    repo.table("db.t", ref="team/x").delete("id < 3")
    table.delete("id > 1")
    table.append({"id": [4], "name": ["d"]})
    monkeypatch.setenv("ANABRANCH_REPOSITORY", repo.root)
    return repo


def ids(url: str, **options: object) -> list[int]:
    return sorted(pd.read_parquet(url, **options)["id"])


def test_pandas_reads_a_table_at_a_ref_that_stands_in_a_url(lake: Repository) -> None:
    assert ids("anabranch://main/db.t.parquet") == [1, 4]
    assert ids("anabranch://v1/db.t.parquet") == [1, 2, 3]
    assert ids("anabranch://team/x/db.t.parquet") == [3]
    assert ids("anabranch://main~2/db.t.parquet") == [1, 2, 3]
    assert ids(f"anabranch://{lake.show('main~1').id}/db.t.parquet") == [1]
    assert ids("anabranch://main/db.t") == [1, 4], "the suffix may be left out"
    frame = pd.read_parquet("anabranch://v1/db.t.parquet", columns=["name"], filters=[("id", ">", 1)])
    assert list(frame["name"]) == ["b", None] and list(frame.columns) == ["name"]


def test_the_repository_may_be_an_option(lake: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANABRANCH_REPOSITORY")
    given = {"repository": lake.root, "storage_options": {}}
    assert ids("anabranch://v1/db.t.parquet", storage_options=given) == [1, 2, 3]
    with pytest.raises(RepositoryNotFound):
        ids("anabranch://v1/db.t.parquet", storage_options={"repository": f"{lake.root}-not"})


def test_the_environment_counts_as_it_is_now(
    lake: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ids("anabranch://v1/db.t.parquet") == [1, 2, 3]
    other = anabranch.init(tmp_path / "other")
    other.create_table("default.t", {"id": [7]})
    monkeypatch.setenv("ANABRANCH_REPOSITORY", other.root)
    assert ids("anabranch://main/default.t.parquet") == [7]


def test_a_branch_is_read_as_it_is_now(lake: Repository) -> None:
    assert ids("anabranch://main/db.t.parquet") == [1, 4]
    lake.table("db.t").append({"id": [5], "name": ["e"]})
    assert ids("anabranch://main/db.t.parquet") == [1, 4, 5]


def test_other_readers_of_files_read_it(lake: Repository) -> None:
    fs = fsspec.filesystem("anabranch")
    assert pq.read_table("v1/db.t.parquet", filesystem=fs).to_pydict() == ROWS
    assert ds.dataset("main/db.t.parquet", filesystem=fs).count_rows() == 2
    with duckdb.connect() as con:
        con.register_filesystem(fs)
        found = con.execute("SELECT max(id) FROM read_parquet('anabranch://main/db.t.parquet')").fetchall()
    assert found == [(4,)]
    with fsspec.open("anabranch://v1/db.t.parquet") as file:
        assert file.read(4) == b"PAR1"


def test_refs_are_folders_and_tables_files(lake: Repository) -> None:
    fs = fsspec.filesystem("anabranch")
    assert fs.ls("", detail=False) == ["main", "team", "v1"]
    assert fs.ls("anabranch://team", detail=False) == ["team/x"]
    assert fs.ls("team/x") == [{"name": "team/x/db.t.parquet", "type": "file", "size": None}]
    assert fs.ls("v1/db.t.parquet", detail=False) == ["v1/db.t.parquet"]
    assert fs.glob("anabranch://*/db.*") == ["main/db.t.parquet", "v1/db.t.parquet"]
    assert fs.isdir("main~1") and fs.isfile("main~1/db.t.parquet")
    for missing in ("nope", "main/db.nope.parquet", "nope/db.t.parquet", "main/nope.t.parquet", "t.parquet"):
        assert not fs.exists(missing) and not fs.isdir(missing) and not fs.isfile(missing), missing
        with pytest.raises(AnabranchError, match="NOT_FOUND"):
            fs.open(missing)
    with pytest.raises(RefNotFound, match="v1"):
        ids("anabranch://v11/db.t.parquet")


def test_nothing_is_written_through_a_url(lake: Repository) -> None:
    with pytest.raises(AnabranchError, match="read only"):
        pd.DataFrame({"id": [1]}).to_parquet("anabranch://main/db.new.parquet")
    assert lake.tables() == ["db.t"]


def test_a_file_system_travels_to_another_process(lake: Repository) -> None:
    fs = pickle.loads(pickle.dumps(fsspec.filesystem("anabranch", repository=lake.root)))
    assert fs.isfile("v1/db.t.parquet")


def test_no_file_stays_behind(lake: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    with fsspec.open("anabranch://v1/db.t.parquet") as file:
        assert file.read(4) == b"PAR1" and os.listdir(place) == []
