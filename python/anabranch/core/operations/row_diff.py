"""Where two states of a table differ, by row and by cell: equal row id and row commit mean equal content."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.files import LINEAGE, ROW_ID, DataFile
from anabranch.core.log.replay import FileSet, TableState
from anabranch.core.operations.scan import Scan
from anabranch.core.operations.schemas import holding
from anabranch.core.store.objects import ObjectStore

CHANGE = "_change_type"


def row_changes(store: ObjectStore, before: TableState | None, after: TableState) -> pa.Table:
    """Rows that came, went and changed, by the columns of `after`; their types hold both.

    ``_change_type`` tells which: insert, delete, update_preimage, update_postimage. Files that both states
    have with the same rows deleted are not read.
    """
    was, now = _differing(before, after)
    if before is not None:
        columns_of_both = holding(after.metadata.columns, before.metadata.columns)
        after = replace(after, metadata=replace(after.metadata, columns=columns_of_both))
    columns = [c.name for c in after.metadata.columns]
    old = _rows(store, replace(after, files=FileSet.of(was)), columns)
    new = _rows(store, replace(after, files=FileSet.of(now)), columns)
    gone, come = _without(old, new), _without(new, old)
    again = pc.is_in(come.column(ROW_ID), value_set=gone.column(ROW_ID).combine_chunks())
    changed = pc.is_in(gone.column(ROW_ID), value_set=come.column(ROW_ID).combine_chunks())
    parts = [
        ("delete", gone.filter(pc.invert(changed))),
        ("update_preimage", gone.filter(changed)),
        ("update_postimage", come.filter(again)),
        ("insert", come.filter(pc.invert(again))),
    ]
    told = [
        t.add_column(0, CHANGE, pa.repeat(pa.scalar(change), t.num_rows)) for change, t in parts if t.num_rows
    ]
    empty = new.slice(0, 0).add_column(0, CHANGE, pa.array([], pa.string()))
    return pa.concat_tables([empty, *told]).sort_by([(ROW_ID, "ascending"), (CHANGE, "descending")])


def cell_changes(store: ObjectStore, before: TableState | None, after: TableState) -> pa.Table:
    """The cells that changed: ``row_id``, ``column``, ``before``, ``after``; values as text, NULL as NULL."""
    rows = row_changes(store, before, after)
    old = rows.filter(pc.field(CHANGE) == "update_preimage").sort_by(ROW_ID).to_pylist()
    new = rows.filter(pc.field(CHANGE) == "update_postimage").sort_by(ROW_ID).to_pylist()
    cells = [
        {
            "row_id": n[ROW_ID],
            "column": c,
            "before": _text(o[c]),
            "after": _text(n[c]),
        }
        for o, n in zip(old, new, strict=True)
        for c in (column.name for column in after.metadata.columns)
        if not _same(o[c], n[c])
    ]
    texts = [(name, pa.string()) for name in ("column", "before", "after")]
    return pa.Table.from_pylist(cells, pa.schema([("row_id", pa.int64()), *texts]))


def _same(a: object, b: object) -> bool:
    """Whether values are equal; a NaN is no change of a NaN, wherever it stands."""
    match a, b:
        case [*these], [*those]:
            return len(these) == len(those) and all(map(_same, these, those))
        case dict(), dict():
            return a.keys() == b.keys() and all(_same(x, b[name]) for name, x in a.items())
    return a == b or (a != a and b != b)


def _text(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else str(value)


def _differing(before: TableState | None, after: TableState) -> tuple[list[DataFile], list[DataFile]]:
    if before is None:
        return [], list(after.files.files.values())
    if before.content == after.content:
        return [], []
    was, now = before.files.files, after.files.files
    old = [f for id, f in was.items() if id not in now or now[id].deletions != f.deletions]
    new = [f for id, f in now.items() if id not in was or was[id].deletions != f.deletions]
    return old, new


def _rows(store: ObjectStore, table: TableState, columns: list[str]) -> pa.Table:
    return Scan(store, table, [*columns, *LINEAGE]).reader().read_all()


def _without(rows: pa.Table, others: pa.Table) -> pa.Table:
    """The rows whose id and commit the others don't have."""
    keys = rows.select(list(LINEAGE)).append_column("place", pa.arange(0, rows.num_rows))
    left = keys.join(others.select(list(LINEAGE)), keys=list(LINEAGE), join_type="left anti")
    return rows.take(left.sort_by("place").column("place"))
