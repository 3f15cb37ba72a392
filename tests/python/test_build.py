"""The build: what is compiled again, and that equal sources give an equal jar."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import build


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[build.Module, build.Module]:
    """A small core and a small Spark half, in place of ours."""
    write(tmp_path / "core" / "A.scala", "package a\n\nobject A { def one: Int = 1 }\n")
    write(tmp_path / "core" / "resources" / "sub" / "x.txt", "x")
    write(tmp_path / "spark" / "B.scala", "package b\n\nobject B { def two: Int = a.A.one + 1 }\n")
    core = replace(build.CORE, folder=tmp_path / "core")
    spark = replace(build.SPARK, folder=tmp_path / "spark", depends_on=(core,))
    monkeypatch.setattr(build, "CORE", core)
    monkeypatch.setattr(build, "SPARK", spark)
    return core, spark


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_only_what_changed_is_compiled(
    modules: tuple[build.Module, build.Module], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def compiled() -> str:
        build.build(tmp_path / "out")
        return capsys.readouterr().out[: len("compiled 2")]

    core, spark = modules
    assert compiled() == "compiled 2"
    jar = build.build(tmp_path / "out")
    assert capsys.readouterr().out == ""
    first = jar.read_bytes()
    with zipfile.ZipFile(jar) as file:
        names = file.namelist()
        assert {info.date_time[0] for info in file.infolist()} == {1980}
    assert names == [
        "META-INF/MANIFEST.MF",
        "a/A$.class",
        "a/A.class",
        "b/B$.class",
        "b/B.class",
        "sub/x.txt",
    ]

    write(spark.folder / "B.scala", "package b\n\nobject B { def three: Int = a.A.one + 2 }\n")
    assert compiled() == "compiled 1"
    assert jar.read_bytes() != first
    write(core.folder / "resources" / "sub" / "x.txt", "y")
    assert compiled() == ""
    write(core.folder / "resources" / "sub" / "x.txt", "x")
    write(spark.folder / "B.scala", "package b\n\nobject B { def two: Int = a.A.one + 1 }\n")
    assert compiled() == "compiled 1"
    assert jar.read_bytes() == first


def test_the_core_can_not_see_spark(modules: tuple[build.Module, build.Module], tmp_path: Path) -> None:
    write(
        modules[0].folder / "A.scala",
        "package a\n\nimport org.apache.spark.sql.Row\n\nclass A(val row: Row)\n",
    )
    with pytest.raises(build.BuildError, match=r"A\.scala:3: error: object spark is not a member"):
        build.build(tmp_path / "out")
    assert list((tmp_path / "out").glob("*.jar")) == []


def test_a_warning_is_an_error(modules: tuple[build.Module, build.Module], tmp_path: Path) -> None:
    write(modules[0].folder / "A.scala", "package a\n\nobject A { private def spare = 2 }\n")
    with pytest.raises(build.BuildError, match="private method spare in object A is never used"):
        build.build(tmp_path / "out")


def test_a_folder_without_spark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match="does not hold the jars of pyspark"):
        build.build(tmp_path / "out", jars=tmp_path)
