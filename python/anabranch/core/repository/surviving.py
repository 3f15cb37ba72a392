"""What the states that were not given up refer to, on all logs, as VACUUM has to know it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from anabranch.core.format.canonical import parse
from anabranch.core.format.commits import Entry, TableChange
from anabranch.core.format.files import DataFile
from anabranch.core.format.members import Members
from anabranch.core.format.names import (
    LOGS,
    MAIN,
    MERGES,
    TAGS,
    CommitId,
    Position,
    log_folder,
    log_object,
    manifest,
    number_of,
    parse_ordinal,
)
from anabranch.core.format.policies import Policy, must_be_known
from anabranch.core.log.environment import requests
from anabranch.core.log.refs import Refs
from anabranch.core.log.replay import CatalogState
from anabranch.core.log.states import States
from anabranch.core.operations.expiries import bases_between, expiry_for, first_left
from anabranch.core.operations.merge.unfinished_merge import UnfinishedMerge
from anabranch.core.operations.references import References
from anabranch.core.store.objects import ObjectStore
from anabranch.errors import error

BLOCK = 256

T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """A log, and how much of it is left.

    Attributes:
        newest: its newest entry.
        first: the number of the first one whose state was not given up; after the newest if all were.
    """

    newest: Entry
    first: int

    @property
    def ordinal(self) -> int:
        """Of the log."""
        return self.newest.id.position.ordinal

    @property
    def last(self) -> int:
        """The number of the newest entry."""
        return self.newest.id.position.seq


class Surviving:
    """Looks at a repository as it was known at a time by all who may still write by it.

    Whatever can't be read is an error: nothing may be deleted then.

    Args:
        since: by the store's clock. An expiry, an entry after a state, and the end of a tag or an unfinished
            merge count if they are at least as old.
    """

    def __init__(self, store: ObjectStore, states: States, refs: Refs, since: int) -> None:
        self._store = store
        self._states = states
        self._refs = refs
        self._since = since

    def lines(self, policies: dict[str, Policy]) -> list[Line]:
        """All logs: those of branches, of dropped ones, and those that no branch got.

        Args:
            policies: of main, those that count.
        """
        folders = (path.rsplit("/", 1)[-1] for path in self._store.folders(LOGS))
        ordinals = [o for o in map(parse_ordinal, folders) if o is not None]
        found = requests.map(ordinals, lambda o: self._line(o, policies))
        return [line for line in found if line is not None]

    def _line(self, ordinal: int, policies: dict[str, Policy]) -> Line | None:
        newest, known = self._ends(ordinal)
        if newest is None:
            return None  # a folder that a local store made for an entry which never came
        log = self._states.log
        branch = log.get(Position(ordinal, 0)).commit.branch or MAIN
        policy = expiry_for(policies, branch)
        first = 0
        if policy is not None and policy.expiry is not None:

            def time_of(seq: int) -> int:
                return log.get(Position(ordinal, seq)).commit.time

            first = first_left(newest.commit, known, policy.expiry.before, time_of)
        return Line(newest, first)

    def _ends(self, ordinal: int) -> tuple[Entry | None, int]:
        """The newest entry of a log, and the number of the newest that counts as one after a state."""
        numbered = {}
        for o in self._store.objects(log_folder(ordinal)):
            number = number_of(o.path)
            if number is not None:
                numbered[number] = o.modified
        if not numbered:
            return None, -1
        first = Position(ordinal, max(numbered))
        if self._states.log.find(first) is None:
            raise error("ANABRANCH_LOG.ENTRY_MISSING", commit=first, path=log_object(first))
        newest = [self._states.log.get(first), *self._states.log.rest_of_object(first)][-1]
        return newest, max((n for n, modified in numbered.items() if modified <= self._since), default=-1)

    def policies(self) -> dict[str, Policy]:
        """Those that main had, by the log in which it goes on now.

        Raises:
            RepositoryUnknownFeature: for one of a kind that this software does not know: who knows what it
                keeps?
        """
        main = self._refs.head(MAIN)
        if main is None:
            return {}
        for p in main.policies.values():
            must_be_known(p, f"repository at {self._store.root}")
        ordinal = main.position.ordinal
        known = min(self._ends(ordinal)[1], main.position.seq)
        if known < 0:
            return {}
        return dict(self._states.after(self._states.log.get(Position(ordinal, known))).policies)

    def _generations(self, folder: str, decode: Callable[[Members], T | None]) -> Iterator[T]:
        """What the newest objects under names tell, and those before that ended a short time ago."""
        for path in self._store.folders(folder):
            found = [(n, o) for o in self._store.objects(path) if (n := number_of(o.path)) is not None]
            ended = None
            for _, o in sorted(found, key=lambda f: f[0], reverse=True):
                if ended is not None and ended <= self._since:
                    break
                ended = o.modified
                data = self._store.read(o.path)
                value = None if data is None else decode(Members(parse(data, o.path), o.path))
                if value is not None:
                    yield value

    def tagged(self) -> set[CommitId]:
        """Commits that tags name, or named a short time ago."""

        def decode(r: Members) -> CommitId | None:
            return r.parsed_or_none("commit", CommitId.parse, "a commit id")

        return {*self._generations(TAGS, decode)}

    def needed_by_merges(self, lines: list[Line]) -> set[CommitId]:
        """Sources of unfinished merges, and what is a base of these and of heads, or may become one."""
        sources = {m.commit for m in self._generations(MERGES, UnfinishedMerge.decode)}
        heads = {line.newest.id for line in lines if line.newest.commit.closing is None}
        ends = map(self._states.at, sorted(heads | sources))
        bases = bases_between([(s.position, s.vector) for s in ends], self._vector)
        return sources | {self._states.log.get(p).id for p in bases}

    def _vector(self, at: Position) -> dict[int, int]:
        return dict(self._state(at).vector)

    def _state(self, at: Position) -> CatalogState:
        return self._states.after(self._states.log.get(at))

    def references(self, lines: list[Line], held: set[CommitId]) -> References:
        """What is left refers to.

        Args:
            lines: all logs.
            held: states that are kept besides.
        """
        found = References()
        for commit in sorted(held):
            found.state(self._states.at(commit))
        for line in lines:
            if line.first > line.last:
                continue
            state = self._state(Position(line.ordinal, line.first))
            found.state(state)
            for entry in self.entries(line, line.first + 1, line.last):
                state = self._states.advance(state, [entry])
                for id, change in entry.commit.tables.items():
                    if change.adopt is not None:
                        found.table(state.tables[id])
                    found.change(id, change, self._listed(change))
        return found

    def _listed(self, change: TableChange) -> list[DataFile]:
        lists = (self._states.manifest(manifest(m.id), m) for m in change.manifests)
        return [f for files in lists for f in files]

    def entries(self, line: Line, first: int, last: int) -> Iterator[Entry]:
        """Entries of a log, oldest first; a block costs one round of requests."""
        for start in range(first, last + 1, BLOCK):
            yield from self._states.log.range(line.ordinal, start, min(start + BLOCK - 1, last))

    def given_up(self, lines: list[Line], table: str) -> References:
        """What entries whose states were given up say of one table."""
        found = References()
        for line in lines:
            for entry in self.entries(line, 0, min(line.first, line.last + 1) - 1):
                change = entry.commit.tables.get(table)
                if change is not None:
                    found.change(table, change, self._listed(change))
        return found
