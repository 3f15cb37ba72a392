"""The invariants of row lineage, checked on every version of a table.

They hold for any history, whatever statements it is made of. Versions are read by the client without Spark,
which is quick, and knows nothing of how Spark wrote them; the last one must be the same in Spark.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

import anabranch
from anabranch import Repository
from anabranch.core.format.files import HIDDEN
from anabranch.core.operations.scan import readable_names
from anabranch.core.repository.view import TableView

Rows = Callable[[str], Sequence[Sequence[Any]]]
"""Runs a statement and gives its rows, as `Lake.rows` does."""

METRICS = ("rows_inserted", "rows_updated", "rows_deleted")
ROW_LEVEL = ("UPDATE", "MERGE", "DELETE")
ADOPTING = ("RESTORE", "MERGE BRANCH", "CHERRY PICK", "REVERT", "REBASE")
"""Operations that bring rows of other commits: these keep the commit that they have."""
UNCHANGING = ("ALTER TABLE", "OPTIMIZE")


@dataclass(frozen=True)
class Row:
    """One row of one version: its identity, and its content by column."""

    id: int
    commit: int
    content: Mapping[str, str]


@dataclass(frozen=True)
class Version:
    """A version of a table: its entry in the history, and its rows in no order."""

    number: int
    operation: str
    metrics: Mapping[str, int]
    commit: int
    rows: tuple[Row, ...]

    def by_id(self) -> dict[int, Row]:
        return {row.id: row for row in self.rows}


def check(rows: Rows, catalog: str, path: Path, reused: Iterable[str] = (), only: str | None = None) -> None:
    """Checks each table at all its branches.

    Args:
        rows: runs a statement in Spark.
        catalog: what Spark calls the repository.
        path: its folder.
        reused: columns whose name meant another column once, so that contents can't be compared by it.
        only: the full name of the one table to check.
    """
    repo = anabranch.open(path)
    branches = [b.name for b in repo.branches()]
    places = [(t, b) for b in branches for t in repo.tables(b) if only in (None, t)]
    for table in dict.fromkeys(t for t, _ in places):
        histories = {b: versions(repo, table, b) for t, b in places if t == table}
        for branch, history in histories.items():
            where = f"{table}@{branch}"
            for version in history:
                ids_are_unique(where, version)
            for before, after in itertools.pairwise(history):
                rows_change_as_the_operation_says(where, before, after)
                metrics_are_the_difference(where, before, after)
            ids_are_never_given_again(where, history)
            spark_reads_the_same(rows, catalog, table, branch, history[-1])
        same_commit_means_same_content(histories, set(reused))


def versions(repo: Repository, table: str, branch: str) -> list[Version]:
    """All versions of a table, oldest first."""
    there = repo.table(table, branch)
    found = []
    for v in reversed(there.history()):
        then = there.at(v.version)
        read = then.to_arrow([*_comparable(then), "_row_id", "_row_commit"])
        rows = pa.table([_plain(c) for c in read.columns], read.schema.names).to_pylist()
        made = tuple(Row(r.pop("_row_id"), r.pop("_row_commit"), _texts(r)) for r in rows)
        found.append(Version(v.version, v.operation, v.metrics, _packed(v.commit), made))
    return found


def _comparable(table: TableView) -> list[str]:
    """All columns but those of types that only Spark has, such as VARIANT."""
    return [name for name in readable_names(table._state) if name not in HIDDEN]


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Days as numbers: the year 294247 is one of Spark's, not of Python's."""
    return column.cast(pa.int32()) if pa.types.is_date(column.type) else column


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in row.items()}


def spark_reads_the_same(rows: Rows, catalog: str, table: str, branch: str, last: Version) -> None:
    """Both halves tell the same rows apart, and the same commits of them."""
    namespace, _, name = table.rpartition(".")
    found = rows(f"SELECT _row_id, _row_commit FROM {catalog}.{namespace}.`{name}@{branch}`")
    assert sorted(map(tuple, found)) == sorted((r.id, r.commit) for r in last.rows), f"{table}@{branch}"


def _packed(commit: str) -> int:
    """What `_row_commit` is for rows that a commit wrote, by its id ([ROW-1])."""
    ordinal, seq, _ = commit.split("-")
    return (int(ordinal, 16) << 39) | int(seq)


def ids_are_unique(table: str, version: Version) -> None:
    ids = [row.id for row in version.rows]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    assert not twice, (
        f"{table} version {version.number} ({version.operation}): _row_id {twice} more than once"
    )


def same_commit_means_same_content(histories: Mapping[str, Iterable[Version]], reused: set[str]) -> None:
    """[ROW-1] of SPEC.md, on all refs together. Columns that only one version has do not count."""
    seen: dict[tuple[int, int], dict[str, tuple[str, str]]] = {}
    for table, history in histories.items():
        for version in history:
            where = f"{table} version {version.number} ({version.operation})"
            for row in version.rows:
                known = seen.setdefault((row.id, row.commit), {})
                for name, value in row.content.items():
                    first, place = known.setdefault(name, (value, where))
                    assert name in reused or first == value, (
                        f"row {row.id} of commit {row.commit}: {name} is {first} in {place}, {value} in {where}"
                    )


def rows_change_as_the_operation_says(table: str, before: Version, after: Version) -> None:
    """What a version wrote names that version's commit; the rest keeps id and commit."""
    where = f"{table} version {after.number} ({after.operation})"
    old, new = before.by_id(), after.by_id()
    came, went = new.keys() - old.keys(), old.keys() - new.keys()
    rewritten = {i for i in new.keys() & old.keys() if new[i].commit != old[i].commit}
    if after.operation in ADOPTING:
        return
    for i in came | rewritten:
        assert new[i].commit == after.commit, f"{where}: row {i} does not name the commit that wrote it"
    if after.operation == "UPDATE":
        assert not came and not went, f"{where}: rows {sorted(went)} became {sorted(came)}"
    if after.operation == "DELETE":
        assert not came and not rewritten, f"{where}: rows {sorted(came | rewritten)} were written"
    if after.operation == "INSERT":
        assert not went and not rewritten, f"{where}: rows {sorted(went | rewritten)} were touched"
    if after.operation in UNCHANGING:
        assert not came and not went and not rewritten, where


def ids_are_never_given_again(table: str, history: Iterable[Version]) -> None:
    """A row that comes new has an id that no row of the table had before."""
    known: set[int] = set()
    old: set[int] = set()
    for version in history:
        ids = {row.id for row in version.rows}
        if version.operation not in ADOPTING:
            again = sorted((ids - old) & known)
            assert not again, f"{table} version {version.number} ({version.operation}): {again} given again"
        known |= ids
        old = ids


def metrics_are_the_difference(table: str, before: Version, after: Version) -> None:
    """Counts of rows in the history are what really changed, by row id."""
    where = f"{table} version {after.number} ({after.operation}), metrics {dict(after.metrics)}"
    if after.operation in ADOPTING:
        for name, version in (("rows_before", before), ("rows_after", after)):
            assert after.metrics.get(name, len(version.rows)) == len(version.rows), where
        return
    if after.operation in ROW_LEVEL:
        assert set(METRICS) <= after.metrics.keys(), where
    inserted, updated, deleted = (after.metrics.get(name, 0) for name in METRICS)
    assert inserted - deleted == len(after.rows) - len(before.rows), where
    old, new = before.by_id(), after.by_id()
    rewritten = [i for i in new.keys() & old.keys() if new[i].commit != old[i].commit]
    found = (len(new.keys() - old.keys()), len(rewritten), len(old.keys() - new.keys()))
    assert (inserted, updated, deleted) == found, f"{where}: really {found}"
