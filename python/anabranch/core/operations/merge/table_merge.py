"""Three-way merge of one table that both sides changed: columns, then rows, then cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from anabranch.core.format.commits import Name, TableChange
from anabranch.core.format.files import ROW_ID, DataFile, DeletionVector
from anabranch.core.format.names import MAIN_ORDINAL, MAX_SEQ, Position
from anabranch.core.format.tables import Key, TableMetadata
from anabranch.core.log.replay import FileSet, TableState
from anabranch.core.operations.changes import Staged
from anabranch.core.operations.merge.base_table import BaseTable
from anabranch.core.operations.merge.cell_merge import Cells
from anabranch.core.operations.merge.conflicts import (
    CONSTRAINT,
    DUPLICATE_KEY,
    SCHEMA,
    ConflictRow,
    MergeConflict,
)
from anabranch.core.operations.merge.contested_rows import ContestedRows, RowsOf, may_have, without
from anabranch.core.operations.merge.decisions import Decisions, synonyms
from anabranch.core.operations.merge.metadata_merge import MetadataMerge
from anabranch.core.operations.merge.moved_by_both import MovedByBoth, ids_of, settle
from anabranch.core.operations.merge.near_rows import near
from anabranch.core.operations.merge.numbered_rows import NumberedRows
from anabranch.core.operations.merge.only_moved import OnlyMoved
from anabranch.core.operations.merge.row_access import RowAccess, RowsAt, RowVersion, in_memory, places
from anabranch.core.operations.merge.row_merge import MergedFile, ReadVector, live, merge_rows
from anabranch.core.operations.merge.settled_rows import Settled, SettledRows
from anabranch.core.operations.schemas import unsupported

if TYPE_CHECKING:
    from pyroaring import BitMap64


@dataclass(frozen=True)
class MergeContext:
    """What a merge reads and writes.

    Attributes:
        rows: the I/O of rows.
        vector: reads the deleted rows of a file.
        write_vector: writes a deletion vector.
        stage: prepares added files for a commit.
    """

    rows: RowAccess
    vector: ReadVector
    write_vector: Callable[[BitMap64], DeletionVector]
    stage: Callable[[Sequence[DataFile]], Staged]


@dataclass(frozen=True)
class TablePlan:
    """What a merged table is to be, on top of our state of it. Nothing is written yet.

    Attributes:
        ours: our state.
        name: the full name that the table has in the merged catalog.
        metadata: merged.
        files: by id.
        combined: rows put together from cells of both sides, with their ids.
        conflicts: what is open.
        carries: whether rows come in that the version vector doesn't tell of [MRG-7].
    """

    ours: TableState
    name: Name
    metadata: TableMetadata
    files: dict[str, MergedFile]
    combined: list[tuple[int, Cells]]
    conflicts: list[MergeConflict]
    carries: bool

    def preview(self, vector: ReadVector) -> TableState:
        """The table as it would be; rows put together stand for a file that is not there yet."""
        files = []
        for f in self.files.values():
            same = f.dead is None or (f.file.deletions is not None and vector(f.file) == f.dead)
            dead = in_memory(f.dead) if f.dead else None
            files.append(f.file if same else f.file.with_deletions(dead))
        if self.combined:
            files.append(DataFile("?", 0, len(self.combined), "", lineage=(ROW_ID,)))
        content = Position(MAIN_ORDINAL, MAX_SEQ)
        return replace(self.ours, content=content, metadata=self.metadata, files=FileSet.of(files))

    def change(self, theirs: TableState, io: MergeContext) -> TableChange:
        """Writes what the plan needs, and tells the change of our table."""
        ours, others = self.ours.files.files, theirs.files.files

        def settled(f: MergedFile) -> DataFile:
            if f.dead is None:
                return f.file
            if not f.dead:
                return f.file.with_deletions(None)
            for side in (ours, others):  # a vector that is there already will do
                known = side.get(f.file.id)
                if known is not None and known.deletions is not None and io.vector(known) == f.dead:
                    return f.file.with_deletions(known.deletions)
            return f.file.with_deletions(io.write_vector(f.dead))

        files = {id: settled(f) for id, f in self.files.items()}
        deletions: dict[str, DeletionVector] = {}
        other: dict[str, DataFile] = {}
        for id, f in files.items():
            before = ours.get(id)
            if before is not None and before.deletions == f.deletions:
                continue
            # a vector may only grow; a file of which rows come back is taken out and put in again
            grown = before is not None and io.vector(before) <= io.vector(f)
            if grown and f.deletions is not None:
                deletions[id] = f.deletions
            else:
                other[id] = f
        written = io.rows.write(self.ours, self.metadata, self.combined) if self.combined else []
        add, manifests = io.stage([*(other[id] for id in sorted(other)), *written])
        return TableChange(
            metadata=self.metadata if self.metadata != self.ours.metadata else None,
            remove=sorted((ours.keys() - files.keys()) | (other.keys() & ours.keys())),
            deletions=deletions,
            add=add,
            manifests=manifests,
            carries=self.carries,
        )


class TableMerge:
    """One merge of one table.

    Args:
        name: the full name that the table has in the merged catalog.
        base: what both sides started from.
        ours: our state.
        theirs: their state.
        knows: whether the base knows a commit.
        single: whether the base is one state, and not several merged.
        picked: whether their side does not become a parent, so that our side may have its rows already.
        decisions: how conflicts are decided.
        io: what it reads.
    """

    def __init__(
        self,
        name: Name,
        base: BaseTable,
        ours: TableState,
        theirs: TableState,
        knows: Callable[[Position], bool],
        single: bool,
        picked: bool,
        decisions: Decisions,
        io: MergeContext,
    ) -> None:
        self._name = name
        self._base = base
        self._ours = ours
        self._theirs = theirs
        mine, other = (
            {c.physical.lower(): c.name.lower() for c in t.metadata.columns} for t in (ours, theirs)
        )
        told = decisions.of_columns(synonyms(mine, other))
        self._decisions = told
        self._io = io
        self._metadata, self._torn = MetadataMerge(lambda c: told.about(name, None, c)).merge(
            base.table.metadata if base.table else None, ours.metadata, theirs.metadata
        )
        self._carries = picked or any(t.carried and not knows(t.carried) for t in (ours, theirs))
        self._contested = ContestedRows(ours, base, ours.files.files, theirs.files.files, io.rows, io.vector)
        self._told_apart = single and not self._carries
        self._moved = OnlyMoved(base, io.rows, io.vector, knows)

    def _moved_on(self, side: TableState) -> RowsOf:
        """Of a file of a side, the rows that were only moved there."""
        from pyroaring import BitMap64

        def rows(f: DataFile) -> BitMap64:
            found = self._moved.of(side, f) if self._told_apart else None
            return BitMap64() if found is None else found.rows

        return rows

    def _news(self, side: TableState) -> list[RowsAt]:
        """Rows that came to a side since the base, and are not only moved."""
        found = self._contested.our_news if side is self._ours else self._contested.their_news
        return without(found, self._moved_on(side))

    def _moved_by_both(self, gone: Sequence[tuple[DataFile, BitMap64]]) -> MovedByBoth:
        """What follows for rows that both sides took from where they were, if one of them only moved them."""
        if not self._told_apart or not gone:
            return MovedByBoth({}, gone)
        before = [self._moved.numbered(f, rows) for f, rows in gone]
        ids = ids_of(before)

        def of(side: TableState, other: TableState) -> list[NumberedRows]:
            alone = side.files.files.keys() - other.files.files.keys()
            files = (side.files.files[id] for id in sorted(alone))
            near = (f for f in files if may_have(f, ids.min(), ids.max()))
            return [n for f in near if (n := self._moved.of(side, f)) is not None]

        return settle(before, of(self._ours, self._theirs), of(self._theirs, self._ours))

    def plan(self) -> TablePlan:
        """What the merged table is to be."""
        merged = merge_rows(
            self._base.files,
            self._ours.files.files,
            self._theirs.files.files,
            self._io.vector,
            self._carries,
        )
        if self._torn:  # rows can only be compared where the columns are clear
            torn = [
                self._conflict(SCHEMA, c.reason, column=c.column, base=c.base, ours=c.ours, theirs=c.theirs)
                for c in self._torn
            ]
            return self._planned(merged.files, [], torn)
        settling = SettledRows(
            self._name, self._ours, self._metadata, self._base, self._decisions, self._io.rows
        )
        quiet = self._moved_by_both(merged.contested)
        moved = (self._moved_on(self._ours), self._moved_on(self._theirs))
        settled = settling.settle(self._contested.find(quiet.left, self._carries, moved))
        # keys of rows that are put together are those of their sides
        combined = {id for id, _ in settled.combined}
        apart = [v for v in settled.masks if v.id in combined]
        gone = places([v for v in settled.masks if v.id not in combined])
        kept = self._masked(self._masked(merged.files, quiet.masks), gone)
        masks, clashes = self._clashes(kept)
        files = self._masked(kept, places([*apart, *masks]))
        clashes += [*self._own_clashes(files), *self._doubled_by_cells(settled, files)]
        broken = self._violations(settled.combined)
        return self._planned(
            files,
            settled.combined,
            [*settled.conflicts, *clashes, *broken, *self._misplaced(files.keys())],
        )

    def _misplaced(self, merged: AbstractSet[str]) -> list[MergeConflict]:
        """Files tell the partitions of their rows, so all of them must do so in the same way."""
        for side, other in ((self._ours, self._theirs), (self._theirs, self._ours)):
            if side.metadata.partitioning != self._metadata.partitioning and (
                (side.files.files.keys() & merged) - other.files.files.keys()
            ):
                reason = "one side partitioned the table anew, and the other has rows that are partitioned "
                return [self._conflict(SCHEMA, f"{reason}otherwise")]
        return []

    def _planned(
        self,
        files: dict[str, MergedFile],
        combined: list[tuple[int, Cells]],
        conflicts: list[MergeConflict],
    ) -> TablePlan:
        return TablePlan(self._ours, self._name, self._metadata, files, combined, conflicts, self._carries)

    def _conflict(
        self,
        kind: str,
        reason: str,
        row: ConflictRow | None = None,
        column: str | None = None,
        base: str | None = None,
        ours: str | None = None,
        theirs: str | None = None,
    ) -> MergeConflict:
        return MergeConflict(kind, self._ours.id, self._name, reason, row, column, base, ours, theirs)

    def _masked(self, files: dict[str, MergedFile], masks: Mapping[str, BitMap64]) -> dict[str, MergedFile]:
        found = {}
        for id, f in files.items():
            if id in masks:
                f = MergedFile(f.file, (self._io.vector(f.file) if f.dead is None else f.dead) | masks[id])
            if f.dead is None or len(f.dead) < f.file.rows:
                found[id] = f
        return found

    def _clashes(self, merged: dict[str, MergedFile]) -> tuple[list[RowVersion], list[MergeConflict]]:
        """Rows of both sides with one declared key: those that go, and conflicts."""
        masks, conflicts = [], []
        for key in self._metadata.keys:
            mine, other = self._overlapping(key, merged)
            if not mine or not other:
                continue
            for c in self._io.rows.clashes(self._ours, self._metadata, key.columns, mine, other):
                choice = "ours" if c.equal else self._decisions.about(self._name, c.ours.id)
                if choice is None:
                    at = ConflictRow(c.ours.id, c.key, c.ours.written_by, c.theirs.written_by)
                    reason = f"both sides have a row with the key {c.key}"
                    conflicts.append(self._conflict(DUPLICATE_KEY, reason, at))
                else:
                    masks.append(c.ours if choice == "theirs" else c.theirs)
        return masks, conflicts

    def _left(self, f: MergedFile) -> RowsAt:
        """The rows that are left of a file."""
        from pyroaring import BitMap64

        return RowsAt(f.file, live(f.file, self._io.vector) - (f.dead or BitMap64()))

    def _own_clashes(self, merged: dict[str, MergedFile]) -> Iterator[MergeConflict]:
        """New rows with one key of a side that knows nothing of it."""
        for key in self._metadata.keys:
            for side, whose in ((self._ours, "our"), (self._theirs, "their")):
                if key in side.metadata.keys:
                    continue
                news = self._contested.our_news if side is self._ours else self._contested.their_news
                own = [
                    RowsAt(r.file, r.rows & self._left(merged[r.file.id]).rows)
                    for r in news
                    if r.file.id in merged
                ]
                if sum(len(r.rows) for r in own) < 2:
                    continue
                self._must_compare(key)
                for c in self._io.rows.clashes(self._ours, self._metadata, key.columns, own, own):
                    if c.ours.id < c.theirs.id:
                        reason = f"{whose} side has two rows with the key {c.key}"
                        yield self._conflict(DUPLICATE_KEY, reason, ConflictRow(c.ours.id, c.key))

    def _doubled_by_cells(self, settled: Settled, merged: dict[str, MergedFile]) -> Iterator[MergeConflict]:
        """Rows put together that have got the key of another one."""
        others = [self._left(merged[id]) for id in sorted(merged)] if settled.rekeyed else []
        for key in sorted(settled.rekeyed, key=lambda k: k.name):
            self._must_compare(key)
            found = self._io.rows.doubled(
                self._ours, self._metadata, key.columns, settled.combined, settled.rekeyed[key], others
            )
            for id, shown in found:
                reason = f"the cells of both sides make the key {shown}, which another row has"
                yield self._conflict(DUPLICATE_KEY, reason, ConflictRow(id, shown))

    def _must_compare(self, key: Key) -> None:
        for c in self._metadata.columns:
            if c.physical in key.columns and isinstance(c.type, str) and " collate " in c.type:
                reason = f"both sides have rows, and the key {key.name} compares {c.name} by a collation"
                raise unsupported(self._ours.full_name, reason, "Merge with Spark.")

    def _overlapping(self, key: Key, merged: dict[str, MergedFile]) -> tuple[list[RowsAt], list[RowsAt]]:
        """Rows of both sides, of the files whose bounds allow equal keys.

        New ones; where a side knows nothing of the key, all of the other.
        """

        def kept(side: TableState) -> list[RowsAt]:
            return [self._left(merged[id]) for id in sorted(side.files.files) if id in merged]

        known = (key in self._theirs.metadata.keys, key in self._ours.metadata.keys)
        ours = self._news(self._ours) if known[0] else kept(self._ours)
        theirs = self._news(self._theirs) if known[1] else kept(self._theirs)
        if ours and theirs:
            self._must_compare(key)
        return near(ours, theirs, key.columns), near(theirs, ours, key.columns)

    def _violations(self, combined: list[tuple[int, Cells]]) -> list[MergeConflict]:
        """New rows of a side that break what the other demands, and rows put together that break anything."""
        m, rows = self._metadata, self._io.rows
        found = []
        for side in (self._ours, self._theirs):
            new = [c for c in m.checks if c not in side.metadata.checks]
            demanded = m.required - side.metadata.required
            if new or demanded:
                news = self._news(side)
                found += rows.violations(self._ours, m, new, demanded, news) if news else []
        if combined and (m.checks or m.required):
            found += rows.violations_of(m, m.checks, m.required, combined)
        return [
            self._conflict(CONSTRAINT, f"the row {v.shown} breaks {v.constraint}", ConflictRow(v.row))
            for v in dict.fromkeys(found)
        ]
