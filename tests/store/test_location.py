"""Which locations can hold a repository, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("file:///data/lake", "file:///data/lake"),
        ("file:/data/lake/", "file:///data/lake"),
        ("FILE:///data//lake", "file:///data/lake"),
        ("file:///data/my lake", "file:///data/my lake"),
        ("file:///data/100%25", "file:///data/100%25"),
        ("file:///data/a:b", "file:///data/a:b"),
    ],
)
def test_local_root(handles: Any, configuration: Any, given: str, root: str) -> None:
    assert handles.open(given, configuration).root() == root


def test_opening_creates_nothing(handles: Any, configuration: Any, tmp_path: Path) -> None:
    store = handles.open(f"file://{tmp_path}/lake", configuration)
    assert store.read("a") is None
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "absolute URI"),
        ("data/lake", "absolute URI"),
        ("/data/lake", "absolute URI"),
        ("file:data/lake", "absolute URI"),
        ("file://data/lake", "write file:///"),
        ("file:///", "root of the file system"),
        ("file:///data/../etc", "'..'"),
        ("file:///data/./lake", "'.'"),
        ("file:///data/lake?x=1", "query or fragment"),
        ("file:///data/lake#x", "query or fragment"),
        ("file:///data/\nlake", "control character"),
        ("s3a:///lake", "names no bucket"),
        ("s3://key:secret@bucket/lake", "credentials"),
        ("s3a://a b/lake", "no bucket"),
        ("http://host/lake", "none of the schemes"),
        ("ftp://host/lake", "none of the schemes"),
    ],
)
def test_refused(handles: Any, configuration: Any, location: str, reason: str) -> None:
    with pytest.raises(Py4JJavaError) as caught:
        handles.open(location, configuration)
    error = caught.value.java_exception
    assert error.condition() == "ANABRANCH_REPOSITORY.INVALID_LOCATION"
    assert reason in error.getMessage()


@pytest.mark.parametrize("scheme", ["s3", "s3n", "s3a"])
def test_a_missing_jar_is_named(handles: Any, configuration: Any, scheme: str) -> None:
    try:
        root = handles.open(f"{scheme}://bucket/lake", configuration).root()
    except Py4JJavaError as e:
        assert e.java_exception.condition() == "ANABRANCH_REPOSITORY.INVALID_LOCATION"
        assert "org.apache.hadoop:hadoop-aws:3.5.0" in e.java_exception.getMessage()
    else:
        assert root == "s3a://bucket/lake"
