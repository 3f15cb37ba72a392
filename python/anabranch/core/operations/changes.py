"""What a transaction does to a branch: the difference between the state it began on and the one it made.

A transaction works on a state of its own. So what it did to a table, in one step or in many, is one change;
and whether that fits on a newer state is asked of the difference, not of the steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from anabranch.core.format.commits import ManifestRef, Name, TableChange
from anabranch.core.format.files import DataFile, DeletionVector, write_positions
from anabranch.core.format.names import CommitId, check_name
from anabranch.core.log.replay import CatalogState, Files, TableState
from anabranch.core.operations.moved_rows import follow
from anabranch.core.operations.reads import TableRead, check_reads
from anabranch.core.operations.row_context import RowContext
from anabranch.core.operations.writing import file_metrics
from anabranch.core.transaction.proposals import Conflict, Proposal, same_layout
from anabranch.errors import error

if TYPE_CHECKING:
    from pyroaring import BitMap64

Staged = tuple[Sequence[DataFile], Sequence[ManifestRef]]


@dataclass(frozen=True)
class TableWork:
    """What was done to one table.

    Attributes:
        base: as it was; None for one that was created.
        now: as it is; None for one that was dropped.
        exact: whether it must be as it was read. Its columns must be in any case, and its properties where
            the work changes metadata.
        clear: all files that it had are gone.
        adopt: the commit whose state of the table came back.
        adopted: that state.
        rewritten: files whose other rows stand in new files, marked as they would have been otherwise.
    """

    base: TableState | None
    now: TableState | None
    exact: bool = False
    clear: bool = False
    adopt: CommitId | None = None
    adopted: TableState | None = None
    rewritten: Mapping[str, DataFile] = field(default_factory=dict)

    @property
    def start(self) -> TableState | None:
        """The state that files come to and go from."""
        return self.adopted or self.base

    @property
    def old_files(self) -> Files:
        """Those that are there before."""
        return {} if self.start is None or self.clear else self.start.files.files

    def added(self) -> list[DataFile]:
        """Files that are new."""
        old = self.old_files
        return [f for id, f in self.now.files.files.items() if id not in old] if self.now else []


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
        context: the I/O of changes of rows.
        ref: the branch's name, for errors.
    """

    base: CatalogState
    tables: Mapping[str, TableWork]
    staged: Mapping[str, Staged]
    namespaces: Mapping[Name, Mapping[str, str] | None]
    reads: Sequence[TableRead]
    operation: str
    metrics: Mapping[str, int]
    context: RowContext
    ref: str
    merges: bool = False
    _written: dict[bytes, DeletionVector] = field(default_factory=dict)

    def onto(self, now: CatalogState) -> Proposal:
        """See `Intent`."""
        found = {id: self._table(id, work, now) for id, work in self.tables.items()}
        changes = {id: change for id, change in found.items() if change is not None}
        self._check_names(now)
        check_reads(self.reads, self.base, now, self.tables.keys(), self.context)
        spaces = {n: p for n, p in self.namespaces.items() if now.namespaces.get(n) != p}
        reads = frozenset(r.id for r in self.reads)
        metrics = {**self.metrics, **self._counted_files(changes, now)}
        return Proposal(changes, spaces, metrics, reads=reads if changes else frozenset())

    def _counted_files(self, changes: Mapping[str, TableChange], now: CatalogState) -> dict[str, int]:
        added = [f for id in changes for f in self.tables[id].added()]
        removed, masked = [], 0
        for id, change in changes.items():
            there = self.tables[id].adopted or now.tables.get(id)
            if there is not None and not change.dropped:
                files = there.files.files
                removed += list(files.values()) if change.clear else [files[f] for f in change.remove]
                masked += len(change.deletions)
        return file_metrics(added, removed, masked)

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
        known = (work.adopted or work.base).metadata
        change = TableChange(
            name=work.now.name if work.now.name != work.base.name else None,
            adopt=work.adopt,
            metadata=None if work.now.metadata == known else work.now.metadata,
            clear=work.clear,
            add=add,
            manifests=manifests,
        )
        if not work.clear:
            change = self._masked(work, work.adopted or there, now, change)
        return None if change == TableChange(add=(), manifests=(), remove=[], deletions={}) else change

    def _there(self, work: TableWork, was: TableState, now: CatalogState) -> TableState:
        """The table as it is now, if the work fits on it [TXN-2]."""
        there = same_layout(was, now)
        mine = was.metadata if work.now is None else work.now.metadata
        # a new constraint was checked on the rows that were there
        checked = any(c not in was.metadata.constraints for c in mine.constraints)
        if (work.exact or checked) and there.at != was.at:
            raise Conflict(f"the table {there.full_name} was changed meanwhile", there.at)
        if mine != was.metadata and there.metadata != was.metadata:
            raise Conflict(f"the properties of {there.full_name} were changed meanwhile", there.at)
        return there

    def _masked(
        self, work: TableWork, there: TableState, now: CatalogState, change: TableChange
    ) -> TableChange:
        """The change with what becomes of files whose rows are gone [DV-4], [DV-5]."""
        old, remove, deletions = work.old_files, [], {}
        for id, gone in sorted(self._places(self._gone(work), work, there, now).items()):
            before, current = old.get(id), there.files.files.get(id)
            others = self._others(there, before, current, gone, id in work.rewritten)
            all_gone = others | gone
            if id in work.rewritten or (current is not None and len(all_gone) >= current.rows):
                remove.append(id)
            elif gone:
                deletions[id] = self._vector(all_gone)
        return replace(change, remove=remove, deletions=deletions)

    def _gone(self, work: TableWork) -> dict[str, BitMap64]:
        """The rows that go, by file."""
        from pyroaring import BitMap64

        assert work.start is not None and work.now is not None
        marked, found = {**work.now.files.files, **work.rewritten}, {}
        for id, before in work.old_files.items():
            after = marked.get(id)
            if after is None or after.deletions != before.deletions:
                final = self.context.deleted(work.now, after) if after else BitMap64(range(before.rows))
                if after and after.deletions and after.deletions.written_by is None:
                    self._written.setdefault(write_positions(final), after.deletions)
                found[id] = final - self.context.deleted(work.start, before)
        return found

    def _places(
        self, gone: Mapping[str, BitMap64], work: TableWork, there: TableState, now: CatalogState
    ) -> Mapping[str, BitMap64]:
        """The same rows where they are now: compactions may have moved them. A copy can't follow its file."""
        moved = {id: r for id, r in gone.items() if id not in there.files.files and id not in work.rewritten}
        if not moved:
            return gone
        found = {id: rows for id, rows in gone.items() if id not in moved}
        moves = self.context.rearranged(self.base, now, there.id)
        for id, rows in follow(moves, moved, self.context).items():
            found[id] = found[id] | rows if id in found else rows
        return found

    def _others(
        self,
        there: TableState,
        before: DataFile | None,
        current: DataFile | None,
        gone: BitMap64,
        copied: bool,
    ) -> BitMap64:
        """The rows of a file that others deleted: none of which may be ours."""
        if current is None:
            assert before is not None  # rows that were moved are in files that are there
            raise self.context.changed_meanwhile(there, before, gone, there.at)
        others = self.context.deleted(there, current)
        # rows of files that came since were moved there, and are known to have been untouched until then
        if before is None or current.deletions != before.deletions:
            # of a file that is copied all rows are ours, those too that others brought back
            taken = others ^ self.context.deleted(there, before) if copied and before else others & gone
            if taken:
                by = current.deletions.written_by if current.deletions else None
                raise self.context.changed_meanwhile(there, current, taken, by or there.at)
        return others

    def _vector(self, rows: BitMap64) -> DeletionVector:
        """A vector that was written by a step, or for a try that lost, is good if the rows are the same."""
        key = write_positions(rows)
        if key not in self._written:
            self._written[key] = self.context.vector(rows)
        return self._written[key]
