"""A repository: branches, tags, tables and their history, without a JVM."""

from __future__ import annotations

import functools
import getpass
import os
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from anabranch.core.format.names import MAIN, PROBES, REPOSITORY
from anabranch.core.format.repository_info import RepositoryInfo, check_features
from anabranch.core.log.entries import Log
from anabranch.core.log.environment import Environment, System
from anabranch.core.log.refs import Refs
from anabranch.core.log.replay import CatalogState
from anabranch.core.log.states import States
from anabranch.core.operations.diff import diff
from anabranch.core.repository.branches import Branches
from anabranch.core.repository.expired import Expired
from anabranch.core.repository.history import History, matches
from anabranch.core.repository.main_policies import MainPolicies
from anabranch.core.repository.merging import Merging
from anabranch.core.repository.names import TableName, must_be_texts, parts
from anabranch.core.repository.permits import Permits
from anabranch.core.repository.resolver import RefResolver, ResolvedRef
from anabranch.core.repository.table import Table
from anabranch.core.repository.upkeep import Upkeep
from anabranch.core.store.objects import ObjectStore
from anabranch.core.store.probe import check_store
from anabranch.core.transaction.committer import CommitContext, Committer
from anabranch.graph import CommitGraph
from anabranch.results import Branch, Commit, TableChange, Tag

if TYPE_CHECKING:
    import pyarrow as pa

    from anabranch.core.operations.engine import Parameters
    from anabranch.core.repository.rebases import Rebases
    from anabranch.core.repository.transaction import Transaction
    from anabranch.core.repository.unfinished_merges import UnfinishedMerges
    from anabranch.core.repository.work import Work


class Repository(Merging, Upkeep):
    """A repository at a ref; `anabranch.open` gives one. Safe for use from many threads.

    A ref is a branch, a tag, a commit id (its hash may be cut), or one of these with ``~2``, ``^2`` or
    ``@{2026-01-31T12:00:00Z}`` behind it. A table is named ``clinic.labs``, or by its parts as a sequence.
    """

    def __init__(
        self, store: ObjectStore, ref: str = MAIN, author: str | None = None, env: Environment | None = None
    ) -> None:
        self.store = store
        self.ref = ref
        self.author = author or os.environ.get("ANABRANCH_AUTHOR") or _user()
        self.env = env or System()
        self.states = States(store, Log(store), self.env)
        self.refs = Refs(store, self.states)
        policies = MainPolicies(self.refs, self.env)
        self.expired = Expired(self.refs, self.states, policies, self.env)
        self._resolver = RefResolver(store.root, self.refs, self.states, self.expired)
        self.past = History(self.states, self._resolver)
        self.committer = Committer(store, self.states, self.refs, self.env, self.before_write)
        self.permits = Permits(self.states, policies, self.expired, self.author)
        self._branches = Branches(self.refs, self.states, self._resolver, self.committer, self.env)
        self._may_write = False
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<anabranch repository {self.root} at {self.ref}>"

    def _repr_html_(self) -> str:
        from anabranch.core.repository.notebooks import of_repository

        return of_repository(self)

    @property
    def root(self) -> str:
        """Where it lies."""
        return self.store.root

    def before_write(self) -> None:
        """The store must keep the condition of a conditional create [OBJ-3].

        And the repository have no feature that only newer software may write with.
        """
        with self._lock:
            if self._may_write:
                return
            self.probe()
            data = self.store.read(REPOSITORY)
            if data is not None:
                i = RepositoryInfo.decode(data, self.root)
                scope = f"repository at {self.root}"
                check_features(scope, i.reader_features, i.writer_features, writing=True)
            self._may_write = True

    def probe(self) -> None:
        """Proves that the store keeps the condition of a conditional create; writing begins with that.

        Raises:
            RepositoryUnsafeStore, RepositoryNoPermission, RepositoryStoreFailed: if it doesn't.
        """
        check_store(self.store, PROBES, self.env.new_id())

    def context(
        self,
        message: str = "",
        author: str | None = None,
        metadata: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> CommitContext:
        """Who commits, and why."""
        made = CommitContext(
            author or self.author, message, metadata or {}, parameters or {}, began=self.env.steady()
        )
        must_be_texts("what is said of a commit", made.author, made.message, *chain(*made.metadata.items()))
        return made

    @functools.cached_property
    def _merges(self) -> UnfinishedMerges:
        from anabranch.core.repository.merges import Merges
        from anabranch.core.repository.unfinished_merges import UnfinishedMerges

        io = self.store, self.states, self._resolver, self.committer, self.env
        return UnfinishedMerges(Merges(*io, self.permits.may_select), self.refs, self.env)

    @functools.cached_property
    def _rebases(self) -> Rebases:
        from anabranch.core.repository.rebases import Rebases

        merges, branches = self._merges.merges, self._branches
        return Rebases(self._resolver, self.refs, self.states, self.committer, merges, branches)

    # --- looking

    def resolved(self, ref: str | None = None, *, expired: bool = False) -> ResolvedRef:
        """The state that a ref names now; also one that was given up, if it is not to be read."""
        text = self.ref if ref is None else ref
        return self._resolver.find(text) if expired else self._resolver.resolve(text)

    def log(
        self,
        ref: str | None = None,
        limit: int | None = None,
        *,
        author: str | None = None,
        table: TableName | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        message: str | None = None,
        metadata: Mapping[str, str] | None = None,
        graph: bool = False,
    ) -> list[Commit]:
        """Commits, newest first.

        Args:
            ref: where to start.
            limit: at most so many.
            author: a part of the author's name.
            table: full name of a table that the commit touches.
            since: not before this time.
            until: not after this time.
            message: a part of the message.
            metadata: what the commit must have attached.
            graph: also commits that were merged, and not only those along first parents: a `CommitGraph`,
                which prints as a drawing.
        """
        state, names = self.resolved(ref, expired=True).state, self.past.names()
        names.begin(state)
        entries = self.past.ancestors(state.position) if graph else self.past.first_parents(state.position)
        told = (self.past.commit(e, names) for e in entries)
        wanted = (c for c in told if matches(c, author, table, since, until, message, metadata))
        found = islice(wanted, limit if limit is None else max(limit, 0))
        return CommitGraph(found) if graph else list(found)

    def show(self, ref: str | None = None) -> Commit:
        """The commit that a ref names."""
        return self.past.commit(self.states.log.commit(self.resolved(ref, expired=True).state.id))

    def branches(self) -> list[Branch]:
        """All branches with their newest commits, by name."""
        return [self._branch(n, s) for n in self.refs.branch_names() if (s := self.refs.head(n))]

    def _branch(self, name: str, state: CatalogState) -> Branch:
        c = self.past.commit(self.states.log.commit(state.id))
        return Branch(name, c.id, c.time, c.author, c.message, name == self.ref)

    def tags(self) -> list[Tag]:
        """All tags with the commits they name, by name."""
        found = []
        for name in self.refs.tag_names():
            id = self.refs.tag(name)
            if id is not None:
                c = self.past.commit(self.states.log.commit(id))
                found.append(Tag(name, c.id, c.time, c.author, c.message))
        return found

    def tables(self, ref: str | None = None, namespace: TableName | None = None) -> list[str]:
        """Full names of the tables, sorted."""
        start = parts(namespace) if namespace else ()
        tables = self.resolved(ref).state.tables.values()
        return sorted(t.full_name for t in tables if not t.metadata.view and t.name[: len(start)] == start)

    def views(self, ref: str | None = None) -> dict[str, str]:
        """The queries of the views by their full names; Spark runs them."""
        tables = self.resolved(ref).state.tables.values()
        return dict(sorted((t.full_name, t.metadata.view.query) for t in tables if t.metadata.view))

    def namespaces(self, ref: str | None = None) -> list[str]:
        """Full names of the namespaces, sorted."""
        return sorted(".".join(name) for name in self.resolved(ref).state.namespaces)

    def table(self, name: TableName, ref: str | None = None) -> Table:
        """A table, as it is at this moment.

        Raises:
            TableNotFound: if there is none of that name.
        """
        resolved = self.resolved(ref)
        return Table(self, resolved, self.past.table(resolved, parts(name)))

    def sql(self, query: str, parameters: Parameters = None) -> pa.Table:
        """The rows of a query, run by DuckDB over any number of tables and refs.

        ``SELECT … FROM clinic.labs AT 'train-2026-01'`` reads a table at a ref; without ``AT``, at the
        repository's. ``_row_id`` and ``_row_commit`` are columns where the query names them.

        Args:
            query: in the SQL of DuckDB.
            parameters: bound to ``?`` or ``$name``; a ref may be one.

        Raises:
            SqlFailed, TableNotFound, RefNotFound: if it can't be run.
        """
        from anabranch.core.operations.dataset import TableDataset
        from anabranch.core.operations.queries import query as run

        must_be_texts("a query", query)

        here = self.resolved()

        def find(name: tuple[str, ...], ref: str | None) -> TableDataset | None:
            if ref is None and name[:-1] not in here.state.namespaces:
                return None
            at = here if ref is None else self.resolved(ref)
            return Table(self, at, self.past.table(at, name)).dataset(hidden=True)

        return run(query, parameters, find)

    def diff(self, from_ref: str, to_ref: str | None = None) -> list[TableChange]:
        """What differs between two refs, by table."""
        return diff(self.resolved(from_ref).state, self.resolved(to_ref).state)

    # --- writing

    def transaction(
        self,
        message: str = "",
        *,
        author: str | None = None,
        metadata: Mapping[str, str] | None = None,
        branch: str | None = None,
    ) -> Transaction:
        """Begins a transaction: ``with repo.transaction("why") as tx: …`` is one commit.

        Args:
            message: what is said about it.
            author: who makes it.
            metadata: what is attached to it.
            branch: where; None is the repository's ref.

        Raises:
            RefReadOnly: for a tag or a commit.
            CommitConflict: at its end, if others changed what it read or wrote. Nothing was written then.
        """
        from anabranch.core.repository.transaction import Transaction

        return Transaction(self, branch, self.context(message, author, metadata))

    def finish(self, work: Work, by: CommitContext) -> CatalogState:
        """Makes the commit of a transaction."""
        return work.commit(self.committer, by)

    def create_table(
        self,
        name: TableName,
        rows: pa.Schema | Any,
        *,
        partition_by: str | Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        checks: Mapping[str, str] | None = None,
        primary_key: str | Sequence[str] = (),
        if_not_exists: bool = False,
        message: str = "",
    ) -> Table:
        """Creates a table, with its rows if these are given, in one commit.

        Args:
            name: its full name; its namespace must be there.
            rows: a schema of Arrow, or rows of Arrow, pandas, Polars, DuckDB or plain Python.
            partition_by: columns, or transforms of columns: ``days(time)``, ``bucket(16, id)``.
            properties: of the table; ``comment`` is its description.
            checks: conditions in SQL that hold for every row, by name.
            primary_key: columns that tell rows apart; nobody checks it.
            if_not_exists: leave a table of that name as it is, instead of failing.
            message: of the commit.

        Raises:
            TableAlreadyExists, NamespaceNotFound, SchemaUnsupportedType, SchemaUnsupportedChange: if it can't
                be made.
        """
        with self.transaction(message) as tx:
            tx.create_table(
                name,
                rows,
                partition_by=partition_by,
                properties=properties,
                checks=checks,
                primary_key=primary_key,
                if_not_exists=if_not_exists,
            )
        return self.table(name)

    def drop_table(self, name: TableName, *, message: str = "") -> None:
        """Drops a table; its past stays."""
        with self.transaction(message) as tx:
            tx.drop_table(name)

    def rename_table(self, name: TableName, to: TableName, *, message: str = "") -> Table:
        """Gives a table another name."""
        with self.transaction(message) as tx:
            tx.rename_table(name, to)
        return self.table(to)

    def create_namespace(
        self,
        name: TableName,
        properties: Mapping[str, str] | None = None,
        *,
        if_not_exists: bool = False,
        message: str = "",
    ) -> None:
        """Creates a namespace; its parent must be there."""
        with self.transaction(message) as tx:
            tx.create_namespace(name, properties, if_not_exists=if_not_exists)

    def drop_namespace(self, name: TableName, *, message: str = "") -> None:
        """Drops an empty namespace."""
        with self.transaction(message) as tx:
            tx.drop_namespace(name)

    # --- branches and tags

    def create_branch(
        self, name: str, from_ref: str | None = None, *, if_not_exists: bool = False, message: str = ""
    ) -> Branch:
        """Creates a branch. It copies no data, whatever the size of the repository.

        Raises:
            RefAlreadyExists, RefInvalidName, RefNotFound: if it can't be made.
        """
        start = self.ref if from_ref is None else from_ref
        return self._branch(name, self._branches.create(name, start, if_not_exists, self.context(message)))

    def drop_branch(self, name: str, *, if_exists: bool = False, message: str = "") -> None:
        """Drops a branch; its commits stay, by their ids."""
        self._branches.drop(name, if_exists, self.context(message))
        self._merges.forget(name)

    def reset_branch(self, name: str, to_ref: str, *, message: str = "") -> Branch:
        """Moves a branch to any commit. What it held before stays, by commit id."""
        return self._branch(name, self._branches.reset(name, to_ref, self.context(message)))

    def create_tag(self, name: str, from_ref: str | None = None, *, if_not_exists: bool = False) -> Tag:
        """Gives a commit a name that never moves."""
        self.before_write()
        id = self._branches.create_tag(name, self.ref if from_ref is None else from_ref, if_not_exists)
        c = self.past.commit(self.states.log.commit(id))
        return Tag(name, c.id, c.time, c.author, c.message)

    def drop_tag(self, name: str, *, if_exists: bool = False) -> None:
        """Takes a name from a commit."""
        self.before_write()
        self._branches.drop_tag(name, if_exists)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user, as in some containers
        return "unknown"
