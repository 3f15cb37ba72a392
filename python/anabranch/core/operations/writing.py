"""Writes rows of a table: few stand in the commit, more go to Parquet files, cut by partition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, wait

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.arrow import arrow_type, conformed, encode_rows, supports_inline, value_of
from anabranch.core.format.canonical import canonical, sha256
from anabranch.core.format.files import DataFile
from anabranch.core.format.names import data_file
from anabranch.core.format.tables import TableMetadata
from anabranch.core.format.transforms import PartitionField, transformed
from anabranch.core.format.values import Value, encode
from anabranch.core.log.environment import Environment, requests
from anabranch.core.operations.packing import PackedFile, Waiting
from anabranch.core.operations.properties import TableProperties
from anabranch.core.operations.statistics import Statistics, leaf, stats_paths
from anabranch.core.store.objects import ObjectStore

MAX_INLINE_BYTES = 32 * 1024
MAX_OPEN_BYTES = 256 * 1024 * 1024


class RowWriter:
    """Writes rows of one table.

    Args:
        store: where its files go.
        table: its id.
        metadata: of the table.
        env: draws names.
        lineage: hidden columns that rows carry, of rows that are written again.
        one_file: all rows go to one file, of one partition, whatever its size.
    """

    def __init__(
        self,
        store: ObjectStore,
        table: str,
        metadata: TableMetadata,
        env: Environment,
        lineage: Sequence[str] = (),
        one_file: bool = False,
    ) -> None:
        self._store = store
        self._table = table
        self._metadata = metadata
        self._env = env
        self._lineage = list(lineage)
        self._one_file = one_file
        self._open: dict[str, PackedFile] = {}
        self._waiting = Waiting()
        self._closed: list[Future[DataFile]] = []
        types = [(c.physical, arrow_type(c.type, physical=True)) for c in metadata.columns]
        self._schema = pa.schema([*types, *((name, pa.int64()) for name in self._lineage)])
        self._properties = TableProperties.of(metadata.properties)
        inline = all(supports_inline(c.type) for c in metadata.columns)
        self._inline_limit = self._properties.inline_rows if inline else 0

    def write(self, batches: Iterable[pa.Table]) -> list[DataFile]:
        """Writes rows, by the names that users see; what they became.

        Nothing names the files before a commit does: a failure leaves nothing but objects that nobody sees.
        """
        try:
            return self._written(batches)
        except BaseException:
            for file in self._open.values():
                file.discard()
            wait(self._closed)  # so that nothing is written any more when the caller knows
            raise

    def _written(self, batches: Iterable[pa.Table]) -> list[DataFile]:
        few: list[pa.Table] | None = []
        for batch in batches:
            rows = self._stored(batch)
            if few is not None and sum(t.num_rows for t in few) + rows.num_rows <= self._inline_limit:
                few.append(rows)
                continue
            for held in [*(few or []), rows]:
                self._to_files(held)
            few = None
        if few:
            blocks = self._blocks(pa.concat_tables(few))
            if sum(b.size for b in blocks) <= MAX_INLINE_BYTES:
                return blocks
            for held in few:
                self._to_files(held)
        return self._finished()

    def _stored(self, batch: pa.Table) -> pa.Table:
        """The same rows by physical names."""
        arrays = []
        for c in self._metadata.columns:
            column = batch.column(c.name)
            t = arrow_type(c.type, physical=True)
            same = column.type == t
            arrays.append(
                column if same else pa.chunked_array([conformed(a, c.type, True) for a in column.chunks], t)
            )
        arrays += [batch.column(name) for name in self._lineage]
        return pa.table(arrays, schema=self._schema)

    def _blocks(self, rows: pa.Table) -> list[DataFile]:
        found = []
        for partition, part in self._parts(rows):
            block = encode_rows(part)
            data = canonical(block)
            if block:
                found.append(
                    DataFile(
                        self._env.new_id(),
                        len(data),
                        len(block),
                        sha256(data),
                        partition,
                        block=block,
                        inline=tuple(part.column_names),
                        lineage=tuple(self._lineage),
                    )
                )
        return found

    def _parts(self, rows: pa.Table) -> list[tuple[dict[str, Value], pa.Table]]:
        if self._one_file or not self._metadata.partitioning:
            return [({}, rows)]
        return partitioned(rows, self._metadata)

    def _to_files(self, rows: pa.Table) -> None:
        for partition, part in self._parts(rows):
            if not part.num_rows:
                continue
            key = canonical({k: encode(v) for k, v in partition.items()}).decode()
            if key not in self._open:
                paths = [*stats_paths(self._metadata, self._properties.stats_columns), *self._lineage]
                id = f"{self._env.new_id()}.parquet"
                draft = self._store.draft(data_file(self._table, id))
                stats = Statistics(paths, self._schema)
                self._open[key] = PackedFile(id, partition, self._schema, stats, self._waiting, draft)
            self._open[key].write(part)
            if not self._one_file and self._open[key].is_full(self._properties.target_bytes):
                self._close(key)
        if len(self._open) > 1 and sum(f.unpacked for f in self._open.values()) > MAX_OPEN_BYTES:
            while sum(f.size for f in self._open.values()) > MAX_OPEN_BYTES:
                self._close(max(self._open, key=lambda k: self._open[k].size))

    def _close(self, key: str) -> None:
        """Has a file finished and stored, beside the next one."""
        file = self._open.pop(key)
        file.flush()
        closed = requests.start(lambda: self._store_file(file))
        self._closed.append(closed)
        self._waiting.add(closed, file.size)

    def _store_file(self, file: PackedFile) -> DataFile:
        try:
            stats = file.stats.stats(file.finish())
        except BaseException:
            file.discard()
            raise
        # a lineage column of NULLs alone says nothing
        held = tuple(name for name in self._lineage if stats[name].nulls != file.rows)
        kept = {path: s for path, s in stats.items() if path not in self._lineage or path in held}
        out = file.out
        return DataFile(file.id, out.size, file.rows, out.sha256, file.partition, kept, lineage=held)

    def _finished(self) -> list[DataFile]:
        for key in list(self._open):
            self._close(key)
        return [closed.result() for closed in self._closed]


def partitioned(rows: pa.Table, metadata: TableMetadata) -> list[tuple[dict[str, Value], pa.Table]]:
    """Rows, by physical names, cut by their partition values."""
    types = dict(metadata.leaves)
    code = pa.repeat(pa.scalar(0, pa.int64()), rows.num_rows)
    keys: list[list[Value | None]] = []
    for f in metadata.partitioning:
        places, found = _codes(rows, f, types[f.column])
        code = pc.add(pc.multiply(code, len(found)), places)
        keys.append(found)
    order = pc.sort_indices(code)
    runs = pc.run_end_encode(code.take(order))
    parts, start, ordered = [], 0, rows.take(order)
    for end, packed in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
        partition: dict[str, Value] = {}
        for f, found in zip(reversed(metadata.partitioning), reversed(keys), strict=True):
            packed, place = divmod(packed, len(found))
            value = found[place]
            if value is not None:
                partition[f.key] = value
        parts.append((partition, ordered.slice(start, end - start)))
        start = end
    return parts


def _codes(rows: pa.Table, f: PartitionField, t: object) -> tuple[pa.Array, list[Value | None]]:
    """Of each row the place of its partition value among the distinct ones."""
    column = leaf(rows, f.column)
    assert column is not None
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    plain = [value_of(x) for x in encoded.dictionary]
    values = [None if v is None else transformed(f, t, v) for v in plain]
    distinct = list(dict.fromkeys(_key(v) for v in values))
    by_key = {_key(v): v for v in values}
    places = pa.array([distinct.index(_key(v)) for v in values], pa.int64())
    return places.take(encoded.indices), [by_key[k] for k in distinct]


def _key(v: Value | None) -> object:
    return None if v is None else encode(v)


def file_metrics(added: Sequence[DataFile], removed: Sequence[DataFile], masked: int = 0) -> dict[str, int]:
    """What a write did to files, counted: those that came, those that went, and those of which rows went."""
    came, went = ([f for f in files if not f.is_inline] for files in (added, removed))
    found = {
        "files_added": len(came),
        "files_removed": len(went),
        "files_masked": masked,
        "bytes_added": sum(f.size for f in came),
        "bytes_removed": sum(f.size for f in went),
    }
    return {name: n for name, n in found.items() if n}
