"""Finds versions of rows that both sides changed or moved: by row id, in files that came since the base."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anabranch.core.format.files import ROW_ID, DataFile
from anabranch.core.log.bounds import bounds_of
from anabranch.core.log.replay import TableState
from anabranch.core.operations.merge.base_table import BaseTable
from anabranch.core.operations.merge.row_access import RowAccess, RowsAt, RowVersion
from anabranch.core.operations.merge.row_merge import Files, ReadVector, live

if TYPE_CHECKING:
    from pyroaring import BitMap64

Range = tuple[int, int] | None
RowsOf = Callable[[DataFile], "BitMap64"]
"""Some rows of a file."""


@dataclass(frozen=True)
class ContestedRow:
    """A row that both sides took away from where it was, with the version that each has of it now."""

    id: int
    base: RowVersion | None
    ours: RowVersion | None
    theirs: RowVersion | None

    @property
    def agreed(self) -> bool:
        """Whether both sides have the very same row."""
        return _commit(self.ours) == _commit(self.theirs)

    @property
    def our_change(self) -> bool:
        """Whether our side changed it."""
        return self.base is None or _commit(self.ours) != self.base.commit

    @property
    def their_change(self) -> bool:
        """Whether their side changed it."""
        return self.base is None or _commit(self.theirs) != self.base.commit

    @property
    def quiet(self) -> bool:
        """Whether no cell has to be looked at."""
        return self.agreed or not self.our_change or not self.their_change

    @property
    def masked(self) -> RowVersion | None:
        """Of a quiet row, the version that is not in the merged table."""
        return self.theirs if self.agreed or not self.their_change else self.ours


def _commit(v: RowVersion | None) -> int | None:
    return None if v is None else v.commit


class ContestedRows:
    """Reads ids and commits of rows only.

    Args:
        table: for errors, and where its files lie.
        base: what both sides started from.
        ours: files by id, as `theirs`.
        theirs: of the other side.
        rows: the I/O.
        vector: reads the deleted rows of a file.
    """

    def __init__(
        self,
        table: TableState,
        base: BaseTable,
        ours: Files,
        theirs: Files,
        rows: RowAccess,
        vector: ReadVector,
    ) -> None:
        self._table = table
        self._base = base
        self._ours = ours
        self._theirs = theirs
        self._rows = rows
        self._vector = vector

    @functools.cached_property
    def our_news(self) -> list[RowsAt]:
        """Rows that came to our side since the base."""
        return self._news(self._ours)

    @functools.cached_property
    def their_news(self) -> list[RowsAt]:
        """Rows that came to their side since the base."""
        return self._news(self._theirs)

    def _news(self, side: Files) -> list[RowsAt]:
        found = []
        for id in sorted(side):
            f, b = side[id], self._base.files.get(id)
            if b is None:
                found.append(RowsAt(f, live(f, self._vector)))
            elif b.deletions != f.deletions:
                back = self._vector(b) - self._vector(f)
                if back:
                    found.append(RowsAt(f, back))
        return found

    def find(
        self,
        gone: Sequence[tuple[DataFile, BitMap64]],
        carried: bool,
        moved: tuple[RowsOf, RowsOf] | None = None,
    ) -> list[ContestedRow]:
        """The rows to look at.

        Args:
            gone: rows of the base that are gone on both sides.
            carried: whether a side may have rows of the other, or both those of a third, that the base does
                not have.
            moved: rows of a file of our side, and of theirs, that are none of these.
        """
        before = _by_id(self._rows.versions(self._table, (RowsAt(f, p) for f, p in gone)))
        wanted = {*before, *self._base.disputed, *(self._in_both() if carried else ())}
        if not wanted:
            return []
        ours, theirs = self.our_news, self.their_news
        if moved is not None:
            ours, theirs = without(ours, moved[0]), without(theirs, moved[1])
        here, there = self._among(ours, wanted), self._among(theirs, wanted)
        found = (ContestedRow(id, before.get(id), here.get(id), there.get(id)) for id in sorted(wanted))
        return [r for r in found if not _in_one_place(r)]

    def _among(self, news: Iterable[RowsAt], wanted: set[int]) -> Mapping[int, RowVersion]:
        """The wanted rows among some; files whose ids are all out of their range are not looked at."""
        low, high = min(wanted), max(wanted)
        near = [r for r in news if may_have(r.file, low, high)]
        return _by_id(v for v in self._rows.versions(self._table, near) if v.id in wanted)

    def _in_both(self) -> set[int]:
        """Ids of rows that came on both sides."""

        def near(mine: list[RowsAt], others: list[RowsAt]) -> list[RowsAt]:
            spans = [_ids_of(r.file) for r in others]
            return [r for r in mine if any(_overlap(_ids_of(r.file), s) for s in spans)]

        a, b = near(self.our_news, self.their_news), near(self.their_news, self.our_news)
        if not a or not b:
            return set()
        return {v.id for v in self._rows.versions(self._table, a)} & {
            v.id for v in self._rows.versions(self._table, b)
        }


def without(rows: Iterable[RowsAt], some: RowsOf) -> list[RowsAt]:
    """Rows but for some in each file."""
    left = (RowsAt(r.file, r.rows - some(r.file)) for r in rows)
    return [r for r in left if r.rows]


def may_have(f: DataFile, low: int, high: int) -> bool:
    """Whether row ids of a file may lie between two, or be one of them."""
    return _overlap(_ids_of(f), (low, high))


def _in_one_place(r: ContestedRow) -> bool:
    """One row in a file that both have."""
    o, t = r.ours, r.theirs
    return o is not None and t is not None and (o.file.id, o.position) == (t.file.id, t.position)


def _by_id(versions: Iterable[RowVersion]) -> dict[int, RowVersion]:
    return {v.id: v for v in versions}


def _ids_of(f: DataFile) -> Range:
    """The least and greatest row id that a file may have; None where nothing is known."""
    b = bounds_of(f, ROW_ID, partitioned=False)
    return None if b.min is None or b.max is None else (int(b.min.value), int(b.max.value))


def _overlap(a: Range, b: Range) -> bool:
    return a is None or b is None or (a[0] <= b[1] and b[0] <= a[1])
