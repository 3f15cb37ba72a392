"""What all tests share: one Spark session on current sources, empty repositories, the core."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

import build
from anabranch import _java
from anabranch.session import CATALOG_CLASS, EXTENSION

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROOT = Path(__file__).resolve().parent.parent
HISTORIES = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--histories",
        type=int,
        help=f"random histories for each property test (without it: the same {HISTORIES} each time)",
    )
    parser.addoption("--write-mode", default="merge-on-read", help="of the tables of the row and merge tests")
    parser.addoption("--update-docs", action="store_true", help="rewrite the generated documents")


def pytest_configure(config: pytest.Config) -> None:
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # and not the first python3 of the path
    histories = config.getoption("--histories")
    hypothesis.settings.register_profile(
        "anabranch",
        max_examples=histories or HISTORIES,
        derandomize=histories is None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[
            hypothesis.HealthCheck.too_slow,
            hypothesis.HealthCheck.data_too_large,
            hypothesis.HealthCheck.function_scoped_fixture,
        ],
    )
    hypothesis.settings.load_profile("anabranch")


@pytest.fixture(scope="session")
def jar() -> Path:
    """The jar, compiled from the sources as they are now."""
    return _built(build.build)


@pytest.fixture(scope="session")
def test_jar(jar: Path) -> Path:
    """The Scala helpers in tests/scala, compiled on top of the jar."""
    return _built(build.build_tests)


def _built(step: Callable[[], Path]) -> Path:
    try:
        return step()
    except build.BuildError as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session")
def spark(
    jar: Path, test_jar: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> SparkSession:
    """The one Spark session of the run, with an empty repository as catalog ``lake``."""
    from pytest_spark.config import SparkConfigBuilder

    _java.ensure_java_home()
    folder = tmp_path_factory.mktemp("spark")
    conf = SparkConfigBuilder.initialize()
    settings = {
        "spark.master": "local[2]",
        "spark.jars": f"{jar},{test_jar}",
        "spark.sql.extensions": EXTENSION,
        "spark.sql.catalog.lake": CATALOG_CLASS,
        "spark.sql.catalog.lake.warehouse": (folder / "lake").as_uri(),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC -Dderby.system.home="
        + str(folder),
    }
    for key, value in settings.items():
        conf.set(key, value)
    session: SparkSession = request.getfixturevalue("spark_session")
    return session


@dataclass(frozen=True)
class Lake:
    """An empty repository, and the name under which the session knows it."""

    spark: SparkSession
    name: str
    path: Path

    @property
    def uri(self) -> str:
        return self.path.as_uri()

    def sql(self, text: str, **args: Any) -> DataFrame:
        """Runs a statement; ``{lake}`` in it stands for the catalog, args are bound as ``:parameters``."""
        return self.spark.sql(text.replace("{lake}", self.name), args=args)

    def rows(self, text: str, **args: Any) -> list[tuple[Any, ...]]:
        """Runs a statement and returns its rows."""
        return [tuple(row) for row in self.sql(text, **args).collect()]

    @contextmanager
    def by(self, author: str) -> Iterator[None]:
        """Has an author of that name do what is done inside the ``with`` block."""
        self.spark.conf.set("spark.anabranch.commit.author", author)
        try:
            yield
        finally:
            self.spark.conf.unset("spark.anabranch.commit.author")


_numbers = itertools.count(1)


@pytest.fixture
def new_lake(spark: SparkSession, tmp_path: Path) -> Iterator[Callable[..., Lake]]:
    """Makes catalogs, each with a warehouse of its own that does not exist yet.

    ``new_lake(path=…)`` gives a second catalog on a repository that is there already, ``branch=…`` starts it
    on another branch.
    """
    names: list[str] = []

    def make(path: Path | None = None, branch: str | None = None) -> Lake:
        name = f"lake{next(_numbers)}"
        place = path or tmp_path / name
        spark.conf.set(f"spark.sql.catalog.{name}", CATALOG_CLASS)
        spark.conf.set(f"spark.sql.catalog.{name}.warehouse", place.as_uri())
        if branch is not None:
            spark.conf.set(f"spark.sql.catalog.{name}.branch", branch)
        names.append(name)
        return Lake(spark, name, place)

    yield make
    spark.sql("SET CATALOG spark_catalog")
    for name in names:
        for key in ("", ".warehouse", ".branch"):
            spark.conf.unset(f"spark.sql.catalog.{name}{key}")


@pytest.fixture
def refused() -> Callable[..., AbstractContextManager[Any]]:
    """``with refused("ANABRANCH_REF.NOT_FOUND", "dev"):`` expects that class, and the words in the message."""

    from pyspark.errors import PySparkException

    @contextmanager
    def expect(condition: str, *words: str) -> Iterator[Any]:
        with pytest.raises(PySparkException) as caught:
            yield caught
        assert caught.value.getCondition() == condition, str(caught.value)
        for word in words:
            assert word in str(caught.value)

    return expect


class CoreError(Exception):
    """The core refused: `condition` is the error class, `parameters` fill its template."""

    def __init__(self, condition: str, parameters: dict[str, str]) -> None:
        super().__init__(condition, parameters)
        self.condition = condition
        self.parameters = parameters


@pytest.fixture(scope="session")
def core(spark: SparkSession) -> Callable[[str, Any], Any]:
    """Calls a pure function of the core: ``core("errors.format", {…})``, by way of
    tests/scala/VectorRunner.scala.

    Raises `CoreError` when the core refuses.
    """
    jvm: Any = spark._jvm
    runner = jvm.io.anabranch.test.VectorRunner

    def call(function: str, given: Any) -> Any:
        answer = json.loads(runner.run(function, json.dumps(given)))
        if "error" in answer:
            raise CoreError(answer["error"]["condition"], answer["error"]["parameters"])
        return answer["output"]

    return call


@pytest.fixture
def generated(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Checks that a document is what was generated; ``--update-docs`` rewrites it instead."""

    def check(path: str, text: str) -> None:
        file = ROOT / path
        if request.config.getoption("--update-docs"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        current = file.read_text(encoding="utf-8") if file.is_file() else ""
        assert current == text, f"{path} is out of date: run pytest --update-docs"

    return check
