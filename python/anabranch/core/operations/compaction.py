"""Puts files with the same rows in the place of others: OPTIMIZE [ROW-5]."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from anabranch.core.format.canonical import canonical
from anabranch.core.format.commits import TableChange
from anabranch.core.format.files import DataFile, DeletionVector
from anabranch.core.format.values import encode
from anabranch.core.log.replay import CatalogState, TableState
from anabranch.core.operations.changes import Staged
from anabranch.core.operations.properties import TableProperties
from anabranch.core.operations.row_context import RowContext
from anabranch.core.operations.writing import file_metrics
from anabranch.core.transaction.proposals import Proposal, same_layout

if TYPE_CHECKING:
    from pyroaring import BitMap64

SMALL_PERCENT = 75  # a file that is not smaller than this part of the target size is left as it is


class Bin:
    """Files whose rows are to stand in one."""

    def __init__(self) -> None:
        self.files: list[DataFile] = []
        self._bytes = 0

    def takes(self, file: DataFile, target_bytes: int) -> bool:
        """Whether there is room for its rows."""
        return not self.files or self._bytes + live_bytes(file) <= target_bytes

    def add(self, file: DataFile) -> None:
        """One more."""
        self.files.append(file)
        self._bytes += live_bytes(file)


def live_bytes(file: DataFile) -> int:
    """About what the rows of a file take that are not deleted."""
    return file.size * file.live_rows // max(file.rows, 1)


def packed(files: Iterable[DataFile], target_bytes: int) -> list[Bin]:
    """Files in their order, in bins of about the size of one file."""
    bins: list[Bin] = []
    for file in files:
        if not bins or not bins[-1].takes(file, target_bytes):
            bins.append(Bin())
        bins[-1].add(file)
    return bins


def by_partition(files: Iterable[DataFile]) -> list[list[DataFile]]:
    """Files of one partition together."""
    found: Mapping[bytes, list[DataFile]] = defaultdict(list)
    for file in files:
        found[canonical({key: encode(v) for key, v in file.partition.items()})].append(file)
    return list(found.values())


def first_id(file: DataFile) -> tuple[int, str]:
    """The order of files by the ids of their rows."""
    return file.ids.id_at(0), file.id


def groups(candidates: Iterable[DataFile], settings: TableProperties) -> list[list[DataFile]]:
    """Files that are to become one: small ones, and those of which many rows are deleted.

    A group of one file without enough deleted rows is left alone, so that a second time finds nothing to do.
    """
    target = settings.target_bytes

    def is_worn(file: DataFile) -> bool:
        gone = file.rows - file.live_rows
        return file.deletions is not None and gone * 100 >= settings.deleted_percent * file.rows

    chosen = [f for f in candidates if is_worn(f) or live_bytes(f) < target * SMALL_PERCENT // 100]
    bins = [b for files in by_partition(chosen) for b in packed(sorted(files, key=first_id), target)]
    return [b.files for b in bins if len(b.files) > 1 or is_worn(b.files[0])]


@dataclass(frozen=True)
class Compacted:
    """Files that were written anew as one.

    Attributes:
        sources: as they were read; their rows, without the deleted ones, stand in `file` in this order.
        file: what they became.
    """

    sources: Sequence[DataFile]
    file: DataFile


@dataclass(frozen=True)
class Compact:
    """The intent. It never is in conflict with changes of rows.

    Rows that others deleted meanwhile are deleted in the new files as well, by arithmetic; where others have
    removed a file, what was made of it is given up.

    Attributes:
        base: the state that was read.
        id: of the table.
        compacted: what was written.
        context: the I/O of changes of rows.
        stage: prepares added files for a commit.
    """

    base: CatalogState
    id: str
    compacted: Sequence[Compacted]
    context: RowContext
    stage: Callable[[Sequence[DataFile]], Staged]
    operation: str = "OPTIMIZE"
    merges: bool = False
    # what was written for a try that lost is good for the next, if the rows are the same
    _vectors: dict[bytes, DeletionVector] = field(default_factory=dict)
    _staged: dict[tuple[tuple[str, DeletionVector | None], ...], Staged] = field(default_factory=dict)

    def onto(self, now: CatalogState) -> Proposal:
        """See `Intent`."""
        t = same_layout(self.base.tables[self.id], now)
        found = [(c, gone) for c in self.compacted if (gone := self._deleted_since(c, t)) is not None]
        if not found:
            return Proposal()
        added = [file for c, gone in found if (file := self._remaining(c.file, gone)) is not None]
        key = tuple((f.id, f.deletions) for f in added)
        if key not in self._staged:
            self._staged[key] = self.stage(added)
        add, manifests = self._staged[key]
        removed = [f for c, _ in found for f in c.sources]
        change = TableChange(remove=[f.id for f in removed], add=add, manifests=manifests, rearranged=True)
        counts = file_metrics(added, removed) | {"rows_copied": sum(c.file.rows for c, _ in found)}
        return Proposal({self.id: change}, metrics=counts)

    def _remaining(self, file: DataFile, gone: BitMap64) -> DataFile | None:
        """The new file without the rows that others deleted; None if it has no others."""
        if not gone:
            return file
        if len(gone) >= file.rows:
            return None
        key: bytes = gone.serialize()
        if key not in self._vectors:
            self._vectors[key] = self.context.vector(gone)
        return replace(file, deletions=self._vectors[key])

    def _deleted_since(self, c: Compacted, t: TableState) -> BitMap64 | None:
        """The rows of the new file that others deleted where they stood before.

        None if it has no place any more: a source is gone, or has rows again that it had not when read.
        """
        from pyroaring import BitMap64

        found = BitMap64()
        offsets = accumulate((f.live_rows for f in c.sources), initial=0)
        for source, offset in zip(c.sources, offsets, strict=False):
            current = t.files.files.get(source.id)
            if current is None:
                return None
            if current.deletions != source.deletions:
                before, after = self.context.deleted(t, source), self.context.deleted(t, current)
                if not before <= after:
                    return None
                found |= BitMap64(offset + p - before.rank(p) for p in after - before)
        return found
