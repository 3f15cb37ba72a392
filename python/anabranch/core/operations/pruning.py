"""Leaves out files that can't hold a row for which a condition is true [STAT-3].

What is known of a file is a guarantee about its rows; Arrow tells whether a condition can be true beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs

from anabranch.core.format.arrow import scalar
from anabranch.core.format.files import LINEAGE, DataFile
from anabranch.core.format.tables import TableMetadata
from anabranch.core.format.values import Kind, kind_of
from anabranch.core.log.bounds import Bounds, bounds_of
from anabranch.core.operations.condition_text import text_of

_FORMAT = ds.ParquetFileFormat()
_NOWHERE = fs.LocalFileSystem()  # asked for nothing: fragments only carry guarantees


def named_in(condition: pc.Expression | None, names: Iterable[str]) -> list[str]:
    """The names that a condition may speak of: at least those that it does; all where it names places."""
    text = "" if condition is None else text_of(condition)
    return [name for name in names if text is None or name in text or "FieldPath(" in text]


def prune(
    files: Sequence[DataFile], condition: pc.Expression | None, metadata: TableMetadata, schema: pa.Schema
) -> list[DataFile]:
    """Files that may hold a row for which the condition is true.

    Args:
        files: to choose from.
        condition: on the columns that users see, and on hidden ones.
        metadata: of the table.
        schema: of all columns that the condition may speak of.
    """
    if condition is None or not files:
        return list(files)
    wanted = named_in(condition, schema.names)
    kinds = {c.name: (c.physical, kind_of(c.type)) for c in metadata.columns}
    kinds |= {n: (n, "whole") for n in LINEAGE}
    exact = {f.column for f in metadata.partitioning if f.transform == "identity"}
    fragments = []
    for i, file in enumerate(files):
        known = pc.scalar(True)
        for name in wanted:
            path, kind = kinds.get(name, (name, None))
            if kind is not None:
                bounds = _of_kind(bounds_of(file, path, path in exact), kind)
                told = _guarantee(name, bounds, schema.field(name).type)
                known = known if told is None else known & told
        fragments.append(_FORMAT.make_fragment(str(i), _NOWHERE, partition_expression=known))
    dataset = ds.FileSystemDataset(fragments, schema, _FORMAT, _NOWHERE)
    return [files[int(f.path)] for f in dataset.get_fragments(filter=condition)]


def _of_kind(b: Bounds, kind: Kind) -> Bounds:
    """Bounds of another kind say nothing of the values."""
    low, high = (v if v is not None and v.kind == kind else None for v in (b.min, b.max))
    return b._replace(min=low, max=high)


def _guarantee(name: str, b: Bounds, t: pa.DataType) -> pc.Expression | None:
    """What is true for every row of a file whose column has these bounds; None if nothing is known."""
    column = pc.field(name)
    if b.all_null:
        return column.is_null()
    told = None
    if b.min is not None:
        told = column >= scalar(b.min, t)
    # a column that holds a NaN has no upper bound: Arrow finds no NaN above or below a lower one, but may be
    # asked to take it for NULL
    may_be_null = b.may_be_null or (pa.types.is_floating(t) and b.max is None)
    if b.max is not None:
        above = column <= scalar(b.max, t)
        told = above if told is None else told & above
    if told is None:
        return column.is_valid() if not may_be_null else None
    return told | column.is_null() if may_be_null else told
