"""Packs rows into Parquet files: beside the thread that brings them, and several files at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anabranch.core.format.values import Value
from anabranch.core.log.environment import requests
from anabranch.core.operations.statistics import Statistics
from anabranch.core.store.drafts import Draft

GROUP_ROWS = 128 * 1024  # bounds of a row group leave it out: small ones make look-ups quick
SAMPLE_ROWS = 10_000
WHOLE_DIGITS = 18  # decimals of more are bytes in Parquet
PENDING_ROWS = 8 * GROUP_ROWS
PENDING_BYTES = 64 * 1024 * 1024
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_WAITING_BYTES = 640 * 1024 * 1024  # more than one file's, so that the next one begins while it is packed


class Waiting:
    """What is not packed or not stored yet; holds back who brings more, so that memory is bounded."""

    def __init__(self) -> None:
        self._bytes: dict[Future[Any], int] = {}

    def add(self, work: Future[Any], size: int) -> None:
        """Some bytes more, until that work is done; waits while there are too many."""
        self._bytes[work] = size
        while sum(self._bytes.values()) > MAX_WAITING_BYTES:
            done, _ = wait(self._bytes, return_when=FIRST_COMPLETED)
            for work in done:
                del self._bytes[work]


class PackedFile:
    """A Parquet file that grows. When it is full depends on its rows, not on how fast they are packed."""

    def __init__(
        self,
        id: str,
        partition: dict[str, Value],
        schema: pa.Schema,
        stats: Statistics,
        waiting: Waiting,
        out: Draft,
    ) -> None:
        self.id = id
        self.partition = partition
        self.stats = stats
        self.rows = 0
        self._schema = schema
        self._waiting = waiting
        self._pending: list[pa.Table] = []
        self._pending_bytes = 0
        self._pending_rows = 0
        self._flushed_bytes = 0
        self._first: Future[float] | None = None
        self._last: Future[float] | None = None
        self.out = out
        self._metadata: list[pq.FileMetaData] = []
        self._writer: pq.ParquetWriter | None = None

    @property
    def unpacked(self) -> int:
        """Bytes of the rows in memory, before they are packed."""
        return self._flushed_bytes + self._pending_bytes

    @property
    def size(self) -> int:
        """About how many bytes the file has: what was flushed counts as the first flush of several did."""
        share = self._first.result() if self._first and self._first is not self._last else 1
        return int(self._flushed_bytes * share) + self._pending_bytes

    def is_full(self, target: int) -> bool:
        """Whether it has about so many bytes, or came from so many that the next one should begin."""
        return self.unpacked >= MAX_UNPACKED_BYTES or (self.unpacked >= target and self.size >= target)

    def write(self, rows: pa.Table) -> None:
        """Row groups are made of many small tables, or of a part of a large one."""
        self._pending.append(rows)
        self._pending_bytes += rows.nbytes
        self._pending_rows += rows.num_rows
        self.stats.add(rows)
        self.rows += rows.num_rows
        # The first flush is small: it tells how many bytes rows become, and who asks for that waits for it.
        most = PENDING_ROWS if self._first else GROUP_ROWS
        if self._pending_rows >= most or self._pending_bytes >= PENDING_BYTES:
            self.flush()

    def flush(self) -> None:
        """Has the pending rows packed."""
        if self._pending:
            rows, size, before = pa.concat_tables(self._pending), self._pending_bytes, self._last
            self._pending, self._pending_bytes, self._pending_rows = [], 0, 0
            self._flushed_bytes += size
            self._last = requests.start(lambda: self._pack(rows, before))
            self._first = self._first or self._last
            self._waiting.add(self._last, size)

    def _pack(self, rows: pa.Table, before: Future[float] | None) -> float:
        """Packs rows after those before; how many bytes they became, for one of theirs."""
        if before is not None:  # began earlier, and waits for none that began later
            before.result()
        start = self.out.size
        with self.out.written():
            self._writing(rows).write_table(rows, row_group_size=GROUP_ROWS)
        return (self.out.size - start) / max(int(rows.nbytes), 1)

    def _writing(self, rows: pa.Table) -> pq.ParquetWriter:
        if self._writer is None:
            repeating = _repeating(rows)
            self._writer = pq.ParquetWriter(
                self.out,
                self._schema,
                compression="zstd",
                use_dictionary=repeating,
                column_encoding=_delta(self._schema, repeating) or None,
                store_decimal_as_integer=True,
                write_statistics=[path for f in self._schema for path in _ordered(f.name, f.type)],
                version="2.6",
                metadata_collector=self._metadata,
            )
        return self._writer

    def finish(self) -> pq.FileMetaData:
        """Stores the file, when all is packed that was flushed."""
        if self._last is not None:
            self._last.result()
        with self.out.written():
            self._writing(self._schema.empty_table()).close()
        self.out.finish()
        return self._metadata[0]

    def discard(self) -> None:
        """Leaves nothing of a file that is not to be stored."""
        if self._last is not None:
            wait([self._last])
        self.out.discard()
        if self._writer is not None:
            # else its last reference closes it, and what failed is said once more
            with suppress(Exception):
                self._writer.close()


def _ordered(path: str, t: pa.DataType) -> Iterator[str]:
    """The columns of Parquet that get statistics there.

    Those of floats know nothing of NaN, which in Spark's order is above all numbers.
    """
    if pa.types.is_struct(t):
        for i in range(t.num_fields):
            yield from _ordered(f"{path}.{t.field(i).name}", t.field(i).type)
    elif pa.types.is_map(t):
        yield from _ordered(f"{path}.key_value.key", t.key_type)
        yield from _ordered(f"{path}.key_value.value", t.item_type)
    elif pa.types.is_list(t):
        yield from _ordered(f"{path}.list.element", t.value_type)
    elif not pa.types.is_floating(t):
        yield path


def _repeating(rows: pa.Table) -> list[str]:
    """Columns whose values repeat: looking for a dictionary of others takes most of the time of writing.

    Each row group has a dictionary, and the sample is spread over one: values that only repeat side by side,
    as where rows are sorted, need a large one.
    """
    group = rows.select([f.name for f in rows.schema if not pa.types.is_nested(f.type)]).slice(0, GROUP_ROWS)
    sample = group.take(pa.array(range(0, group.num_rows, max(1, group.num_rows // SAMPLE_ROWS))))
    return [
        n for n in sample.column_names if 3 * pc.count_distinct(sample.column(n)).as_py() <= sample.num_rows
    ]


def _delta(schema: pa.Schema, repeating: Sequence[str]) -> dict[str, str]:
    """How whole numbers that don't repeat are written: smaller than plain ones, quicker to write and read."""
    # Parquet's writer can't tell the column a.b from the field b of a column a
    names = (f.name for f in schema if _is_whole(f.type) and f.name not in repeating and "." not in f.name)
    return dict.fromkeys(names, "DELTA_BINARY_PACKED")


def _is_whole(t: pa.DataType) -> bool:
    """Whether Parquet holds values as whole numbers of 32 or 64 bits."""
    if pa.types.is_decimal(t):
        return bool(t.precision <= WHOLE_DIGITS)
    return bool(pa.types.is_integer(t) or pa.types.is_date(t) or pa.types.is_timestamp(t))
