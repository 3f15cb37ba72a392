"""Reads rows of a table: files side by side, deleted rows left out, as Arrow record batches."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anabranch.core.format.arrow import arrow_schema, arrow_type, conformed, decode_cells, is_known, value_of
from anabranch.core.format.canonical import corrupt
from anabranch.core.format.files import HIDDEN, ROW_COMMIT, ROW_PLACE, DataFile
from anabranch.core.format.names import data_file
from anabranch.core.format.tables import Column
from anabranch.core.format.values import ColumnStats
from anabranch.core.log.environment import requests
from anabranch.core.log.replay import TableState
from anabranch.core.log.vectors import DeletionVectors
from anabranch.core.operations.literals import literal
from anabranch.core.operations.pruning import named_in, prune
from anabranch.core.store.objects import ObjectStore, failure, is_denied
from anabranch.errors import AnabranchError, error

if TYPE_CHECKING:
    from pyroaring import BitMap64

BATCH_ROWS = 128 * 1024
PIECE_ROWS = 1024 * 1024
AHEAD = max(4, 2 * (os.cpu_count() or 1))
WHOLE_BYTES = 4 * 1024 * 1024  # a remote file of at most this size is read by one request
PLACE_BITS = 40  # of `_row_place`: the position of a row in its file; above them the number of the file


@dataclass(frozen=True)
class Scan:
    """What is to be read of a table.

    Attributes:
        store: where its files lie.
        table: in the state that is read.
        names: of the columns wanted, in order; hidden ones, too.
        condition: rows for which it is true are wanted; on columns and hidden ones.
    """

    store: ObjectStore
    table: TableState
    names: Sequence[str]
    condition: pc.Expression | None = None

    @property
    def schema(self) -> pa.Schema:
        """Of what is read."""
        return schema_of(self.table, self.names)

    def conditioned(self) -> list[str]:
        """Columns that the condition names."""
        return named_in(self.condition, all_names(self.table))

    def files(self) -> list[tuple[int, DataFile]]:
        """The files to look at, with their numbers in the table."""
        everything = numbered_files(self.table)
        numbers = {f.id: i for i, f in enumerate(everything)}
        schema = schema_of(self.table, self.conditioned())
        wanted = prune(everything, self.condition, self.table.metadata, schema)
        return [(numbers[f.id], f) for f in wanted]

    def batches(self, files: Sequence[tuple[int, DataFile]] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows. What is read ahead is bounded, whatever the size of the table.

        Args:
            files: those to look at, in this order; None for all that may hold wanted rows.
        """
        if not self.names:
            yield from (columnless(b.num_rows) for b in replace(self, names=[ROW_PLACE]).batches(files))
            return
        # those of the condition come first, since it may name them by their places
        reading = Reading(self, list(dict.fromkeys([*self.conditioned(), *self.names])))
        chosen = self.files() if files is None else files
        opened = requests.ahead(chosen, lambda f: reading.opened(*f), AHEAD)
        pieces = (piece for file in opened for piece in file.pieces())
        for rows in requests.ahead(pieces, lambda piece: piece.read(), AHEAD):
            yield from rows.to_batches(max_chunksize=BATCH_ROWS)

    def reader(self) -> pa.RecordBatchReader:
        """The rows, as Arrow passes them on."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())

    def count(self) -> int:
        """How many rows there are; without reading any where there is no condition."""
        if self.condition is None:
            return self.table.files.rows
        return sum(b.num_rows for b in replace(self, names=[ROW_PLACE]).batches())


def columnless(rows: int) -> pa.RecordBatch:
    """So many rows without a column."""
    return pa.RecordBatch.from_struct_array(pa.nulls(rows, pa.struct([])))


def numbered_files(table: TableState) -> list[DataFile]:
    """The files of a table in the order of their commits and rows: the number of one is its place here."""

    def place(f: DataFile) -> tuple[int, int, str]:
        return f.added_by.packed if f.added_by else 1 << 63, f.first_row or 0, f.id

    return sorted(table.files.files.values(), key=place)


def all_names(table: TableState) -> list[str]:
    """All columns of a table, hidden ones last."""
    return [*(c.name for c in table.metadata.columns), *HIDDEN]


def readable_names(table: TableState) -> list[str]:
    """All but columns of types that only Spark has."""
    columns = [c.name for c in table.metadata.columns if is_known(c.type)]
    return [*columns, *HIDDEN]


def schema_of(table: TableState, names: Sequence[str]) -> pa.Schema:
    """Some columns of a table.

    Raises:
        SchemaUnsupportedType: for a type that only Spark has.
    """
    hidden = {name: pa.field(name, pa.int64()) for name in HIDDEN}
    own = {c.name: c for c in table.metadata.columns}
    return pa.schema([hidden.get(n) or arrow_schema([own[n]]).field(0) for n in names])


def full_schema(table: TableState) -> pa.Schema:
    """All columns that are readable, hidden ones last."""
    return schema_of(table, readable_names(table))


@dataclass(frozen=True)
class Reading:
    """A scan, and the columns that it takes: those wanted, and those of the condition."""

    scan: Scan
    needed: list[str]

    def columns(self) -> list[Column]:
        """The columns of the table among them."""
        by_name = {c.name: c for c in self.scan.table.metadata.columns}
        return [by_name[name] for name in self.needed if name in by_name]

    def opened(self, number: int, file: DataFile) -> Opened:
        """A file with its footer and its deleted rows."""
        table = self.scan.table
        vector = DeletionVectors(self.scan.store).of(file, table.full_name)
        gone = vector if len(vector) else None
        if file.is_inline:
            return Opened(self, number, file, gone, None)
        return Opened(self, number, file, gone, _parquet(self.scan.store, table, file))

    def finished(self, rows: pa.Table) -> pa.Table:
        """The wanted rows and columns."""
        if self.scan.condition is not None:
            rows = rows.filter(self.scan.condition)
        return rows.select(list(self.scan.names)).cast(self.scan.schema)


@dataclass(frozen=True)
class Opened:
    """A file to be read: its deleted rows, and Parquet's view of it; None for a block of inline rows."""

    reading: Reading
    number: int
    file: DataFile
    gone: BitMap64 | None
    parquet: pq.ParquetFile | None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def pieces(self) -> Iterator[Piece]:
        """The row groups that may hold wanted rows; neighbours together, as long as they are not too many."""
        if self.parquet is None:
            yield Piece(self, None, 0, self.file.rows)
            return
        start, groups, rows = 0, list[int](), 0
        for group in range(self.parquet.metadata.num_row_groups):
            count = self.parquet.metadata.row_group(group).num_rows
            wanted = self._may_match(group, start, count)
            if groups and (not wanted or rows + count > PIECE_ROWS):
                yield Piece(self, groups, start - rows, rows)
                groups, rows = [], 0
            if wanted:
                groups, rows = [*groups, group], rows + count
            start += count
        if groups:
            yield Piece(self, groups, start - rows, rows)

    def _may_match(self, group: int, start: int, rows: int) -> bool:
        scan = self.reading.scan
        if self.gone is not None and self.gone.range_cardinality(start, start + rows) == rows:
            return False
        if scan.condition is None or self.parquet is None or self.parquet.metadata.num_row_groups == 1:
            return True
        stats = _group_stats(self.parquet, group, self.reading.columns())
        ids = self.file.id_runs()
        first = ids[0][0] + start if len(ids) == 1 else None
        part = replace(self.file, rows=rows, stats={**self.file.stats, **stats}, first_row=first)
        schema = schema_of(scan.table, scan.conditioned())
        return bool(prune([part], scan.condition, scan.table.metadata, schema))


@dataclass(frozen=True)
class Piece:
    """Row groups of a file, or a block of inline rows: `rows` rows from position `start`."""

    opened: Opened
    groups: list[int] | None
    start: int
    rows: int

    def read(self) -> pa.Table:
        """Its wanted rows."""
        reading, file = self.opened.reading, self.opened.file
        columns = reading.columns()
        stored = self._stored(
            [*(c.physical for c in columns), *(n for n in file.lineage if n in reading.needed)]
        )
        arrays: dict[str, pa.Array | pa.ChunkedArray] = {}
        for c in columns:
            held = stored.get(c.physical)
            if held is None:
                arrays[c.name] = pa.repeat(
                    literal(c.attributes.get("default.exists"), arrow_type(c.type)), self.rows
                )
            elif self.groups is None:
                arrays[c.name] = held
            else:
                arrays[c.name] = pa.chunked_array(
                    [conformed(a, c.type) for a in held.chunks], arrow_type(c.type)
                )
        for name in HIDDEN:
            if name in reading.needed:
                arrays[name] = self._hidden(name, stored.get(name))
        if not arrays:  # only counted
            arrays[""] = pa.nulls(self.rows)
        table = pa.table({name: arrays[name] for name in reading.needed} or arrays)
        return reading.finished(self._living(table))

    def _stored(self, physical: list[str]) -> dict[str, pa.ChunkedArray]:
        opened, file = self.opened, self.opened.file
        if opened.parquet is not None:
            held = set(opened.parquet.schema_arrow.names)  # made anew each time
            there = [name for name in physical if name in held]
            path = data_file(opened.reading.scan.table.id, file.id)
            # Parquet's reader reads columns side by side, but for one at a time
            with opened.lock, _undamaged(opened.reading.scan.store, path):
                found = opened.parquet.read_row_groups(self.groups or [], columns=there)
            return {name: found.column(name) for name in there}
        if file.block is None:
            table = opened.reading.scan.table
            raise error(
                "ANABRANCH_DATA.ROWS_ERASED", block=file.id, table=table.full_name, commit=file.added_by
            )
        types = {c.physical: c.type for c in opened.reading.columns()} | {n: "long" for n in file.lineage}
        places = {name: i for i, name in enumerate(file.inline)}
        return {
            name: decode_cells([row[places[name]] for row in file.block], types[name])
            for name in physical
            if name in places
        }

    def _living(self, rows: pa.Table) -> pa.Table:
        """Without the deleted rows: these are looked for among all, or the others taken, if these are few."""
        from pyroaring import BitMap64

        here = BitMap64(range(self.start, self.start + self.rows))
        gone = here & self.opened.gone if self.opened.gone is not None else BitMap64()
        if not gone:
            return rows
        if 2 * len(gone) > self.rows:
            return rows.take(pc.subtract(_numbers(here - gone), self.start))
        places = pa.arange(self.start, self.start + self.rows)
        return rows.filter(pc.invert(pc.is_in(places, value_set=_numbers(gone))))

    def _hidden(self, name: str, held: pa.ChunkedArray | None) -> pa.Array | pa.ChunkedArray:
        file = self.opened.file
        if name == ROW_PLACE:
            base = self.opened.number << PLACE_BITS
            return pa.arange(base + self.start, base + self.start + self.rows)
        if name == ROW_COMMIT:
            implied = pa.repeat(
                pa.scalar(file.added_by.packed if file.added_by else None, pa.int64()), self.rows
            )
        elif file.added_by is None:
            implied = pa.nulls(self.rows, pa.int64())  # not committed yet: numbers come with the commit
        else:
            runs = [pa.arange(first, first + count) for first, count in file.id_runs()]
            implied = pa.concat_arrays(runs).slice(self.start, self.rows)
        return implied if held is None else pc.coalesce(held, implied)


def _numbers(some: BitMap64) -> pa.Array:
    """As Arrow has them, without taking them apart."""
    return pa.Array.from_buffers(pa.int64(), len(some), [None, pa.py_buffer(some.to_array())])


def _group_stats(parquet: pq.ParquetFile, group: int, columns: list[Column]) -> dict[str, ColumnStats]:
    """Bounds of a row group, as far as they can be trusted: Parquet's know nothing of NaN."""
    wanted = {c.physical: arrow_type(c.type) for c in columns if c.type not in ("float", "double")}
    meta, found = parquet.metadata.row_group(group), {}
    for i in range(meta.num_columns):
        column = meta.column(i)
        name, stats = column.path_in_schema, column.statistics
        if name in wanted and "." not in name and stats is not None and stats.has_min_max:
            try:
                low, high = (value_of(pa.scalar(x, wanted[name])) for x in (stats.min, stats.max))
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                continue
            found[name] = ColumnStats(low, high, stats.null_count if stats.has_null_count else None)
    return found


def _parquet(store: ObjectStore, table: TableState, file: DataFile) -> pq.ParquetFile:
    path = data_file(table.id, file.id)
    far = store.folder is None and file.size > WHOLE_BYTES
    try:
        with _undamaged(store, path):
            return pq.ParquetFile(_source(store, path, file.size), pre_buffer=far)
    except FileNotFoundError:
        raise error(
            "ANABRANCH_DATA.FILE_MISSING", file=file.id, table=table.full_name, commit=file.added_by
        ) from None


def _source(store: ObjectStore, path: str, size: int) -> pa.NativeFile:
    if store.folder is not None:
        return pa.memory_map(str(store.folder / path))
    if size > WHOLE_BYTES:
        return pa.PythonFile(RemoteFile(store, path, size), "r")
    data = store.read(path)
    if data is None:
        raise FileNotFoundError(path)
    return pa.BufferReader(data)


@contextmanager
def _undamaged(store: ObjectStore, path: str) -> Iterator[None]:
    """What Arrow finds wrong with a file; one that is not there stays a FileNotFoundError."""
    try:
        yield
    except (FileNotFoundError, AnabranchError):
        raise
    except (pa.ArrowException, OSError) as e:
        if is_denied(e):
            raise failure("read", f"{store.root}/{path}", e) from e
        raise corrupt(path, str(e).splitlines()[0].rstrip(".")) from e


class RemoteFile(io.RawIOBase):
    """An object as a file: each read is a request, which Parquet makes large."""

    def __init__(self, store: ObjectStore, path: str, size: int) -> None:
        self._store, self._path, self._size, self._at = store, path, size, 0

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read starts."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to where the next read starts."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Bytes from there on."""
        length = min(size if size >= 0 else self._size, self._size - self._at)
        if length <= 0:
            return b""
        found = self._store.read_range(self._path, self._at, length)
        self._at += len(found)
        return found
