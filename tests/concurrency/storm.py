"""Many processes that commit to one branch at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from s3.server import pyspark_jars

import build

PROCESSES = 8
DEADLINE_SECONDS = 300
JVM = ("-Xmx128m", "-Xss1m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:CICompilerCount=1")


def jvm_writers(
    root: str,
    table: str,
    commits: int,
    jars: Sequence[Path],
    settings: Mapping[str, str] | None = None,
    writers: range = range(PROCESSES),
) -> list[list[str]]:
    """Commands of JVMs that append rows (number of the writer, number of the row) to a table on main, each by a commit of
    its own."""
    classpath = os.pathsep.join([*map(str, jars), str(pyspark_jars() / "*")])
    command = [str(build.find_java()), *JVM, "-cp", classpath, "io.anabranch.test.CommitStorm"]
    pairs = [f"{key}={value}" for key, value in (settings or {}).items()]
    return [
        [*command, root, "main", *table.split("."), str(writer), str(commits), *pairs] for writer in writers
    ]


def native_writers(root: str, table: str, commits: int, writers: range) -> list[list[str]]:
    """The same, by the client without Spark."""
    script = str(Path(__file__).with_name("native_writer.py"))
    return [[sys.executable, script, root, table, str(writer), str(commits)] for writer in writers]


def storm(
    commands: Sequence[Sequence[str]], commits: int, beside: Callable[[int], str] | None = None
) -> list[list[str]]:
    """Lets processes commit at once; gives the commit ids that each was told, in its order.

    It goes by rounds: all are ready before the first of them commits. So in each round all but one of them lose at
    least one race.

    Args:
        commands: of the processes; each prints `ready`, waits for a line, commits, and prints the commit id.
        commits: of each of them.
        beside: commits in this process, too, once a round; gives the commit id, which comes last.
    """
    with ExitStack() as stack:
        running = []
        for command in commands:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.callback(process.kill)
            running.append(process)
        watch = threading.Timer(DEADLINE_SECONDS, lambda: [process.kill() for process in running])
        stack.callback(watch.cancel)
        watch.start()
        told: list[list[str]] = [[] for _ in running]
        own: list[str] = []
        for number in range(commits):
            for process in running:
                assert line(process) == "ready"
            for process in running:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            if beside:
                own.append(beside(number))
            for ids, process in zip(told, running, strict=True):
                ids.append(line(process))
        return [*told, own] if beside else told


def line(process: subprocess.Popen[str]) -> str:
    """The next line of a process's output; fails where there is none (its errors stand in the test's own output)."""
    assert process.stdout is not None
    text = process.stdout.readline().rstrip("\n")
    assert text, f"a writer ended with {process.wait(timeout=30)}"
    return text
