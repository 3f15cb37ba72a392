"""Moves the commits of a branch onto another commit, one by one, by the engine of merges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from anabranch.core.format.commits import DROP, RESET, Closing, Commit, Entry
from anabranch.core.format.names import CommitId
from anabranch.core.log.refs import Refs
from anabranch.core.log.replay import CatalogState
from anabranch.core.log.states import States
from anabranch.core.operations.merge.decisions import Decisions
from anabranch.core.repository.branches import Branches
from anabranch.core.repository.merges import Merges
from anabranch.core.repository.resolver import RefResolver
from anabranch.core.transaction.committer import CommitContext, Committer
from anabranch.core.transaction.proposals import CloseLog
from anabranch.errors import AnabranchError
from anabranch.results import Rebased

OPERATION = "REBASE BRANCH"


class Rebases:
    """The rebases of one repository."""

    def __init__(
        self,
        resolver: RefResolver,
        refs: Refs,
        states: States,
        committer: Committer,
        merges: Merges,
        branches: Branches,
    ) -> None:
        self._resolver = resolver
        self._refs = refs
        self._states = states
        self._committer = committer
        self._merges = merges
        self._branches = branches

    def rebase(self, branch: str, onto: str, decisions: Decisions, by: CommitContext) -> list[Rebased]:
        """Replays what a branch has and the new base has not, oldest first; the branch goes on from there.

        A merge is replayed as one commit with one parent. Authors, messages and metadata stay.

        Args:
            branch: the branch.
            onto: a ref.
            decisions: how conflicts are decided: ours is the new base, theirs the commit that is replayed.
            by: who does it.

        Returns:
            What became of each commit; nothing if the branch stands on the base already.

        Raises:
            MergeConflict, RefExpired, RefProtected, PermissionDenied, GateNoEngine; CommitConflict if the
                branch moved meanwhile. Then the branch is as it was.
        """
        # asked first: a branch that somebody creates under the name meanwhile must not be hidden by this one
        generation = self._refs.next_branch(branch)
        old = self._resolver.resolve(f"branch:{branch}").state
        target = self._resolver.resolve(onto).state
        self._merges.check(decisions, branch, target, old)
        self._branches.admit(branch, OPERATION, old, old, by)
        if old.knows(self._ground(target.id).position):
            return []
        line = self._own(old, target)
        for entry in line:
            if not _only_moves(entry.commit):
                for needed in (entry.id, *entry.commit.parents[:1]):
                    self._resolver.expired.refuse(needed)
        start = self._branches.opened(branch, target, OPERATION, by, old.policies)
        try:
            state, done = self._replayed(branch, start, line, decisions, by)
            self._branches.admit(branch, OPERATION, old, state, by)
            closing = Closing(RESET, state.position.ordinal)
            end = CloseLog(closing, OPERATION, old.policies, head=old.position)
            self._committer.commit(branch, old, end, by)
        except BaseException:
            self._abandon(branch, start, by)
            raise
        self._branches.moved(branch, generation, state)
        return done

    def _ground(self, id: CommitId) -> CommitId:
        """A commit, or the one that it only opens a log upon."""
        while id.position.seq == 0:
            parent = self._states.log.commit(id).commit.first_parent
            if parent is None:
                break
            id = parent
        return id

    def _own(self, branch: CatalogState, base: CatalogState) -> list[Entry]:
        """The commits of a branch along first parents that the new base does not know, oldest first."""
        found: list[Entry] = []
        at: CommitId | None = branch.id
        while at is not None and not base.knows(at.position):
            entry = self._states.log.commit(at)
            if at.position.seq > 0:  # entry 0 opens a log, and changes nothing
                found.append(entry)
            at = entry.commit.first_parent
        return found[::-1]

    def _replayed(
        self, branch: str, now: CatalogState, line: Sequence[Entry], decisions: Decisions, by: CommitContext
    ) -> tuple[CatalogState, list[Rebased]]:
        done = []
        for entry in line:
            c, before = entry.commit, now
            told = replace(
                by,
                author=c.author,
                message=c.message,
                metadata=c.metadata,
                parameters={"source": str(entry.id), "rebased by": by.author},
            )
            if not _only_moves(c):
                intent = self._merges.replay("REBASE", entry, branch, decisions)
                now = self._committer.commit(_unnamed(branch), now, intent, told)
            became = None if now.id == before.id else str(now.id)
            done.append(Rebased(str(entry.id), became, c.author, c.operation, c.message))
        return now, done

    def _abandon(self, branch: str, start: CatalogState, by: CommitContext) -> None:
        """Ends a log that no branch got. It may stay open where that fails: nobody names it."""
        try:
            state = self._states.head(start.position.ordinal) or start
            end = CloseLog(Closing(DROP), "DROP BRANCH")
            self._committer.commit(_unnamed(branch), state, end, by)
        except AnabranchError:
            pass


def _only_moves(c: Commit) -> bool:
    """Whether a commit changes nothing but where rows lie."""
    return bool(c.tables) and not c.namespaces and all(t.rearranged for t in c.tables.values())


def _unnamed(branch: str) -> str:
    """What a log is called while no branch has it: no branch can have such a name."""
    return f"rebase of {branch}"
