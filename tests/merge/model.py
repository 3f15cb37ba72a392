"""Merges of rows in plain Python: a row is its version and its cells, a commit knows the set of its ancestors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Cells = tuple[Any, ...]


@dataclass(frozen=True)
class Row:
    """`version` is the commit that wrote it so."""

    version: object
    cells: Cells


Rows = Mapping[int, Row]
"""By an id that stays."""


class Torn:
    """No one value: the base where bases contradict each other."""


@dataclass(eq=False)
class Commit:
    number: int
    parents: tuple[Commit, ...]
    rows: Rows
    id: str = ""
    """Of the real one."""
    opens: bool = False
    """Whether it only opens a log upon its parent."""

    def __post_init__(self) -> None:
        self.known: frozenset[int] = frozenset({self.number}).union(*(p.known for p in self.parents))


def pick(base: Any, ours: Any, theirs: Any) -> Any:
    if ours == theirs or base == theirs:
        return ours
    return theirs if base == ours else Torn()


def merge(
    base: Rows, ours: Rows, theirs: Rows, number: object
) -> tuple[dict[int, Row], set[tuple[int, int | None]]]:
    """The merged rows, and the conflicts: row and column (None: deleted here, changed there). Rows that both sides
    changed are of the commit `number`, unless they are as on a side; in a virtual base of none."""
    merged: dict[int, Row] = {}
    conflicts: set[tuple[int, int | None]] = set()
    for id in {*base, *ours, *theirs}:
        b, o, t = (side.get(id) for side in (base, ours, theirs))
        version = pick(b and b.version, o and o.version, t and t.version)
        if not isinstance(version, Torn):
            row = next((r for r in (o, t) if r and r.version == version), None)
            if row is not None:
                merged[id] = row
        elif o is None or t is None:
            conflicts.add((id, None))
            merged[id] = Row(Torn(), tuple(Torn() for _ in (o or t or b).cells))  # type: ignore[union-attr]
        else:
            under = b.cells if b else tuple(Torn() for _ in o.cells)
            cells = tuple(pick(*c) for c in zip(under, o.cells, t.cells, strict=True))
            conflicts |= {(id, i) for i, c in enumerate(cells) if isinstance(c, Torn)}
            same = next((r.version for r in (o, t) if r.cells == cells), number)
            merged[id] = Row(number if isinstance(number, Torn) else same, cells)
    return merged, conflicts


class Repository:
    """Commits on branches. Merge bases come from the sets of ancestors."""

    def __init__(self) -> None:
        self.commits = [Commit(0, (), {})]
        self.branches = {"main": self.commits[0]}

    def commit(self, branch: str, rows: Rows, *merged: Commit) -> None:
        self.branches[branch] = Commit(len(self.commits), (self.branches[branch], *merged), rows)
        self.commits.append(self.branches[branch])

    @property
    def next(self) -> int:
        return len(self.commits)

    def base(self, ours: frozenset[int], theirs: frozenset[int]) -> Rows:
        common = ours & theirs
        beaten = frozenset().union(*(self.commits[n].known - {n} for n in common))
        first, *rest = sorted(common - beaten)
        rows, known = self.commits[first].rows, self.commits[first].known
        for number in rest:
            other = self.commits[number]
            rows, _ = merge(self.base(known, other.known), rows, other.rows, Torn())
            known |= other.known
        return rows

    def pick(self, commit: Commit, into: str, undo: bool) -> tuple[Rows, set[tuple[int, int | None]]]:
        """CHERRY PICK, or REVERT."""
        before, after = commit.parents[0].rows, commit.rows
        base, theirs = (after, before) if undo else (before, after)
        return merge(base, self.branches[into].rows, theirs, self.next)

    def line(self, branch: str, onto: str) -> list[Commit] | None:
        """What REBASE replays, oldest first; None if the branch stands on the other already."""
        known, commit, ground = self.branches[onto].known, self.branches[branch], self.branches[onto]
        while ground.opens:
            ground = ground.parents[0]
        if ground.number in commit.known:
            return None
        found = []
        while commit.number not in known:
            found += [] if commit.opens else [commit]
            commit = commit.parents[0]
        return found[::-1]

    def plan(self, source: str, into: str) -> tuple[Rows, set[tuple[int, int | None]]] | None:
        """None if there is nothing to merge."""
        ours, theirs = self.branches[into], self.branches[source]
        if theirs.number in ours.known:
            return None
        return merge(self.base(ours.known, theirs.known), ours.rows, theirs.rows, self.next)
