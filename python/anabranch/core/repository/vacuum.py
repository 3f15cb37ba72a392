"""Deletes data files and deletion vectors that no state needs which was not given up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from anabranch.core.format.canonical import canonical
from anabranch.core.format.names import DATA, PROBES, VACUUMS, VECTORS, number_of, numbered, table_data
from anabranch.core.format.times import to_time
from anabranch.core.log.environment import Environment, requests
from anabranch.core.operations.references import References
from anabranch.core.repository.surviving import Surviving
from anabranch.core.store.objects import ObjectStore, StoredObject, Won
from anabranch.core.transaction.lasting import HOUR
from anabranch.errors import error
from anabranch.giving_up import DeletedObject

if TYPE_CHECKING:
    from anabranch.core.repository.upkeep import Upkeep

SMALLEST_HOURS = 7 * 24
"""A shorter grace period needs to be forced."""
MAX_OBJECTS = 10_000
MAX_TRIES = 20

# what writers draw, and what those that died left of it
_FILE = re.compile(DATA + r"/([0-9a-f]{32})/\.?([0-9a-f]{32}\.parquet)(?:#\d+|\.[\w-]+\.tmp)?")
_VECTOR = re.compile(VECTORS + r"/\.?([0-9a-f]{32})\.bin(?:#\d+|\.[\w-]+\.tmp)?")


class Vacuum:
    """A vacuum of one repository.

    Args:
        repository: which.
        grace: what is younger by the store's clock stays.
        table: id of the only table that is looked at; None for all, and for what belongs to none.
        force: whether it may be shorter than `SMALLEST_HOURS`.

    Raises:
        VacuumGraceTooShort: for one in which a running writer would lose its files.
    """

    def __init__(self, repository: Upkeep, grace: timedelta, table: str | None, force: bool) -> None:
        millis = grace // timedelta(milliseconds=1)
        if millis < (0 if force else SMALLEST_HOURS * HOUR):
            hours = f"{millis / HOUR:g}"
            raise error("ANABRANCH_VACUUM.GRACE_TOO_SHORT", grace=hours, smallest=SMALLEST_HOURS)
        self._repository = repository
        self._store = repository.store
        self._grace = millis
        self._table = table

    def run(self, dry_run: bool) -> list[DeletedObject]:
        """Deletes what is not needed; says what, or what it would be.

        What is there is listed first, and what is needed is found out then: what comes in between is young.
        """
        env = self._repository.env
        now = env.now() if dry_run else store_clock(self._store, env)
        there = [*self._files(), *self._store.objects(VECTORS)]
        unneeded = self._unneeded(now - self._grace // 2)
        found = [o for o in there if o.modified <= now - self._grace and unneeded(o.path)]
        if not dry_run:
            for start in range(0, len(found), MAX_OBJECTS):
                some = found[start : start + MAX_OBJECTS]
                self._record(some)
                requests.map(some, lambda o: self._store.delete(o.path))
        return [DeletedObject(o.path, o.size, to_time(o.modified)) for o in found]

    def _files(self) -> Iterator[StoredObject]:
        folders = self._store.folders(DATA) if self._table is None else [table_data(self._table)]
        for objects in requests.map(folders, self._store.objects):
            yield from objects

    def _unneeded(self, since: int) -> Callable[[str], bool]:
        """Tells of a path whether it is one that may be deleted."""
        repository = self._repository
        surviving = Surviving(self._store, repository.states, repository.refs, since)
        lines = surviving.lines(surviving.policies())
        needed = surviving.references(lines, surviving.tagged() | surviving.needed_by_merges(lines))
        of_table = None if self._table is None else surviving.given_up(lines, self._table)
        return lambda path: _is_unneeded(path, needed, of_table)

    def _record(self, objects: Sequence[StoredObject]) -> None:
        """Creates the object that tells what is deleted [VAC-3]."""
        env = self._repository.env
        told = {
            "author": self._repository.author,
            "time": env.now(),
            "grace": self._grace,
            "objects": [{"path": o.path, "size": o.size, "modified": o.modified} for o in objects],
            "txn": env.new_id(),
        }
        data = canonical(told)
        for _ in range(MAX_TRIES):
            numbers = [n for n in map(number_of, self._store.names(VACUUMS)) if n is not None]
            path = numbered(VACUUMS, max(numbers, default=-1) + 1)
            if isinstance(self._store.create(path, data), Won) or self._store.read(path) == data:
                return
        reason = f"{MAX_TRIES} numbers were taken by others"
        raise error("ANABRANCH_REPOSITORY.STORE_FAILED", operation="create", path=VACUUMS, reason=reason)


def _is_unneeded(path: str, needed: References, of_table: References | None) -> bool:
    file, vector = _FILE.fullmatch(path), _VECTOR.fullmatch(path)
    if file is not None:
        return (file[1], file[2]) not in needed.files
    if vector is not None:
        return vector[1] not in needed.vectors and (of_table is None or vector[1] in of_table.vectors)
    return False  # it is not ours


def store_clock(store: ObjectStore, env: Environment) -> int:
    """What time it is for the store: that of an object which is made for it.

    Raises:
        RepositoryStoreFailed: if the store does not tell.
    """
    path = f"{PROBES}/{env.new_id()}"
    try:
        store.create(path, b"what time is it?")
        found = [o.modified for o in store.objects(PROBES) if o.path == path]
    finally:
        store.delete(path)
    if not found:
        reason = "it does not list what was written a moment ago"
        raise error("ANABRANCH_REPOSITORY.STORE_FAILED", operation="list", path=PROBES, reason=reason)
    return found[0]
