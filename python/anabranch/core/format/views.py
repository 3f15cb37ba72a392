"""Views: queries under a name. Section 4 of SPEC.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.core.format.canonical import some
from anabranch.core.format.members import Members


@dataclass(frozen=True)
class ViewDefinition:
    """A query under a name, beside the columns that stand in the metadata.

    Attributes:
        query: in Spark's SQL.
        catalog: where names without one are; None is the repository itself.
        namespace: where names without one are.
        settings: of the session that made it, under which the query is read.
        schema_mode: what becomes of the columns when those of the query change: Spark's word for it.
        query_columns: names of the query's own columns, which the view's stand for in their order.
    """

    query: str
    catalog: str | None
    namespace: tuple[str, ...]
    settings: Mapping[str, str]
    schema_mode: str | None
    query_columns: tuple[str, ...]

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return some(
            query=self.query,
            catalog=self.catalog,
            namespace=list(self.namespace),
            settings=dict(self.settings) or None,
            schema_mode=self.schema_mode,
            query_columns=list(self.query_columns) or None,
        )

    @staticmethod
    def decode(r: Members) -> ViewDefinition:
        """From JSON."""
        return ViewDefinition(
            r.text("query"),
            r.text_or_none("catalog"),
            tuple(r.texts("namespace")),
            r.text_map("settings"),
            r.text_or_none("schema_mode"),
            tuple(r.texts("query_columns")),
        )
