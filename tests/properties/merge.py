"""Three-way merge of catalogs as SPEC.md has it ([MRG-1], [MRG-2]), on plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from properties.commits import Table

ABSENT = None


@dataclass(frozen=True)
class State:
    """What a table holds: columns by physical name (name and default), the physical names that were ever used, and
    the writes whose rows it has."""

    columns: Mapping[str, Any]
    used: frozenset[str]
    blocks: frozenset[Any]

    def torn(self) -> bool:
        """Whether sides contradict each other about a column, or two columns have one name."""
        names = [c if isinstance(c, Contradiction) else c[0] for c in self.columns.values()]
        return any(isinstance(n, Contradiction) for n in names) or len(set(names)) < len(names)


NOTHING = State({}, frozenset(), frozenset())


@dataclass(frozen=True)
class Facts:
    """What decides a merge: name, content and state of each table by id, properties of each namespace."""

    tables: Mapping[int, Any]
    namespaces: Mapping[str, Any]


class Contradiction:
    """The base of two sides whose bases contradict each other: equal to nothing."""

    def __repr__(self) -> str:
        return "contradiction"


def _three_way(base: Any, ours: Any, theirs: Any) -> Any:
    """Equal sides agree, a side that is as in the base takes the other's; else a contradiction."""
    if ours == theirs or base == theirs:
        return ours
    return theirs if base == ours else Contradiction()


def _table(base: Any, ours: Any, theirs: Any) -> Any:
    """Name and content, each on its own, where both sides have the table; where both changed the content,
    columns and rows."""
    if ours is ABSENT or theirs is ABSENT or ours[:2] == theirs[:2]:
        key = [side and side[:2] if isinstance(side, tuple) else side for side in (base, ours, theirs)]
        picked = _three_way(*key)
        return next((s for s in (ours, theirs) if s and s[:2] == picked), picked)
    under = base if isinstance(base, tuple) else (base, base, NOTHING)
    name, content = (_three_way(b, o, t) for b, o, t in zip(under[:2], ours[:2], theirs[:2], strict=True))
    if isinstance(content, Contradiction):
        return name, content, _state(under[2], ours[2], theirs[2])
    return name, content, next(s[2] for s in (ours, theirs) if s[1] == content)


def _state(base: State, ours: State, theirs: State) -> State:
    columns = {}
    for p in [*ours.columns, *(p for p in theirs.columns if p not in ours.columns)]:
        o, t = ours.columns.get(p), theirs.columns.get(p)
        again = p not in base.used and (
            (o is ABSENT and p in ours.used) or (t is ABSENT and p in theirs.used)
        )
        b = Contradiction() if again else base.columns.get(p)
        merged = _three_way(b, o, t)
        if isinstance(merged, Contradiction) and o and t:
            parts = b if isinstance(b, tuple) else (b, b)
            merged = tuple(_three_way(x, y, z) for x, y, z in zip(parts, o, t, strict=True))
            merged = Contradiction() if any(isinstance(m, Contradiction) for m in merged) else merged
        if merged is not ABSENT:
            columns[p] = merged
    blocks = (ours.blocks & theirs.blocks) | ((ours.blocks | theirs.blocks) - base.blocks)
    return State(columns, ours.used | theirs.used, blocks)


def _properties(base: Any, ours: Any, theirs: Any) -> Any:
    """Property by property, where both sides have the namespace."""
    if ours is ABSENT or theirs is ABSENT:
        return _three_way(base, ours, theirs)
    known = isinstance(base, dict)
    keys = {*ours, *theirs, *(base if known else ())}
    values = {
        k: _three_way(base.get(k) if known else Contradiction(), ours.get(k), theirs.get(k))
        for k in sorted(keys)
    }
    return {k: v for k, v in values.items() if v is not ABSENT}


def _contradicts(value: Any) -> bool:
    match value:
        case (name, content, state):
            return isinstance(name, Contradiction) or (isinstance(content, Contradiction) and state.torn())
        case dict():
            return any(isinstance(p, Contradiction) for p in value.values())
        case _:
            return isinstance(value, Contradiction)


def virtual_base(base: Facts, ours: Facts, theirs: Facts) -> Facts:
    """The merged facts, contradictions included."""

    def merged(how: Any, b: Mapping[Any, Any], o: Mapping[Any, Any], t: Mapping[Any, Any]) -> dict[Any, Any]:
        found = {k: how(b.get(k), o.get(k), t.get(k)) for k in {**b, **o, **t}}
        return {k: v for k, v in found.items() if v is not ABSENT}

    return Facts(
        merged(_table, base.tables, ours.tables, theirs.tables),
        merged(_properties, base.namespaces, ours.namespaces, theirs.namespaces),
    )


def merged_facts(base: Facts, ours: Facts, theirs: Facts) -> tuple[Facts, set[tuple[int | None, str]]]:
    """The merged facts without what conflicts, and the conflicts: id of the table (None for a namespace) and
    the name that the error tells."""
    both = virtual_base(base, ours, theirs)
    tables = {id: pair for id, pair in both.tables.items() if not _contradicts(pair)}
    spaces = {name: p for name, p in both.namespaces.items() if not _contradicts(p)}
    conflicts: set[tuple[int | None, str]] = {(None, n) for n in both.namespaces if n not in spaces}
    for id in both.tables:
        if id not in tables:
            name = both.tables[id][0] if isinstance(both.tables[id], tuple) else Contradiction()
            told = (ours.tables.get(id) or theirs.tables[id])[0] if isinstance(name, Contradiction) else name
            conflicts.add((id, ".".join(told)))
    for id, (name, *_) in tables.items():
        if name[0] not in both.namespaces:
            conflicts.add((id, ".".join(name)))  # one side dropped its namespace
        if any(other != id and pair[0] == name for other, pair in tables.items()):
            conflicts.add((id, ".".join(name)))  # different tables of one name
    return Facts(tables, spaces), conflicts


def differences(before: Mapping[int, Table], after: Mapping[int, Table]) -> frozenset[tuple[str, str]]:
    """What a merge reports: the name of each table that differs, and how."""
    found: set[tuple[str, str]] = set()
    for id in {**before, **after}:
        old, new = before.get(id), after.get(id)
        if old is None or new is None:
            name, change = (new.name, "created") if new else (before[id].name, "dropped")
        elif (old.columns, old.used, old.blocks) != (new.columns, new.used, new.blocks):
            name, change = new.name, "changed"
        elif old.name != new.name:
            name, change = new.name, "renamed"
        else:
            continue
        found.add((".".join(name), change))
    return frozenset(found)
