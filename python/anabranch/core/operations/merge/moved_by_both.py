"""Rows that were compacted on both sides: by arithmetic on row ids.

The merged table has them where our side has put them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anabranch.core.format.files import DataFile
from anabranch.core.operations.merge.numbered_rows import NumberedRows

if TYPE_CHECKING:
    from pyroaring import BitMap64


@dataclass(frozen=True)
class MovedByBoth:
    """What becomes of rows that both sides took from their places, as far as it follows from moved ones.

    Attributes:
        masks: rows that are not in the merged table, by file.
        left: rows of the base that have to be looked at.
    """

    masks: Mapping[str, BitMap64]
    left: Sequence[tuple[DataFile, BitMap64]]


def settle(
    gone: Sequence[NumberedRows], ours: Sequence[NumberedRows], theirs: Sequence[NumberedRows]
) -> MovedByBoth:
    """Finds what needs no look.

    Args:
        gone: rows of the base that are gone, from where they were, on both sides.
        ours: rows that our side only moved; as `theirs`.
        theirs: of the other side.
    """
    sought = ids_of(gone)
    our_ids, their_ids = ids_of(ours) & sought, ids_of(theirs) & sought
    # whoever only moved a row takes what the other made of it; where both did, ours will do
    masks = {n.file.id: n.at(their_ids) for n in theirs}
    masks |= {n.file.id: n.at(our_ids - their_ids) for n in ours}
    rest = sought - our_ids - their_ids
    left = [(n.file, n.at(rest)) for n in gone]
    return MovedByBoth(
        {id: rows for id, rows in masks.items() if rows}, [(file, rows) for file, rows in left if rows]
    )


def ids_of(some: Iterable[NumberedRows]) -> BitMap64:
    """The ids of rows of several files."""
    from pyroaring import BitMap64

    found = BitMap64()
    for n in some:
        found |= n.ids
    return found
