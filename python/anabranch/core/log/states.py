"""The catalog at any commit: from the nearest checkpoint and the entries since."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from anabranch.core.format.canonical import corrupt, sha256
from anabranch.core.format.commits import Entry, ManifestRef
from anabranch.core.format.files import DataFile
from anabranch.core.format.manifests import read_manifest, write_manifest
from anabranch.core.format.names import CommitId, Position, checkpoint, checkpoint_files, log_object
from anabranch.core.log.checkpoints import INTERVAL, decode_checkpoint, encode_checkpoint
from anabranch.core.log.entries import Log, broken
from anabranch.core.log.environment import Environment, requests
from anabranch.core.log.replay import EMPTY, CatalogState, TableState, next_state
from anabranch.core.store.objects import ObjectStore, Unknown, Won
from anabranch.errors import AnabranchError, error

CACHED_STATES = 256


class States:
    """States are values; those that were asked for lately are kept."""

    def __init__(self, store: ObjectStore, log: Log, env: Environment) -> None:
        self._store = store
        self.log = log
        self._env = env
        self._cache: OrderedDict[CommitId, CatalogState] = OrderedDict()
        self._lock = threading.Lock()

    def at(self, id: CommitId) -> CatalogState:
        """The state at a commit, whose hash is checked."""
        return self.cached(id) or self._replayed_to(self.log.commit(id))

    def after(self, entry: Entry) -> CatalogState:
        """The state after an entry that was read already."""
        return self.cached(entry.id) or self._replayed_to(entry)

    def advance(self, state: CatalogState, entries: Sequence[Entry]) -> CatalogState:
        """The state after some more entries."""
        for entry in entries:
            state = self._step(state, entry)
        return self._remember(state) if entries else state

    def _step(self, state: CatalogState, entry: Entry) -> CatalogState:
        return next_state(state, entry, self.at, self)

    def cached(self, id: CommitId) -> CatalogState | None:
        """The state at a commit, if it is at hand."""
        with self._lock:
            return self._cache.get(id)

    def _remember(self, state: CatalogState) -> CatalogState:
        with self._lock:
            self._cache[state.id] = state
            self._cache.move_to_end(state.id)
            if len(self._cache) > CACHED_STATES:
                self._cache.popitem(last=False)
        return state

    def head(self, ordinal: int) -> CatalogState | None:
        """The state at the head of a log, in two rounds of requests; None if there is no such log."""
        if not self._store.lists_in_order:
            entry = self.log.head(ordinal)
            return None if entry is None else self.after(entry)
        first = self.log.newest(ordinal)
        if first is None:
            return None
        start, entries = self._loaded(ordinal, first)
        return self._replayed(ordinal, start, entries + self.log.rest_of_object(Position(ordinal, first)))

    def _replayed_to(self, entry: Entry) -> CatalogState:
        at = entry.id.position
        return self._replayed(at.ordinal, *self._loaded(at.ordinal, at.seq))

    def _replayed(self, ordinal: int, start: CatalogState | None, entries: list[Entry]) -> CatalogState:
        if start is None:
            fork = self.log.get(Position(ordinal, 0)).commit.first_parent
            start = EMPTY if fork is None else self.at(fork)
        elif entries and entries[0].commit.first_parent != start.id:
            path = log_object(entries[0].id.position)
            raise broken(path, f"the state before it is of {start.id}, which it does not name as its parent")
        for entry in entries:
            start = self._step(start, entry)
        return self._remember(start)

    def _loaded(self, ordinal: int, seq: int) -> tuple[CatalogState | None, list[Entry]]:
        """The newest cached state or checkpoint of a log up to a number, and the entries since: one round."""
        with self._lock:
            near = [
                s for s in self._cache.values() if s.position.ordinal == ordinal and s.position.seq <= seq
            ]
        best = max(near, key=lambda s: s.position.seq, default=None)
        due = seq - seq % INTERVAL
        if due == 0 or (best is not None and best.position.seq >= due):
            return best, self._since(ordinal, best, seq)
        stored = requests.start(lambda: self._stored(Position(ordinal, due)))
        entries = self.log.range(ordinal, due, seq)
        state = stored.result()
        if state is not None and state.id == entries[0].id:
            return replace(state, closing=entries[0].commit.closing), entries[1:]
        for earlier in range(due - INTERVAL, best.position.seq if best else 0, -INTERVAL):
            state = self.checkpoint(Position(ordinal, earlier))
            if state is not None:
                return state, self._since(ordinal, state, seq)
        return best, self._since(ordinal, best, seq)

    def _since(self, ordinal: int, state: CatalogState | None, seq: int) -> list[Entry]:
        return self.log.range(ordinal, state.position.seq + 1 if state else 0, seq)

    def checkpoint(self, at: Position) -> CatalogState | None:
        """The checkpoint of a commit; None if there is none, or it is damaged or of another commit."""
        state = self._stored(at)
        entry = self.log.find(at) if state else None
        return state if state and entry and entry.id == state.id else None

    def _stored(self, at: Position) -> CatalogState | None:
        path = checkpoint(at)
        data = self._store.read(path)
        try:
            return None if data is None else decode_checkpoint(data, path, self)
        except AnabranchError:
            return None  # it can be derived again

    def write_checkpoint(self, state: CatalogState) -> bool:
        """Writes the checkpoint of a state. Lists of files that an earlier one stored are used again."""
        lists = {id: t.files.stored or self._store_files(t) for id, t in state.tables.items()}
        outcome = self._store.create(checkpoint(state.position), encode_checkpoint(state, lists))
        return isinstance(outcome, Won)

    def _store_files(self, t: TableState) -> ManifestRef | None:
        files = sorted(t.files.files.values(), key=lambda f: (f.added_by.packed if f.added_by else 0, f.id))
        if not files:
            return None
        ref, data = manifest_of(self._env.new_id(), files)
        must_create(self._store, checkpoint_files(ref.id), data)
        t.files.stored = ref
        return ref

    def listed(self, at: Position, table: str, ref: ManifestRef) -> list[DataFile]:
        """See `ManifestReader`."""
        try:
            return self.manifest(checkpoint_files(ref.id), ref)
        except AnabranchError as e:
            if e.condition != "ANABRANCH_LOG.CORRUPT_OBJECT":
                raise
            state = self._replayed(at.ordinal, None, self.log.range(at.ordinal, 0, at.seq))
            return list(state.tables[table].files.files.values())

    def manifest(self, path: str, ref: ManifestRef) -> list[DataFile]:
        """See `ManifestReader`."""
        data = self._store.read(path)
        if data is None:
            raise corrupt(path, "it is gone")
        if sha256(data) != ref.sha256:
            raise corrupt(path, f"its SHA-256 is not {ref.sha256}")
        files = read_manifest(data, path)
        if len(files) != ref.files or sum(f.rows for f in files) != ref.rows:
            raise corrupt(path, "its counts do not match")
        return files


def manifest_of(id: str, files: Sequence[DataFile]) -> tuple[ManifestRef, bytes]:
    """A list of files as an object, and what names it."""
    data = write_manifest(files)
    return ManifestRef(id, len(data), len(files), sum(f.rows for f in files), sha256(data)), data


def must_create(store: ObjectStore, path: str, data: bytes) -> None:
    """Creates an object with a name that nobody else draws.

    What stands there after a doubtful answer is our own: a client may have repeated a request whose answer
    got lost.
    """
    outcome = store.create(path, data)
    if isinstance(outcome, Won) or store.read(path) == data:
        return
    reason = outcome.cause if isinstance(outcome, Unknown) else "the name is taken"
    raise error("ANABRANCH_REPOSITORY.STORE_FAILED", operation="create", path=path, reason=reason)
