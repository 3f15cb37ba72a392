"""Checks that a repository is what was written: chain, replay, deletion vectors, files, digests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anabranch.core.format.canonical import canonical, sha256
from anabranch.core.format.files import DataFile
from anabranch.core.format.names import Position, data_file, log_object
from anabranch.core.log.environment import requests
from anabranch.core.log.replay import CatalogState, TableState
from anabranch.core.log.vectors import DeletionVectors
from anabranch.errors import AnabranchError

if TYPE_CHECKING:
    from anabranch.core.repository.upkeep import Upkeep

AHEAD = 8


@dataclass(frozen=True)
class Finding:
    """What became of one check.

    Attributes:
        object: what was looked at: a path under the root, or a ref.
        problem: what is wrong; None if nothing is.
    """

    object: str
    problem: str | None = None


class Verification:
    """Looks at everything that the refs of a repository reach, each thing once."""

    def __init__(self, repository: Upkeep) -> None:
        self._repository = repository
        self._vectors = DeletionVectors(repository.store)
        self._commits: set[Position] = set()
        self._files: set[tuple[str, str, str | None]] = set()

    def findings(self, full: bool) -> Iterator[Finding]:
        """A finding for each object, as it is checked.

        Args:
            full: also read every data file, and check its digest.
        """
        refs = self._repository.refs
        for name in [*refs.branch_names(), *(f"tag:{name}" for name in refs.tag_names())]:
            try:
                state = self._state(name)
                if state is None:
                    continue
                yield from self._chain(state.position)
                yield from self._tables(state, full)
                yield Finding(name)
            except AnabranchError as e:
                yield Finding(name, str(e))

    def _state(self, name: str) -> CatalogState | None:
        refs = self._repository.refs
        if not name.startswith("tag:"):
            return refs.head(name)
        id = refs.tag(name.removeprefix("tag:"))
        return None if id is None else self._repository.states.at(id)

    def _chain(self, start: Position) -> Iterator[Finding]:
        """Each entry is read with the digests of its parts, and its id is the one that the next one names."""
        waiting = [start]
        while waiting:
            for entry in self._repository.past.first_parents(waiting.pop()):
                if entry.id.position in self._commits:
                    break
                self._commits.add(entry.id.position)
                waiting += [p.position for p in entry.commit.parents[1:]]
                yield Finding(log_object(entry.id.position))

    def _tables(self, state: CatalogState, full: bool) -> Iterator[Finding]:
        for table in state.tables.values():
            fresh = []
            for file in table.files.files.values():
                vector = canonical(file.deletions.encode()).decode() if file.deletions else None
                key = (table.id, file.id, vector)
                if key not in self._files:
                    self._files.add(key)
                    fresh.append(file)
            yield from requests.ahead(fresh, lambda f, t=table: self._file(t, f, full), AHEAD)  # type: ignore[misc]

    def _file(self, table: TableState, file: DataFile, full: bool) -> Finding:
        path = data_file(table.id, file.id)
        try:
            self._vectors.of(file, table.full_name)
            return Finding(path, self._problem(file, path, full))
        except AnabranchError as e:
            return Finding(path, str(e))

    def _problem(self, file: DataFile, path: str, full: bool) -> str | None:
        if file.is_inline:
            if file.block is None:
                return None  # erased, as its commit allows
            return None if sha256(canonical(file.block)) == file.sha256 else "its digest does not match"
        if not full:
            size = self._repository.store.size(path)
            if size is None:
                return "it is gone"
            return None if size == file.size else f"it has {size} bytes and not {file.size}"
        data = self._repository.store.read(path)
        if data is None:
            return "it is gone"
        return None if sha256(data) == file.sha256 else "its digest does not match"
