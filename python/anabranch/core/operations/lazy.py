"""A table as a lazy frame of Polars."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.log.replay import FileSet
from anabranch.core.operations.condition_text import text_of
from anabranch.core.operations.dataset import TableDataset
from anabranch.core.operations.pruning import named_in
from anabranch.core.operations.scan import Scan

if TYPE_CHECKING:
    import polars

_NAN = re.compile(r"(?<!\w)-?nan(?!\w)", re.IGNORECASE)
_INFINITY, _ZERO = pc.scalar(math.inf), pc.scalar(0.0)


class _WithNan(TableDataset):
    """Also gives rows that have a NaN or a zero where the condition looks.

    To Polars NaN is above all numbers, and -0.0 is in a list that has 0.0: it chooses among these itself.
    """

    def scan(
        self, columns: Sequence[str] | None = None, filter: pc.Expression | None = None, **_: Any
    ) -> Scan:
        if filter is not None:
            text = text_of(filter)
            if text is None or _NAN.search(text):  # to Arrow, nothing is below or above it
                return super().scan(columns)
            for name in named_in(filter, self.schema.names):
                t = self.schema.field(name).type
                if pa.types.is_nested(t):
                    filter = pc.scalar(True)
                elif pa.types.is_floating(t):
                    filter = filter | ~(pc.field(name) <= _INFINITY) | (pc.field(name) == _ZERO)
        return super().scan(columns, filter)


class _Asked(_WithNan):
    """Remembers what Polars would read by a condition of its own, and gives nothing."""

    asked: Scan | None = None

    def scan(
        self, columns: Sequence[str] | None = None, filter: pc.Expression | None = None, **_: Any
    ) -> Scan:
        self.asked = super().scan(columns, filter)
        return replace(self.asked, table=replace(self.asked.table, files=FileSet.of(())))


def lazy_frame(dataset: TableDataset) -> polars.LazyFrame:
    """A lazy frame that pushes columns and conditions down; what is true of NaN is as in all of Polars.

    Its rows come batch by batch, so that what Polars streams stays in bounded memory.
    """
    import polars
    from polars.io.plugins import register_io_source

    empty = polars.from_arrow(dataset.schema.empty_table())
    assert isinstance(empty, polars.DataFrame)

    def scan(columns: list[str] | None, condition: polars.Expr | None) -> Scan:
        asked = dataset.as_type(_Asked)
        assert isinstance(asked, _Asked)
        lazy = polars.scan_pyarrow_dataset(asked)
        lazy = lazy if condition is None else lazy.filter(condition)
        (lazy if columns is None else lazy.select(columns)).collect()
        assert asked.asked is not None
        return asked.asked

    def frames(
        columns: list[str] | None, condition: polars.Expr | None, rows: int | None, _: int | None
    ) -> Iterator[polars.DataFrame]:
        named = () if condition is None else condition.meta.root_names()
        wanted = None if columns is None else list(dict.fromkeys([*columns, *named])) or empty.columns[:1]
        # so many rows are taken before the condition looks at them
        batches = scan(wanted, condition if rows is None else None).batches()
        left, some = rows, False
        for batch in batches if left != 0 else ():
            frame = polars.from_arrow(batch if left is None else batch.slice(0, left))
            assert isinstance(frame, polars.DataFrame)
            left = None if left is None else left - frame.height
            frame = frame if condition is None else frame.filter(condition)
            some = True
            # rows that are only numbered have no columns, and a select of none would have no rows
            yield (
                frame if columns is None else frame.select(columns) if columns else frame.drop(frame.columns)
            )
            if left == 0:
                break
        if not some:
            yield empty if columns is None else empty.select(columns)

    return register_io_source(frames, schema=empty.schema)
