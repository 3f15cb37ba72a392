"""Branches and tags: making, dropping and moving them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from anabranch.core.format.commits import DROP, RESET, Closing
from anabranch.core.format.names import MAIN, CommitId, check_ref
from anabranch.core.format.policies import Policy
from anabranch.core.log.environment import Environment, random_ordinal
from anabranch.core.log.refs import Refs
from anabranch.core.log.replay import CatalogState
from anabranch.core.log.states import States
from anabranch.core.repository.resolver import RefResolver
from anabranch.core.transaction.committer import CommitContext, Committer
from anabranch.core.transaction.guards import admit, must_pass_ungated, policies_of
from anabranch.core.transaction.lasting import must_be_in_time
from anabranch.core.transaction.permissions import changed_tables, may_modify
from anabranch.core.transaction.proposals import CloseLog
from anabranch.errors import AnabranchError, error

MAX_DRAWS = 20


class Branches:
    """What can be done to the refs of one repository."""

    def __init__(
        self, refs: Refs, states: States, resolver: RefResolver, committer: Committer, env: Environment
    ) -> None:
        self._refs = refs
        self._states = states
        self._resolver = resolver
        self._committer = committer
        self._env = env

    def create(self, name: str, start: str, if_not_exists: bool, by: CommitContext) -> CatalogState:
        """A new branch: two small objects, whatever the size of the catalog."""
        check_ref(name)
        generation = self._refs.next_branch(name)
        there = self._refs.head(name)
        if there is not None:
            if if_not_exists:
                return there
            raise _exists("branch", name)
        if self._refs.tag(name) is not None:  # one name for both would be ambiguous everywhere
            raise _exists("tag", name)
        origin = self._resolver.resolve(start).state
        policies = policies_of(name, origin, self._refs)
        admit(name, policies, "CREATE BRANCH", True, by.author)
        must_pass_ungated(name, policies, None, origin)
        state = self.opened(name, origin, "CREATE BRANCH", by)
        if self._refs.name_log(name, generation, state.position.ordinal):
            self._refs.remember(name, state)
            return state
        self._committer.commit(name, state, CloseLog(Closing(DROP), "DROP BRANCH"), by)
        there = self._refs.head(name)
        if there is None or not if_not_exists:
            raise _exists("branch", name)
        return there

    def opened(
        self,
        branch: str,
        fork: CatalogState,
        operation: str,
        by: CommitContext,
        policies: Mapping[str, Policy] | None = None,
    ) -> CatalogState:
        """Draws ordinals until one is free [LOG-4]."""
        for _ in range(MAX_DRAWS):
            state = self._committer.open_log(
                random_ordinal(self._env),
                branch,
                fork,
                lambda c: replace(c, operation=operation, policies=policies or {}),
                by,
            )
            if state is not None:
                return state
        raise error("ANABRANCH_COMMIT.RETRIES_EXHAUSTED", branch=branch, count=MAX_DRAWS)

    def drop(self, name: str, if_exists: bool, by: CommitContext) -> None:
        """Ends a branch; its commits stay, by their ids."""
        if name == MAIN:
            raise error("ANABRANCH_REF.IS_MAIN")
        state = self._refs.head(name)
        if state is not None:
            self._committer.commit(name, state, CloseLog(Closing(DROP), "DROP BRANCH"), by)
        elif not if_exists:
            raise self._resolver.not_found(name)

    def reset(self, name: str, to: str, by: CommitContext) -> CatalogState:
        """Moves a branch to any commit. What it held before stays in its old log, by commit id."""
        # asked first: a branch that somebody creates under the name meanwhile must not be hidden by this one
        generation = self._refs.next_branch(name)
        old = self._resolver.resolve(f"branch:{name}").state
        target = self._resolver.resolve(to).state
        self.admit(name, "RESET BRANCH", old, target, by)
        state = self.opened(name, target, "RESET BRANCH", by, old.policies)
        closing = CloseLog(Closing(RESET, state.position.ordinal), "RESET BRANCH", old.policies)
        self._committer.commit(name, old, closing, by)
        self.moved(name, generation, state)
        return state

    def admit(
        self, name: str, operation: str, before: CatalogState, after: CatalogState, by: CommitContext
    ) -> None:
        """Holds a state that a branch is to have from now on to the policies.

        Raises:
            RefProtected, PermissionDenied, GateNoEngine.
        """
        policies = policies_of(name, before, self._refs)
        admit(name, policies, operation, False, by.author)
        touched = [
            id
            for id in {*before.tables, *after.tables}
            if id not in before.tables
            or id not in after.tables
            or before.tables[id].content != after.tables[id].content
            or before.tables[id].name != after.tables[id].name
        ]
        may_modify(policies, changed_tables(touched, before, after), operation, by.author)
        must_pass_ungated(name, policies, before, after)

    def moved(self, name: str, generation: int, state: CatalogState) -> None:
        """Names the log in which a branch goes on, which a closing entry of the old log has told already.

        The name only saves readers the way through the old log.
        """
        try:
            self._refs.name_log(name, generation, state.position.ordinal)
        except AnabranchError:
            pass
        self._refs.remember(name, state)

    def create_tag(self, name: str, start: str, if_not_exists: bool) -> CommitId:
        """A name for a commit, for ever."""
        began = self._env.steady()
        check_ref(name)
        generation = self._refs.next_tag(name)
        there = self._refs.tag(name)
        if there is None:
            if self._refs.head(name) is not None:
                raise _exists("branch", name)
            id = self._resolver.resolve(start).state.id
            must_be_in_time(self._env, began)
            if self._refs.write_tag(name, generation, id, self._env.new_id()):
                return id
            there = self._refs.tag(name)
        if there is None or not if_not_exists:
            raise _exists("tag", name)
        return there

    def drop_tag(self, name: str, if_exists: bool) -> None:
        """Takes the name from a commit."""
        generation = self._refs.next_tag(name)
        if self._refs.tag(name) is not None:
            self._refs.write_tag(name, generation, None, self._env.new_id())
        elif not if_exists:
            raise self._resolver.not_found(name)


def _exists(kind: str, name: str) -> AnabranchError:
    return error("ANABRANCH_REF.ALREADY_EXISTS", kind=kind, ref=name)
