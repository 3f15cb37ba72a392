"""The logs of a repository: reading entries, finding heads, appending. Section 3 of SPEC.md."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from anabranch.core.format.commits import (
    MAX_BYTES,
    MAX_COMMITS,
    Entry,
    decode_commit,
    decode_log_object,
    encode_log_object,
)
from anabranch.core.format.names import (
    CommitId,
    Position,
    checkpoint_folder,
    log_folder,
    log_object,
    number_of,
)
from anabranch.core.log.environment import requests
from anabranch.core.store.objects import Lost, ObjectStore, Unknown, Won
from anabranch.errors import AnabranchError, error

CACHED_ENTRIES = 20_000


@dataclass(frozen=True)
class Appended:
    """The entry stands in the log."""

    entry: Entry


@dataclass(frozen=True)
class Beaten:
    """Others took the place: their entries, oldest first."""

    winners: list[Entry]


class Log:
    """Entries never change, so they are cached without ever being checked again."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._cache: OrderedDict[Position, list[Entry]] = OrderedDict()  # each entry with all of its object
        self._lock = threading.Lock()

    def _cached(self, at: Position) -> list[Entry] | None:
        with self._lock:
            return self._cache.get(at)

    def _remember(self, entries: list[Entry]) -> None:
        with self._lock:
            for entry in entries:
                self._cache[entry.id.position] = entries
                self._cache.move_to_end(entry.id.position)
            while len(self._cache) > CACHED_ENTRIES:
                self._cache.popitem(last=False)

    def find(self, at: Position) -> Entry | None:
        """The entry at a position, or None if there is none (yet)."""
        group = self._cached(at) or self._object_at(at) or self._group_before(at)
        return next((e for e in group or [] if e.id.position == at), None)

    def get(self, at: Position) -> Entry:
        """The entry at a position where there must be one.

        Raises:
            LogEntryMissing: if there is none.
        """
        entry = self.find(at)
        if entry is None:
            raise error("ANABRANCH_LOG.ENTRY_MISSING", commit=at, path=log_object(at))
        return entry

    def commit(self, id: CommitId) -> Entry:
        """The entry of a commit id, with its hash checked."""
        entry = self.get(id.position)
        if entry.id != id:
            reason = f"it is {entry.id}, but {id} was recorded elsewhere"
            raise broken(log_object(id.position), reason)
        return entry

    def range(self, ordinal: int, first: int, last: int) -> list[Entry]:
        """All entries between two numbers, both included, read in one round and checked to be a chain."""
        wanted = [Position(ordinal, seq) for seq in range(first, last + 1)]
        requests.map([at for at in wanted if self._cached(at) is None], self._object_at)
        return _chained([self.get(at) for at in wanted])

    def after(self, at: Position) -> list[Entry]:
        """The entries that follow one, oldest first; empty when it is the head.

        One request, answered "not there", tells that nothing is new.
        """
        found: list[Entry] = []
        following = self._following(at)
        while following:
            found += following
            following = self._following(found[-1].id.position)
        return _chained(found)

    def _following(self, at: Position) -> list[Entry]:
        after = Position(at.ordinal, at.seq + 1)
        group = self._cached(at)
        rest = [e for e in group or [] if e.id.position.seq > at.seq]
        if not rest:
            rest = [e for e in self._cached(after) or [] if e.id.position.seq > at.seq]
        if not rest:
            rest = self._object_at(after) or []
        if not rest and group is None and self.find(at) is not None:
            # an entry that was not read yet may be followed by others of its object
            rest = [e for e in self._cached(at) or [] if e.id.position.seq > at.seq]
        if rest and group is not None:
            before = next(e for e in group if e.id.position == at)
            _chained([before, rest[0]])
        return rest

    def rest_of_object(self, first: Position) -> list[Entry]:
        """The entries that stand after the first one in its object, oldest first."""
        return _chained(self._cached(first) or self._object_at(first) or [])[1:]

    def newest(self, ordinal: int) -> int | None:
        """The number of the first commit in a log's newest object, on stores that list in order."""
        path = self._store.first(log_folder(ordinal))
        return None if path is None else number_of(path)

    def head(self, ordinal: int) -> Entry | None:
        """The newest entry of a log; None if there is none. For stores that don't list in order.

        Forward from the newest checkpoint.
        """
        numbers = [number_of(path) for path in self._store.names(checkpoint_folder(ordinal))]
        start = None
        for seq in sorted((n for n in numbers if n is not None), reverse=True)[:1]:
            start = self.find(Position(ordinal, seq))
        start = start or self.find(Position(ordinal, 0))
        if start is None:
            return None
        newer = self.after(start.id.position)
        return newer[-1] if newer else start

    def append(self, written: dict[str, Any], branch: str) -> Appended | Beaten:
        """Writes an entry if its place is still free: the commit point.

        A lost or unknown answer is settled by reading the place back [OBJ-4].

        Raises:
            CommitOutcomeUnknown: if the place can't be read back.
            RepositoryLimitExceeded: for an entry that is too large.
        """
        data = encode_log_object([written])
        entry = decode_commit(written, "the commit")
        if len(data) > MAX_BYTES:
            raise error(
                "ANABRANCH_REPOSITORY.LIMIT_EXCEEDED",
                what="log entry",
                value=f"{len(data)} bytes",
                limit=f"{MAX_BYTES} bytes",
                advice="Change fewer tables or files in one commit.",
            )
        match self._store.create(log_object(entry.id.position), data):
            case Won():
                self._remember([entry])
                return Appended(entry)
            case Lost():
                return self._settled(entry, None, branch)
            case Unknown(cause):
                return self._settled(entry, cause, branch)

    def _settled(self, ours: Entry, doubt: Exception | None, branch: str) -> Appended | Beaten:
        try:
            there = self.find(ours.id.position)
        except AnabranchError as e:
            raise unknown(branch, ours.commit.txn, e) from e
        if there is None:
            cause = doubt or ValueError("the name is taken, but there is no entry")
            raise unknown(branch, ours.commit.txn, cause) from doubt
        if there.commit.txn == ours.commit.txn:
            return Appended(ours)
        return Beaten([there, *self.after(there.id.position)])

    def _object_at(self, first: Position) -> list[Entry] | None:
        path = log_object(first)
        data = self._store.read(path)
        if data is None:
            return None
        entries = decode_log_object(data, path)
        if entries[0].id.position != first:
            raise broken(path, f"it holds the commit {entries[0].id.position} instead of {first}")
        self._remember(entries)
        return entries

    def _group_before(self, at: Position) -> list[Entry] | None:
        """The object that holds an entry which is not the first of its group."""
        for seq in range(at.seq - 1, max(at.seq - MAX_COMMITS, -1), -1):
            before = Position(at.ordinal, seq)
            group = self._cached(before) or self._object_at(before)
            if group is not None:
                return group
        return None


def _chained(entries: list[Entry]) -> list[Entry]:
    for a, b in pairwise(entries):
        if b.commit.first_parent != a.id:
            recorded = b.commit.first_parent or "none"
            reason = f"its id is {a.id}, but the next entry names {recorded} as its parent"
            raise broken(log_object(a.id.position), reason)
    return entries


def broken(path: str, reason: str) -> AnabranchError:
    """An entry that does not continue the chain."""
    return error("ANABRANCH_LOG.CHAIN_BROKEN", path=path, reason=reason)


def unknown(ref: str, txn: str, cause: Exception) -> AnabranchError:
    """The store does not say whether something was written to a branch or tag."""
    return error("ANABRANCH_COMMIT.OUTCOME_UNKNOWN", txn=txn, branch=ref, reason=cause)
