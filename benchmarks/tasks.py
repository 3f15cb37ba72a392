"""What is measured: each task asks all systems in turns, and hands back figures by system.

Turns, because the machine's speed drifts: what is compared was measured within the same seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import Worker
from timing import turns

Workers = dict[str, Worker]
Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    scale: float
    warmups: int
    repeats: int
    loads: int
    inserts: int
    commits: int
    few_files: int
    many_files: int
    branches: int
    clients: int


FULL = Size(1, 6, 11, 3, 200, 1000, 5_000, 20_000, 7, 3)
QUICK = Size(0.01, 2, 3, 1, 20, 40, 100, 300, 3, 1)


@dataclass
class Figures:
    """What one run found: samples in seconds by measure and system, and plain numbers beside them."""

    samples: dict[str, Samples] = field(default_factory=dict)
    numbers: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, measure: str, system: str, *seconds: float) -> None:
        self.samples.setdefault(measure, {}).setdefault(system, []).extend(seconds)

    def note(self, number: str, system: str, value: float) -> None:
        self.numbers.setdefault(number, {})[system] = value


def in_turns(workers: Workers, repeats: int, body: Callable[[Worker, int], None]) -> None:
    """Runs something for each system and repeat; who goes first changes each time."""
    for turn, name in turns(list(workers), repeats):
        body(workers[name], turn)


def with_tables(workers: Workers) -> Workers:
    """Systems that have commits at all."""
    return {n: w for n, w in workers.items() if n != "parquet"}


def load(workers: Workers, size: Size, source: Path, out: Figures) -> None:
    """CTAS of the input, 8 files: one load to warm up, then the measured ones."""
    for w in workers.values():
        w.ask("source", path=source.as_uri())

    def one(w: Worker, turn: int) -> None:
        result = w.ask("ctas", turn=turn)
        if turn > 0:
            out.add("load", w.system.name, result["seconds"])
            out.note("files of a load", w.system.name, result["files"])
            out.note("MB of a load", w.system.name, result["megabytes"])

    in_turns(workers, size.loads + 1, one)


def scan(workers: Workers, size: Size, out: Figures) -> None:
    """Two queries over the whole table that was loaded last."""
    for name in ("scan", "group"):

        def one(w: Worker, turn: int, name: str = name) -> None:
            seconds = w.ask("query", name=name, turn=size.loads)
            if turn >= size.warmups:
                out.add(name, w.system.name, seconds)

        in_turns(workers, size.warmups + size.repeats, one)


def insert(workers: Workers, size: Size, out: Figures) -> None:
    """One-row INSERTs: first into a table to warm up with, then into a new one, in blocks of 10."""
    block = 10
    tables = with_tables(workers)
    for w in tables.values():
        w.ask("small_table", area="warm")
        w.ask("inserts", area="warm", first=0, count=min(50, size.inserts))
        w.ask("small_table", area="inserts")
    before = {n: w.ask("objects", area="inserts") for n, w in tables.items()}

    def one(w: Worker, turn: int) -> None:
        out.add("insert", w.system.name, *w.ask("inserts", area="inserts", first=turn * block, count=block))

    in_turns(tables, size.inserts // block, one)
    for n, w in tables.items():
        after = w.ask("objects", area="inserts")
        out.note("objects per insert", n, (after["objects"] - before[n]["objects"]) / size.inserts)
        out.note("kB per insert", n, (after["megabytes"] - before[n]["megabytes"]) * 1000 / size.inserts)
    base = workers.get("parquet")
    if base is not None:
        base.ask("noop_writes", count=50)
        out.add("insert", "parquet", *base.ask("noop_writes", count=size.inserts))


def history(workers: Workers, size: Size, out: Figures) -> None:
    """Brings the table of `insert` to so many commits, and reads its history and its rows."""
    block = 20
    tables = with_tables(workers)
    rest = size.commits - size.inserts

    def grow(w: Worker, turn: int) -> None:
        first = size.inserts + turn * block
        seconds = w.ask("inserts", area="inserts", first=first, count=block)
        if first + block > size.commits - size.inserts:
            out.add("late insert", w.system.name, *seconds)

    in_turns(tables, rest // block, grow)

    def read(w: Worker, turn: int) -> None:
        result = w.ask("history", area="inserts")
        out.note("rows of history", w.system.name, result["rows"])
        count = w.ask("count", area="inserts")
        assert count["rows"] == size.commits, count
        if turn >= size.warmups:
            out.add("history", w.system.name, result["seconds"])
            out.add("count after commits", w.system.name, count["seconds"])

    in_turns(tables, size.warmups + size.repeats, read)


def files(workers: Workers, size: Size, out: Figures) -> None:
    """A query of one file among many, and a branch of all: 10 files, some thousand, four times that."""
    tables = with_tables(workers)
    for area, count in (("ten", 10), ("few", size.few_files), ("many", size.many_files)):
        for n, w in tables.items():
            result = w.ask("many_files", area=area, files=count)
            assert result["files"] >= count, (n, result)
            if area != "ten":
                out.add(f"write {area} files", n, result["seconds"])
        if area != "ten":
            _one_file(tables, area, count, size, out)

    for area in ("ten", "few", "many"):

        def branch(w: Worker, turn: int, area: str = area) -> None:
            seconds = w.ask("branch", area=area, name=f"b{turn}")
            if turn >= 2:
                out.add(f"branch {area} files", w.system.name, seconds)

        in_turns(tables, size.branches + 2, branch)


def _one_file(tables: Workers, area: str, count: int, size: Size, out: Figures) -> None:
    """The first query of the session on the table is a measure of its own; the ids asked for differ."""

    def one(w: Worker, turn: int) -> None:
        file = (turn * 7919 + 13) % count
        seconds = w.ask("one_file", area=area, id=file * 1000 + 500)
        if turn == 0:
            out.add(f"first of {area} files", w.system.name, seconds)
        elif turn > size.warmups:
            out.add(f"one of {area} files", w.system.name, seconds)

    in_turns(tables, 1 + size.warmups + size.repeats, one)


CHANGES = ("merge scattered", "merge near", "update", "delete", "delete one")


def rows(workers: Workers, size: Size, out: Figures) -> None:
    """Changes of rows, one after the other, of each table that was loaded; the first is to warm up."""
    tables = with_tables(workers)
    for w in tables.values():
        w.ask("row_sources", rows=int(6_001_215 * size.scale))
    for turn in range(size.loads + 1):

        def scan(measure: str, turn: int = turn) -> None:
            for _ in range(6):
                for n, w in tables.items():
                    seconds = w.ask("query", name="scan", turn=turn)
                    if turn > 0:
                        out.add(measure, n, seconds)

        scan("scan before changes")
        for change in CHANGES:
            for n, w in tables.items():
                result = w.ask("change_rows", name=change, turn=turn)
                if turn > 0:
                    out.add(change, n, result["seconds"])
                    out.note(f"MB of {change}", n, result["megabytes"])
        scan("scan after changes")
    for n, w in tables.items():
        out.note("MB of ten updates", n, w.ask("growth", turn=0))
        out.note("of 20 updates by 4 threads", n, w.ask("threads"))


BOTH = 1000
"""Rows that both sides of an overlapping merge change."""


def merges(workers: Workers, size: Size, out: Figures) -> None:
    """Merges of 1 % of the rows from each side; the first of each kind is to warm up."""
    tables = with_tables(workers)
    rows = int(6_001_215 * size.scale)
    for copies, kinds in ((1, (("disjoint", 0), ("overlapping", BOTH))), (4, (("disjoint", 0),))):
        for n, w in tables.items():
            if copies == 1 or n == "anabranch":
                w.ask("merge_table", copies=copies)
        turn = 0
        for kind, both in kinds:
            for repeat in range(size.loads + 1):
                for n, w in tables.items():
                    if copies == 1 or n == "anabranch":
                        seconds = w.ask("merge_sides", copies=copies, rows=rows, turn=turn, both=both)
                        if repeat > 0:
                            out.add(f"merge {kind} x{copies}", n, seconds)
                turn += 1
    for n, w in tables.items():
        for turn in range(size.loads + 1) if n == "anabranch" else ():
            seconds = w.ask("merge_compacted", turn=turn)
            if turn > 0:
                out.add("merge compacted x1", n, seconds)


TASKS: dict[str, Callable[..., Any]] = {
    "load": load,
    "scan": scan,
    "insert": insert,
    "history": history,
    "files": files,
    "rows": rows,
    "merges": merges,
}
