"""Repositories of the native client: no JVM, no Spark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import anabranch
from anabranch import Repository


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """An empty repository with a namespace ``db``."""
    made = anabranch.init(tmp_path / "lake", author="ada")
    made.create_namespace("db")
    return made


@pytest.fixture
def refused() -> Callable[..., Any]:
    """``with refused("ANABRANCH_REF.NOT_FOUND") as caught:`` expects that error class."""

    def expect(condition: str) -> Any:
        name = "".join(
            part.capitalize() for part in condition.removeprefix("ANABRANCH_").replace(".", "_").split("_")
        )
        return pytest.raises(getattr(anabranch.errors, name))

    return expect
