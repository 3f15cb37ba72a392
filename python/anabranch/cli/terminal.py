"""What a terminal gets beyond text: a pager for what is long, and a sign that work goes on."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Step = Callable[[int], None]


def write(text: str) -> None:
    """Prints a text as it is: `typer.echo` has its own mind about encodings."""
    sys.stdout.write(text)
    sys.stdout.flush()


def paged(parts: Iterable[str]) -> None:
    """Prints; on a terminal by ``ANABRANCH_PAGER``, ``PAGER`` or ``less``, which a short text passes through.

    None is used where that is empty or ``cat``, or can't be run.

    Args:
        parts: of the text.
    """
    pager = _pager() if sys.stdout.isatty() else None
    if pager is None or pager.stdin is None:
        for part in parts:
            write(part)
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the pager
    try:
        with suppress(BrokenPipeError), pager.stdin as given:  # whoever reads may have seen enough
            for part in parts:
                given.write(part.encode(errors="backslashreplace"))
    finally:
        pager.wait()
        signal.signal(signal.SIGINT, before)


def _pager() -> subprocess.Popen[bytes] | None:
    named = os.environ.get("ANABRANCH_PAGER", os.environ.get("PAGER", "less"))
    # as git has it: stop where it fits on the screen, keep colours, leave the screen as it is
    environment = {"LESS": "FRX", **os.environ}
    try:
        command = shlex.split(named)
        if command not in ([], ["cat"]):
            return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    except (OSError, ValueError):
        pass
    return None


@contextmanager
def working(label: str, total: int | None = None) -> Iterator[Step]:
    """Shows on a terminal, on standard error, that something goes on, and how far it is.

    Args:
        label: what it is.
        total: of steps; None if that is not known.

    Yields:
        what is to be called with a number of steps that are done.
    """
    if not sys.stderr.isatty():
        yield lambda steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    parts = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*parts, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)
