"""Data files and their deletion vectors, as entries tell of them: section 4 of SPEC.md."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from anabranch.core.format.canonical import int64, some
from anabranch.core.format.members import Members
from anabranch.core.format.names import Position
from anabranch.core.format.row_runs import RowRuns, Run
from anabranch.core.format.values import ColumnStats, Value, decode, encode

if TYPE_CHECKING:
    from pyroaring import BitMap64

ROW_ID = "_row_id"
ROW_COMMIT = "_row_commit"
LINEAGE = (ROW_ID, ROW_COMMIT)
ROW_PLACE = "_row_place"
HIDDEN = (*LINEAGE, ROW_PLACE)

MAX_INLINE_VECTOR = 4096


@dataclass(frozen=True)
class DeletionVector:
    """The deleted positions of a data file, counted from 0.

    Attributes:
        cardinality: how many rows are deleted.
        inline: the bitmap in Base64, for a small one.
        object: the object under ``dv/`` that holds a large one.
        sha256: of the object.
        written_by: the commit that wrote it; not written in that commit, but in checkpoints.
    """

    cardinality: int
    inline: str | None = None
    object: str | None = None
    sha256: str | None = None
    written_by: Position | None = None

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return some(
            cardinality=int64(self.cardinality),
            inline=self.inline,
            object=self.object,
            sha256=self.sha256,
            written_by=None if self.written_by is None else str(self.written_by),
        )

    @staticmethod
    def decode(r: Members) -> DeletionVector:
        """From JSON."""
        found = DeletionVector(
            r.integer("cardinality"),
            r.text_or_none("inline"),
            r.text_or_none("object"),
            r.text_or_none("sha256"),
            r.parsed_or_none("written_by", Position.parse, "a position"),
        )
        if (found.inline is None) == (found.object is None):
            raise r.wrong("inline", "there instead of an object, or the reverse")
        return found

    @staticmethod
    def of_inline(data: bytes, cardinality: int) -> DeletionVector:
        """A vector that stands in the commit."""
        return DeletionVector(cardinality, base64.b64encode(data).decode("ascii"))


def write_positions(positions: Iterable[int]) -> bytes:
    """Positions in the 64-bit portable Roaring encoding [DV-1]."""
    from pyroaring import BitMap64

    bitmap = positions if isinstance(positions, BitMap64) else BitMap64(positions)
    bitmap.run_optimize()
    found: bytes = bitmap.serialize()
    return found


def read_positions(data: bytes) -> BitMap64:
    """The positions that `write_positions` gave.

    Raises:
        ValueError: if the bytes are no such bitmap, or more than it.
    """
    from pyroaring import BitMap64

    try:
        bitmap = BitMap64.deserialize(data)
    except IndexError:
        raise ValueError("it is empty") from None
    beyond = len(data) - len(bitmap.serialize())
    if beyond > 0:
        raise ValueError(f"{beyond} bytes follow the bitmap")
    return bitmap


@dataclass(frozen=True)
class DataFile:
    """A file of rows that a commit added, or a block of rows that stands in the commit itself.

    Attributes:
        id: names it in its table for ever; its name under ``data/<table id>/``.
        size: in bytes.
        rows: of all its rows, deleted ones included.
        sha256: of the bytes, or for a block of inline rows of its canonical JSON.
        partition: values by `PartitionField.key`; a NULL value is absent.
        stats: bounds by physical path.
        deletions: the rows that are gone.
        first_row: ``_row_id`` of its first row; the others follow.
        runs: ids of its rows, where they are a few runs: first and count of each.
        added_by: the commit that added it first; not written in that commit, but in those that take it over.
        block: inline rows, a list each; None also where they were erased.
        inline: physical names of the columns of inline rows.
        lineage: which of `LINEAGE` the file holds: those of rows that are older than it.
    """

    id: str
    size: int
    rows: int
    sha256: str
    partition: Mapping[str, Value] = field(default_factory=dict)
    stats: Mapping[str, ColumnStats] = field(default_factory=dict)
    deletions: DeletionVector | None = None
    first_row: int | None = None
    runs: tuple[Run, ...] = ()
    added_by: Position | None = None
    block: list[Any] | None = None
    inline: tuple[str, ...] = ()
    lineage: tuple[str, ...] = ()

    @property
    def is_inline(self) -> bool:
        """Whether it is a block of rows in a commit."""
        return bool(self.inline)

    @property
    def live_rows(self) -> int:
        """How many rows are not deleted."""
        return self.rows - (self.deletions.cardinality if self.deletions else 0)

    @property
    def numbers_rows(self) -> bool:
        """Whether a commit has to give its rows their numbers."""
        return self.first_row is None and not self.runs

    @property
    def holds_ids(self) -> bool:
        """Whether ids of its rows stand in it: elsewhere they follow from the entry."""
        return ROW_ID in self.lineage

    def id_runs(self) -> list[Run]:
        """First and count of each run of ids that follow from the entry, in the order of the rows."""
        return list(self.runs) or [(self.first_row or 0, self.rows)]

    @functools.cached_property
    def ids(self) -> RowRuns:
        """The ids that follow from the entry, by position, and the reverse."""
        return RowRuns(self.id_runs())

    def with_deletions(self, vector: DeletionVector | None) -> DataFile:
        """The file with other rows gone."""
        return replace(self, deletions=vector)

    def with_listed(
        self, stats: Mapping[str, ColumnStats], first_row: int | None, added_by: Position | None
    ) -> DataFile:
        """The file with what stands in columns of their own in manifests."""
        return replace(self, stats=stats, first_row=first_row, added_by=added_by)

    def encode(self) -> dict[str, Any]:
        """The part that the commit id covers directly: all but statistics and inline rows."""
        return some(
            id=self.id,
            size=int64(self.size),
            rows=int64(self.rows),
            sha256=self.sha256,
            partition={key: encode(v) for key, v in self.partition.items()} or None,
            deletions=self.deletions.encode() if self.deletions else None,
            first_row=None if self.first_row is None else int64(self.first_row),
            runs=[[int64(first), int64(count)] for first, count in self.runs] or None,
            inline=list(self.inline) or None,
            lineage=list(self.lineage) or None,
            added_by=None if self.added_by is None else str(self.added_by),
        )

    def encode_stats(self) -> dict[str, Any]:
        """Statistics as JSON."""
        return {column: stats.encode() for column, stats in self.stats.items()}

    @staticmethod
    def decode(r: Members, stats: Members | None, block: Callable[[str], list[Any] | None]) -> DataFile:
        """From JSON.

        Args:
            r: what `encode` gave.
            stats: statistics of the file, from the commit's salted part.
            block: rows of a block by its id, from the commit's salted part.
        """
        id = r.text("id")
        deletions = r.object_or_none("deletions")
        partition = r.object("partition").value if "partition" in r else {}
        return DataFile(
            id,
            r.integer("size"),
            r.integer("rows"),
            r.text("sha256"),
            {key: _partition_value(r, key, v) for key, v in partition.items()},
            decode_stats(stats) if stats else {},
            DeletionVector.decode(deletions) if deletions else None,
            r.integer_or_none("first_row"),
            tuple(_run(r, pair) for pair in r.items("runs")),
            r.parsed_or_none("added_by", Position.parse, "a position"),
            block(id) if "inline" in r else None,
            tuple(r.texts("inline")),
            tuple(r.texts("lineage")),
        )


def decode_stats(r: Members) -> dict[str, ColumnStats]:
    """Statistics of a file, by physical path."""
    return {column: ColumnStats.decode(r.object(column)) for column in r.value}


def _partition_value(r: Members, key: str, json: Any) -> Value:
    found = decode(json)
    if found is None:
        raise r.wrong(f"partition.{key}", "a value")
    return found


def _run(r: Members, pair: Any) -> Run:
    if isinstance(pair, list) and len(pair) == 2:
        try:
            return int(pair[0]), int(pair[1])
        except (TypeError, ValueError):
            pass
    raise r.wrong("runs", "a list of pairs")
