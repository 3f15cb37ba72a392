"""Three-way merge of a table's rows by where they lie: from lists of files and deletion vectors alone.

A row is there in the merged table if the side says so that changed it. New versions of rows are rows of new
files, so each side's come along, and where only one side changed a row, that is all. What remains are rows
that both sides took away from where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anabranch.core.format.files import DataFile

if TYPE_CHECKING:
    from pyroaring import BitMap64

Files = Mapping[str, DataFile]
ReadVector = Callable[[DataFile], "BitMap64"]


@dataclass(frozen=True)
class MergedFile:
    """A file of the merged table; `dead` are its deleted rows, None for those of its own deletion vector."""

    file: DataFile
    dead: BitMap64 | None = None


@dataclass(frozen=True)
class MergedRows:
    """The files of a merged table, by id, and the rows that need a closer look.

    Attributes:
        files: by id.
        contested: rows of the base that are gone, from where they were, on both sides: deleted, replaced or
            moved.
    """

    files: dict[str, MergedFile]
    contested: list[tuple[DataFile, BitMap64]]


_One = tuple["MergedFile | None", "tuple[DataFile, BitMap64] | None"]


def merge_rows(base: Files, ours: Files, theirs: Files, vector: ReadVector, carried: bool) -> MergedRows:
    """The merged files.

    Args:
        base: files by id, as `ours` and `theirs`.
        ours: of our side.
        theirs: of their side.
        vector: reads the deleted rows of a file.
        carried: whether both sides may have a deletion of one commit that the base does not know.
    """
    files, contested = {}, []
    for id in sorted({*base, *ours, *theirs}):
        file, rows = _one(base.get(id), ours.get(id), theirs.get(id), vector, carried)
        if file is not None:
            files[id] = file
        if rows is not None and rows[1]:
            contested.append(rows)
    return MergedRows(files, contested)


def _one(
    b: DataFile | None, o: DataFile | None, t: DataFile | None, vector: ReadVector, carried: bool
) -> _One:
    if o is not None and t is not None:
        if o.deletions == t.deletions:
            return MergedFile(o), (b, vector(o) - vector(b)) if carried and b is not None else None
        if b is None:
            return _left(o, vector(o) & vector(t)), None
        if o.deletions == b.deletions:
            return MergedFile(t), None
        if t.deletions == b.deletions:
            return MergedFile(o), None
        before, mine, other = vector(b), vector(o), vector(t)
        both = mine & other
        return _left(o, both | ((mine | other) - both - before)), (b, both - before)
    one = o or t
    if b is None:
        return (None if one is None else MergedFile(one)), None
    if one is None:
        return None, (b, everything(b) - vector(b))
    return _gone_on_one(b, one, vector)


def _gone_on_one(base: DataFile, kept: DataFile, vector: ReadVector) -> _One:
    """A file that one side gave up: what is left are rows that the other has brought back."""
    if base.deletions == kept.deletions:
        return None, None
    was, now = vector(base), vector(kept)
    back = was - now
    return (_left(kept, everything(kept) - back) if back else None), (base, now - was)


def _left(file: DataFile, dead: BitMap64) -> MergedFile | None:
    return MergedFile(file, dead) if len(dead) < file.rows else None


def everything(file: DataFile) -> BitMap64:
    """The positions of all rows of a file, deleted ones included."""
    from pyroaring import BitMap64

    return BitMap64(range(file.rows))


def live(file: DataFile, vector: ReadVector) -> BitMap64:
    """The positions of the rows of a file that are there."""
    found = everything(file)
    return found if file.deletions is None else found - vector(file)
