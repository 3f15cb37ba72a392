"""What is known of a column in a file: bounds, and whether it may and must be NULL."""

from __future__ import annotations

from typing import NamedTuple

from anabranch.core.format.files import LINEAGE, ROW_COMMIT, DataFile
from anabranch.core.format.values import ColumnStats, Value, compare, decode, order


class Bounds(NamedTuple):
    """Bounds of a column in a file; None is what is not known."""

    min: Value | None = None
    max: Value | None = None
    may_be_null: bool = True
    all_null: bool = False


UNKNOWN = Bounds()


def bounds_of(file: DataFile, column: str, partitioned: bool) -> Bounds:
    """The bounds of a column.

    Args:
        file: the file.
        column: its physical path, or the name of a lineage column.
        partitioned: whether the table is partitioned by its values: these are exact, and come before
            statistics.
    """
    if partitioned:
        v = file.partition.get(column)
        if v is None:
            return Bounds(all_null=True)
        return Bounds(may_be_null=False) if v.is_nan else Bounds(v, v, may_be_null=False)
    if column in LINEAGE:
        return _of_lineage(file, column)
    if file.is_inline:
        return _of_rows(file, column)
    s = file.stats.get(column)
    if s is None:
        return UNKNOWN
    return Bounds(s.min, s.max, s.nulls != 0, s.nulls == file.rows)


def _of_rows(block: DataFile, column: str) -> Bounds:
    """The rows of a block are at hand; those of a nested field are not looked at."""
    if column not in block.inline or not block.block:
        return UNKNOWN
    place = block.inline.index(column)
    cells = [row[place] for row in block.block]
    found = [decode(c) for c in cells if c is not None]
    known = [v for v in found if v is not None and not v.is_nan]
    if len(known) < len(found):
        return UNKNOWN
    low, high = min(known, key=order, default=None), max(known, key=order, default=None)
    return Bounds(low, high, len(found) < len(cells), not found)


def _of_lineage(file: DataFile, column: str) -> Bounds:
    """What the file's entry implies for its rows, and what stands in the file for older ones."""
    implied: tuple[Value, Value] | None = None
    if column == ROW_COMMIT:
        if file.added_by is not None:
            packed = Value("whole", file.added_by.packed)
            implied = (packed, packed)
    elif not file.numbers_rows:
        runs = file.id_runs()
        low, high = min(first for first, _ in runs), max(first + count - 1 for first, count in runs)
        implied = (Value("whole", low), Value("whole", high))
    low_, high_ = implied if implied else (None, None)
    if column in file.lineage:
        held = _of_rows(file, column) if file.is_inline else file.stats.get(column, ColumnStats())
        all_held = not held.may_be_null if isinstance(held, Bounds) else held.nulls == 0
        low_ = held.min if all_held else _outer(held.min, low_, -1)
        high_ = held.max if all_held else _outer(held.max, high_, 1)
    return Bounds(low_, high_, may_be_null=False)


def _outer(a: Value | None, b: Value | None, sign: int) -> Value | None:
    """The one further out: the smaller for sign -1, the greater for 1."""
    if a is None or b is None:
        return None
    c = compare(a, b)
    return None if c is None else a if c * sign >= 0 else b
