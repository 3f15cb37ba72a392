"""Opening and making repositories, and what that refuses."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import anabranch
from anabranch import Repository

Refused = Callable[[str], Any]
NO_NAME = "_anabranch/repository.json"


def test_a_repository_is_made_once_and_opened_by_everybody(tmp_path: Path) -> None:
    made = anabranch.init(tmp_path / "lake", author="ada")
    again = anabranch.init(tmp_path / "lake")
    assert [c.operation for c in again.log()] == ["CREATE REPOSITORY"]
    assert made.show().id == again.show().id == anabranch.open(f"file://{tmp_path}/lake").show().id
    assert again.namespaces() == ["default"]


def test_looking_for_a_repository_makes_nothing(tmp_path: Path, refused: Refused) -> None:
    with refused("ANABRANCH_REPOSITORY.NOT_FOUND") as caught:
        anabranch.open(tmp_path / "lake")
    assert caught.value.parameters == {"root": f"file://{tmp_path}/lake"}
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    "location",
    [
        *("ftp://host/lake", "file:///", "s3:///lake", "s3://key:secret@bucket/lake", "file://host/lake"),
        *("", " ", "file:lake", "s3:/bucket/lake", "https:/host/lake"),
    ],
)
def test_what_is_no_place_for_a_repository(
    location: str, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with refused("ANABRANCH_REPOSITORY.INVALID_LOCATION"):
        anabranch.init(location)
    assert not list(tmp_path.iterdir())


def test_a_location_as_spark_writes_it_is_the_same_one(tmp_path: Path, refused: Refused) -> None:
    made = anabranch.init(f"file:{tmp_path}/lake")
    assert made.root == anabranch.open(tmp_path / "lake").root == f"file://{tmp_path}/lake"
    (tmp_path / "file").write_text("x")
    with refused("ANABRANCH_REPOSITORY.STORE_FAILED"):
        anabranch.init(tmp_path / "file")
    with pytest.raises(TypeError, match="a location is a str or a path"):
        anabranch.open(5)  # type: ignore[arg-type]


def test_without_a_location_settings_tell_which_is_opened(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    repo.create_tag("v1")
    below = tmp_path / "code" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    monkeypatch.delenv("ANABRANCH_REPOSITORY", raising=False)
    with refused("ANABRANCH_REPOSITORY.INVALID_LOCATION"):
        anabranch.open()
    (tmp_path / "code" / "anabranch.toml").write_text('repository = "../lake"\nref = "v1"\nauthor = "eve"\n')
    found = anabranch.open()
    assert (found.root, found.ref, found.author) == (repo.root, "v1", "eve")
    assert anabranch.open(ref="main").ref == "main" and anabranch.open(author="bob").author == "bob"
    assert anabranch.open(tmp_path / "lake").ref == "main", "settings are for what is not given"
    monkeypatch.setenv("ANABRANCH_REPOSITORY", str(tmp_path / "other"))
    with refused("ANABRANCH_REPOSITORY.NOT_FOUND"):
        anabranch.open()


def test_repositories_and_tables_travel_between_processes(repo: Repository, tmp_path: Path) -> None:
    """As workers of data loaders take them: a table is what it was, whatever was committed since."""
    table = repo.create_table("db.t", {"id": [1]})
    other = pickle.loads(pickle.dumps(anabranch.open(tmp_path / "lake", "main~1", author="eve")))
    assert (other.root, other.ref, other.author, other.tables()) == (repo.root, "main~1", "eve", [])
    packed = pickle.dumps([table, table.at(0)])
    table.append({"id": [2]})
    again, view = pickle.loads(packed)
    assert (again.count(), view.count(), again.commit, view.version) == (1, 1, repo.show("main~1").id, 0)
    again.append({"id": [3]})
    assert repo.table("db.t").count() == again.count() == 3
    assert copy.deepcopy(table).count() == 2
    with pytest.raises(TypeError, match="can't be pickled"), repo.transaction() as tx:
        pickle.dumps(tx.table("db.t"))


FORKED = """
import multiprocessing, sys
import anabranch
from anabranch.core.store.location import open_store
repo = anabranch.open(sys.argv[1], author="ada")
table = repo.table("db.t")
table.append({"id": [1]})
table.to_arrow(where="id > 0")
other = anabranch.init(open_store("memory://"))
def work(n):
    rows = table.to_arrow(where="id > 0").num_rows
    repo.table("db.t").append({"id": range(n, n + 200)})
    anabranch.open(sys.argv[1]).table("db.t").delete(f"id = {n}")
    try:
        other.create_namespace("db")
    except anabranch.errors.RepositoryStoreFailed as e:
        return rows, "forkserver" in str(e)
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map_async(work, range(1000, 5000, 1000)).get(timeout=60))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_reads_and_writes_folders_and_is_told_about_other_stores(repo: Repository) -> None:
    """The threads of the first process are not in it: what waited for them would wait for ever."""
    repo.create_table("db.t", {"id": [0]})
    done = subprocess.run(
        [sys.executable, "-c", FORKED, repo.root], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == str([(1, True)] * 4), done.stderr
    assert repo.table("db.t").count() == 2 + 4 * 199
    assert not [f for f in repo.verify(full=True) if f.problem]


def test_what_a_store_can_not_do_is_told_so_that_it_can_be_mended(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    nobody = "http://127.0.0.1:1"
    keys = {"access_key_id": "a", "secret_access_key": "b"}
    with refused("ANABRANCH_REPOSITORY.STORE_FAILED") as caught:
        anabranch.open("s3://bucket/lake", storage_options={"endpoint": nobody, **keys})
    assert "AWS_ALLOW_HTTP=true" in caught.value.reason
    options = {"endpoint": nobody, "allow_http": "true", "metadata_endpoint": nobody}
    with refused("ANABRANCH_REPOSITORY.NO_PERMISSION") as caught:
        anabranch.open("s3://bucket/lake", storage_options=options)
    assert "AWS_ACCESS_KEY_ID" in caught.value.reason


def test_a_store_in_memory_is_one(refused: Refused) -> None:
    from anabranch.core.store.location import open_store

    store = open_store("memory://")
    with refused("ANABRANCH_REPOSITORY.NOT_FOUND"):
        anabranch.open(store)
    repo = anabranch.init(store)
    repo.create_branch("b")
    assert [b.name for b in anabranch.open(store).branches()] == ["b", "main"]
    repo.create_namespace("db")
    repo.create_table("db.t", {"id": range(1000)})  # too many for a commit: a data file
    assert [f for f in repo.verify(full=True) if f.problem] == []
    assert anabranch.open(store).table("db.t").count("id = 7") == 1


@pytest.mark.proves("REPO-1", "REPO-2")
@pytest.mark.parametrize(
    ("members", "condition"),
    [
        ({"format": 2}, "ANABRANCH_REPOSITORY.UNSUPPORTED_FORMAT"),
        ({"reader_features": ["time-machine"]}, "ANABRANCH_REPOSITORY.UNKNOWN_FEATURE"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(
    repo: Repository, members: dict[str, Any], condition: str, refused: Refused
) -> None:
    assert repo.store.folder is not None
    file = repo.store.folder / NO_NAME
    file.write_text(json.dumps(json.loads(file.read_text()) | members))
    with refused(condition):
        anabranch.open(repo.store.folder)


def test_an_unknown_writer_feature_only_keeps_from_writing(repo: Repository, refused: Refused) -> None:
    assert repo.store.folder is not None
    file = repo.store.folder / NO_NAME
    file.write_text(json.dumps(json.loads(file.read_text()) | {"writer_features": ["time-machine"]}))
    again = anabranch.open(repo.store.folder)
    assert again.namespaces() == ["db", "default"]
    with refused("ANABRANCH_REPOSITORY.UNKNOWN_FEATURE"):
        again.create_branch("b")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_store_that_can_not_be_written_says_so(repo: Repository, refused: Refused) -> None:
    assert repo.store.folder is not None
    again = anabranch.open(repo.store.folder)
    (repo.store.folder / "_anabranch").chmod(0o555)
    with refused("ANABRANCH_REPOSITORY.NO_PERMISSION"):
        again.create_branch("b")


def test_importing_takes_nothing_but_the_standard_library() -> None:
    """And neither pyarrow nor pyspark; errors and the names of both halves are there."""
    code = (
        "import sys, anabranch; anabranch.errors.RefNotFound; anabranch.Catalog;"
        "print([m for m in ('pyarrow', 'obstore', 'pyspark', 'duckdb', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_error_can_be_told_apart_and_travels_between_processes() -> None:
    error = anabranch.errors.error("ANABRANCH_REF.NOT_FOUND", ref="x", root="file:///lake")
    assert isinstance(error, anabranch.errors.RefNotFound)
    assert isinstance(error, anabranch.errors.RefError)
    assert isinstance(error, anabranch.errors.AnabranchError)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.parameters) == (type(error), str(error), error.parameters)
    assert (error.condition, error.sql_state) == ("ANABRANCH_REF.NOT_FOUND", "42704")
    assert "RefNotFound" in dir(anabranch.errors)


def test_notebooks_complete_names_and_show_what_there_is(repo: Repository) -> None:
    assert {"open", "init", "Repository", "errors"} <= set(dir(anabranch))
    table = repo.create_table("db.t", {"a<b": [1], "s": [{"x": 1}]})
    shown = table._repr_html_()
    assert (
        "db.t at main, version 0, 1 rows" in shown and "a&lt;b" in shown and "struct&lt;x: int64&gt;" in shown
    )
    assert ">db.t<" in repo._repr_html_() and "at main" in repo._repr_html_()
    with repo.transaction() as tx:
        for i in range(150):
            tx.create_table(f"db.n{i}", {"id": [i]})
        assert "version 0" in tx.table("db.n1")._repr_html_()
    assert "… and 51 more" in repo._repr_html_()
