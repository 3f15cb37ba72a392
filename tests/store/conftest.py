"""Fixtures of the store's tests: stores as py4j can call them (tests/scala/StoreHandle.scala)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def handles(spark: Any) -> Any:
    """The companion of StoreHandle, which opens stores."""
    return spark._jvm.io.anabranch.test.StoreHandle


@pytest.fixture
def configuration(spark: Any) -> Any:
    return spark._jvm.org.apache.hadoop.conf.Configuration()


@pytest.fixture(params=["local", "memory", "rename"])
def store(request: pytest.FixtureRequest, handles: Any, configuration: Any, tmp_path: Path) -> Any:
    """An empty store of each kind; 'rename' is what HDFS and Azure get, here over local files."""
    make: dict[str, Callable[[], Any]] = {
        "local": lambda: handles.local(str(tmp_path / "root")),
        "memory": lambda: handles.memory(uuid.uuid4().hex, True),
        "rename": lambda: handles.hadoop(f"file://{tmp_path}/root", configuration),
    }
    return make[request.param]()
