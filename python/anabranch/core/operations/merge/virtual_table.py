"""A table of a virtual base: two bases, merged.

Where they contradict each other it has nothing, so that neither is picked: equal sides agree there, others
conflict.
"""

from __future__ import annotations

from dataclasses import replace

from anabranch.core.format.files import DataFile
from anabranch.core.format.tables import TableMetadata
from anabranch.core.log.replay import TableState
from anabranch.core.operations.merge.base_table import BaseTable, DisputedRow
from anabranch.core.operations.merge.contested_rows import ContestedRows
from anabranch.core.operations.merge.metadata_merge import MetadataMerge
from anabranch.core.operations.merge.row_access import RowAccess, in_memory
from anabranch.core.operations.merge.row_merge import ReadVector, merge_rows


def virtual_table(
    under: BaseTable, one: BaseTable, other: BaseTable, rows: RowAccess, vector: ReadVector
) -> BaseTable:
    """Two bases of a table merged; `under` is what they started from."""
    a, b = one.table, other.table
    if a is None or b is None:
        return BaseTable()
    merged = merge_rows(under.files, one.files, other.files, vector, carried=True)
    found = ContestedRows(a, under, one.files, other.files, rows, vector).find(merged.contested, carried=True)
    loud = [r for r in found if not r.quiet]
    masks = [r.masked for r in found if r.quiet] + [v for r in loud for v in (r.ours, r.theirs)]
    gone: dict[str, list[int]] = {}
    for v in masks:
        if v is not None:
            gone.setdefault(v.file.id, []).append(v.position)
    files: dict[str, DataFile] = {}
    for id, f in merged.files.items():
        if f.dead is None and id not in gone:
            files[id] = f.file
            continue
        dead = (vector(f.file) if f.dead is None else f.dead).union(type(vector(f.file))(gone.get(id, [])))
        if len(dead) < f.file.rows:
            files[id] = f.file.with_deletions(in_memory(dead) if dead else None)
    disputed = {r.id: DisputedRow(r.base, r.ours, r.theirs) for r in loud}
    return BaseTable(
        replace(a, metadata=_metadata(under.table, a, b)),
        files,
        {**one.disputed, **other.disputed, **disputed},
    )


def _metadata(under: TableState | None, a: TableState, b: TableState) -> TableMetadata:
    merged, torn = MetadataMerge(lambda _: None).merge(
        under.metadata if under else None, a.metadata, b.metadata
    )
    unclear = {c.column.split(".")[0].lower() for c in torn if c.column is not None}
    properties = merged.properties
    if any(c.column is None for c in torn):
        both = a.metadata.properties.items() & b.metadata.properties.items()
        properties = dict(sorted(both))
    columns = tuple(c for c in merged.columns if c.name.lower() not in unclear)
    return replace(merged, columns=columns, properties=properties)
