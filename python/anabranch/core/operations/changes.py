"""What a transaction does to a branch: the difference between the state it began on and the one it made.

A transaction works on a state of its own. So what it did to a table, in one step or in many, is one change;
and whether that fits on a newer state is asked of the difference, not of the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from anabranch.core.format.commits import ManifestRef, Name, TableChange
from anabranch.core.format.files import DataFile, DeletionVector
from anabranch.core.format.names import CommitId, check_name
from anabranch.core.format.tables import TableMetadata
from anabranch.core.log.replay import CatalogState, TableState
from anabranch.core.operations.reads import CommitsSince, TableRead, check_reads
from anabranch.core.transaction.proposals import Conflict, Proposal
from anabranch.errors import error

if TYPE_CHECKING:
    from pyroaring import BitMap64

SHOWN = 5

Staged = tuple[Sequence[DataFile], Sequence[ManifestRef]]


@dataclass(frozen=True)
class TableWork:
    """What was done to one table.

    Attributes:
        base: as it was; None for one that was created.
        now: as it is; None for one that was dropped.
        exact: whether it must be as it was read, and not only have the same columns.
        clear: all files that it had are gone.
        adopt: the commit whose state of the table came back.
        adopted: the metadata there.
    """

    base: TableState | None
    now: TableState | None
    exact: bool = False
    clear: bool = False
    adopt: CommitId | None = None
    adopted: TableMetadata | None = None

    def added(self) -> list[DataFile]:
        """Files that are new."""
        if self.now is None or self.adopt is not None:
            return []
        old = {} if self.base is None or self.clear else self.base.files.files
        return [f for id, f in self.now.files.files.items() if id not in old]


class Vectors:
    """The I/O of changes of rows: deletion vectors, and the ids of rows, for people."""

    def __init__(
        self,
        read: Callable[[DataFile, str], BitMap64],
        write: Callable[[BitMap64], DeletionVector],
        row_ids: Callable[[TableState, DataFile, Sequence[int]], Sequence[int]],
    ) -> None:
        self.read = read
        self.write = write
        self.row_ids = row_ids


@dataclass(frozen=True)
class Changes:
    """The intent of a transaction.

    Attributes:
        base: the state that it began on.
        tables: what was done, by table id.
        staged: added files, by table id, as they go into the commit.
        namespaces: properties afterwards, None for one that was dropped.
        reads: what decided what was done.
        operation: as history shows it.
        metrics: counts.
        vectors: the I/O of changes of rows.
        since: the commits between two states.
        ref: the branch's name, for errors.
    """

    base: CatalogState
    tables: Mapping[str, TableWork]
    staged: Mapping[str, Staged]
    namespaces: Mapping[Name, Mapping[str, str] | None]
    reads: Sequence[TableRead]
    operation: str
    metrics: Mapping[str, int]
    vectors: Vectors
    since: CommitsSince
    ref: str
    merges: bool = False
    _written: dict[bytes, DeletionVector] = field(default_factory=dict)

    def onto(self, now: CatalogState) -> Proposal:
        """See `Intent`."""
        found = {id: self._table(id, work, now) for id, work in self.tables.items()}
        changes = {id: change for id, change in found.items() if change is not None}
        self._check_names(now)
        check_reads(self.reads, self.base, now, self.tables.keys(), self.since)
        spaces = {n: p for n, p in self.namespaces.items() if now.namespaces.get(n) != p}
        reads = frozenset(r.id for r in self.reads)
        return Proposal(changes, spaces, dict(self.metrics), reads=reads if changes else frozenset())

    def _check_names(self, now: CatalogState) -> None:
        spaces = {n for n in {*now.namespaces, *self.namespaces} if self.namespaces.get(n, {}) is not None}
        for work in self.tables.values():
            new = work.now
            if new is None or (work.base is not None and work.base.name == new.name):
                continue
            check_name(new.name)
            if new.name[:-1] not in spaces:
                raise error("ANABRANCH_NAMESPACE.NOT_FOUND", namespace=".".join(new.name[:-1]), ref=self.ref)
            holder = now.by_name.get(new.name)
            ours = self.tables.get(holder.id) if holder else None
            gone = ours is not None and (ours.now is None or ours.now.name != new.name)
            if holder is not None and holder.id != new.id and not gone:
                raise error("ANABRANCH_TABLE.ALREADY_EXISTS", table=new.full_name, ref=self.ref)

    def _table(self, id: str, work: TableWork, now: CatalogState) -> TableChange | None:
        add, manifests = self.staged.get(id, ((), ()))
        if work.base is None:
            if work.now is None:
                return None  # made and dropped again
            return TableChange(name=work.now.name, metadata=work.now.metadata, add=add, manifests=manifests)
        there = self._there(work, work.base, now)
        if work.now is None:
            return TableChange(dropped=True)
        known = work.adopted or work.base.metadata
        change = TableChange(
            name=work.now.name if work.now.name != work.base.name else None,
            adopt=work.adopt,
            metadata=None if work.now.metadata == known else work.now.metadata,
            clear=work.clear,
            add=add,
            manifests=manifests,
        )
        if not work.clear and work.adopt is None:
            change = self._masked(work.base, work.now, there, change)
        return None if change == TableChange(add=(), manifests=(), remove=[], deletions={}) else change

    def _there(self, work: TableWork, was: TableState, now: CatalogState) -> TableState:
        """The table as it is now; it must not have been dropped, nor changed so that the work doesn't fit."""
        there = now.tables.get(was.id)
        if there is None:
            raise Conflict(f"the table {was.full_name} was dropped meanwhile", now.position)
        if work.exact and there.at != was.at:
            raise Conflict(f"the table {was.full_name} was changed meanwhile", there.at)
        if not there.metadata.same_layout(was.metadata):
            raise Conflict(f"the columns of {was.full_name} were changed meanwhile", there.at)
        return there

    def _masked(
        self, was: TableState, mine: TableState, there: TableState, change: TableChange
    ) -> TableChange:
        """The change with what becomes of files whose rows are gone [DV-4], [DV-5]."""
        from pyroaring import BitMap64

        old, new = was.files.files, mine.files.files
        remove, deletions = [], {}
        for id, before in sorted(old.items()):
            if id in new and new[id].deletions == before.deletions:
                continue
            known = self.vectors.read(before, was.full_name)
            final = self.vectors.read(new[id], was.full_name) if id in new else BitMap64(range(before.rows))
            gone = final - known
            current = there.files.files.get(id)
            others = self._others(was, there, before, current, gone)
            all_gone = others | gone
            if len(all_gone) >= before.rows:
                remove.append(id)
            elif gone:
                deletions[id] = self._vector(all_gone)
        return replace(change, remove=remove, deletions=deletions)

    def _others(
        self, was: TableState, there: TableState, before: DataFile, current: DataFile | None, gone: BitMap64
    ) -> BitMap64:
        """The rows of a file that others deleted: none of which may be ours."""

        def conflict(rows: BitMap64, by: DataFile | None) -> Conflict:
            ids = self.vectors.row_ids(was, before, list(islice(rows, SHOWN + 1)))
            shown = ", ".join(map(str, ids[:SHOWN])) + (", …" if len(ids) > SHOWN else "")
            at = by.deletions.written_by if by and by.deletions else None
            reason = f"rows of {was.full_name} that are changed here were changed meanwhile: _row_id {shown}"
            return Conflict(reason, at or there.at)

        if current is None:
            raise conflict(gone, None)
        others = self.vectors.read(current, was.full_name)
        if current.deletions != before.deletions and others & gone:
            raise conflict(others & gone, current)
        return others

    def _vector(self, rows: BitMap64) -> DeletionVector:
        """A vector that was written for a try that lost is good for the next, if the rows are the same."""
        key: bytes = rows.serialize()
        if key not in self._written:
            self._written[key] = self.vectors.write(rows)
        return self._written[key]
