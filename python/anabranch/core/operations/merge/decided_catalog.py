"""Conflicts about whole tables, their names and namespaces, as decided for one side: pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from anabranch.core.format.commits import Name
from anabranch.core.operations.merge.catalog_facts import CatalogFacts, TableFacts
from anabranch.core.operations.merge.conflicts import NAME, NAMESPACE, TABLE, MergeConflict
from anabranch.core.operations.merge.decisions import Choice

ROUNDS = 10
"""Decisions for different sides could move names to and fro; what is open then stays a conflict."""


@dataclass(frozen=True)
class DecidedCatalog:
    """What is made of a merged catalog.

    Attributes:
        ours: our catalog.
        theirs: theirs.
        choose: the choice for a table or namespace of this name; None leaves it open.
    """

    ours: CatalogFacts
    theirs: CatalogFacts
    choose: Callable[[Name], Choice | None]

    def of(self, merged: CatalogFacts, torn: list[MergeConflict]) -> tuple[CatalogFacts, list[MergeConflict]]:
        """The catalog as decided, and what is open.

        Args:
            merged: the merged catalog, without what is torn.
            torn: tables and namespaces that both sides changed.
        """
        facts, left = merged, []
        for c in torn:
            made = self._decided(facts, c)
            if made is None:
                left.append(c)
            else:
                facts = made
        unclear = {c.name for c in left if c.kind == NAMESPACE}
        for n in range(ROUNDS + 1):
            # a decision may give a table another name, or take its namespace
            found = same_names(facts) + _homeless(facts, unclear)
            settled = facts
            for c in found:
                settled = self._decided(settled, c) or settled
            if n == ROUNDS or settled == facts:
                break
            facts = settled
        return facts, left + found

    def _decided(self, merged: CatalogFacts, c: MergeConflict) -> CatalogFacts | None:
        """The catalog as a side has it; None if the conflict is not decided."""
        choice = self.choose(c.name)
        side = {"ours": self.ours, "theirs": self.theirs}.get(choice) if isinstance(choice, str) else None
        if side is None:
            return None
        if c.table is None:
            without = replace(merged, namespaces={n: p for n, p in merged.namespaces.items() if n != c.name})
            return _housed(without, c.name, side) if c.name in side.namespaces else without
        facts = side.tables.get(c.table)
        if facts is None:
            return replace(merged, tables={id: t for id, t in merged.tables.items() if id != c.table})
        # a table that is in the merged catalog is merged as any other, under the name that this side gave it
        made = facts if c.kind == TABLE else TableFacts(facts.name, merged.tables[c.table].content)
        return _housed(replace(merged, tables={**merged.tables, c.table: made}), facts.name[:-1], side)


def same_names(facts: CatalogFacts) -> list[MergeConflict]:
    """Tables that have one name."""
    taken: dict[Name, list[str]] = {}
    for id, table in facts.tables.items():
        taken.setdefault(table.name, []).append(id)
    reason = "different tables have this name on the two sides"
    return [
        MergeConflict(NAME, id, name, reason) for name, ids in taken.items() if len(ids) > 1 for id in ids
    ]


def _homeless(facts: CatalogFacts, unclear: set[Name]) -> list[MergeConflict]:
    """Tables and namespaces in a namespace that is not there."""

    def lost(name: Name) -> bool:
        return len(name) > 1 and name[:-1] not in facts.namespaces and name[:-1] not in unclear

    table = "one side dropped its namespace, the other kept or made the table"
    space = "one side dropped the namespace that it is in, the other kept or made it"
    return [
        MergeConflict(NAMESPACE, id, t.name, table) for id, t in sorted(facts.tables.items()) if lost(t.name)
    ] + [MergeConflict(NAMESPACE, None, n, space) for n in sorted(facts.namespaces) if lost(n)]


def _housed(merged: CatalogFacts, namespace: Name, side: CatalogFacts) -> CatalogFacts:
    """With a namespace, and those that it is in, as far as a side has them."""
    prefixes = (namespace[:n] for n in range(1, len(namespace) + 1))
    missing = {n: side.namespaces[n] for n in prefixes if n not in merged.namespaces and n in side.namespaces}
    return replace(merged, namespaces={**merged.namespaces, **missing})
