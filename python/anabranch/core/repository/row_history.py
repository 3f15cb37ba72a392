"""The versions of a row: from each, the commit that wrote it leads to the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.compute as pc

from anabranch.core.format.commits import Entry
from anabranch.core.format.files import ROW_COMMIT, ROW_ID
from anabranch.core.format.names import Position
from anabranch.core.log.replay import TableState
from anabranch.core.log.states import States
from anabranch.core.operations.scan import Scan
from anabranch.core.repository.history import described
from anabranch.results import Commit

if TYPE_CHECKING:
    from anabranch.core.repository.repository import Repository


@dataclass(frozen=True)
class RowVersion:
    """One version of a row.

    Attributes:
        change: what the commit did to it. Unknown is the first one that is told, where what the row was
            before was given up.
        commit: which commit.
        row: as it was written; for a deletion, as it was before.
    """

    change: Literal["insert", "update", "delete", "unknown"]
    commit: Commit
    row: Mapping[str, Any]


def row_history(repo: Repository, table: TableState, row_id: int) -> list[RowVersion]:
    """The versions of a row, newest first. Only commits that wrote it are looked at, unless it is gone.

    Then the versions of the table are searched for it, back from the newest.

    Raises:
        RefExpired: if it is gone from all states that were not given up.
    """
    found = _find(repo, table, row_id)
    if found is not None:
        return _written(repo, table, found, row_id)
    for _, entry in repo.past.versions(table):
        before = _before(repo, table.id, entry.commit.first_parent)
        if before is not None and entry.commit.first_parent is not None:
            repo.expired.refuse(entry.commit.first_parent)
        row = None if before is None else _find(repo, before, row_id)
        if before is not None and row is not None:
            gone = RowVersion("delete", described(entry, (table.full_name,)), _plain(row))
            return [gone, *_written(repo, before, row, row_id)]
    return []


def _written(repo: Repository, table: TableState, row: dict[str, Any], row_id: int) -> list[RowVersion]:
    versions: list[RowVersion] = []
    while True:
        entry = repo.states.log.get(Position.unpacked(row[ROW_COMMIT]))
        commit = described(entry, (table.full_name,))
        parent = entry.commit.first_parent
        before = _before(repo, table.id, parent)
        if before is not None and parent in repo.expired:
            if not numbers(repo.states, table.id, entry, row_id):
                return [*versions, RowVersion("unknown", commit, _plain(row))]
            before = None
        older = None if before is None else _find(repo, before, row_id)
        versions.append(RowVersion("insert" if older is None else "update", commit, _plain(row)))
        if before is None or older is None:
            return versions
        table, row = before, older


def numbers(states: States, table: str, entry: Entry, row_id: int) -> bool:
    """Whether a commit gave a row its id, and so is the first that wrote it: the log tells [ROW-2]."""
    at, parent = Position.unpacked(row_id), entry.commit.first_parent
    if at.ordinal != entry.id.position.ordinal:
        return False
    same_log = parent is not None and parent.position.ordinal == at.ordinal
    free = states.at(parent).next_rows.get(table, 0) if parent and same_log else 0
    return at.seq >= free


def _before(repo: Repository, id: str, parent: Any) -> TableState | None:
    return None if parent is None else repo.states.at(parent).tables.get(id)


def _find(repo: Repository, table: TableState, row_id: int) -> dict[str, Any] | None:
    names = [*(c.name for c in table.metadata.columns), ROW_COMMIT]
    rows = Scan(repo.store, table, names, pc.field(ROW_ID) == row_id).reader().read_all().to_pylist()
    return rows[0] if rows else None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != ROW_COMMIT}
