"""Finds rows again that compactions have moved to other files, by their ids [ROW-5]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from anabranch.core.format.files import DataFile
from anabranch.core.log.replay import TableState
from anabranch.core.operations.row_context import RowContext
from anabranch.core.transaction.proposals import Conflict

if TYPE_CHECKING:
    from pyroaring import BitMap64

MAX_BYTES_READ = 32 * 1024 * 1024  # ids that stand in files are looked up in files up to this size


def follow(
    moves: Iterable[tuple[TableState, TableState]], rows: Mapping[str, BitMap64], context: RowContext
) -> dict[str, BitMap64]:
    """The same rows in the files where they are after some compactions, by file.

    Those of files that something else than a compaction removed stay where they were. Each compaction is
    looked at on its own: an update before it leaves a newer row with the same id, which is another one.

    Args:
        moves: a table before and after each compaction, oldest first.
        rows: of files that stood there before the first, by file.
        context: the I/O.

    Raises:
        Conflict: if somebody changed one of them before it was moved, or if it can't be found.
    """
    from pyroaring import BitMap64

    places = dict(rows)
    for before, after in moves:
        old, new = before.files.files, after.files.files
        for id in sorted(id for id in places if id in old and id not in new):
            for to, positions in _moved(before, after, old[id], places.pop(id), context).items():
                places[to] = places.get(to, BitMap64()) | positions
    return places


def _moved(
    before: TableState, after: TableState, file: DataFile, rows: BitMap64, context: RowContext
) -> dict[str, BitMap64]:

    taken = context.deleted(before, file) & rows
    if taken:
        by = file.deletions.written_by if file.deletions else None
        raise context.changed_meanwhile(before, file, taken, by or before.at)
    wanted = _ids(before, file, rows, after, context)
    found: dict[str, BitMap64] = {}
    for target in _added(before, after):
        if not wanted:
            break
        at = _places(after, target, wanted, context)
        if at:
            found[target.id] = at
            wanted -= _ids(after, target, at, after, context)
    if wanted:
        raise _lost(after)
    return found


def _added(before: TableState, after: TableState) -> list[DataFile]:
    """Files in which moved rows may be; those first that needn't be read."""
    old = before.files.files
    targets = [f for id, f in after.files.files.items() if id not in old]
    return sorted(targets, key=lambda f: (f.holds_ids, f.id))


def _places(t: TableState, file: DataFile, wanted: BitMap64, context: RowContext) -> BitMap64:
    """Where rows of some ids stand in a file."""
    from pyroaring import BitMap64

    if not file.holds_ids:
        return file.ids.rows_of(wanted)
    _must_be_read(t, file)
    held = context.row_ids(t, file, range(file.rows))
    return BitMap64(at for at, id in enumerate(held) if id in wanted)


def _ids(t: TableState, file: DataFile, rows: BitMap64, after: TableState, context: RowContext) -> BitMap64:
    from pyroaring import BitMap64

    if not file.holds_ids:
        return file.ids.ids_of(rows)
    _must_be_read(after, file)
    return BitMap64(context.row_ids(t, file, rows))


def _must_be_read(t: TableState, file: DataFile) -> None:
    if not file.is_inline and file.size > MAX_BYTES_READ:
        raise _lost(t)


def _lost(t: TableState) -> Conflict:
    reason = f"rows of {t.full_name} that are changed here were moved to other files meanwhile, and their ids"
    return Conflict(f"{reason} are not few enough runs to find them there", t.at)
