"""A table as a lazy frame of Polars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.operations.dataset import TableDataset
from anabranch.core.operations.pruning import named_in
from anabranch.core.operations.scan import Scan

if TYPE_CHECKING:
    import polars

_INFINITY, _ZERO = pc.scalar(math.inf), pc.scalar(0.0)


class _WithNan(TableDataset):
    """Also gives rows that have a NaN or a zero where the condition looks.

    To Polars NaN is above all numbers, and -0.0 is in a list that has 0.0: it chooses among these itself.
    """

    def scan(
        self, columns: Sequence[str] | None = None, filter: pc.Expression | None = None, **_: Any
    ) -> Scan:
        if filter is not None:
            for name in named_in(filter, self.schema.names):
                t = self.schema.field(name).type
                if pa.types.is_nested(t):
                    filter = pc.scalar(True)
                elif pa.types.is_floating(t):
                    filter = filter | ~(pc.field(name) <= _INFINITY) | (pc.field(name) == _ZERO)
        return super().scan(columns, filter)


def lazy_frame(dataset: TableDataset) -> polars.LazyFrame:
    """A lazy frame that pushes columns and conditions down; what is true of NaN is as in all of Polars."""
    import polars
    from polars.io.plugins import register_io_source

    found = dataset.as_type(_WithNan)
    empty = polars.from_arrow(found.schema.empty_table())
    assert isinstance(empty, polars.DataFrame)

    def frames(
        columns: list[str] | None, condition: polars.Expr | None, rows: int | None, _: int | None
    ) -> Iterator[polars.DataFrame]:
        lazy = polars.scan_pyarrow_dataset(found)
        if rows is not None:
            lazy = lazy.head(rows)
        if condition is not None:
            lazy = lazy.filter(condition)
        wanted = (
            None
            if columns is None
            else [*columns, *(condition.meta.root_names() if condition is not None else ())]
        )
        frame = lazy.collect() if wanted is None else lazy.select(list(dict.fromkeys(wanted))).collect()
        frame = frame if condition is None else frame.filter(condition)
        yield frame if columns is None else frame.select(columns)

    return register_io_source(frames, schema=empty.schema)
