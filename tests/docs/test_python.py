"""What docs/python.md shows runs as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import anabranch
from anabranch.cli.main import app

TEXT = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for code in blocks("python"):
        exec(code, names)
    repo = anabranch.open("lake")
    assert repo.table("clinic.archive").to_arrow(["patient"]).to_pylist() == [{"patient": "p1"}]
    assert repo.table("clinic.labs").count() == 2
    (shell,) = blocks("sh")
    for line in shell.strip().splitlines():
        program, *arguments = shlex.split(line)
        done = CliRunner().invoke(app, arguments)
        assert (program, done.exit_code) == ("anabranch", 0), (line, done.output)
    assert anabranch.open("lake").table("clinic.copy").count() == 2
