"""The invariants of row lineage, checked on every version of a table, by way of SQL alone.

They hold for any history, whatever statements it is made of.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Callable[[str], Sequence[Sequence[Any]]]
"""Runs a statement and gives its rows, as `Lake.rows` does."""

METRICS = ("rows_inserted", "rows_updated", "rows_deleted")
ROW_LEVEL = ("UPDATE", "MERGE", "DELETE")
ADOPTING = ("RESTORE", "MERGE BRANCH", "CHERRY PICK", "REVERT", "REBASE")
"""Operations that bring rows of other commits: these keep the commit that they have."""
UNCHANGING = ("ALTER TABLE", "OPTIMIZE")

RELATIONS = 20  # in one query
JSON = (
    "map('ignoreNullFields', 'false', 'timestampFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSS', "
    "'timestampNTZFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSS')"
)


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


def check(rows: Rows, tables: Sequence[str], reused: Iterable[str] = ()) -> None:
    """Checks one table at all its refs.

    Args:
        rows: runs a statement.
        tables: the table's names, such as ``t`` and `` `t@dev` ``.
        reused: columns whose name meant another column once, so that contents can't be compared by it.
    """
    histories = {table: versions(rows, table) for table in tables}
    for table, history in histories.items():
        for version in history:
            ids_are_unique(table, version)
        for before, after in itertools.pairwise(history):
            rows_change_as_the_operation_says(table, before, after)
            metrics_are_the_difference(table, before, after)
        ids_are_never_given_again(table, history)
    same_commit_means_same_content(histories, set(reused))


def versions(rows: Rows, table: str) -> list[Version]:
    """All versions of a table, oldest first."""
    entries = sorted((r[0], r[3], dict(r[5] or {}), _packed(r[8])) for r in rows(f"DESCRIBE HISTORY {table}"))
    found: dict[int, list[Row]] = {number: [] for number, *_ in entries}
    for start in range(0, len(entries), RELATIONS):
        parts = (
            f"SELECT {n} AS v, _row_id AS i, _row_commit AS c, to_json(struct(*), {JSON}) AS r "
            f"FROM {table} VERSION AS OF {n}"
            for n, *_ in entries[start : start + RELATIONS]
        )
        for number, id, commit, text in rows(" UNION ALL ".join(parts)):
            content = {name: json.dumps(value) for name, value in json.loads(text).items()}
            found[number].append(Row(id, commit, content))
    return [Version(n, operation, m, commit, tuple(found[n])) for n, operation, m, commit in entries]


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
