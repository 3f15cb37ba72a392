"""Three-way merge of the columns of a table, by physical name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from anabranch.core.format.canonical import canonical
from anabranch.core.format.tables import Column, ColumnType, List, Map, Struct, encode_type
from anabranch.core.operations.merge.metadata_conflicts import MetadataConflicts
from anabranch.core.operations.merge.three_way import TORN, Versions, interleaved, under
from anabranch.core.operations.schemas import widens

T = TypeVar("T")


@dataclass(frozen=True)
class _Place:
    """Where a column is, or a part of its type: by names, and by physical names."""

    names: tuple[str, ...] = ()
    physical: tuple[str, ...] = ()

    def __truediv__(self, part: Column | str) -> _Place:
        name, physical = (part, part) if isinstance(part, str) else (part.name, part.physical)
        return _Place((*self.names, name), (*self.physical, physical))

    @property
    def shown(self) -> str | None:
        """None for the table."""
        return ".".join(self.names) or None

    @property
    def path(self) -> str:
        return ".".join(self.physical)


class ColumnsMerge:
    """One merge.

    Args:
        conflicts: where those go that are found.
        dropped: physical paths that a side has dropped since the base.
    """

    def __init__(self, conflicts: MetadataConflicts, dropped: frozenset[str]) -> None:
        self._conflicts = conflicts
        self._dropped = dropped

    def merge(self, columns: Versions[tuple[Column, ...]]) -> tuple[Column, ...]:
        """The merged columns, in which open conflicts have our side."""
        return self._level(_Place(), columns)

    def _level(self, within: _Place, columns: Versions[tuple[Column, ...]]) -> tuple[Column, ...]:
        """The columns of a table, or fields of the struct that they are within."""
        by_name = columns.map(lambda level: {_identity(c): c for c in level})
        found = (self._column(within, under(n, by_name)) for n in self._in_order(within, columns))
        return self._unique_names(tuple(c for c in found if c is not None))

    def _in_order(self, within: _Place, columns: Versions[tuple[Column, ...]]) -> list[str]:
        """The order of the side that changed it."""
        names = columns.map(_identities)
        common = {*names.base} & {*names.ours} & {*names.theirs}
        order = columns.map(lambda level: tuple(c for c in level if _identity(c) in common))
        first = order.map(_identities).picked
        if first is TORN:
            reason = "both sides changed the order of its columns"
            first = _identities(
                self._conflicts.decided(
                    within.shown, reason, order, lambda level: ", ".join(c.name for c in level)
                )
            )
        if first == _identities(order.ours):
            return interleaved(names.ours, names.theirs)
        return interleaved(names.theirs, names.ours)

    def _column(self, within: _Place, of: Versions[Column | None]) -> Column | None:
        ours, theirs, known = of.ours, of.theirs, of.ours or of.theirs or of.base
        if ours == theirs or known is None:
            return ours
        at = within / known
        if of.base is None and (ours is None or theirs is None) and at.path in self._dropped:
            return self._added_and_dropped(at, of)
        # a field that one side added, and the other added and dropped, is in a column that only one changed
        torn = self._dropped_within(at) or of.picked is TORN
        if ours is not None and theirs is not None and torn:
            return self._changed(at, Versions(of.base or TORN, ours, theirs))
        return self._conflicts.settled(
            at.shown, "one side dropped it, the other changed it", of, _shown_column
        )

    def _added_and_dropped(self, at: _Place, of: Versions[Column | None]) -> Column | None:
        """Files of the other side hold what was dropped, so that it can go, and not stay."""
        if self._conflicts.chosen(at.shown, of) is None:
            return None
        reason = "one side added it, the other added and dropped it"
        return self._conflicts.left_open(at.shown, reason, of, _shown_column)

    def _dropped_within(self, at: _Place) -> bool:
        return any(path.startswith(f"{at.path}.") for path in self._dropped)

    def _changed(self, at: _Place, of: Versions[Column]) -> Column:
        def part(what: str, of_column: Callable[[Column], T], show: Callable[[T], str]) -> T:
            return self._conflicts.settled(
                at.shown, f"both sides changed its {what}", of.map(of_column), show
            )

        return Column(
            part("name", lambda c: c.name, str),
            of.ours.physical,
            self._type(at, at, of.map(lambda c: c.type)),
            part("nullability", lambda c: c.required, lambda required: "NOT NULL" if required else "NULL"),
            self._conflicts.settled_texts(at.shown, "its", of.map(lambda c: c.attributes)),
        )

    def _type(self, column: _Place, at: _Place, of: Versions[ColumnType]) -> ColumnType:
        """The merged type.

        Args:
            column: what conflicts are about.
            at: the column, or the part of it that has the type.
            of: its versions.
        """
        picked, base = of.picked, of.base
        if picked is not TORN and not self._dropped_within(at):
            return picked
        match of.ours, of.theirs:
            case Struct(o), Struct(t):
                fields = base.fields if isinstance(base, Struct) else ()
                return Struct(self._level(at, Versions(fields, o, t)))
            case List(o, on), List(t, tn):
                element = base.element if isinstance(base, List) else TORN
                return List(self._type(column, at / "element", Versions(element, o, t)), on or tn)
            case Map(ok, o, on), Map(tk, t, tn) if ok == tk:
                value = base.value if isinstance(base, Map) else TORN
                return Map(ok, self._type(column, at / "value", Versions(value, o, t)), on or tn)
        if picked is not TORN:
            return picked
        wide = _widened(of)
        return self._differ(column, of) if wide is None else wide

    def _differ(self, column: _Place, of: Versions[ColumnType]) -> ColumnType:
        """Files of both sides hold values of their types, so no choice settles it."""
        return self._conflicts.left_open(column.shown, "its type differs", of, _shown_type)

    def _unique_names(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """Two columns must not have got one name: by a rename here and a new column there."""
        seen: dict[str, list[Column]] = {}
        for c in columns:
            seen.setdefault(c.name.lower(), []).append(c)
        for same in seen.values():
            if len(same) > 1:
                self._conflicts.add(same[0].name, "the two sides gave this name to different columns")
        return columns


def _identity(c: Column) -> str:
    return c.physical.lower()


def _identities(columns: tuple[Column, ...]) -> list[str]:
    return [_identity(c) for c in columns]


def _widened(of: Versions[ColumnType]) -> ColumnType | None:
    """What holds the values of both sides, if both only widened the type."""
    if of.base is TORN or not widens(of.base, of.ours) or not widens(of.base, of.theirs):
        return None
    if widens(of.ours, of.theirs):
        return of.theirs
    return of.ours if widens(of.theirs, of.ours) else None


def _shown_type(t: ColumnType) -> str:
    return t if isinstance(t, str) else canonical(encode_type(t)).decode()


def _shown_column(c: Column | None) -> str | None:
    return None if c is None else f"{c.name} {_shown_type(c.type)}{' not null' if c.required else ''}"
