"""Looks at rows, and writes those that a merge puts together: the I/O of a merge of rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.arrow import arrow_schema, conformed, decode_cells, encode_rows
from anabranch.core.format.files import (
    HIDDEN,
    ROW_COMMIT,
    ROW_ID,
    ROW_PLACE,
    DataFile,
    DeletionVector,
    write_positions,
)
from anabranch.core.format.names import Position
from anabranch.core.format.row_runs import RowRuns
from anabranch.core.format.tables import Check, TableMetadata
from anabranch.core.log.environment import Environment
from anabranch.core.log.replay import FileSet, TableState
from anabranch.core.operations.check_sql import for_duckdb
from anabranch.core.operations.engine import connected, quoted, register
from anabranch.core.operations.merge.cell_merge import Cells
from anabranch.core.operations.merge.cell_text import comparable, shown, to_json
from anabranch.core.operations.merge.numbered_rows import NumberedRows
from anabranch.core.operations.merge.row_merge import everything
from anabranch.core.operations.scan import PLACE_BITS, Scan, numbered_files
from anabranch.core.operations.writing import RowWriter
from anabranch.core.store.objects import ObjectStore

if TYPE_CHECKING:
    from pyroaring import BitMap64

SHOWN = 5  # so many rows that break a constraint are told


@dataclass(frozen=True)
class RowVersion:
    """A version of a row: what it is and where it lies."""

    id: int
    commit: int
    file: DataFile
    position: int

    @property
    def written_by(self) -> Position:
        """The commit that wrote it."""
        return Position.unpacked(self.commit)


@dataclass(frozen=True)
class RowsAt:
    """Some rows of a file."""

    file: DataFile
    rows: BitMap64


@dataclass(frozen=True)
class Violation:
    """A row that breaks a constraint."""

    constraint: str
    row: int
    shown: str


@dataclass(frozen=True)
class KeyClash:
    """Two rows with one key."""

    key: str
    ours: RowVersion
    theirs: RowVersion
    equal: bool


def in_memory(dead: BitMap64) -> DeletionVector:
    """The deletion vector of a file in no table: in memory, whatever its size."""
    return DeletionVector.of_inline(write_positions(dead), len(dead))


class RowAccess:
    """Reads and writes rows of tables of one store; `may_read` refuses tables whose rows nobody may see."""

    def __init__(self, store: ObjectStore, env: Environment, may_read: Callable[[TableState], None]) -> None:
        self._store = store
        self._env = env
        self._may_read = may_read

    def versions(self, table: TableState, rows: Iterable[RowsAt]) -> Iterator[RowVersion]:
        """Ids and commits of rows; only files that hold some of their own are read."""
        held = []
        for r in rows:
            if r.file.lineage:
                held.append(r)
            elif r.rows:
                commit = r.file.added_by.packed if r.file.added_by else 0
                yield from (RowVersion(r.file.ids.id_at(p), commit, r.file, p) for p in r.rows)
        yield from self._hidden(table, held)

    def numbered(
        self, table: TableState, some: RowsAt, wanted: Callable[[int], bool] = lambda _: True
    ) -> NumberedRows:
        """Rows of a file with their ids, which are read there.

        Args:
            table: to which it belongs.
            some: the rows.
            wanted: only rows of commits, packed, for which this is true.
        """
        from pyroaring import BitMap64

        found, _ = self._read(table, table.metadata, [some], HIDDEN)
        commits = pc.unique(found.column(ROW_COMMIT)).to_pylist()
        chosen = pa.array([c for c in commits if wanted(c)], pa.int64())
        found = found.filter(pc.is_in(found.column(ROW_COMMIT), value_set=chosen))
        ids = found.column(ROW_ID).combine_chunks()
        places = pc.bit_wise_and(found.column(ROW_PLACE).combine_chunks(), (1 << PLACE_BITS) - 1)
        # a run ends where ids or places do not follow on each other
        apart = pc.or_(*(pc.not_equal(pc.pairwise_diff(a), 1) for a in (ids, places)))
        begins = [0, *pc.indices_nonzero(apart).to_pylist()] if len(ids) else []
        counts = [b - a for a, b in pairwise([*begins, len(ids)])]
        runs = list(zip(ids.take(pa.array(begins, pa.int64())).to_pylist(), counts, strict=True))
        starts = places.take(pa.array(begins, pa.int64())).to_pylist()
        rows = BitMap64()
        for start, count in zip(starts, counts, strict=True):
            rows.add_range(start, start + count)
        return NumberedRows(some.file, rows, RowRuns(runs, starts))

    def _hidden(self, table: TableState, rows: list[RowsAt]) -> Iterator[RowVersion]:
        found, files = self._read(table, table.metadata, rows, HIDDEN)
        yield from _versions(files, *(found.column(name).to_pylist() for name in HIDDEN))

    def _read(
        self, table: TableState, metadata: TableMetadata, rows: Iterable[RowsAt], names: Sequence[str]
    ) -> tuple[pa.Table, dict[int, DataFile]]:
        """Columns of rows, and the files by their numbers in `ROW_PLACE`."""
        wanted = {r.file.id: r for r in rows if r.rows}
        part = [replace(r.file, deletions=in_memory(everything(r.file) - r.rows)) for r in wanted.values()]
        # rows of a side may be NULL where the other side allows that no more, which is what a merge looks for
        columns = tuple(replace(c, required=False) for c in metadata.columns)
        alone = replace(table, metadata=replace(metadata, columns=columns), files=FileSet.of(part))
        files = {i: wanted[f.id].file for i, f in enumerate(numbered_files(alone))}
        return Scan(self._store, alone, list(names)).reader().read_all(), files

    def cells(
        self, table: TableState, metadata: TableMetadata, versions: Sequence[RowVersion]
    ) -> dict[int, Cells]:
        """The cells of rows, by row id, as one reads them by this metadata."""
        if not versions:
            return {}
        self._may_read(table)
        files = {v.file.id: v.file for v in versions}
        near = [RowsAt(files[id], rows) for id, rows in places(versions).items()]
        rows, _ = self._read(table, metadata, near, [*(c.name for c in metadata.columns), ROW_ID])
        stored = {
            c.physical: pa.chunked_array(
                [conformed(a, c.type, storing=True) for a in rows.column(c.name).chunks]
            )
            if rows.num_rows
            else rows.column(c.name)
            for c in metadata.columns
        }
        cells = encode_rows(pa.table(stored)) if stored else [[] for _ in range(rows.num_rows)]
        types = [c.type for c in metadata.columns]
        found = ([comparable(t, x) for t, x in zip(types, row, strict=True)] for row in cells)
        return dict(zip(rows.column(ROW_ID).to_pylist(), found, strict=True))

    def write(
        self, table: TableState, metadata: TableMetadata, rows: Sequence[tuple[int, Cells]]
    ) -> list[DataFile]:
        """Writes rows that keep their ids."""
        writer = RowWriter(self._store, table.id, metadata, self._env, [ROW_ID])
        return writer.write([_table(metadata, rows)])

    def violations(
        self,
        table: TableState,
        metadata: TableMetadata,
        checks: Sequence[Check],
        required: frozenset[str],
        rows: Sequence[RowsAt],
    ) -> list[Violation]:
        """Rows that break one of the checks or are NULL in a required column; a few suffice.

        Args:
            table: to which the rows belong.
            metadata: as the rows are read.
            checks: conditions.
            required: physical names of columns.
            rows: to look at.
        """
        self._may_read(table)
        names = [*(c.name for c in metadata.columns), ROW_ID]
        found, _ = self._read(table, metadata, rows, names)
        return _broken(found, metadata, checks, required)

    def violations_of(
        self,
        metadata: TableMetadata,
        checks: Sequence[Check],
        required: frozenset[str],
        rows: Sequence[tuple[int, Cells]],
    ) -> list[Violation]:
        """The same of rows that are put together."""
        return _broken(_table(metadata, rows), metadata, checks, required)

    def clashes(
        self,
        table: TableState,
        metadata: TableMetadata,
        columns: Sequence[str],
        ours: Sequence[RowsAt],
        theirs: Sequence[RowsAt],
    ) -> list[KeyClash]:
        """Rows of both sides, of different ids, with the same values in some columns, none of them NULL."""
        places = [i for p in columns for i, c in enumerate(metadata.columns) if c.physical == p]
        names = [metadata.columns[i].name for i in places]
        pairs = self._pairs(table, metadata, names, ours, theirs)
        mine = self.cells(table, metadata, list({o.id: o for o, _ in pairs}.values()))
        other = self.cells(table, metadata, list({t.id: t for _, t in pairs}.values()))
        found = []
        for o, t in pairs:
            key = ", ".join(shown(metadata.columns[i].type, mine[o.id][i]) or "NULL" for i in places)
            found.append(KeyClash(key, o, t, mine[o.id] == other[t.id]))
        return found

    def doubled(
        self,
        table: TableState,
        metadata: TableMetadata,
        columns: Sequence[str],
        combined: Sequence[tuple[int, Cells]],
        sought: AbstractSet[int],
        others: Sequence[RowsAt],
    ) -> list[tuple[int, str]]:
        """Rows put together that have the values of another row in some columns, none of them NULL.

        Args:
            table: to which they belong.
            metadata: as the rows are read.
            columns: physical names.
            combined: all rows put together.
            sought: ids of those to look at.
            others: all other rows of the table.
        """
        self._may_read(table)
        places = [i for p in columns for i, c in enumerate(metadata.columns) if c.physical == p]
        names = [metadata.columns[i].name for i in places]
        together = _table(metadata, combined).select([*names, ROW_ID])
        rest, _ = self._read(table, metadata, others, [*names, ROW_ID])
        same = " AND ".join(f"o.{quoted(n)} = t.{quoted(n)}" for n in names)
        with connected() as connection:
            register(connection, "together", together)
            register(connection, "rest", rest)
            every = "(SELECT * FROM together UNION ALL SELECT * FROM rest)"
            joined = f"together o JOIN {every} t ON {same} AND o.{ROW_ID} <> t.{ROW_ID}"
            found = connection.sql(f"SELECT DISTINCT o.{ROW_ID} FROM {joined} ORDER BY ALL")
            ids = found.to_arrow_table().column(0).to_pylist()
        cells = dict(combined)
        return [
            (i, ", ".join(shown(metadata.columns[p].type, cells[i][p]) or "NULL" for p in places))
            for i in ids
            if i in sought
        ]

    def _pairs(
        self,
        table: TableState,
        metadata: TableMetadata,
        names: list[str],
        ours: Sequence[RowsAt],
        theirs: Sequence[RowsAt],
    ) -> list[tuple[RowVersion, RowVersion]]:
        self._may_read(table)
        mine, my_files = self._read(table, metadata, ours, [*names, *HIDDEN])
        other, their_files = self._read(table, metadata, theirs, [*names, *HIDDEN])
        same = " AND ".join(f"o.{quoted(n)} = t.{quoted(n)}" for n in names)
        hidden = ", ".join(f"{side}.{name} AS {side}{name}" for side in "ot" for name in HIDDEN)
        with connected() as connection:
            register(connection, "mine", mine)
            register(connection, "other", other)
            sql = f"SELECT {hidden} FROM mine o JOIN other t ON {same} AND o.{ROW_ID} <> t.{ROW_ID}"
            found = connection.sql(f"{sql} ORDER BY ALL").to_arrow_table()
        columns = [c.to_pylist() for c in found.columns]
        half = len(HIDDEN)
        return list(
            zip(_versions(my_files, *columns[:half]), _versions(their_files, *columns[half:]), strict=True)
        )


def _versions(
    files: dict[int, DataFile], ids: list[int], commits: list[int], places: list[int]
) -> Iterator[RowVersion]:
    for id, commit, place in zip(ids, commits, places, strict=True):
        yield RowVersion(id, commit, files[place >> PLACE_BITS], place & ((1 << PLACE_BITS) - 1))


def places(versions: Iterable[RowVersion]) -> dict[str, BitMap64]:
    """Where rows are, by file."""
    from pyroaring import BitMap64

    found: dict[str, BitMap64] = {}
    for v in versions:
        found.setdefault(v.file.id, BitMap64()).add(v.position)
    return found


def _table(metadata: TableMetadata, rows: Sequence[tuple[int, Cells]]) -> pa.Table:
    schema = pa.schema([f.with_nullable(True) for f in arrow_schema(metadata.columns)])
    arrays = [decode_cells([cells[i] for _, cells in rows], c.type) for i, c in enumerate(metadata.columns)]
    ids = pa.array([id for id, _ in rows], pa.int64())
    return pa.table(arrays, schema=schema).append_column(ROW_ID, ids)


def _broken(
    rows: pa.Table, metadata: TableMetadata, checks: Sequence[Check], required: frozenset[str]
) -> list[Violation]:
    broken = {
        f"NOT NULL of {c.name}": f"{quoted(c.name)} IS NULL"
        for c in metadata.columns
        if c.physical in required
    } | {f"CHECK {c.name} ({c.condition})": f"NOT ({for_duckdb(c.condition)}\n)" for c in checks}
    found = []
    with connected() as connection:
        register(connection, "rows", rows)
        for what, fails in broken.items():
            bad = connection.sql(f"SELECT * FROM rows WHERE {fails} ORDER BY {ROW_ID} LIMIT {SHOWN}")
            for row in bad.to_arrow_table().to_pylist():
                id = row.pop(ROW_ID)
                found.append(
                    Violation(what, id, json.dumps(to_json(row), separators=(",", ":"), ensure_ascii=False))
                )
    return found
