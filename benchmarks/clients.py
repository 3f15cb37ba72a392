"""The client without Spark beside delta-rs and pyiceberg, in one process with neither Spark nor a JVM.

`run.py` starts this file in an environment that has the peers; it prints one line of JSON.
"""

from __future__ import annotations

import functools
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from tasks import Figures
from timing import objects, timed, turns

SCATTER = 101
"""An upsert changes each 101st row, about 1 %."""


class Anabranch:
    """The client of this checkout."""

    def __init__(self, folder: Path) -> None:
        import anabranch

        self.open = lambda: anabranch.open(folder)
        self.repo = anabranch.init(folder)
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
        self.folder = folder

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
        return self.table(name).to_pyarrow_dataset().to_table(filter=pc.field("id") == id)

    def upsert(self, name: str, rows: Any) -> None:
        merge = self.table(name).merge(rows, "t.id = s.id", source_alias="s", target_alias="t")
        merge.when_matched_update_all().when_not_matched_insert_all().execute()

    def delete(self, name: str, id: int) -> None:
        self.table(name).delete(f"id = {int(id)}")


class PyIceberg:
    """pyiceberg, with a catalog in SQLite.

    Without its upsert, which makes one condition of all keys: that takes hours for so many.
    """

    def __init__(self, folder: Path) -> None:
        from pyiceberg.catalog.sql import SqlCatalog

        folder.mkdir()
        self.open = lambda: SqlCatalog("c", uri=f"sqlite:///{folder}/c.db", warehouse=folder.as_uri())
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

    def delete(self, name: str, id: int) -> None:
        self.catalog.load_table(f"db.{name}").delete(f"id = {int(id)}")


class Plain:
    """pyarrow.dataset on the data files that Anabranch has written: the floor for reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self) -> ds.Dataset:
        # the largest table: there are others in the repository
        tables = [p for p in (self.folder / "data").iterdir() if p.is_dir()]
        largest = max(tables, key=lambda p: sum(f.stat().st_size for f in p.iterdir()))
        return ds.dataset([str(p) for p in sorted(largest.iterdir())], format="parquet")

    def read(self, name: str) -> Any:
        return self.rows().to_table()

    def lookup(self, name: str, id: int) -> Any:
        return self.rows().to_table(filter=pc.field("id") == id)


class Run:
    """Figures of all clients, measured in turns; who goes first changes each time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clients: dict[str, Any] = {
            "anabranch": Anabranch(folder / "anabranch"),
            "delta": DeltaLake(folder / "delta"),
            "iceberg": PyIceberg(folder / "iceberg"),
            "parquet": Plain(folder / "anabranch"),
        }
        self.figures = Figures()

    def turns(
        self, repeats: int, step: str, measure: str | None, *arguments: Callable[[int], Any], warm: int = 0
    ) -> None:
        """Calls a method of all clients that have it, with arguments that depend on the turn."""
        names = [n for n, c in self.clients.items() if hasattr(c, step)]
        given = functools.cache(lambda turn: [a(turn) for a in arguments])
        for turn, name in turns(names, warm + repeats):
            method = getattr(self.clients[name], step)
            seconds = timed(functools.partial(method, *given(turn)))
            if measure is not None and turn >= warm:
                self.figures.add(measure, name, seconds)

    def written(
        self, number: str, body: Callable[[], None], per: float, count: Callable[[Any], float]
    ) -> None:
        """Notes what a step leaves on the disk."""

        def state() -> dict[str, dict[str, int]]:
            return {n: objects(self.folder / n) for n in self.clients if n != "parquet"}

        before = state()
        body()
        for name, now in state().items():
            new = {path: size for path, size in now.items() if path not in before[name]}
            if new:
                self.figures.note(number, name, count(new) / per)


def measure(source: Path, appends: int, commits: int, repeats: int, folder: Path) -> dict[str, Any]:
    """Samples in seconds and numbers, by measure and client.

    Args:
        source: Parquet files of rows with a unique `id`.
        appends: how many of one row are measured.
        commits: to how many commits that table grows before it is opened and counted.
        repeats: of everything else.
        folder: an empty one.
    """
    run = Run(folder)
    one = pa.table({"id": [1], "text": ["x"], "value": [0.5]})
    run.turns(1, "create", None, lambda _: "small", lambda _: one)
    run.written(
        "objects of a client's append",
        lambda: run.turns(appends, "append", "client append", lambda _: "small", lambda _: one),
        appends,
        len,
    )
    run.turns(commits - appends - 1, "append", None, lambda _: "small", lambda _: one)
    run.turns(repeats, "cold_count", "client count", lambda _: "small", warm=1)

    rows = ds.dataset(source, format="parquet").to_table()
    run.turns(repeats, "create", "client load", lambda turn: f"big{turn}", lambda _: rows, warm=1)
    last = f"big{repeats}"
    run.turns(3 * repeats, "read", "client read", lambda _: last, warm=2)
    middle = rows.num_rows // 2
    run.turns(3 * repeats, "lookup", "client look-up", lambda _: last, lambda turn: middle + turn, warm=2)

    def changed(turn: int) -> Any:
        taken = rows.take(pa.array(range(turn, rows.num_rows, SCATTER)))
        place = taken.schema.get_field_index("l_comment")
        return taken.set_column(
            place, "l_comment", pc.binary_join_element_wise(taken["l_comment"], str(turn), "!")
        )

    run.written(
        "MB of a client's upsert",
        lambda: run.turns(repeats, "upsert", "client upsert", lambda _: last, changed),
        repeats * 1e6,
        lambda new: sum(new.values()),
    )
    run.turns(
        repeats, "delete", "client delete", lambda _: last, lambda turn: middle + 1000 * turn + 7, warm=1
    )
    return asdict(run.figures)


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="clients-"))
    try:
        print(json.dumps(measure(Path(sys.argv[1]), *map(int, sys.argv[2:5]), place)))
    finally:
        shutil.rmtree(place, ignore_errors=True)
