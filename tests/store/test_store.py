"""What every object store promises, and what is special about the local one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError


def condition(caught: pytest.ExceptionInfo[Py4JJavaError]) -> str:
    return str(caught.value.java_exception.condition())


def test_create_read_size_delete(store: Any) -> None:
    assert store.read("log/0/a.json") is None
    assert store.size("log/0/a.json") == -1
    assert store.create("log/0/a.json", b"one") == "won"
    assert store.read("log/0/a.json") == b"one"
    assert store.size("log/0/a.json") == 3
    store.delete("log/0/a.json")
    assert store.read("log/0/a.json") is None
    store.delete("log/0/a.json")
    store.delete("nowhere/x")


def test_second_create_loses_and_changes_nothing(store: Any) -> None:
    assert store.create("a", b"one") == "won"
    assert store.create("a", b"two") == "lost"
    assert store.read("a") == b"one"


def test_empty_object(store: Any) -> None:
    assert store.create("empty", b"") == "won"
    assert store.read("empty") == b""
    assert store.create("empty", b"x") == "lost"


def test_list_is_sorted_flat_and_limited(store: Any) -> None:
    for name in ["b", "a", "c", "10", "9", "sub/d", ".hidden"]:
        if store.root().startswith("memory:") and name.startswith("."):
            continue
        assert store.create(f"log/{name}", name.encode()) == "won"
    assert list(store.list("log")) == ["log/10 2", "log/9 1", "log/a 1", "log/b 1", "log/c 1"]
    assert list(store.list("log", 2)) == ["log/10 2", "log/9 1"]
    assert list(store.list("log", 0)) == []
    assert list(store.list("nowhere")) == []
    assert list(store.list("log/a")) == []  # an object is no folder


def test_folders(store: Any) -> None:
    for path in ["refs/b/1", "refs/a/1", "refs/a/2", "refs/a-b/1", "refs/file", "other/1"]:
        store.create(path, b"x")
    assert list(store.folders("refs")) == ["a", "a-b", "b"]
    assert list(store.folders("")) == ["other", "refs"]
    assert list(store.folders("nowhere")) == []


@pytest.mark.parametrize("name", ["a b", "100%25", "é:ü", "x=1+2", "feature%2Fa", "~1"])
def test_names_are_taken_literally(store: Any, name: str) -> None:
    assert store.create(f"refs/{name}/1", name.encode()) == "won"
    assert list(store.folders("refs")) == [name]
    assert list(store.list(f"refs/{name}")) == [f"refs/{name}/1 {len(name.encode())}"]
    assert store.read(f"refs/{name}/1") == name.encode()


@pytest.mark.parametrize("store", ["local", "memory"], indirect=True)  # local files rename less strictly
def test_exactly_one_of_racing_creates_wins(store: Any) -> None:
    for turn in range(20):
        outcomes = list(store.race(f"log/{turn}", 8, 5000))
        assert sorted(outcomes) == ["lost"] * 7 + ["won"]
        winner = outcomes.index("won")
        assert store.read(f"log/{turn}") == str(winner).encode() * 5000


def test_a_part_is_never_seen(store: Any) -> None:
    size = 20_000_000
    assert set(store.sizesSeenWhileCreating("log/big", size)) <= {-1, size}
    assert store.size("log/big") == size


def test_temporary_files_are_removed(handles: Any, tmp_path: Path) -> None:
    store = handles.local(str(tmp_path))
    assert store.create("log/a", b"one") == "won"
    assert store.create("log/a", b"two") == "lost"
    store.race("log/b", 8, 100)
    assert sorted(os.listdir(tmp_path / "log")) == ["a", "b"]


def test_leftovers_of_a_crash_are_not_listed(handles: Any, tmp_path: Path) -> None:
    store = handles.local(str(tmp_path))
    store.create("log/a", b"one")
    (tmp_path / "log" / ".b.1-1.tmp").write_bytes(b"half")
    assert list(store.list("log")) == ["log/a 3"]


def test_a_file_where_a_folder_should_be(handles: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    store = handles.local(str(tmp_path / "file"))
    assert store.read("log/a") is None
    assert list(store.list("log")) == []
    with pytest.raises(Py4JJavaError) as caught:
        store.create("log/a", b"x")
    assert condition(caught) == "ANABRANCH_REPOSITORY.STORE_FAILED"
    assert str(tmp_path / "file") in caught.value.java_exception.getMessage()


def test_a_folder_is_no_object(store: Any) -> None:
    store.create("log/a/b", b"x")
    assert store.size("log/a") == -1
    assert store.read("log/a") is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's /sys, closed to root as well")
@pytest.mark.parametrize("path", ["object", "folder/object"])
def test_no_permission_to_create(handles: Any, path: str) -> None:
    with pytest.raises(Py4JJavaError) as caught:
        handles.local("/sys").create(path, b"x")
    assert condition(caught) == "ANABRANCH_REPOSITORY.NO_PERMISSION"
    assert f"create file:///sys/{path}" in caught.value.java_exception.getMessage()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may search every folder")
def test_a_closed_folder_is_not_taken_for_an_empty_one(handles: Any, tmp_path: Path) -> None:
    store = handles.local(str(tmp_path))
    store.create("log/a", b"x")
    (tmp_path / "log").chmod(0)
    try:
        for request in (store.read, store.size):
            with pytest.raises(Py4JJavaError) as caught:
                request("log/a")
            assert condition(caught) == "ANABRANCH_REPOSITORY.NO_PERMISSION"
    finally:
        (tmp_path / "log").chmod(0o700)
