"""A catalog as far as a merge looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from anabranch.core.format.commits import Name
from anabranch.core.log.replay import CatalogState

Properties = Mapping[str, str]


class TableFacts(NamedTuple):
    """What decides a merge of a table: its name, and which commit made it what it is."""

    name: Name
    content: str


@dataclass(frozen=True)
class CatalogFacts:
    """What decides a merge of catalogs: tables by id, namespaces by name."""

    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    namespaces: Mapping[Name, Properties] = field(default_factory=dict)

    @staticmethod
    def of(state: CatalogState) -> CatalogFacts:
        """Those of a state."""
        tables = {id: TableFacts(t.name, str(t.content)) for id, t in state.tables.items()}
        return CatalogFacts(tables, {n: dict(p) for n, p in state.namespaces.items()})
