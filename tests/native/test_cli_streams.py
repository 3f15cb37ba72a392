"""What the command line prints where nobody reads on, and on terminals of all kinds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

import anabranch
from anabranch import Repository

COMMAND = [sys.executable, "-m", "anabranch.cli"]
ROWS = 20_000


def started(repo: Repository, *arguments: str, **how: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "ANABRANCH_REPOSITORY": repo.root, **how.pop("environment", {})}
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    return subprocess.Popen([*COMMAND, *arguments], env=environment, **how)


def printed(repo: Repository, *arguments: str, **how: Any) -> str:
    done = started(repo, *arguments, **how)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0, err.decode()
    return out.decode()


@pytest.fixture
def large(repo: Repository) -> Repository:
    """Rows that are many times what a pipe holds."""
    repo.create_table("db.t", {"id": range(ROWS), "text": ["größer 漢字"] * ROWS})
    return repo


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_who_stops_reading_stops_the_command_without_a_stack_trace(
    large: Repository, more: list[str]
) -> None:
    running = started(large, "sql", "SELECT * FROM db.t", *more)
    assert running.stdout is not None and running.stderr is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.stderr.read() == b""
    assert running.wait(60) == 130


def test_many_rows_are_shown_in_columns(large: Repository) -> None:
    lines = printed(large, "sql", "SELECT * FROM db.t").splitlines()
    assert lines[:2] == ["id     text", "0      größer 漢字"] and len(lines) == ROWS + 1
    wide = printed(
        large, "sql", "SELECT text, 'x' AS v FROM db.t UNION SELECT 'short', NULL ORDER BY 1"
    ).splitlines()
    assert wide == ["text         v", "größer 漢字  x", "short"]


INTERRUPTED = """
import sys
class Interrupted:
    def find_spec(self, name, *_):
        if name == "anabranch.cli.looking":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from anabranch.cli.__main__ import main
main()
"""


def test_who_interrupts_a_command_while_it_loads_sees_no_stack_trace() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (130, "")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_one_that_nobody_reads(repo: Repository, closed: str) -> None:
    number = 1 if closed == "stdout" else 2
    ref = "main" if closed == "stdout" else "nope"
    code = f"import os, sys; os.close({number}); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    arguments = [sys.executable, "-c", code, "-m", "anabranch.cli", "-r", repo.root, "log", ref]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, close_fds=False)
    assert (done.returncode, done.stdout + done.stderr) == (0 if closed == "stdout" else 3, "")


def test_a_history_is_drawn_in_the_characters_that_there_are(repo: Repository) -> None:
    repo.create_branch("fix")
    anabranch.open(repo.store, "fix").create_table("db.a", {"id": [1]})
    repo.create_table("db.b", {"id": [1]})
    repo.merge("fix", message="größer")
    drawn = {
        encoding: printed(repo, "log", "--graph", environment={"PYTHONIOENCODING": encoding}).splitlines()
        for encoding in ("utf-8", "ascii")
    }
    assert [line[:3].strip() for line in drawn["utf-8"]] == ["●─╮", "● │", "│ ●", "│ ●", "●─╯", "●"]
    assert [line[:3].strip() for line in drawn["ascii"]] == ["*-.", "* |", "| *", "| *", "*-'", "*"]
    assert drawn["utf-8"][0].endswith("größer") and drawn["ascii"][0].endswith(r"gr\xf6\xdfer")


def test_json_is_in_utf_8_wherever_it_is_printed(large: Repository) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    row = json.loads(printed(large, "head", "db.t", "-n", "1", "--json", environment=environment))
    assert row == {"id": 0, "text": "größer 漢字"}


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals")
def test_on_a_terminal_lines_are_folded_and_names_of_columns_are_bold(large: Repository) -> None:
    import fcntl
    import struct
    import termios

    def shown(columns: int) -> list[str]:
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {"TERM": "xterm", "NO_COLOR": "", "PAGER": "cat"}
        running = started(large, "head", "db.t", "-n", "1", stdout=theirs, environment=environment)
        assert running.wait(60) == 0
        os.close(theirs)
        with os.fdopen(ours, "rb") as terminal:
            return terminal.read1(4096).decode().splitlines()

    assert shown(80) == ["\x1b[1mid  text\x1b[0m", "0   größer 漢字"]
    assert shown(10)[1:] == ["0   größer", "    漢字  "]


def test_a_table_of_texts_with_several_lines_stays_a_table(repo: Repository) -> None:
    repo.create_table("db.t", {"text": ["one\ntwo", "[red]"], "v": [1, 2]})
    lines = [line.rstrip() for line in printed(repo, "head", "db.t").splitlines()]
    assert lines == ["text   v", "one    1", "two", "[red]  2"]
