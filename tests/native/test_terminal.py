"""What the command line does on a terminal only: a pager for long output, and signs that work goes on."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from anabranch import Repository

Shown = Callable[..., str]


@pytest.fixture
def shown(repo: Repository, tmp_path: Path) -> Shown:
    """What a command shows on a terminal, outputs and errors alike."""
    repo.create_table("db.t", {"id": list(range(100))})

    def run(*arguments: str, **environment: str) -> str:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "anabranch.cli", "-r", str(tmp_path / "lake"), *arguments]
        variables = {**os.environ, "TERM": "xterm", "COLUMNS": "100", **environment}
        with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs, env=variables) as process:
            os.close(theirs)
            parts = []
            while True:
                try:
                    part = os.read(ours, 65536)
                except OSError:  # the terminal is closed
                    break
                if not part:
                    break
                parts.append(part)
        os.close(ours)
        assert process.returncode == 0, b"".join(parts).decode()
        return b"".join(parts).decode().replace("\r\n", "\n")

    return run


@pytest.fixture
def pager(tmp_path: Path) -> Path:
    """A pager that writes what it is given to a file beside it."""
    program = tmp_path / "pager"
    program.write_text(f'#!/bin/sh\nsed "s/^/$1/" > "{tmp_path}/paged"\n')
    program.chmod(0o755)
    return program


def test_what_may_be_long_goes_through_the_pager_that_is_wished(shown: Shown, pager: Path) -> None:
    printed = shown("log", PAGER=f"{pager} '> '")
    paged = (pager.parent / "paged").read_text()
    assert "CREATE TABLE" in paged and "CREATE TABLE" not in printed
    assert all(line.startswith("> ") for line in paged.splitlines())
    assert "\x1b[1m" in paged, "colours stay"
    shown("head", "db.t", ANABRANCH_PAGER=str(pager), PAGER="false")
    assert "id" in (pager.parent / "paged").read_text()


@pytest.mark.parametrize("none", ["", "cat", "/no/such/pager", "'"])
def test_without_a_pager_it_is_just_printed(shown: Shown, none: str) -> None:
    assert "CREATE TABLE" in shown("log", PAGER=none)


def test_a_pager_that_is_left_early_ends_a_command_well(shown: Shown) -> None:
    shown("head", "db.t", "-n", "100", PAGER="true")


def test_nothing_is_paged_where_a_program_reads(shown: Shown, pager: Path, tmp_path: Path) -> None:
    shown("log", "--json", PAGER=str(pager))
    command = [sys.executable, "-m", "anabranch.cli", "-r", str(tmp_path / "lake"), "log"]
    done = subprocess.run(command, env={**os.environ, "PAGER": str(pager)}, capture_output=True, text=True)
    assert "CREATE TABLE" in done.stdout and "\x1b" not in done.stdout and done.stderr == ""
    assert not (pager.parent / "paged").exists()


def test_long_work_shows_that_it_goes_on(shown: Shown, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id\n1\n")
    for arguments, label in (
        (("import", str(tmp_path / "in.csv"), "db.t"), "loading in.csv"),
        (("export", "db.t", str(tmp_path / "out.parquet")), "writing out.parquet"),
        (("optimize", "db.t"), "optimizing db.t"),
        (("verify", "--full"), "checking"),
        (("vacuum", "--dry-run"), "looking for what nothing needs"),
    ):
        assert label in shown(*arguments), arguments
