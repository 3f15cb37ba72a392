"""What a transaction read, for serializable isolation [TXN-5]."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from anabranch.core.format.files import DataFile
from anabranch.core.log.replay import CatalogState, TableState
from anabranch.core.operations.row_context import RowContext
from anabranch.core.transaction.proposals import Conflict


@dataclass(frozen=True)
class TableRead:
    """What was read of a table.

    Attributes:
        id: of the table.
        may_cover: whether a file may hold rows that would have been read.
        changes_too: whether rows that went since matter as well; not so where all that was read is changed,
            since then the rows themselves are in conflict.
    """

    id: str
    may_cover: Callable[[DataFile, TableState], bool]
    changes_too: bool


def check_reads(
    reads: Sequence[TableRead],
    base: CatalogState,
    now: CatalogState,
    writes: Collection[str],
    context: RowContext,
) -> None:
    """Refuses where there is no order in which the transaction and the commits since give what they gave.

    It stands where it would have read the same after the commits that came between. Or else it may be thought
    to have come before them; but not where one of these read a table that it writes.

    Raises:
        Conflict: naming the other commit.
    """
    if base.id == now.id:
        return
    for read in reads:
        conflict = _broken(base, now, read, context)
        if conflict is not None:
            between = context.since(base, now)
            if between is None or any(set(c.reads) & set(writes) for c in between):
                raise conflict


def _broken(base: CatalogState, now: CatalogState, read: TableRead, context: RowContext) -> Conflict | None:
    """What others did since that the read would have seen."""
    was, current = base.tables.get(read.id), now.tables.get(read.id)
    if was is None:
        return None
    if current is None:
        return Conflict(f"the table {was.full_name}, which was read, was dropped meanwhile", now.position)
    if was.at == current.at:
        return None
    # rows that were only moved are no news: what came before such a move is looked at, and what came after
    moves = context.rearranged(base, now, read.id)
    starts, ends = [was, *(after for _, after in moves)], [*(before for before, _ in moves), current]
    told = (_news(start, end, read) for start, end in zip(starts, ends, strict=True))
    return next((conflict for conflict in told if conflict), None)


def _news(was: TableState, current: TableState, read: TableRead) -> Conflict | None:
    old, new = was.files.files, current.files.files
    seen = [f for id, f in new.items() if id not in old]
    if read.changes_too:
        seen += [f for id, f in old.items() if id not in new or new[id].deletions != f.deletions]
    for file in seen:
        if read.may_cover(file, current):
            there = new.get(file.id)
            by = there and ((there.deletions and there.deletions.written_by) or there.added_by)
            reason = f"rows of {current.full_name} that would have been read were added or changed meanwhile"
            return Conflict(reason, by or current.at)
    return None
