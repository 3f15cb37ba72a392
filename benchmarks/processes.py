"""Workers, one process a system, and asking them in turns."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from peers import SETTINGS, System

HERE = Path(__file__).resolve().parent


class StepFailed(Exception):
    """A worker could not carry out a step; the text is the error of that system."""


class Worker:
    """A running process of one system."""

    def __init__(self, system: System, folder: Path, extra: dict[str, str]) -> None:
        self.system = system
        self._log_path = folder / f"{system.name}.log"
        self._log = self._log_path.open("wb")
        conf = {
            **SETTINGS,
            "spark.sql.warehouse.dir": (folder / system.name / "warehouse").as_uri(),
            **system.conf,
            **extra,
        }
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYSPARK", "SPARK_"))}
        environment["SPARK_LOCAL_IP"] = "127.0.0.1"
        self._process = subprocess.Popen(
            [
                str(system.python),
                str(HERE / "worker.py"),
                system.name,
                str(folder / system.name),
                json.dumps(conf),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=folder,
            env=environment,
            text=True,
        )
        self.spark_version = self._answer()

    def ask(self, step: str, **args: Any) -> Any:
        """Carries out a step of steps.py and returns its result.

        Raises:
            StepFailed: if it fails there.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"step": step, "args": args}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise StepFailed(f"{self.system.title} ended; its log is {self._log_path}")
        answer = json.loads(line)
        if "error" in answer:
            raise StepFailed(f"{self.system.title}: {answer['error']}; its log is {self._log_path}")
        return answer["result"]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


@contextmanager
def workers(systems: Sequence[System], folder: Path) -> Iterator[dict[str, Worker]]:
    """All systems, started one after the other; ended at the end."""
    with ExitStack() as stack:
        started: dict[str, Worker] = {}
        for system in systems:
            worker = Worker(system, folder, {})
            stack.callback(worker.close)
            started[system.name] = worker
        yield started
