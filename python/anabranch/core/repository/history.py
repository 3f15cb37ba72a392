"""Looking back: logs, table histories, states of the past."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from datetime import datetime

from anabranch.core.format.commits import Entry, Name
from anabranch.core.format.names import Position
from anabranch.core.format.repository_info import check_features
from anabranch.core.format.times import to_millis, to_time
from anabranch.core.log.checkpoints import INTERVAL
from anabranch.core.log.replay import CatalogState, TableState
from anabranch.core.log.states import States
from anabranch.core.repository.names import TableName, parts
from anabranch.core.repository.resolver import RefResolver, ResolvedRef
from anabranch.core.repository.table_names import TableNames
from anabranch.errors import error
from anabranch.results import Commit, TableVersion

BLOCK = 64
CLOSE = 4
"""Commits of one table that have at most so many others between them are fetched by the block."""


class History:
    """The past of one repository."""

    def __init__(self, states: States, resolver: RefResolver) -> None:
        self._states = states
        self._resolver = resolver

    def first_parents(self, start: Position) -> Iterator[Entry]:
        """The commits along first parents, newest first; a block costs one round of requests."""
        at: Position | None = start
        while at is not None:
            block = self._states.log.range(at.ordinal, max(at.seq - BLOCK + 1, 0), at.seq)
            yield from reversed(block)
            before = block[0].commit.first_parent
            at = before.position if before else None

    def ancestors(self, start: Position) -> Iterator[Entry]:
        """All commits that a commit knows of, each after those that come after it; newest first."""
        waiting = {start: self._states.log.get(start)}
        seen = {start}
        while waiting:
            entry = max(waiting.values(), key=lambda e: (e.commit.time, e.id.position))
            del waiting[entry.id.position]
            yield entry
            for parent in entry.commit.parents:
                if parent.position not in seen:
                    seen.add(parent.position)
                    waiting[parent.position] = self._states.log.commit(parent)

    def names(self) -> TableNames:
        """What tells the names of tables at commits, one after the other."""
        return TableNames(self._states)

    def commit(self, e: Entry, names: TableNames | None = None) -> Commit:
        """A commit as users see it; its tables by the names that they have after it."""
        return described(e, tuple((names or self.names()).of(e)))

    def table(self, ref: ResolvedRef, name: Name) -> TableState:
        """The table of that name in the state that a ref was resolved to."""
        return readable(named(ref.state, name, ref.text))

    def versions(self, t: TableState) -> Iterator[tuple[int, Entry]]:
        """The commits that made a table's versions, newest first, by their links to one another."""
        at: Position | None = t.at
        fetched, close = t.at, False
        while at is not None:
            if close and (at.ordinal != fetched.ordinal or at.seq < fetched.seq):
                fetched = Position(at.ordinal, max(at.seq - BLOCK + 1, 0))
                self._states.log.range(at.ordinal, fetched.seq, at.seq)
            entry = self._states.log.get(at)
            change = entry.commit.tables[t.id]
            yield change.version, entry
            before = change.previous
            close = before is not None and before.ordinal == at.ordinal and at.seq - before.seq <= CLOSE
            at = before

    def of_table(self, t: TableState) -> Iterator[TableVersion]:
        """The versions of a table, newest first."""
        for version, e in self.versions(t):
            c = e.commit
            yield TableVersion(
                version,
                to_time(c.time),
                c.author,
                c.operation,
                c.parameters,
                c.metrics,
                c.message,
                c.metadata,
                str(e.id),
            )

    def at_version(self, ref: ResolvedRef, t: TableState, wanted: int) -> CatalogState:
        """The state of the commit that made a version of a table.

        Raises:
            TableVersionNotFound: if the table has no such version on the first-parent path.
        """
        if 0 <= wanted <= t.version:
            for version, entry in self.versions(self._nearer(t, wanted)):
                if version == wanted:
                    return self._states.after(entry)
                if version < wanted:
                    break
        raise error(
            "ANABRANCH_TABLE.VERSION_NOT_FOUND",
            table=t.full_name,
            version=wanted,
            ref=ref.text,
            first=min(version for version, _ in self.versions(t)),
            last=t.version,
        )

    def _left_of(self, ref: ResolvedRef, t: TableState, version: int) -> CatalogState:
        """A state with a version of a table that was not given up.

        It is that of the commit which made the version, or the last before the next version.

        Raises:
            RefExpired: if all were.
        """
        made, expired = self.at_version(ref, t, version), self._resolver.expired
        if made.id not in expired:
            return made
        if version == t.version:
            return ref.state
        following = self._states.log.commit(self.at_version(ref, t, version + 1).id)
        last = following.commit.first_parent
        if last is None or last in expired:
            expired.refuse(made.id)
        return made if last is None else self._states.at(last)

    def _nearer(self, t: TableState, wanted: int) -> TableState:
        """The table at the first checkpoint of its log that is not before the version, found by halving."""
        low, high, best = 0, t.at.seq // INTERVAL + 1, t
        while high - low > 1 and best.version - wanted > INTERVAL:
            middle = (low + high) // 2
            state = self._states.checkpoint(Position(t.at.ordinal, middle * INTERVAL))
            found = state.tables.get(t.id) if state else None
            if found is not None and found.version >= wanted:
                best, high = found, middle
            else:
                low = middle
        return best

    def at(
        self, ref: ResolvedRef, t: TableState, point: int | str | datetime
    ) -> tuple[ResolvedRef, TableState]:
        """A table at a point of its past, as seen from a ref: a version, a ref or a time.

        Raises:
            RefExpired: if its data was given up.
        """
        if isinstance(point, datetime):
            state = self._resolver.at_time(ref, to_millis(point))
            found = state.tables.get(t.id)
            if found is None:
                raise error(
                    "ANABRANCH_TABLE.NOT_AT_TIME", table=t.full_name, time=point.isoformat(), ref=ref.text
                )
            self._resolver.expired.refuse(state.id)
            return ResolvedRef(ref.text, "commit", state), readable(found)
        if isinstance(point, int):
            state = self._left_of(ref, t, point)
            return ResolvedRef(ref.text, "commit", state), readable(state.tables[t.id])
        there = self._resolver.resolve(point)
        found = there.state.tables.get(t.id) or there.state.by_name.get(t.name)
        if found is None:
            raise error("ANABRANCH_TABLE.NOT_FOUND", table=t.full_name, ref=point)
        return there, readable(found)


def described(e: Entry, tables: tuple[str, ...]) -> Commit:
    """A commit as users see it."""
    c = e.commit
    return Commit(
        str(e.id),
        to_time(c.time),
        c.author,
        c.operation,
        c.message,
        tables,
        c.metrics,
        c.metadata,
        tuple(map(str, c.parents)),
        {name: passed["read"] for name, passed in c.gates.items()},
    )


def named(state: CatalogState, name: Name, ref: str) -> TableState:
    """The table, or view, of that name.

    Raises:
        TableNotFound: with names that are near.
    """
    found = state.by_name.get(name)
    if found is None:
        full = ".".join(name)
        missing = error("ANABRANCH_TABLE.NOT_FOUND", table=full, ref=ref)
        near = difflib.get_close_matches(full, [t.full_name for t in state.tables.values()], n=3)
        if near:
            missing.add_hint(f"Near names: {', '.join(near)}.")
        raise missing
    return found


def readable(t: TableState) -> TableState:
    """The table, if it is one, and this software knows all features that reading it takes."""
    if t.metadata.view:
        raise error("ANABRANCH_TABLE.IS_VIEW", table=t.full_name)
    check_features(f"table {t.full_name}", t.metadata.reader_features, (), writing=False)
    return t


def matches(
    c: Commit,
    author: str | None,
    table: TableName | None,
    since: datetime | None,
    until: datetime | None,
    message: str | None,
    metadata: Mapping[str, str] | None,
) -> bool:
    """Whether a commit is one of those that are asked for."""
    return (
        (author is None or author.lower() in c.author.lower())
        and (table is None or ".".join(parts(table)) in c.tables)
        and (since is None or to_millis(c.time) >= to_millis(since))
        and (until is None or to_millis(c.time) <= to_millis(until))
        and (message is None or message.lower() in c.message.lower())
        and all(c.metadata.get(key) == value for key, value in (metadata or {}).items())
    )
