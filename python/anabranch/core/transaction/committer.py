"""Brings intents into the log of a branch: section 5 of SPEC.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from anabranch.core.format.commits import Commit, ManifestRef, TableChange, encode_commit
from anabranch.core.format.files import DataFile
from anabranch.core.format.names import MAX_SEQ, SEQ_BITS, Position, manifest
from anabranch.core.format.repository_info import check_features
from anabranch.core.log.checkpoints import INTERVAL
from anabranch.core.log.entries import Appended, Beaten
from anabranch.core.log.environment import Environment, requests
from anabranch.core.log.refs import Refs
from anabranch.core.log.replay import EMPTY, CatalogState
from anabranch.core.log.states import States, manifest_of, must_create
from anabranch.core.store.objects import ObjectStore
from anabranch.core.transaction.guards import admit, must_not_be_due, policies_of
from anabranch.core.transaction.lasting import must_be_in_time
from anabranch.core.transaction.permissions import changed_tables, may_modify
from anabranch.core.transaction.proposals import Conflict, Intent, Proposal
from anabranch.errors import AnabranchError, error

DEFAULT_RETRIES = 50
MAX_FILES_IN_ENTRY = 100
MAX_BYTES_IN_ENTRY = 100 * 1024
MAX_BACKOFF = 250  # ms; short, or a writer that has lost often starves beside one that wins


@dataclass(frozen=True)
class CommitContext:
    """Who commits and why.

    Attributes:
        author: of the commit.
        message: what the author says about it.
        metadata: what the author attaches to it.
        parameters: what the operation was given, for history.
        retries: how many lost races to get over.
        began: when it was begun, by the steady clock; None if nothing was read or written for it.
    """

    author: str
    message: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    retries: int = DEFAULT_RETRIES
    began: int | None = None


class Committer:
    """Proposes, writes if absent, and on a lost race looks at the winners and proposes again."""

    def __init__(
        self,
        store: ObjectStore,
        states: States,
        refs: Refs,
        env: Environment,
        before_write: Callable[[], None],
    ) -> None:
        self._store = store
        self._states = states
        self._refs = refs
        self._env = env
        self._before_write = before_write

    def commit(self, branch: str, start: CatalogState, intent: Intent, by: CommitContext) -> CatalogState:
        """Commits an intent.

        Args:
            branch: its name.
            start: a state of the branch, at best the newest known.
            intent: what to do.
            by: who does it.

        Returns:
            The state after the commit; `start` advanced, without a commit, if there was nothing to do.

        Raises:
            CommitConflict, CommitRetriesExhausted, CommitOutcomeUnknown, RefClosed, RefProtected,
                PermissionDenied, GateNoEngine, TransactionTooOld: or what the intent raises. In each case
                nothing was committed, but for OUTCOME_UNKNOWN.
        """
        self._before_write()
        state = start
        for lost in range(1, by.retries + 2):
            proposal = self._proposed(intent, state)
            if proposal.is_empty:
                return state
            policies = policies_of(branch, state, self._refs)
            if not proposal.policies:  # changes of these are held to rules of their own, by the intent
                admit(branch, policies, intent.operation, intent.merges, by.author)
            changed = changed_tables(proposal.tables, state, proposal=proposal)
            may_modify(policies, changed, intent.operation, by.author)
            must_not_be_due(branch, policies, state, proposal)
            must_be_in_time(self._env, by.began)
            match self._states.log.append(self._written(state, proposal, intent.operation, by), branch):
                case Appended(entry):
                    return self._won(branch, self._states.advance(state, [entry]))
                case Beaten(winners):
                    state = self._followed(branch, self._states.advance(state, winners))
                    if lost > 1:
                        self._env.sleep(self._env.random(min(MAX_BACKOFF, 5 << min(lost, 10))))
        raise error("ANABRANCH_COMMIT.RETRIES_EXHAUSTED", branch=branch, count=by.retries + 1)

    def open_log(
        self,
        ordinal: int,
        branch: str,
        fork: CatalogState | None,
        first: Callable[[Commit], Commit],
        by: CommitContext,
    ) -> CatalogState | None:
        """Writes entry 0 of a new log; None if the ordinal is taken.

        Args:
            ordinal: of the log.
            branch: the name under which it is opened.
            fork: where it starts; None for the first log of a repository.
            first: completes the entry.
            by: who does it.
        """
        self._before_write()
        blank = Commit(
            Position(ordinal, 0),
            [fork.id] if fork else [],
            max(self._env.now(), fork.time + 1 if fork else 0),
            self._env.new_id(),
            by.author,
            "CREATE BRANCH",
            by.message,
            by.parameters,
            by.metadata,
            branch=branch,
        )
        written = encode_commit(first(blank), self._env.new_id)
        must_be_in_time(self._env, by.began)
        outcome = self._states.log.append(written, branch)
        return self._states.advance(fork or EMPTY, [outcome.entry]) if isinstance(outcome, Appended) else None

    def _proposed(self, intent: Intent, state: CatalogState) -> Proposal:
        try:
            return intent.onto(state)
        except Conflict as c:
            raise self._conflict(c) from c

    def _conflict(self, c: Conflict) -> AnabranchError:
        other = self._states.log.get(c.other)
        return error(
            "ANABRANCH_COMMIT.CONFLICT",
            reason=c.reason,
            commit=other.id.short,
            operation=other.commit.operation,
            author=other.commit.author,
        )

    def _won(self, branch: str, state: CatalogState) -> CatalogState:
        if state.closing is None:
            self._refs.remember(branch, state)
            if state.position.seq > 0 and state.position.seq % INTERVAL == 0:
                requests.start(lambda: self._states.write_checkpoint(state))  # derived: may fail
        return state

    def _followed(self, branch: str, state: CatalogState) -> CatalogState:
        """A branch that was closed meanwhile goes on in its successor, if it has one [LOG-5]."""
        found = self._refs.settled(state)
        if found is None:
            raise error("ANABRANCH_REF.CLOSED", ref=branch)
        return found

    def _written(
        self, state: CatalogState, proposal: Proposal, operation: str, by: CommitContext
    ) -> dict[str, Any]:
        place = Position(state.position.ordinal, state.position.seq + 1)
        if place.seq > MAX_SEQ:
            raise _limit("log", place.seq, MAX_SEQ)
        for id in proposal.tables:
            table = state.tables.get(id)
            if table is not None:
                m = table.metadata
                check_features(f"table {table.full_name}", m.reader_features, m.writer_features, writing=True)
        other = proposal.merges.vector if proposal.merges else {}
        commit = Commit(
            place,
            [state.id, *([proposal.merges.id] if proposal.merges else [])],
            max(self._env.now(), state.time + 1),
            self._env.new_id(),
            by.author,
            operation,
            by.message,
            by.parameters,
            by.metadata,
            proposal.metrics,
            merged={o: seq for o, seq in other.items() if state.vector.get(o, -1) < seq},
            namespaces=proposal.namespaces,
            tables={id: placed(state, id, change) for id, change in proposal.tables.items()},
            closing=proposal.closing,
            reads=sorted(proposal.reads),
            policies=proposal.policies,
        )
        return encode_commit(commit, self._env.new_id)

    def stage(self, files: Sequence[DataFile]) -> tuple[Sequence[DataFile], Sequence[ManifestRef]]:
        """Prepares added files for a commit: those that stand in the entry, and lists of others [TAB-4]."""
        if len(files) <= MAX_FILES_IN_ENTRY and _estimated_bytes(files) <= MAX_BYTES_IN_ENTRY:
            return files, ()
        self._before_write()
        numbered, row = [], 0
        for f in files:
            numbered.append(replace(f, first_row=row) if f.numbers_rows else f)
            row += f.rows
        ref, data = manifest_of(self._env.new_id(), numbered)
        must_create(self._store, manifest(ref.id), data)
        return (), [ref]


def _estimated_bytes(files: Sequence[DataFile]) -> int:
    """A guess, good enough to decide: names and digests, and what each bound takes."""
    return sum(300 + 100 * len(f.stats) + 24 * len(f.runs) + 64 * len(f.block or ()) for f in files)


def placed(state: CatalogState, id: str, change: TableChange) -> TableChange:
    """Fills in what depends on the place in the log: version, previous commit, row numbers [ROW-2]."""
    before = state.tables.get(id)
    start = row = state.next_rows.get(id, 0)
    base = state.position.ordinal << SEQ_BITS
    add = []
    for f in change.add:
        if f.numbers_rows:
            add.append(replace(f, first_row=base | row))
            row += f.rows
        else:
            add.append(f)
    lists = []
    for m in change.manifests:
        lists.append(replace(m, first_row=base | row))
        row += m.rows
    if row > MAX_SEQ:
        raise _limit("number of rows of a table on a branch", row, MAX_SEQ)
    return replace(
        change,
        version=before.version + 1 if before else 0,
        previous=before.at if before else None,
        add=add,
        manifests=lists,
        next_row=row if row > start else None,
    )


def _limit(what: str, value: int, limit: int) -> AnabranchError:
    return error(
        "ANABRANCH_REPOSITORY.LIMIT_EXCEEDED",
        what=what,
        value=value,
        limit=limit,
        advice="Go on in a new branch, which counts from 0.",
    )
