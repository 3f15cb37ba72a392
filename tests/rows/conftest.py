"""Fixtures of the row tests: an empty repository that is the current catalog, whose lineage is checked after
each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rows import lineage
from rows.tables import MODES, InMode, create

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `both_modes` run in each mode of writing."""
    if metafunc.definition.get_closest_marker("both_modes"):
        metafunc.parametrize("write_mode", MODES, indirect=True)


@pytest.fixture
def write_mode(request: pytest.FixtureRequest) -> str:
    mode: str = getattr(request, "param", request.config.getoption("--write-mode"))
    return mode


@pytest.fixture
def lake(new_lake: Any, spark: SparkSession, write_mode: str) -> Any:
    """An empty repository, the current catalog of the session; its namespace is ``default``."""
    made = new_lake()
    spark.sql(f"USE {made.name}.default")
    return InMode(made.spark, made.name, made.path, write_mode)


@pytest.fixture
def two(lake: Any) -> Any:
    """With table t of the rows (1, 10) and (2, 20)."""
    create(lake, "id INT, a INT", "(1, 10), (2, 20)")
    return lake


@pytest.fixture
def reused() -> set[str]:
    """A test puts columns here whose name means another column than before."""
    return set()


@pytest.fixture(autouse=True)
def lineage_holds(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test: the invariants of row lineage, on all versions of all tables on all branches."""
    if "lake" not in request.fixturenames:
        yield
        return
    lake = request.getfixturevalue("lake")
    reused = request.getfixturevalue("reused")
    yield
    lineage.check(lake.rows, lake.name, lake.path, reused)
