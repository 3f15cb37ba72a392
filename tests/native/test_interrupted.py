"""What is left when a writer is stopped: by Ctrl-C, by a full disk, by a store that can't be written to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import anabranch
from anabranch import Repository

LARGEST = 200_000
"""Bytes that a file may have in the test of a full disk."""

FILLS_THE_DISK = """
import resource, sys
import anabranch
repo = anabranch.open(sys.argv[1], author="ada")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    repo.table("db.t").append({"id": list(range(100_000)), "s": [f"row {n * 7919}" for n in range(100_000)]})
except anabranch.errors.RepositoryStoreFailed as e:
    print(e.condition)
"""

INTERRUPTED = """
import os, signal, sys
from anabranch.cli.main import app
from anabranch.core.transaction.committer import Committer
commit = Committer.commit
def interrupted(*args):
    os.kill(os.getpid(), signal.SIGINT)
    return commit(*args)
Committer.commit = interrupted
app(["-r", sys.argv[1], "import", sys.argv[2], "db.t"])
"""
"""Ctrl-C when the data are written, and the commit is not."""


@pytest.fixture
def lake(repo: Repository, tmp_path: Path) -> Path:
    repo.create_table("db.t", {"id": [1], "s": ["a"]})
    return tmp_path / "lake"


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(anabranch.__file__).parents[1])},
        check=False,
    )


def unharmed(lake: Path) -> None:
    """One row, all objects as they should be, and writable."""
    repo = anabranch.open(lake, author="ada")
    assert repo.table("db.t").to_arrow().to_pylist() == [{"id": 1, "s": "a"}]
    assert [f for f in repo.verify(full=True) if f.problem] == []
    repo.table("db.t").append({"id": [2], "s": ["b"]})
    assert repo.table("db.t").count() == 2


def test_a_full_disk_is_an_error_and_nothing_is_lost(lake: Path) -> None:
    done = python(FILLS_THE_DISK, str(lake), str(LARGEST))
    assert done.stdout.strip() == "ANABRANCH_REPOSITORY.STORE_FAILED", done.stderr
    unharmed(lake)


def test_ctrl_c_ends_a_command_without_a_stack_trace_and_without_a_commit(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("id,s\n" + "5,x\n" * 5000)
    before = set(lake.rglob("*"))
    done = python(INTERRUPTED, str(lake), str(tmp_path / "more.csv"))
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert {p.suffix for p in set(lake.rglob("*")) - before if p.is_file()} == {".parquet"}, "orphans only"
    unharmed(lake)


def test_a_file_that_can_not_be_read_is_named_in_a_line(lake: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    writer = subprocess.Popen(["sh", "-c", f"echo id,s > '{tmp_path}/pipe.csv'"])
    done = python(
        f"from anabranch.cli.main import app; app(['-r', {str(lake)!r}, 'import', {str(tmp_path / 'pipe.csv')!r}, 'db.t'])"
    )
    writer.wait()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "pipe.csv" in done.stderr and "ANABRANCH_CLIENT.FILE" in done.stderr
