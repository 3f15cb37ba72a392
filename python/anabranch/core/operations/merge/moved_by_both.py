"""Rows that were compacted on both sides: by arithmetic on runs of row ids and on deletion vectors.

Nothing is read of them. The merged table has them where our side has put them. Only where the base is one
state and neither side carries rows: then a row of the base that has a commit which the base knows is as it
was there, wherever it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anabranch.core.format.files import ROW_COMMIT, DataFile
from anabranch.core.format.names import Position
from anabranch.core.log.bounds import bounds_of
from anabranch.core.operations.merge.row_merge import ReadVector, live

if TYPE_CHECKING:
    from pyroaring import BitMap64

RowsOfFiles = Sequence[tuple[DataFile, "BitMap64"]]


@dataclass(frozen=True)
class MovedByBoth:
    """What becomes of rows that both sides took from their places, as far as entries of files tell.

    Attributes:
        masks: rows that are not in the merged table, by file.
        left: rows of the base that have to be looked at.
        without: files that hold none of these.
    """

    masks: Mapping[str, BitMap64]
    left: RowsOfFiles
    without: Collection[str] = field(default_factory=frozenset)


def only_moved(f: DataFile, knows: Callable[[Position], bool]) -> bool:
    """Whether all rows of a file that came since the base are as they were there, if they were in it."""
    if not _tells_ids(f):
        return False
    b = bounds_of(f, ROW_COMMIT, partitioned=False)
    if b.min is None or b.max is None:
        return False
    first, last = Position.unpacked(b.min.value), Position.unpacked(b.max.value)
    return first.ordinal == last.ordinal and knows(last)


def settle(
    gone: RowsOfFiles, ours: Sequence[DataFile], theirs: Sequence[DataFile], vector: ReadVector
) -> MovedByBoth:
    """Finds what needs no look.

    Args:
        gone: rows of the base that are gone, from where they were, on both sides.
        ours: files that came to our side since the base, and hold moved rows only; as `theirs`.
        theirs: of the other side.
        vector: reads the deleted rows of a file.
    """
    from pyroaring import BitMap64

    numbered = [(f, rows) for f, rows in gone if _tells_ids(f)]
    if not numbered or not (ours or theirs):
        return MovedByBoth({}, gone)
    sought = BitMap64()
    for f, rows in numbered:
        sought |= f.ids.ids_of(rows)
    here, there = ([(f, live(f, vector)) for f in side] for side in (ours, theirs))
    our_ids, their_ids = BitMap64(), BitMap64()
    for f, rows in here:
        our_ids |= f.ids.ids_of(rows) & sought
    for f, rows in there:
        their_ids |= f.ids.ids_of(rows) & sought
    # whoever only moved a row takes what the other made of it; where both did, ours will do
    masks = {f.id: f.ids.rows_of(their_ids) & rows for f, rows in there}
    masks |= {f.id: f.ids.rows_of(our_ids - their_ids) & rows for f, rows in here}
    rest = sought - our_ids - their_ids
    left = [(f, f.ids.rows_of(rest) & rows) for f, rows in numbered]
    others = [(f, rows) for f, rows in gone if not _tells_ids(f)]
    seen = frozenset() if others else frozenset(f.id for f in [*ours, *theirs])
    return MovedByBoth(
        {id: rows for id, rows in masks.items() if rows}, [*others, *((f, r) for f, r in left if r)], seen
    )


def _tells_ids(f: DataFile) -> bool:
    """Whether the ids of all its rows follow from its entry."""
    return not f.holds_ids and not f.numbers_rows
