"""Replay: what a commit makes of a catalog. Pure, but for lists of files, which are read when asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from anabranch.core.format.canonical import corrupt
from anabranch.core.format.commits import Closing, Entry, ManifestRef, Name, TableChange
from anabranch.core.format.files import DataFile
from anabranch.core.format.names import MAIN_ORDINAL, CommitId, Position, log_object, manifest
from anabranch.core.format.policies import Policy
from anabranch.core.format.tables import TableMetadata


class ManifestReader(Protocol):
    """Reads lists of files, with their digest checked."""

    def manifest(self, path: str, ref: ManifestRef) -> list[DataFile]:
        """The files that a list has."""

    def listed(self, at: Position, table: str, ref: ManifestRef) -> list[DataFile]:
        """The files of a table that a checkpoint lists; derived again where the list is gone or damaged."""


Files = dict[str, DataFile]


class FileSet:
    """The files of a table at a commit, found out only when somebody asks."""

    def __init__(self, origin: _Origin, stored: ManifestRef | None = None) -> None:
        self._origin = origin
        self.stored = stored  # the list that a checkpoint stored of exactly these files

    @staticmethod
    def of(files: Iterable[DataFile]) -> FileSet:
        """These files."""
        return FileSet({f.id: f for f in files})

    @property
    def files(self) -> Files:
        """The files by id. Must not be changed."""
        chain: list[FileSet] = [self]
        origin = self._origin
        while isinstance(origin, _Changed):  # nobody may have asked for a long time: no recursion
            chain.append(origin.before)
            origin = origin.before._origin
        files: Files = {}
        for one in reversed(chain):
            files = one._evaluated(files)
        return files

    def _evaluated(self, before: Files) -> Files:
        origin = self._origin  # read once: another thread may find out the files at the same time
        if isinstance(origin, dict):
            return origin
        if isinstance(origin, _Listed):
            found = {f.id: f for f in origin.reader.listed(origin.at, origin.table, origin.ref)}
        else:
            change = origin.change
            found = changed_files(before, origin.at, [*change.add, *origin.listed()], change)
        self._origin = found
        return found

    def after(self, at: Position, change: TableChange, reader: ManifestReader) -> FileSet:
        """The files after one more change of the table."""
        return FileSet(_Changed(self, at, change, reader)) if change.touches_files else self

    @functools.cached_property
    def rows(self) -> int:
        """How many rows are there."""
        return sum(f.live_rows for f in self.files.values())

    @functools.cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(f.size for f in self.files.values())


@dataclass(frozen=True)
class _Listed:
    at: Position
    table: str
    ref: ManifestRef
    reader: ManifestReader


@dataclass(frozen=True)
class _Changed:
    before: FileSet
    at: Position
    change: TableChange
    reader: ManifestReader

    def listed(self) -> list[DataFile]:
        found = []
        for m in self.change.manifests:
            for f in self.reader.manifest(manifest(m.id), m):
                if f.added_by is None and f.first_row is not None:
                    f = replace(f, first_row=f.first_row + (m.first_row or 0))
                found.append(f)  # a file that was taken over keeps the ids of its rows
        return found


_Origin = Files | _Listed | _Changed


def listed_files(at: Position, table: str, ref: ManifestRef, reader: ManifestReader) -> FileSet:
    """The files that a checkpoint lists."""
    return FileSet(_Listed(at, table, ref, reader), ref)


def changed_files(before: Files, at: Position, added: Sequence[DataFile], change: TableChange) -> Files:
    """Replay of one change on the files of a table.

    Args:
        before: the files by id.
        at: the commit, which adds the files.
        added: all files that it adds.
        change: what else it does.

    Raises:
        LogCorruptObject: if it removes or masks a file that is not there or adds one that is [TAB-2].
    """
    files: Files = {} if change.clear else dict(before)
    origin = log_object(at)
    for id in change.remove:
        if files.pop(id, None) is None:
            raise corrupt(origin, f"it removes the file {id}, which is not there")
    for id, vector in change.deletions.items():
        file = files.get(id)
        if file is None:
            raise corrupt(origin, f"it deletes rows of the file {id}, which is not there")
        if vector.cardinality > file.rows:
            raise corrupt(origin, f"it deletes more rows than the file {id} has")
        files[id] = file.with_deletions(replace(vector, written_by=vector.written_by or at))
    for f in added:
        if f.id in files:
            raise corrupt(origin, f"it adds the file {f.id} twice")
        files[f.id] = _added_at(f, at)
    return files


def _added_at(f: DataFile, at: Position) -> DataFile:
    vector = f.deletions and replace(f.deletions, written_by=f.deletions.written_by or at)
    return replace(f, added_by=f.added_by or at, deletions=vector)


@dataclass(frozen=True)
class TableState:
    """A table at a commit.

    Attributes:
        id: for ever.
        name: its full name.
        version: how many commits touched it, on the first-parent path.
        at: the last of these.
        content: the commit that made its metadata and files what they are: equal content is equal state.
        metadata: what it is apart from its rows.
        files: its rows.
        carried: the last commit by which rows that others wrote came in or back, otherwise than by a merge.
    """

    id: str
    name: Name
    version: int
    at: Position
    content: Position
    metadata: TableMetadata
    files: FileSet
    carried: Position | None = None

    @property
    def full_name(self) -> str:
        """As people write it."""
        return ".".join(self.name)


@dataclass(frozen=True)
class CatalogState:
    """The whole catalog at a commit.

    Attributes:
        id: of the commit.
        time: of the commit, UTC, milliseconds since 1970.
        vector: the commit's ancestry: of each log the last entry that it knows of.
        namespaces: their properties.
        tables: by id.
        next_rows: by table, the next free counter for row ids in this log.
        closing: if the commit ends the log.
        policies: rules about branches, by name; none in logs of other branches than main.
    """

    id: CommitId
    time: int
    vector: Mapping[int, int] = field(default_factory=dict)
    namespaces: Mapping[Name, Mapping[str, str]] = field(default_factory=dict)
    tables: Mapping[str, TableState] = field(default_factory=dict)
    next_rows: Mapping[str, int] = field(default_factory=dict)
    closing: Closing | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict)

    @functools.cached_property
    def by_name(self) -> dict[Name, TableState]:
        """Tables by full name."""
        return {t.name: t for t in self.tables.values()}

    @property
    def position(self) -> Position:
        """Of the commit."""
        return self.id.position

    def knows(self, p: Position) -> bool:
        """Whether the commit at that place is this one or an ancestor of it [VEC-1]."""
        return self.vector.get(p.ordinal, -1) >= p.seq


EMPTY = CatalogState(CommitId(Position(MAIN_ORDINAL, -1), ""), 0)
"""The state before the first commit of a repository."""

StateAt = Callable[[CommitId], CatalogState]


def next_state(before: CatalogState, entry: Entry, state_at: StateAt, reader: ManifestReader) -> CatalogState:
    """The state after an entry.

    Args:
        before: the state at its first parent.
        entry: the entry.
        state_at: gives the state at an ancestor, for tables that the entry adopts from there.
        reader: of lists of files.
    """
    c, at = entry.commit, entry.id.position
    vector = dict(before.vector)
    for ordinal, seq in c.merged.items():
        vector[ordinal] = max(seq, vector.get(ordinal, -1))
    vector[at.ordinal] = at.seq
    namespaces = dict(before.namespaces)
    for name, properties in c.namespaces.items():
        namespaces.pop(name, None)
        if properties is not None:
            namespaces[name] = properties
    tables = before.tables
    # a log has counters of its own
    rows: dict[str, int] = {} if at.seq == 0 else dict(before.next_rows)
    if c.tables:
        tables = dict(tables)
        for id, change in c.tables.items():
            old = tables.pop(id, None)
            if not change.dropped:
                # what comes from a second parent is known by the version vector
                carries = change.carries or (change.adopt is not None and len(c.parents) < 2)
                table = _table(id, old, at, change, state_at, reader)
                tables[id] = replace(table, carried=at) if carries else table
            if change.next_row is not None:
                rows[id] = change.next_row
    # and no policies: that of main alone keeps them
    policies = {} if at.seq == 0 else dict(before.policies)
    for key, policy in c.policies.items():
        policies.pop(key, None)
        if policy is not None:
            policies[key] = policy
    return CatalogState(entry.id, c.time, vector, namespaces, tables, rows, c.closing, policies)


def _table(
    id: str,
    old: TableState | None,
    at: Position,
    change: TableChange,
    state_at: StateAt,
    reader: ManifestReader,
) -> TableState:
    start = old
    if change.adopt is not None:
        start = state_at(change.adopt).tables.get(id)
        if start is None:
            raise corrupt(log_object(at), f"it takes the table {id} from {change.adopt}, where it is not")
    own = change.metadata is not None or change.touches_files
    name = change.name or (old or start or _nameless).name
    metadata = change.metadata or (start.metadata if start else TableMetadata(()))
    files = (start.files if start else FileSet({})).after(at, change, reader)
    content = at if own or start is None else start.content
    carried = start.carried if start else None
    return TableState(id, name, change.version, at, content, metadata, files, carried)


_nameless = TableState("", (), 0, Position(0, 0), Position(0, 0), TableMetadata(()), FileSet({}))
