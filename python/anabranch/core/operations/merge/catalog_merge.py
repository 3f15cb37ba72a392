"""Three-way merge of catalogs, by table: pure.

Tables of which both sides changed the content have `OPEN` for it: what they hold has to be found out by
`TableMerge`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from anabranch.core.format.commits import Name
from anabranch.core.operations.merge.catalog_facts import CatalogFacts, Properties, TableFacts
from anabranch.core.operations.merge.conflicts import NAMESPACE, TABLE, MergeConflict
from anabranch.core.operations.merge.decided_catalog import DecidedCatalog
from anabranch.core.operations.merge.decisions import Choice
from anabranch.core.operations.merge.three_way import TORN, pick

T = TypeVar("T")


@dataclass(frozen=True)
class _Part(Generic[T]):
    """A merged table or namespace, None if it is gone, and why its sides can't both be right, if so."""

    value: T | None
    problem: str | None = None


# What a merged catalog has where its sides, or bases, contradict each other: nothing that a side can have.
_NO_NAME: Name = ()
OPEN = "?"
_NO_TABLE = TableFacts(_NO_NAME, OPEN)
_NO_VALUE = "\0"
_NO_NAMESPACE = {_NO_VALUE: _NO_VALUE}


def three_way(
    base: CatalogFacts,
    ours: CatalogFacts,
    theirs: CatalogFacts,
    choose: Callable[[Name], Choice | None] = lambda name: None,
) -> tuple[CatalogFacts, list[MergeConflict]]:
    """The merged catalog without what is in conflict, and the conflicts.

    Takes for each table and namespace the side that changed it; where both did, and not in the same way,
    there is a conflict. Name and content of a table merge each on its own, so a rename on one side and new
    rows on the other combine.

    Args:
        base: what both sides started from.
        ours: our side.
        theirs: theirs.
        choose: the choice for a table or namespace of this name; None leaves it open.
    """
    table_parts, space_parts = _combined(base, ours, theirs)
    tables = {id: p.value for id, p in table_parts.items() if p.value is not None and p.problem is None}
    spaces = {n: p.value for n, p in space_parts.items() if p.value is not None and p.problem is None}
    torn = []
    for id, part in table_parts.items():
        if part.problem is not None:
            side = ours.tables.get(id) or theirs.tables[id]
            torn.append(MergeConflict(TABLE, id, side.name, part.problem))
    torn += [
        MergeConflict(NAMESPACE, None, n, p.problem) for n, p in space_parts.items() if p.problem is not None
    ]
    return DecidedCatalog(ours, theirs, choose).of(CatalogFacts(tables, spaces), torn)


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
    name = pick(TORN if b is None or b.name == _NO_NAME else b.name, o.name, t.name)
    content = pick(TORN if b is None or b.content == OPEN else b.content, o.content, t.content)
    problem = "both sides renamed it" if name is TORN else None
    return _Part(
        TableFacts(_NO_NAME if name is TORN else name, OPEN if content is TORN else content), problem
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
        before = TORN if under is None or under.get(key) == _NO_VALUE else under.get(key)
        value = pick(before, o.get(key), t.get(key))
        torn = torn or value is TORN
        if value is not None:
            merged[key] = _NO_VALUE if value is TORN else value
    return _Part(merged, "both sides changed the same property of the namespace" if torn else None)
