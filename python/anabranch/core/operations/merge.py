"""Three-way merge of catalogs, by table, and merge bases by arithmetic on version vectors: pure.

Tables of which both sides changed the content have `OPEN` for it: there a merge by rows and cells begins
[MRG-4..7], which the JVM half has; this one refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from anabranch.core.format.commits import Name, TableChange
from anabranch.core.format.names import Position
from anabranch.core.log.replay import CatalogState
from anabranch.core.transaction.proposals import Proposal
from anabranch.errors import error

T = TypeVar("T")
Properties = Mapping[str, str]
Vector = Mapping[int, int]


class TableFacts(NamedTuple):
    """What decides a merge of a table: its name, and which commit made it what it is."""

    name: Name
    content: str


@dataclass(frozen=True)
class CatalogFacts:
    """A catalog as far as a merge looks at it."""

    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    namespaces: Mapping[Name, Properties] = field(default_factory=dict)

    @staticmethod
    def of(state: CatalogState) -> CatalogFacts:
        """Those of a state."""
        tables = {id: TableFacts(t.name, str(t.content)) for id, t in state.tables.items()}
        return CatalogFacts(tables, {n: dict(p) for n, p in state.namespaces.items()})


class MergeConflict(NamedTuple):
    """Two sides that can't both be right, in a table or a namespace; `kind` as of `results.Conflict`."""

    table: str | None
    name: Name
    kind: str
    reason: str


class _Part(NamedTuple, Generic[T]):
    """A merged table or namespace, None if it is gone, and why its sides can't both be right, if so."""

    value: T | None
    problem: str | None = None


# What a merged catalog has where its sides, or bases, contradict each other: nothing that a side can have.
_NO_NAME: Name = ()
OPEN = "?"
_NO_TABLE = TableFacts(_NO_NAME, OPEN)
_NO_VALUE = "\0"
_NO_NAMESPACE = {_NO_VALUE: _NO_VALUE}
_TORN: Any = object()


def three_way(
    base: CatalogFacts, ours: CatalogFacts, theirs: CatalogFacts
) -> tuple[CatalogFacts, list[MergeConflict]]:
    """The merged catalog without what is in conflict, and the conflicts.

    Takes for each table and namespace the side that changed it; where both did, and not in the same way,
    there is a conflict. Name and content of a table merge each on its own, so a rename on one side and new
    rows on the other combine.
    """
    table_parts, space_parts = _combined(base, ours, theirs)
    tables = {id: p.value for id, p in table_parts.items() if p.value is not None and p.problem is None}
    spaces = {n: p.value for n, p in space_parts.items() if p.value is not None and p.problem is None}
    there = {n for n, p in space_parts.items() if p.value is not None}
    conflicts = []
    for id, part in table_parts.items():
        if part.problem is not None:
            side = ours.tables.get(id) or theirs.tables[id]
            conflicts.append(MergeConflict(id, side.name, "table", part.problem))
    conflicts += [
        MergeConflict(None, n, "namespace", p.problem)
        for n, p in space_parts.items()
        if p.problem is not None
    ]
    taken: dict[Name, list[str]] = {}
    for id, facts in tables.items():
        taken.setdefault(facts.name, []).append(id)
        if facts.name[:-1] not in there:
            reason = "one side dropped its namespace, the other kept or made the table"
            conflicts.append(MergeConflict(id, facts.name, "namespace", reason))
    for name, ids in taken.items():
        if len(ids) > 1:
            reason = "different tables have this name on the two sides"
            conflicts += [MergeConflict(id, name, "name", reason) for id in ids]
    return CatalogFacts(tables, spaces), conflicts


def virtual_base(under: CatalogFacts, one: CatalogFacts, other: CatalogFacts) -> CatalogFacts:
    """A base for two sides with several merge bases: the bases merged with each other.

    Where they contradict each other there is no base: equal sides agree, others conflict [MRG-1].
    """
    tables, spaces = _combined(under, one, other)
    return CatalogFacts(
        {id: p.value for id, p in tables.items() if p.value is not None},
        {n: p.value for n, p in spaces.items() if p.value is not None},
    )


def _combined(
    base: CatalogFacts, ours: CatalogFacts, theirs: CatalogFacts
) -> tuple[dict[str, _Part[TableFacts]], dict[Name, _Part[Properties]]]:
    ids = sorted({*base.tables, *ours.tables, *theirs.tables})
    names = sorted({*base.namespaces, *ours.namespaces, *theirs.namespaces})
    return (
        {id: _table(base.tables.get(id), ours.tables.get(id), theirs.tables.get(id)) for id in ids},
        {
            n: _namespace(base.namespaces.get(n), ours.namespaces.get(n), theirs.namespaces.get(n))
            for n in names
        },
    )


def _table(b: TableFacts | None, o: TableFacts | None, t: TableFacts | None) -> _Part[TableFacts]:
    known = b is None or (b.name != _NO_NAME and b.content != OPEN)
    if o == t or (known and b == t):
        return _Part(o)
    if known and b == o:
        return _Part(t)
    if o is None:
        return _Part(_NO_TABLE, "our side dropped it, theirs changed it")
    if t is None:
        return _Part(_NO_TABLE, "their side dropped it, ours changed it")
    name = _pick(_TORN if b is None or b.name == _NO_NAME else b.name, o.name, t.name)
    content = _pick(_TORN if b is None or b.content == OPEN else b.content, o.content, t.content)
    problem = "both sides renamed it" if name is _TORN else None
    return _Part(
        TableFacts(_NO_NAME if name is _TORN else name, OPEN if content is _TORN else content), problem
    )


def _namespace(b: Properties | None, o: Properties | None, t: Properties | None) -> _Part[Properties]:
    known = b is None or _NO_VALUE not in b.values()
    if o == t or (known and b == t):
        return _Part(o)
    if known and b == o:
        return _Part(t)
    if o is None or t is None:
        return _Part(_NO_NAMESPACE, "one side dropped the namespace, the other changed it")
    under = None if b is None or _NO_VALUE in b else b
    merged: dict[str, str] = {}
    torn = False
    for key in sorted({*(under or {}), *o, *t}):
        before = _TORN if under is None or under.get(key) == _NO_VALUE else under.get(key)
        value = _pick(before, o.get(key), t.get(key))
        torn = torn or value is _TORN
        if value is not None:
            merged[key] = _NO_VALUE if value is _TORN else value
    return _Part(merged, "both sides changed the same property of the namespace" if torn else None)


def _pick(base: Any, ours: Any, theirs: Any) -> Any:
    """The value of the side that changed it; _TORN where both did, in different ways."""
    if ours == theirs or base == theirs:
        return ours
    return theirs if base == ours else _TORN


def candidates(a: Vector, b: Vector) -> list[Position]:
    """Of each log that both sides know, the last entry that both know. The merge bases are among these."""
    return [Position(o, min(seq, b[o])) for o, seq in a.items() if o in b]


def maximal(
    all: Iterable[Position], first: Iterable[int], vector_of: Callable[[Position], Vector]
) -> list[Position]:
    """The candidates that no other candidate has as an ancestor.

    Args:
        all: the candidates.
        first: logs to look at first: those of the two sides, which mostly dominate all others.
        vector_of: the version vector of a candidate.
    """
    early = set(first)
    kept: list[Position] = []
    for p in sorted(all, key=lambda p: (p.ordinal not in early, p)):
        if any(vector_of(k).get(p.ordinal, -1) >= p.seq for k in kept):
            continue
        vector = vector_of(p)
        kept = [k for k in kept if vector.get(k.ordinal, -1) < k.seq] + [p]
    return kept


@dataclass(frozen=True)
class MergeBranch:
    """Merges a branch's head into another branch, planned anew when the target moves.

    Attributes:
        source: the state that is merged.
        base: gives the facts of the merge base of the target's state and the source.
        source_name: for errors.
        target_name: for errors.
    """

    source: CatalogState
    base: Callable[[CatalogState], CatalogFacts]
    source_name: str
    target_name: str
    operation: str = "MERGE BRANCH"
    merges: bool = True

    def onto(self, now: CatalogState) -> Proposal:
        """See `Intent`.

        Raises:
            MergeConflict: if the sides contradict each other.
        """
        if now.knows(self.source.position):
            return Proposal()
        facts, conflicts, _ = self.plan(now)
        if conflicts:
            told = list(dict.fromkeys(f"{'.'.join(c.name)}: {c.reason}" for c in conflicts))
            raise error(
                "ANABRANCH_MERGE.CONFLICT",
                source=self.source_name,
                target=self.target_name,
                count=len(told),
                conflicts="; ".join(told),
            )
        return Proposal(self._tables(now, facts), self._namespaces(now, facts), merges=self.source)

    def plan(self, now: CatalogState) -> tuple[CatalogFacts, list[MergeConflict], bool]:
        """The merged facts, the conflicts, and whether the target had changed nothing since the base."""
        base, ours = self.base(now), CatalogFacts.of(now)
        facts, conflicts = three_way(base, ours, CatalogFacts.of(self.source))
        reason = "both sides changed it; merging its rows takes Spark's MERGE BRANCH"
        conflicts += [
            MergeConflict(id, t.name, "table", reason) for id, t in facts.tables.items() if t.content == OPEN
        ]
        return facts, conflicts, base == ours

    def _tables(self, now: CatalogState, facts: CatalogFacts) -> dict[str, TableChange]:
        changes = {id: TableChange(dropped=True) for id in now.tables if id not in facts.tables}
        for id, f in facts.tables.items():
            here = now.tables.get(id)
            name = None if here and here.name == f.name else f.name
            adopt = None if here and str(here.content) == f.content else self.source.id
            if name or adopt:
                changes[id] = TableChange(name=name, adopt=adopt)
        return changes

    def _namespaces(self, now: CatalogState, facts: CatalogFacts) -> dict[Name, Properties | None]:
        changes: dict[Name, Properties | None] = {
            n: None for n in now.namespaces if n not in facts.namespaces
        }
        changes |= {n: p for n, p in facts.namespaces.items() if now.namespaces.get(n) != p}
        return changes
