"""Runs the clients without Spark, in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from peers import environment
from tasks import Figures, Size

HERE = Path(__file__).resolve().parent
TITLES = {"parquet": "pyarrow", "anabranch": "Anabranch", "delta": "deltalake", "iceberg": "pyiceberg"}
PACKAGES = (
    "deltalake==1.6.6",
    "pyiceberg[sql-sqlite,pyarrow]==0.12.0",
    "obstore",
    "pyroaring",
    "duckdb",
    "pytz",
)


def measure(cache: Path, source: Path, size: Size) -> Figures:
    """What `clients.py` finds.

    Raises:
        subprocess.CalledProcessError: if a package can't be installed, or a client fails.
    """
    python = environment(cache / "clients", *PACKAGES)
    numbers = [size.inserts, size.commits, size.clients]
    command = [str(python), str(HERE / "clients.py"), str(source), *map(str, numbers)]
    told = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(HERE.parent / "python")},
    )
    found = json.loads(told.stdout.splitlines()[-1])
    return Figures(found["samples"], found["numbers"])
