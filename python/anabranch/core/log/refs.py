"""Branches and tags by name: section 7 of SPEC.md."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from anabranch.core.format import names
from anabranch.core.format.canonical import canonical, parse, some
from anabranch.core.format.members import Members
from anabranch.core.format.names import MAIN, MAIN_ORDINAL, CommitId, Position
from anabranch.core.log.entries import unknown
from anabranch.core.log.environment import requests
from anabranch.core.log.replay import CatalogState
from anabranch.core.log.states import States
from anabranch.core.store.objects import Lost, ObjectStore, Unknown, Won
from anabranch.errors import AnabranchError


class Refs:
    """An object under ``refs/branches`` says which log carries a name; the log, what became of it."""

    def __init__(self, store: ObjectStore, states: States) -> None:
        self._store = store
        self._states = states
        self._heads: dict[str, CatalogState] = {}
        self._lock = threading.Lock()

    def head(self, name: str) -> CatalogState | None:
        """The state at the head of a branch, as new as the moment of the call; None if there is none.

        When this process knows the branch, asking costs one request.
        """
        known = self._heads.get(name)
        state = None
        if known is not None:
            state = self.settled(self._states.advance(known, self._states.log.after(known.position)))
        if state is None:
            state = self._open_main() if name == MAIN else self._open(self._named(name))
        if state is None:
            self._heads.pop(name, None)
        else:
            self.remember(name, state)
        return state

    def remember(self, name: str, state: CatalogState) -> None:
        """Keeps the newest state that this process knows of a branch."""
        with self._lock:
            old = self._heads.get(name)
            if old is None or old.position.ordinal != state.position.ordinal or old.position < state.position:
                self._heads[name] = state

    def known(self, name: str) -> CatalogState | None:
        """What this process knows of a branch, without a request."""
        return self._heads.get(name)

    def _named(self, name: str) -> int | None:
        newest = self._newest(names.branch(name))
        return None if newest is None else newest[1].parsed_or_none("ordinal", names.parse_ordinal, "a log")

    def _open_main(self) -> CatalogState | None:
        """Main's first log is known without looking; whether it was reset is asked in the same round."""
        elsewhere = requests.start(lambda: self._named(MAIN))
        first = self._states.head(MAIN_ORDINAL)
        found = self._open(elsewhere.result())
        return found or (None if first is None else self.settled(first))

    def _open(self, ordinal: int | None) -> CatalogState | None:
        state = None if ordinal is None else self._states.head(ordinal)
        return None if state is None else self.settled(state)

    def settled(self, state: CatalogState) -> CatalogState | None:
        """Follows closing entries: to the successor of a reset branch, to nothing where one was dropped."""
        if state.closing is None:
            return state
        return self._open(state.closing.successor)

    def _newest(self, folder: str) -> tuple[int, Members] | None:
        if self._store.lists_in_order:
            first = self._store.first(folder)
            paths = [] if first is None else [first]
        else:
            paths = self._store.names(folder)
        numbers = [n for n in map(names.number_of, paths) if n is not None]
        if not numbers:
            return None
        path = names.numbered(folder, max(numbers))
        data = self._store.read(path)
        return None if data is None else (max(numbers), Members(parse(data, path), path))

    def tag(self, name: str) -> CommitId | None:
        """The commit that a tag names; None if there is no such tag."""
        newest = self._newest(names.tag(name))
        return None if newest is None else newest[1].parsed_or_none("commit", CommitId.parse, "a commit id")

    def next_branch(self, name: str) -> int:
        """The next free generation of a branch's name.

        Asked before looking whether the name is in use, it makes creating the name fail if somebody else did
        so in between.
        """
        return self._next_generation(names.branch(name))

    def next_tag(self, name: str) -> int:
        """The next free generation of a tag's name."""
        return self._next_generation(names.tag(name))

    def _next_generation(self, folder: str) -> int:
        newest = self._newest(folder)
        return 0 if newest is None else newest[0] + 1

    def name_log(self, name: str, generation: int, ordinal: int) -> bool:
        """Names a log; false if somebody else took the generation.

        Raises:
            CommitOutcomeUnknown: with the transaction of the log's first entry.
        """

        def doubt(cause: Exception) -> AnabranchError:
            return unknown(name, self._states.log.get(Position(ordinal, 0)).commit.txn, cause)

        return self._create(names.branch(name), generation, {"ordinal": f"{ordinal:06x}"}, doubt)

    def write_tag(self, name: str, generation: int, commit: CommitId | None, txn: str) -> bool:
        """Creates a tag, or with None drops it; false if somebody else took the generation.

        Raises:
            CommitOutcomeUnknown: if the store does not say.
        """
        value = some(commit=None if commit is None else str(commit), txn=txn)
        return self._create(names.tag(name), generation, value, lambda cause: unknown(name, txn, cause))

    def _create(
        self, folder: str, generation: int, value: Any, doubt: Callable[[Exception], AnabranchError]
    ) -> bool:
        path, data = names.numbered(folder, generation), canonical(value)
        outcome = self._store.create(path, data)
        if isinstance(outcome, Won):
            return True
        try:
            there = self._store.read(path)
        except AnabranchError as e:
            raise doubt(e) from e
        match outcome:
            case Unknown(cause) if there is None:
                raise doubt(cause) from cause
            case Lost() | Unknown():
                return there == data

    def unfinished(self, branch: str) -> tuple[int, Members] | None:
        """The newest thing that is kept about merges into a branch, with its generation."""
        return self._newest(names.merge(branch))

    def keep_merge(self, branch: str, generation: int, value: Any, txn: str) -> bool:
        """Keeps a merge, or its end; false if somebody else took the generation.

        Raises:
            CommitOutcomeUnknown: if the store does not say.
        """
        return self._create(names.merge(branch), generation, value, lambda cause: unknown(branch, txn, cause))

    def branch_names(self) -> list[str]:
        """Names of all branches that were ever created, sorted."""
        return sorted({MAIN, *self._names(names.BRANCHES)})

    def tag_names(self) -> list[str]:
        """Names of all tags that were ever created, sorted."""
        return sorted(self._names(names.TAGS))

    def _names(self, folder: str) -> list[str]:
        return [names.decoded(path.rsplit("/", 1)[-1]) for path in self._store.folders(folder)]
