"""What a terminal gets beyond text: a pager for what is long, and a sign that work goes on."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Step = Callable[[int], None]


def paged(text: str) -> None:
    """Prints; on a terminal by ``ANABRANCH_PAGER``, ``PAGER`` or ``less``, which a short text passes through.

    None is used where that is empty or ``cat``, or can't be run.
    """
    named = os.environ.get("ANABRANCH_PAGER", os.environ.get("PAGER", "less"))
    try:
        command = shlex.split(named)
    except ValueError:
        command = []
    if not sys.stdout.isatty() or command in ([], ["cat"]):
        sys.stdout.write(text)
        return
    # as git has it: stop where it fits on the screen, keep colours, leave the screen as it is
    environment = {"LESS": "FRX", **os.environ}
    try:
        pager = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    except OSError:
        sys.stdout.write(text)
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the pager
    try:
        pager.communicate(text.encode(errors="backslashreplace"))  # which may be left before the end
    finally:
        signal.signal(signal.SIGINT, before)


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
