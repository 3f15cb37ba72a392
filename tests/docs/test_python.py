"""What docs/python.md shows runs as it stands there."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import anabranch
from anabranch.cli.main import app
from docs.pages import blocks

PAGE = "docs/python.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for code in blocks(PAGE, "python"):
        exec(code, names)
    repo = anabranch.open("lake")
    assert repo.table("clinic.archive").to_arrow(["patient"]).to_pylist() == [{"patient": "p1"}]
    assert repo.table("clinic.labs").count() == 2
    (shell,) = blocks(PAGE, "sh")
    for line in shell.strip().splitlines():
        program, *arguments = shlex.split(line)
        done = CliRunner().invoke(app, arguments)
        assert (program, done.exit_code) == ("anabranch", 0), (line, done.output)
    assert anabranch.open("lake").table("clinic.copy").count() == 2
