"""Who wrote rows and cells, as users see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from anabranch.core.format.commits import Entry
from anabranch.core.format.files import ROW_COMMIT
from anabranch.core.format.names import Position
from anabranch.core.format.times import to_time
from anabranch.core.log.replay import TableState
from anabranch.core.repository.cell_blame import MAX_ROWS, CellBlame
from anabranch.errors import error

if TYPE_CHECKING:
    from anabranch.core.repository.repository import Repository


def of_rows(repo: Repository, rows: pa.Table) -> pa.Table:
    """Rows, of which ``_row_commit`` gives way to the commit that it names."""
    places = rows.column(ROW_COMMIT).to_pylist()
    known = {place: repo.states.log.get(Position.unpacked(place)) for place in set(places)}
    told = _told([known[place] for place in places])
    rows = rows.drop_columns([ROW_COMMIT])
    for name, column in told.items():
        rows = rows.append_column(f"_{name}", column)
    return rows


def of_cells(repo: Repository, table: TableState, ids: Sequence[int]) -> pa.Table:
    """The cells of rows that a table has, each with the commit that last changed it.

    Raises:
        ProcedureInvalidArgument: for too many rows.
    """
    if len(ids) > MAX_ROWS:
        reason = f"more than {MAX_ROWS} rows are asked for; a condition says which are meant"
        raise error("ANABRANCH_PROCEDURE.INVALID_ARGUMENT", procedure="blame", reason=reason)
    origins = CellBlame(repo, table).origins(ids)
    names = [c.name for c in table.metadata.columns]
    return pa.table(
        {
            "row_id": pa.array([c.row_id for c in origins], pa.int64()),
            "column": pa.array([names[c.column] for c in origins], pa.string()),
            "value": pa.array([c.shown for c in origins], pa.string()),
            **_told([c.entry for c in origins]),
        }
    )


def _told(entries: Sequence[Entry | None]) -> dict[str, pa.Array]:
    def column(of: Callable[[Entry], object], type: pa.DataType) -> pa.Array:
        return pa.array([None if e is None else of(e) for e in entries], type)

    return {
        "commit": column(lambda e: str(e.id), pa.string()),
        "time": column(lambda e: to_time(e.commit.time), pa.timestamp("ms", "UTC")),
        "author": column(lambda e: e.commit.author, pa.string()),
        "operation": column(lambda e: e.commit.operation, pa.string()),
        "message": column(lambda e: e.commit.message, pa.string()),
    }
