"""Three-way merge of what a table is, apart from its rows: columns by physical name. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anabranch.core.format.canonical import canonical
from anabranch.core.format.tables import (
    Check,
    Column,
    ColumnType,
    Key,
    List,
    Map,
    Struct,
    TableMetadata,
    encode_type,
    physical_paths,
)
from anabranch.core.format.transforms import PartitionField
from anabranch.core.operations.merge.condition_names import renamed, words
from anabranch.core.operations.merge.decisions import Choice
from anabranch.core.operations.merge.three_way import TORN, interleaved, members, pick
from anabranch.core.operations.schemas import widens

Show = Callable[[Any], str]


@dataclass(frozen=True)
class MetadataConflict:
    """Two changes of a table's columns, properties or constraints that can't both be.

    Attributes:
        column: logical path of the column; None for the table as a whole.
        reason: in words.
        base: what both started from, as text.
        ours: what we have.
        theirs: what they have.
    """

    column: str | None
    reason: str
    base: str | None = None
    ours: str | None = None
    theirs: str | None = None


class MetadataMerge:
    """One merge.

    Args:
        choose: the side that a conflict about a column (None: the table) is decided for; None leaves it open.
    """

    def __init__(self, choose: Callable[[str | None], Choice | None]) -> None:
        self._choose = choose
        self._open: list[MetadataConflict] = []

    def merge(
        self, base: TableMetadata | None, ours: TableMetadata, theirs: TableMetadata
    ) -> tuple[TableMetadata, list[MetadataConflict]]:
        """The merged metadata, in which open conflicts have our side, and these conflicts."""
        merged = self._view(base, ours, theirs) if ours.view else self._table(base, ours, theirs)
        return merged, self._open

    def _view(self, base: TableMetadata | None, ours: TableMetadata, theirs: TableMetadata) -> TableMetadata:
        """A view is one thing: its columns are those of its query."""
        under = (base.view, base.columns) if base else None
        sides = ((ours.view, ours.columns), (theirs.view, theirs.columns))
        chosen = pick(under, *sides)
        if chosen is TORN:
            reason = "both sides changed the view"
            chosen = self._conflict(None, reason, under, *sides, show=lambda v: v[0].query if v[0] else "")
        view, columns = chosen
        properties = self._keyed(
            None, "the property", base.properties if base else {}, ours.properties, theirs.properties
        )
        return replace(ours, view=view, columns=columns, properties=properties)

    def _table(self, base: TableMetadata | None, ours: TableMetadata, theirs: TableMetadata) -> TableMetadata:
        b = base or TableMetadata(())
        dropped = (ours.retired | theirs.retired) - b.retired
        columns = self._level("", "", b.columns, ours.columns, theirs.columns, dropped)
        here = set(physical_paths(columns))
        used = {p for side in (ours, theirs) for p in (*side.retired, *physical_paths(side.columns))}
        merged = TableMetadata(
            self._unique(columns),
            self._partitioning(b.partitioning, ours.partitioning, theirs.partitioning),
            self._keyed(None, "the property", b.properties, ours.properties, theirs.properties),
            frozenset(used - here),
            ours.created,
            members(b.reader_features, ours.reader_features, theirs.reader_features),
            members(b.writer_features, ours.writer_features, theirs.writer_features),
            self._constraints(b, ours, theirs),
        )
        self._named_in_keys(merged, here)
        for f in merged.partitioning:
            if f.column not in here:
                self._open.append(
                    MetadataConflict(f.column, "one side dropped it, and the table is partitioned by it")
                )
        self._named_in_checks(merged, ours, theirs)
        return merged

    def _named_in_checks(self, merged: TableMetadata, *sides: TableMetadata) -> None:
        """The text of a CHECK names columns as its side knows them."""
        for side in sides:
            stale = renamed(side.columns, merged.columns)
            for check in merged.checks:
                if check not in side.checks:
                    continue
                named = words(check.condition)
                about = f"the constraint {check.name} of the other is about it"
                reason = f"one side renamed or dropped it, and {about}"
                self._open += [MetadataConflict(name, reason) for name in stale if name.lower() in named]

    def _conflict(
        self, column: str | None, reason: str, base: Any, ours: Any, theirs: Any, show: Show
    ) -> Any:
        """The side that it is decided for; ours where it is open."""
        choice = self._choose(column)
        if choice is None:
            return self._unsettled(column, reason, base, ours, theirs, show)
        return theirs if choice == "theirs" else ours

    def _unsettled(
        self, column: str | None, reason: str, base: Any, ours: Any, theirs: Any, show: Show
    ) -> Any:
        """Ours, in a conflict that is open whatever was chosen."""
        told = (None if v is None or v is TORN else show(v) for v in (base, ours, theirs))
        self._open.append(MetadataConflict(column, reason, *told))
        return ours

    # --- columns

    def _level(
        self,
        path: str,
        under: str,
        base: Sequence[Column],
        ours: Sequence[Column],
        theirs: Sequence[Column],
        dropped: frozenset[str],
    ) -> tuple[Column, ...]:
        """The columns of a table, or fields of a struct.

        Args:
            path: the names of what they are in, each with a dot.
            under: the same of physical names.
            base: of the base.
            ours: of our side.
            theirs: of their side.
            dropped: physical paths that a side has dropped since the base.
        """
        b, o, t = ({c.physical.lower(): c for c in side} for side in (base, ours, theirs))
        names = self._order(path, b, o, t)
        merged = (self._column(path, under, b.get(n), o.get(n), t.get(n), dropped) for n in names)
        return tuple(c for c in merged if c is not None)

    def _order(
        self, path: str, base: dict[str, Column], ours: dict[str, Column], theirs: dict[str, Column]
    ) -> list[str]:
        """The order of the side that changed it.

        What only the other side has stands behind what it stands behind there.
        """
        sides = [
            [n for n in side if n in base and n in ours and n in theirs] for side in (base, ours, theirs)
        ]
        picked = pick(*sides)
        if picked is TORN:
            what, reason = path.removesuffix(".") or None, "both sides changed the order of its columns"
            base_order, mine, other = sides
            picked = self._conflict(
                what, reason, base_order, mine, other, lambda names: ", ".join(ours[n].name for n in names)
            )
        lead, rest = ([*ours], [*theirs]) if picked == sides[1] else ([*theirs], [*ours])
        return interleaved(lead, rest)

    def _column(
        self,
        path: str,
        under: str,
        b: Column | None,
        o: Column | None,
        t: Column | None,
        dropped: frozenset[str],
    ) -> Column | None:
        def torn(reason: str) -> Column | None:
            known = o or t or b
            assert known is not None
            found: Column | None = self._conflict(path + known.name, reason, b, o, t, _show_column)
            return found

        if o == t:
            return o
        only = o or t
        added = b is None and (o is None or t is None)
        if added and only is not None and under + only.physical in dropped:
            # files of the other side hold what was dropped, so that it can go, and not stay
            choice, name = self._choose(path + only.name), path + only.name
            if choice is not None and (t if choice == "theirs" else o) is None:
                return None
            reason = "one side added it, the other added and dropped it"
            kept: Column | None = self._unsettled(name, reason, None, o, t, _show_column)
            return kept
        # a field that one side added, and the other added and dropped, is in a column that only one changed
        within = o is not None and any(p.startswith(f"{under}{o.physical}.") for p in dropped)
        if o is not None and t is not None and within:
            return self._changed(path, under, b, o, t, dropped)
        if b == o:
            return t
        if b == t:
            return o
        if o is None or t is None:
            return torn("one side dropped it, the other changed it")
        return self._changed(path, under, b, o, t, dropped)

    def _changed(
        self,
        path: str,
        under: str,
        base: Column | None,
        ours: Column,
        theirs: Column,
        dropped: frozenset[str],
    ) -> Column:
        here = path + ours.name

        def part(what: str, name: str, show: Show) -> Any:
            sides = getattr(base, name) if base else TORN, getattr(ours, name), getattr(theirs, name)
            found = pick(*sides)
            if found is not TORN:
                return found
            return self._conflict(here, f"both sides changed its {what}", *sides, show)

        return Column(
            part("name", "name", str),
            ours.physical,
            _TypeMerge(self, here, dropped).merge(
                here, under + ours.physical, base.type if base else TORN, ours.type, theirs.type
            ),
            part("nullability", "required", lambda required: "NOT NULL" if required else "NULL"),
            self._keyed(
                here,
                "its",
                base.attributes if base else {},
                ours.attributes,
                theirs.attributes,
            ),
        )

    def fields(
        self,
        path: str,
        under: str,
        base: Sequence[Column],
        ours: Sequence[Column],
        theirs: Sequence[Column],
        dropped: frozenset[str],
    ) -> tuple[Column, ...]:
        """The fields of a struct, as `_level` has them."""
        return self._unique(self._level(path, under, base, ours, theirs, dropped))

    def differ(self, here: str, base: Any, ours: ColumnType, theirs: ColumnType) -> Any:
        """Files of both sides hold values of two types that do not combine, so no choice settles it."""
        return self._unsettled(here, "its type differs", base, ours, theirs, _show_type)

    def _unique(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """Two columns must not have got one name: by a rename here and a new column there."""
        seen: dict[str, list[Column]] = {}
        for c in columns:
            seen.setdefault(c.name.lower(), []).append(c)
        for same in seen.values():
            if len(same) > 1:
                reason = "the two sides gave this name to different columns"
                self._open.append(MetadataConflict(same[0].name, reason))
        return columns

    # --- the rest

    def _partitioning(
        self,
        base: Sequence[PartitionField],
        ours: Sequence[PartitionField],
        theirs: Sequence[PartitionField],
    ) -> Any:
        found = pick(base, ours, theirs)
        if found is not TORN:
            return found
        reason = "both sides changed the partitioning"
        return self._conflict(None, reason, None, ours, theirs, _show_partitioning)

    def _keyed(
        self,
        column: str | None,
        what: str,
        base: Mapping[str, str],
        ours: Mapping[str, str],
        theirs: Mapping[str, str],
    ) -> dict[str, str]:
        merged = {}
        for k in sorted({*base, *ours, *theirs}):
            sides = base.get(k), ours.get(k), theirs.get(k)
            value = pick(*sides)
            if value is TORN:
                value = self._conflict(column, f"both sides changed {what} {k}", *sides, str)
            if value is not None:
                merged[k] = value
        return merged

    def _constraints(self, b: TableMetadata, o: TableMetadata, t: TableMetadata) -> tuple[Check | Key, ...]:
        base, ours, theirs = ({c.name: c for c in m.constraints} for m in (b, o, t))
        merged: list[Check | Key] = []
        for n in {**ours, **theirs}:
            sides = base.get(n), ours.get(n), theirs.get(n)
            found = pick(*sides)
            if found is TORN:
                found = self._conflict(
                    None, f"both sides changed the constraint {n}", *sides, _show_constraint
                )
            if found is not None:
                merged.append(found)
        return tuple(merged)

    def _named_in_keys(self, merged: TableMetadata, here: set[str]) -> None:
        for key in merged.keys:
            reason = f"one side dropped it, and the key {key.name} of the other is about it"
            self._open += [MetadataConflict(c, reason) for c in key.columns if c not in here]


@dataclass(frozen=True)
class _TypeMerge:
    """The type of one column, or of what is in it; conflicts are about the column `here`."""

    columns: MetadataMerge
    here: str
    dropped: frozenset[str]

    def merge(self, path: str, under: str, base: Any, ours: ColumnType, theirs: ColumnType) -> Any:
        """The merged type; `path` is made of names, `under` of physical names."""
        found = pick(base, ours, theirs)
        if found is not TORN and not any(p.startswith(f"{under}.") for p in self.dropped):
            return found
        match ours, theirs:
            case Struct(o), Struct(t):
                fields = base.fields if isinstance(base, Struct) else ()
                return Struct(self.columns.fields(f"{path}.", f"{under}.", fields, o, t, self.dropped))
            case List(oe, on), List(te, tn):
                element = base.element if isinstance(base, List) else TORN
                return List(self.merge(f"{path}.element", f"{under}.element", element, oe, te), on or tn)
            case Map(ok, ov, on), Map(tk, tv, tn) if ok == tk:
                value = base.value if isinstance(base, Map) else TORN
                return Map(ok, self.merge(f"{path}.value", f"{under}.value", value, ov, tv), on or tn)
        if found is not TORN:
            return found
        # both only widened it, if the base widens to both
        if base is not TORN and widens(base, ours) and widens(base, theirs):
            if widens(ours, theirs):
                return theirs
            if widens(theirs, ours):
                return ours
        return self.columns.differ(self.here, base, ours, theirs)


def _show_type(t: ColumnType) -> str:
    return t if isinstance(t, str) else canonical(encode_type(t)).decode()


def _show_column(c: Column) -> str:
    return f"{c.name} {_show_type(c.type)}{' not null' if c.required else ''}"


def _show_constraint(c: Check | Key) -> str:
    if isinstance(c, Check):
        return f"CHECK ({c.condition})"
    return f"{'PRIMARY KEY' if c.primary else 'UNIQUE'} ({', '.join(c.columns)})"


def _show_partitioning(fields: Sequence[Any]) -> str:
    return ", ".join(f.key for f in fields)
