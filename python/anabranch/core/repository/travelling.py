"""Repositories and tables on their way to another process, as workers of data loaders take them."""

from __future__ import annotations

import copyreg
from typing import Any

from anabranch.core.format.names import CommitId
from anabranch.core.repository.repository import Repository
from anabranch.core.repository.resolver import ResolvedRef
from anabranch.core.repository.table import Table
from anabranch.core.repository.view import TableView
from anabranch.core.store.objects import ObjectStore


def _repository(store: ObjectStore, ref: str, author: str) -> Repository:
    from anabranch.core.repository.opening import open

    return open(store, ref, author=author)


def _table(
    kind: type[TableView], repository: Repository, text: str, of: str, commit: CommitId, id: str
) -> TableView:
    """It is what it was, whatever was committed since."""
    state = repository.states.at(commit)
    return kind(repository, ResolvedRef(text, of, state), state.tables[id])


def _packed(repository: Repository) -> tuple[Any, ...]:
    return _repository, (repository.store, repository.ref, repository.author)


def _packed_table(table: TableView) -> tuple[Any, ...]:
    if table._work is not None:
        raise TypeError("a table of a transaction can't be pickled: nobody else sees what was not committed")
    ref = table._ref
    return _table, (type(table), table._repository, ref.text, ref.kind, ref.state.id, table.id)


copyreg.pickle(Repository, _packed)
for _kind in (Table, TableView):
    copyreg.pickle(_kind, _packed_table)
