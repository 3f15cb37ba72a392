"""Three-way merge of catalogs as SPEC.md has it ([MRG-1], [MRG-2]), on plain dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from properties.commits import Table

ABSENT = None


@dataclass(frozen=True)
class Facts:
    """What decides a merge: name and content of each table by id, properties of each namespace."""

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


def _pair(base: Any, ours: Any, theirs: Any) -> Any:
    """Name and content, each on its own, where both sides have the table."""
    if ours is ABSENT or theirs is ABSENT:
        return _three_way(base, ours, theirs)
    under = base if isinstance(base, tuple) else (base, base)
    return tuple(_three_way(b, o, t) for b, o, t in zip(under, ours, theirs, strict=True))


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
    parts: Iterable[Any] = (
        value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    )
    return isinstance(value, Contradiction) or any(isinstance(p, Contradiction) for p in parts)


def virtual_base(base: Facts, ours: Facts, theirs: Facts) -> Facts:
    """The merged facts, contradictions included."""

    def merged(how: Any, b: Mapping[Any, Any], o: Mapping[Any, Any], t: Mapping[Any, Any]) -> dict[Any, Any]:
        found = {k: how(b.get(k), o.get(k), t.get(k)) for k in {**b, **o, **t}}
        return {k: v for k, v in found.items() if v is not ABSENT}

    return Facts(
        merged(_pair, base.tables, ours.tables, theirs.tables),
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
            conflicts.add((id, ".".join((ours.tables.get(id) or theirs.tables[id])[0])))
    for id, (name, _) in tables.items():
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
