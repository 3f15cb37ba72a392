"""Many processes that commit to one branch at once."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from s3.server import pyspark_jars

import build

PROCESSES = 8
DEADLINE_SECONDS = 300
JVM = ("-Xmx128m", "-Xss1m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:CICompilerCount=1")


def storm(
    root: str, table: str, commits: int, jars: Sequence[Path], settings: Mapping[str, str] | None = None
) -> list[list[str]]:
    """Lets each of PROCESSES JVMs append rows (number of the writer, number of the row) to a table on main,
    each by a commit of its own; gives the commit ids that each was told, in its order.

    It goes by rounds: all have read the table before the first of them commits. So in each round all but one
    of them lose at least one race.
    """
    classpath = os.pathsep.join([*map(str, jars), str(pyspark_jars() / "*")])
    command = [str(build.find_java()), *JVM, "-cp", classpath, "io.anabranch.test.CommitStorm"]
    pairs = [f"{key}={value}" for key, value in (settings or {}).items()]
    with ExitStack() as stack:
        running = []
        for writer in range(PROCESSES):
            arguments = [root, "main", *table.split("."), str(writer), str(commits), *pairs]
            process = subprocess.Popen(
                command + arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.kill)
            running.append(process)
        watch = threading.Timer(DEADLINE_SECONDS, lambda: [process.kill() for process in running])
        stack.callback(watch.cancel)
        watch.start()
        told: list[list[str]] = [[] for _ in running]
        for _ in range(commits):
            for process in running:
                assert line(process) == "ready"
            for process in running:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            for ids, process in zip(told, running, strict=True):
                ids.append(line(process))
        return told


def line(process: subprocess.Popen[str]) -> str:
    """The next line of a process's output; fails where there is none (its errors stand in the test's own output)."""
    assert process.stdout is not None
    text = process.stdout.readline().rstrip("\n")
    assert text, f"a writer ended with {process.wait(timeout=30)}"
    return text
