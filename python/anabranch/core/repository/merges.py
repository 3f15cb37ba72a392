"""Brings changes of one line of history into another: all by one three-way merge, from different bases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from anabranch.core.format.commits import Commit, Entry
from anabranch.core.format.names import CommitId
from anabranch.core.log.environment import Environment
from anabranch.core.log.replay import EMPTY, CatalogState, TableState
from anabranch.core.log.states import States
from anabranch.core.log.vectors import DeletionVectors
from anabranch.core.operations.diff import diff
from anabranch.core.operations.merge.combine_branches import MERGE, CatalogPlan, CombineBranches
from anabranch.core.operations.merge.conflicts import MergeConflict
from anabranch.core.operations.merge.decisions import Choice, Chosen, Decisions
from anabranch.core.operations.merge.row_access import RowAccess
from anabranch.core.operations.merge.table_merge import MergeContext
from anabranch.core.repository.bases import MergeBases, single
from anabranch.core.repository.merge_request import MergeRequest
from anabranch.core.repository.resolver import RefResolver, ResolvedRef
from anabranch.core.store.objects import ObjectStore
from anabranch.core.transaction.committer import CommitContext, Committer
from anabranch.errors import error
from anabranch.results import Conflict, MergeResult


class Merges:
    """The merges of one repository."""

    def __init__(
        self,
        store: ObjectStore,
        states: States,
        resolver: RefResolver,
        committer: Committer,
        env: Environment,
        may_read: Callable[[TableState], None],
    ) -> None:
        self._states = states
        self._resolver = resolver
        self._committer = committer
        vectors = DeletionVectors(store)

        self._context = MergeContext(
            RowAccess(store, env, may_read),
            lambda file: vectors.of(file, "that is merged"),
            lambda rows: vectors.write(rows, env.new_id),
            committer.stage,
        )

    def merge(self, asked: MergeRequest, dry_run: bool, by: CommitContext) -> MergeResult:
        """Merges a ref into a branch, as one commit with two parents.

        Raises:
            MergeConflict: not in a dry run.
            MergeNotFastForward, MergeIntoItself, RefReadOnly, TableNotFound, MergeNoSuchColumn.
        """
        intent, target = self._merge(asked)
        return self._run(intent, target, dry_run, by)

    def conflicts(self, asked: MergeRequest) -> list[MergeConflict]:
        """What keeps a merge from being done now."""
        intent, target = self._merge(asked)
        return [] if target.state.knows(intent.theirs.position) else intent.plan(target.state).conflicts

    def _merge(self, asked: MergeRequest) -> tuple[CombineBranches, ResolvedRef]:
        # what an unfinished merge needs is kept for it, and so are the bases of branches [VAC-1]
        find = self._resolver.find if asked.called else self._resolver.resolve
        source, target = find(asked.source), self._resolver.resolve(asked.into)
        kept = asked.called or source.kind == "branch"
        if source.kind == "branch" and source.writable == target.writable:
            raise error("ANABRANCH_MERGE.INTO_ITSELF", ref=asked.source)
        refuse = None if kept else self._resolver.expired.refuse
        theirs, bases = source.state, MergeBases(self._states, self._context, refuse)
        self.check(asked.decisions, asked.into, target.state, theirs)
        intent = CombineBranches(
            MERGE,
            theirs,
            lambda now: bases.of(now, theirs),
            not asked.squash,
            asked.fast_forward_only,
            asked.decisions,
            self._context,
            asked.called or asked.source,
            asked.into,
        )
        return intent, target

    def cherry_pick(self, asked: MergeRequest, dry_run: bool, by: CommitContext) -> MergeResult:
        """Does on a branch what a commit did elsewhere.

        Raises:
            MergeConflict: not in a dry run.
            MergeParent: where it is not clear what the commit did.
        """
        commit, after, before = self._changes_of(asked)
        told = by if by.message else replace(by, message=commit.message)
        return self._apply("CHERRY PICK", asked, before, after, dry_run, told)

    def revert(self, asked: MergeRequest, dry_run: bool, by: CommitContext) -> MergeResult:
        """Undoes on a branch what a commit did; raises what `cherry_pick` does."""
        commit, after, before = self._changes_of(asked)
        told = by if by.message else replace(by, message=f"Revert: {commit.message or commit.operation}")
        return self._apply("REVERT", asked, after, before, dry_run, told)

    def replay(self, operation: str, entry: Entry, branch: str, decisions: Decisions) -> CombineBranches:
        """What does on a branch that goes on elsewhere what a commit of it did, against its first parent."""
        parent = entry.commit.first_parent
        base = single(EMPTY if parent is None else self._states.at(parent))
        return CombineBranches(
            operation,
            self._states.after(entry),
            lambda now: base,
            False,
            False,
            decisions,
            self._context,
            entry.id.short,
            branch,
        )

    def commit_of(self, ref: str) -> CommitId:
        """The commit that a ref names."""
        return self._resolver.resolve(ref).state.id

    def _apply(
        self,
        operation: str,
        asked: MergeRequest,
        base: CatalogState,
        theirs: CatalogState,
        dry_run: bool,
        by: CommitContext,
    ) -> MergeResult:
        target, start = self._resolver.resolve(asked.into), single(base)
        self.check(asked.decisions, asked.into, target.state, theirs)
        intent = CombineBranches(
            operation,
            theirs,
            lambda now: start,
            False,
            False,
            asked.decisions,
            self._context,
            asked.source,
            asked.into,
        )
        return self._run(intent, target, dry_run, by)

    def _changes_of(self, asked: MergeRequest) -> tuple[Commit, CatalogState, CatalogState]:
        """A commit, and the states after and before it."""
        after = self._resolver.resolve(asked.source).state
        commit = self._states.log.commit(after.id).commit
        count, n = len(commit.parents), asked.parent
        reason = None
        if n is None and count > 1:
            reason = f"it is a merge and has {count} parents"
        elif n is not None and not 1 <= n <= count:
            reason = f"it has no parent {n}, but {count}"
        if reason:
            raise error("ANABRANCH_MERGE.PARENT", commit=after.id.short, reason=reason)
        if commit.tables and not commit.namespaces and all(t.rearranged for t in commit.tables.values()):
            return commit, after, after  # a compaction is no change that could be done elsewhere, or undone
        if not count:
            return commit, after, EMPTY
        before = commit.parents[(n or 1) - 1]
        self._resolver.expired.refuse(before)
        return commit, after, self._states.at(before)

    def check(self, decisions: Decisions, into: str, *sides: CatalogState) -> None:
        """What is decided must be there on one of the sides."""
        for d in decisions.all:
            if d.table is None:
                continue
            tables = [s.by_name[d.table] for s in sides if d.table in s.by_name]
            name = ".".join(d.table)
            if not tables:
                raise error("ANABRANCH_TABLE.NOT_FOUND", table=name, ref=into)
            if d.column and not any(t.metadata.column(d.column) for t in tables):
                raise error("ANABRANCH_MERGE.NO_SUCH_COLUMN", column=d.column, table=name)

    def _run(
        self, intent: CombineBranches, target: ResolvedRef, dry_run: bool, by: CommitContext
    ) -> MergeResult:
        branch, ours = target.writable, target.state
        if intent.merges and ours.knows(intent.theirs.position):
            return MergeResult(None, fast_forward=True)
        plan = intent.plan(ours)
        if not dry_run:
            state = self._committer.commit(branch, ours, intent, by)
            commit = None if state.id == ours.id else str(state.id)
            return MergeResult(commit, plan.fast_forward, tuple(diff(ours, state)))
        torn = {c.table for c in plan.conflicts}
        before, after = (
            replace(ours, tables={id: t for id, t in tables.items() if id not in torn})
            for tables in (ours.tables, self._planned(ours, intent.theirs, plan))
        )
        told = dict.fromkeys(described(c) for c in plan.conflicts)
        return MergeResult(None, plan.fast_forward, tuple(diff(before, after)), tuple(told))

    def _planned(
        self, ours: CatalogState, theirs: CatalogState, plan: CatalogPlan
    ) -> Mapping[str, TableState]:
        """What a plan would make of our tables."""
        tables = {}
        for id, f in plan.facts.tables.items():
            sides = [t for t in (ours.tables.get(id), theirs.tables.get(id)) if t]
            there = [t for t in sides if str(t.content) == f.content]
            state = plan.tables[id].preview(self._context.vector) if id in plan.tables else there[0]
            tables[id] = replace(state, name=f.name)
        return tables


def described(c: MergeConflict, choice: Choice | None = None) -> Conflict:
    """A conflict as users read it, with what was decided about it."""
    row = c.row
    return Conflict(
        ".".join(c.name),
        c.kind,
        c.reason,
        row.id if row else None,
        row.key if row else None,
        c.column,
        c.base,
        c.ours,
        c.theirs,
        str(row.our_commit) if row and row.our_commit else None,
        str(row.their_commit) if row and row.their_commit else None,
        "value" if isinstance(choice, Chosen) else choice,
        choice.text if isinstance(choice, Chosen) else None,
    )
