"""Figures as a table, held against the project's budgets."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks import Figures, Samples

US = "anabranch"
BASE = "parquet"

MEASURES = {
    "load": "load (CTAS of 8 files)",
    "scan": "scan + 4 sums",
    "group": "group by two strings",
    "insert": "one-row INSERT (Parquet: no-op write)",
    "late insert": "  the same, last of many commits",
    "count after commits": "count(*) after many commits",
    "history": "history after many commits",
    "write few files": "write {few} files",
    "write many files": "write {many} files",
    "first of few files": "one of {few} files, first query",
    "one of few files": "one of {few} files, warm",
    "first of many files": "one of {many} files, first query",
    "one of many files": "one of {many} files, warm",
    "merge scattered": "MERGE of 1 % scattered and 0.1 % new",
    "merge near": "MERGE of 1,000 rows of one file",
    "update": "UPDATE of 0.1 % scattered",
    "delete": "DELETE of 0.1 % scattered",
    "delete one": "DELETE of one row by id",
    "scan before changes": "scan + 4 sums before these",
    "scan after changes": "  the same after them",
    "merge disjoint x1": "merge of branches, 1 % of the rows each",
    "merge overlapping x1": "  of these 1,000 changed on both",
    "merge compacted x1": "  1 %, and both sides compacted since",
    "merge disjoint x4": "  1 %, of a table four times as large",
    "branch ten files": "branch, 10 files",
    "branch few files": "branch, {few} files",
    "branch many files": "branch, {many} files",
    "client append": "one-row append",
    "client count": "open and count after many commits",
    "client load": "load",
    "client read": "read all to Arrow",
    "client look-up": "look-up of one id",
    "client upsert": "upsert of 1 % scattered",
    "client delete": "delete of one row by id",
}


@dataclass(frozen=True)
class Verdict:
    """One budget: what was found, and the most that was wanted."""

    text: str
    found: float
    limit: float

    @property
    def kept(self) -> bool:
        return self.found <= self.limit


def median(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def p95(samples: Sequence[float]) -> float:
    """The smallest sample that at least 95 % of them don't exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width; the first to the left, numbers to the right."""
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths, strict=True))
        )
        for r in [head, ["-" * w for w in widths], *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)


def times(figures: Figures, titles: dict[str, str], sizes: dict[str, int]) -> str:
    """Medians and 95th percentiles in milliseconds, and how Anabranch compares."""
    rows = []
    for measure, title in MEASURES.items():
        samples = figures.samples.get(measure)
        if not samples:
            continue
        cells = [_times(samples.get(name)) for name in titles]
        rows.append([title.format(**sizes), *cells, *_ratios(samples)])
    return table(["ms: median (p95)", *titles.values(), "/ Parquet", "/ best peer"], rows)


def _times(samples: Sequence[float] | None) -> str:
    if not samples:
        return "-"
    middle = f"{median(samples) * 1000:,.0f}"
    return middle if len(samples) == 1 else f"{middle} ({p95(samples) * 1000:,.0f})"


def _ratios(samples: Samples) -> list[str]:
    found = [_ratio(samples, [BASE]), _ratio(samples, [n for n in samples if n not in (US, BASE)])]
    return ["-" if x is None else f"{x:.2f}" for x in found]


def _ratio(samples: Samples, others: Sequence[str]) -> float | None:
    """Anabranch to the best of some systems; None if one side is missing.

    It is the median of the ratios within each turn: what was measured in one turn was measured within
    seconds, so a machine that is busy for a while slows down both.
    """
    there = [n for n in others if n in samples]
    if US not in samples or not there:
        return None
    best = min(there, key=lambda n: median(samples[n]))
    return median([a / b for a, b in zip(samples[US], samples[best], strict=True)])


def numbers(figures: Figures, titles: dict[str, str]) -> str:
    """Counts and sizes."""
    rows = [
        [name, *(f"{values[s]:,.4g}" if s in values else "-" for s in titles)]
        for name, values in figures.numbers.items()
    ]
    return table(["numbers", *titles.values()], rows)


def verdicts(figures: Figures) -> list[Verdict]:
    """Each budget of which the figures say something."""
    found: list[Verdict] = []

    def ask(text: str, limit: float, value: Callable[[], float | None]) -> None:
        try:
            x = value()
        except KeyError:
            return
        if x is not None:
            found.append(Verdict(text, x, limit))

    def ours(measure: str) -> float:
        return median(figures.samples[measure][US])

    def of_base(measure: str) -> Callable[[], float | None]:
        return lambda: _ratio(figures.samples[measure], [BASE])

    def of_best(measure: str) -> Callable[[], float | None]:
        return lambda: _ratio(
            figures.samples[measure], [n for n in figures.samples[measure] if n not in (US, BASE)]
        )

    def least(number: str) -> float:
        values = figures.numbers[number]
        return values[US] / min(v for n, v in values.items() if n not in (US, BASE))

    ask("full scan / Parquet", 1.05, of_base("scan"))
    ask("group by / Parquet", 1.05, of_base("group"))
    ask("load / Parquet", 1.1, of_base("load"))
    ask("one-row INSERT p50 / best peer", 0.6, of_best("insert"))
    ask("one-row INSERT p95 / p50", 2, lambda: p95(figures.samples["insert"][US]) / ours("insert"))
    ask("objects per one-row INSERT", 1, lambda: figures.numbers["objects per insert"][US])
    ask("one of few files, warm / best peer", 1, of_best("one of few files"))
    ask("one of many files / of few", 1.25, lambda: ours("one of many files") / ours("one of few files"))
    ask("branch of many files, ms", 20, lambda: ours("branch many files") * 1000)
    ask("branch of many files / of 10", 1.25, lambda: ours("branch many files") / ours("branch ten files"))
    ask("history / best peer", 1, of_best("history"))
    ask("MERGE of 1 % scattered / best peer", 0.5, of_best("merge scattered"))
    ask("MERGE of 1 % scattered, MB / best peer", 1, lambda: least("MB of merge scattered"))
    ask("ten UPDATEs of 1 %, MB / best peer", 1, lambda: least("MB of ten updates"))
    ask("MERGE of 1,000 rows of one file / best peer", 0.25, of_best("merge near"))
    ask("UPDATE of 0.1 % scattered / best peer", 0.4, of_best("update"))
    ask("DELETE of 0.1 % scattered / best peer", 0.8, of_best("delete"))
    ask("DELETE of one row / best peer", 0.5, of_best("delete one"))
    ask("scan after changes / before", 1.1, lambda: ours("scan after changes") / ours("scan before changes"))
    ask("merge of disjoint rows, s", 2, lambda: ours("merge disjoint x1"))
    ask("merge with 1,000 rows of both, s", 5, lambda: ours("merge overlapping x1"))
    ask(
        "merge, table four times as large",
        1.25,
        lambda: ours("merge disjoint x4") / ours("merge disjoint x1"),
    )
    ask(
        "of 20 updates by 4 threads, lost",
        0,
        lambda: 20 - figures.numbers["of 20 updates by 4 threads"][US],
    )
    ask("client: one-row append p50 / best peer", 0.3, of_best("client append"))
    ask("client: objects of an append", 1, lambda: figures.numbers["objects of a client's append"][US])
    ask("client: open and count / best peer", 0.5, of_best("client count"))
    ask("client: load / best peer", 1.1, of_best("client load"))
    ask("client: read to Arrow / pyarrow", 1.1, of_base("client read"))
    ask("client: look-up / best peer", 0.3, of_best("client look-up"))
    ask("client: upsert of 1 % / best peer", 0.3, of_best("client upsert"))
    ask("client: MB of an upsert / best peer", 0.05, lambda: least("MB of a client's upsert"))
    ask("client: delete of one row / best peer", 0.1, of_best("client delete"))
    return found


def budgets(found: Sequence[Verdict]) -> str:
    rows = [[v.text, f"{v.found:.2f}", f"<= {v.limit:g}", "kept" if v.kept else "MISSED"] for v in found]
    return table(["budget", "found", "wanted", ""], rows)
