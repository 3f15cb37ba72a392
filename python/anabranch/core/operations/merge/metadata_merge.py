"""Three-way merge of what a table is, apart from its rows: columns by physical name. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from anabranch.core.format.tables import Check, Key, TableMetadata, physical_paths
from anabranch.core.format.transforms import PartitionField
from anabranch.core.operations.merge.columns_merge import ColumnsMerge
from anabranch.core.operations.merge.condition_names import renamed, words
from anabranch.core.operations.merge.decisions import Choice
from anabranch.core.operations.merge.metadata_conflicts import MetadataConflict, MetadataConflicts
from anabranch.core.operations.merge.three_way import TORN, Versions, members, under


class MetadataMerge:
    """One merge.

    Args:
        choose: the side that a conflict about a column (None: the table) is decided for; None leaves it open.
    """

    def __init__(self, choose: Callable[[str | None], Choice | None]) -> None:
        self._conflicts = MetadataConflicts(choose)

    def merge(
        self, base: TableMetadata | None, ours: TableMetadata, theirs: TableMetadata
    ) -> tuple[TableMetadata, list[MetadataConflict]]:
        """The merged metadata, in which open conflicts have our side, and these conflicts."""
        if ours.view:
            merged = self._view(Versions(base or TORN, ours, theirs))
        else:
            merged = self._table(Versions(base or TableMetadata(()), ours, theirs))
        return merged, self._conflicts.found

    def _view(self, of: Versions[TableMetadata]) -> TableMetadata:
        """A view is one thing: its columns are those of its query."""
        view, columns = self._conflicts.settled(
            None,
            "both sides changed the view",
            of.map(lambda m: (m.view, m.columns)),
            lambda found: found[0].query if found[0] else "",
        )
        return replace(of.ours, view=view, columns=columns, properties=self._properties(of))

    def _table(self, of: Versions[TableMetadata]) -> TableMetadata:
        base, ours, theirs = of.base, of.ours, of.theirs
        dropped = (ours.retired | theirs.retired) - base.retired
        columns = ColumnsMerge(self._conflicts, dropped).merge(of.map(lambda m: m.columns))
        live = set(physical_paths(columns))
        used = {p for side in (ours, theirs) for p in (*side.retired, *physical_paths(side.columns))}
        merged = TableMetadata(
            columns,
            self._partitioning(of.map(lambda m: m.partitioning)),
            self._properties(of),
            frozenset(used - live),
            ours.created,
            members(base.reader_features, ours.reader_features, theirs.reader_features),
            members(base.writer_features, ours.writer_features, theirs.writer_features),
            self._constraints(of.map(lambda m: m.constraints)),
        )
        self._named_in_keys(merged, live)
        self._partitioned_by(merged, live)
        self._named_in_checks(merged, ours, theirs)
        return merged

    def _properties(self, of: Versions[TableMetadata]) -> Mapping[str, str]:
        return self._conflicts.settled_texts(None, "the property", of.map(lambda m: m.properties))

    def _partitioning(self, of: Versions[tuple[PartitionField, ...]]) -> tuple[PartitionField, ...]:
        picked = of.picked
        if picked is not TORN:
            return picked
        reason = "both sides changed the partitioning"
        return self._conflicts.decided(None, reason, replace(of, base=TORN), _shown_partitioning)

    def _constraints(self, of: Versions[tuple[Check | Key, ...]]) -> tuple[Check | Key, ...]:
        by_name = of.map(lambda constraints: {c.name: c for c in constraints})
        found = (
            self._conflicts.settled(
                None,
                f"both sides changed the constraint {name}",
                under(name, by_name),
                _shown_constraint,
            )
            for name in {**by_name.ours, **by_name.theirs}
        )
        return tuple(c for c in found if c is not None)

    def _named_in_keys(self, merged: TableMetadata, live: set[str]) -> None:
        for key in merged.keys:
            for c in key.columns:
                if c not in live:
                    reason = f"one side dropped it, and the key {key.name} of the other is about it"
                    self._conflicts.add(c, reason)

    def _partitioned_by(self, merged: TableMetadata, live: set[str]) -> None:
        for f in merged.partitioning:
            if f.column not in live:
                self._conflicts.add(f.column, "one side dropped it, and the table is partitioned by it")

    def _named_in_checks(self, merged: TableMetadata, *sides: TableMetadata) -> None:
        """The text of a CHECK names columns as its side knows them."""
        for side in sides:
            stale = renamed(side.columns, merged.columns)
            for check in merged.checks:
                if check not in side.checks:
                    continue
                named = words(check.condition)
                about = f"the constraint {check.name} of the other is about it"
                for name in stale:
                    if name.lower() in named:
                        self._conflicts.add(name, f"one side renamed or dropped it, and {about}")


def _shown_constraint(c: Check | Key | None) -> str | None:
    if c is None:
        return None
    if isinstance(c, Check):
        return f"CHECK ({c.condition})"
    return f"{'PRIMARY KEY' if c.primary else 'UNIQUE'} ({', '.join(c.columns)})"


def _shown_partitioning(fields: Sequence[PartitionField]) -> str:
    return ", ".join(f.key for f in fields)
