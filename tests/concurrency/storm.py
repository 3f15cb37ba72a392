"""Many processes that commit to one branch at once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from s3.server import pyspark_jars

import build

PROCESSES = 8
JVM = ("-Xmx128m", "-Xss1m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:CICompilerCount=1")


def storm(
    root: str, table: str, commits: int, jars: Sequence[Path], settings: Mapping[str, str] | None = None
) -> list[list[str]]:
    """Lets each of PROCESSES JVMs append rows (number of the writer, number of the row) to a table on main,
    each by a commit of its own; gives the commit ids that each was told, in its order.

    They are all up before the first of them commits.
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
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.kill)
            running.append(process)
        for process in running:
            assert process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            assert line == "ready\n", line + process.stderr.read()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = []
        for process in running:
            out, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
            told.append(out.split())
        return told
