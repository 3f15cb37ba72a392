"""The native client beside delta-rs and pyiceberg: ``python benchmarks/clients.py [--rows N]``.

Installs the peers into a venv of their own (in .cache/bench) and runs itself there. Prints medians, and the
ratio to the better peer.
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".cache" / "bench" / "clients"
PEERS = ["deltalake", "pyiceberg[sql-sqlite,pyarrow]"]
OURS = ["obstore", "pyroaring", "duckdb"]
APPENDS = 200
NAMES = ("anabranch", "deltalake", "pyiceberg")
Client = Any


class Anabranch:
    """The client of this checkout."""

    def __init__(self, folder: Path) -> None:
        import anabranch

        self.open = lambda: anabranch.open(folder / "lake")
        self.repo = anabranch.init(folder / "lake")
        self.repo.create_namespace("db")

    def create(self, name: str, rows: Any) -> None:
        self.repo.create_table(f"db.{name}", rows)

    def append(self, name: str, rows: Any) -> None:
        self.repo.table(f"db.{name}").append(rows)

    def cold_count(self, name: str) -> int:
        return int(self.open().table(f"db.{name}").count())

    def read(self, name: str) -> Any:
        return self.repo.table(f"db.{name}").to_arrow()

    def lookup(self, name: str, id: int) -> Any:
        return self.repo.table(f"db.{name}").to_arrow(where="id = ?", parameters=[id])

    def upsert(self, name: str, rows: Any) -> None:
        self.repo.table(f"db.{name}").upsert(rows, on="id")

    def delete(self, name: str, id: int) -> None:
        self.repo.table(f"db.{name}").delete("id = ?", [id])


class DeltaLake:
    """delta-rs, with deletion vectors where it writes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "delta"

    def table(self, name: str) -> Any:
        from deltalake import DeltaTable

        return DeltaTable(str(self.folder / name))

    def create(self, name: str, rows: Any) -> None:
        from deltalake import write_deltalake

        write_deltalake(str(self.folder / name), rows)

    def append(self, name: str, rows: Any) -> None:
        from deltalake import write_deltalake

        write_deltalake(str(self.folder / name), rows, mode="append")

    def cold_count(self, name: str) -> int:
        return int(self.table(name).to_pyarrow_dataset().count_rows())

    def read(self, name: str) -> Any:
        return self.table(name).to_pyarrow_dataset().to_table()

    def lookup(self, name: str, id: int) -> Any:
        import pyarrow.compute as pc

        return self.table(name).to_pyarrow_dataset().to_table(filter=pc.field("id") == id)

    def upsert(self, name: str, rows: Any) -> None:
        merge = self.table(name).merge(rows, "t.id = s.id", source_alias="s", target_alias="t")
        merge.when_matched_update_all().when_not_matched_insert_all().execute()

    def delete(self, name: str, id: int) -> None:
        self.table(name).delete(f"id = {int(id)}")


class PyIceberg:
    """pyiceberg, with a catalog in SQLite."""

    def __init__(self, folder: Path) -> None:
        from pyiceberg.catalog.sql import SqlCatalog

        place = folder / "iceberg"
        place.mkdir()
        self.open = lambda: SqlCatalog("c", uri=f"sqlite:///{place}/c.db", warehouse=place.as_uri())
        self.catalog = self.open()
        self.catalog.create_namespace("db")

    def create(self, name: str, rows: Any) -> None:
        self.catalog.create_table(f"db.{name}", schema=rows.schema).append(rows)

    def append(self, name: str, rows: Any) -> None:
        self.catalog.load_table(f"db.{name}").append(rows)

    def cold_count(self, name: str) -> int:
        return int(self.open().load_table(f"db.{name}").scan().count())

    def read(self, name: str) -> Any:
        return self.catalog.load_table(f"db.{name}").scan().to_arrow()

    def lookup(self, name: str, id: int) -> Any:
        return self.catalog.load_table(f"db.{name}").scan(row_filter=f"id = {int(id)}").to_arrow()

    def upsert(self, name: str, rows: Any) -> None:
        self.catalog.load_table(f"db.{name}").upsert(rows, join_cols=["id"])

    def delete(self, name: str, id: int) -> None:
        self.catalog.load_table(f"db.{name}").delete(f"id = {int(id)}")


def seconds(f: Callable[[], Any]) -> float:
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def bytes_in(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def measure(client: Client, folder: Path, rows: int) -> dict[str, float]:
    """Milliseconds of each task, and megabytes of the upsert."""
    import pyarrow as pa
    import pyarrow.compute as pc

    one = pa.table({"id": [1], "text": ["x"], "value": [0.5]})
    client.create("small", one)
    appends = [seconds(lambda: client.append("small", one)) for _ in range(APPENDS)]
    found = {
        "append of a row": statistics.median(appends),
        "open and count": seconds(lambda: client.cold_count("small")),
    }
    ids = pa.arange(0, rows)
    big = pa.table({"id": ids, "text": pc.cast(ids, pa.string()), "value": pc.random(rows, initializer=1)})
    found["load"] = seconds(lambda: client.create("big", big))
    found["read to Arrow"] = statistics.median(seconds(lambda: client.read("big")) for _ in range(3))
    found["look-up of an id"] = statistics.median(
        seconds(functools.partial(client.lookup, "big", rows // 2 + i)) for i in range(3)
    )
    big = big.set_column(2, "value", pc.add(big.column("value"), 1.0))
    every = big.filter(pc.equal(pc.subtract(ids, pc.multiply(pc.divide(ids, 101), 101)), 0))
    before = bytes_in(folder)
    found["upsert of 1 %"] = seconds(lambda: client.upsert("big", every))
    found["upsert of 1 %, MB written"] = (
        bytes_in(folder) - before
    ) / 1e9  # told in thousands of what follows
    found["delete of an id"] = seconds(lambda: client.delete("big", rows // 3))
    return {task: value * 1000 for task, value in found.items()}


def run(rows: int) -> None:
    clients: dict[str, type[Client]] = {
        "anabranch": Anabranch,
        "deltalake": DeltaLake,
        "pyiceberg": PyIceberg,
    }
    results = {}
    for name in NAMES:
        folder = Path(tempfile.mkdtemp(prefix="clients-"))
        try:
            results[name] = measure(clients[name](folder), folder, rows)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{rows:,} rows; ms, and MB".ljust(30) + "".join(n.rjust(12) for n in (*NAMES, "ratio")))
    for task in results["anabranch"]:
        values = [results[n][task] for n in NAMES]
        print(task.ljust(30) + "".join(f"{v:12.1f}" for v in values) + f"{values[0] / min(values[1:]):12.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6_000_000)
    parser.add_argument("--here", action="store_true", help="the peers are installed in this environment")
    options = parser.parse_args()
    if options.here:
        return run(options.rows)
    python = VENV / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS, *OURS], check=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "python")}
    command = [str(python), __file__, "--here", "--rows", str(options.rows)]
    subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
