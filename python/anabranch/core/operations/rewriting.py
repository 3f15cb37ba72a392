"""Writes rows of files to other files, unchanged: they keep id and commit [ROW-4]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.files import ROW_COMMIT, ROW_ID, DataFile
from anabranch.core.format.names import data_file
from anabranch.core.format.row_runs import MAX_RUNS, Run
from anabranch.core.log.environment import Environment
from anabranch.core.log.replay import TableState
from anabranch.core.operations.properties import INLINE_ROWS
from anabranch.core.operations.scan import Scan
from anabranch.core.operations.writing import RowWriter
from anabranch.core.store.objects import ObjectStore

Group = Sequence[DataFile]
"""Files of one partition whose rows are to stand in one file, in this order; deleted rows are left out."""


class Rewriter:
    """Writes rows of a table's files to other files.

    Args:
        store: where they lie.
        table: with the columns that are written.
        env: draws names.
    """

    def __init__(self, store: ObjectStore, table: TableState, env: Environment) -> None:
        self._store = store
        self._table = table
        self._env = env

    def run(self, groups: Sequence[Group], inline: bool) -> list[DataFile]:
        """A file for each group.

        Args:
            groups: of which each has rows.
            inline: whether few rows become a block that can stand in the commit.
        """
        return [self._written(group, inline) for group in groups]

    def discard(self, files: Sequence[DataFile]) -> None:
        """Removes files that no commit names."""
        for file in files:
            if not file.is_inline:
                self._store.delete(data_file(self._table.id, file.id))

    def _written(self, group: Group, inline: bool) -> DataFile:
        m = self._table.metadata
        runs = None if inline else self._few_runs(group)
        lineage = [ROW_COMMIT] if runs else [ROW_ID, ROW_COMMIT]
        if not inline:
            m = replace(m, properties={**m.properties, INLINE_ROWS: "0"})
        writer = RowWriter(self._store, self._table.id, m, self._env, lineage, one_file=True)
        names = [*(c.name for c in m.columns), *lineage]
        (file,) = writer.write(pa.Table.from_batches([rows]) for rows in self._rows(group, names))
        return replace(file, partition=group[0].partition, runs=tuple(runs or ()))

    def _rows(self, group: Group, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return Scan(self._store, self._table, names).batches([(0, file) for file in group])

    def _few_runs(self, group: Group) -> list[Run] | None:
        """The ids of the rows, if all have one, and they are few runs."""
        runs: list[Run] = []
        for rows in self._rows(group, [ROW_ID]):
            for first, count in _runs(rows.column(0)):
                if runs and sum(runs[-1]) == first:
                    runs[-1] = (runs[-1][0], runs[-1][1] + count)
                else:
                    runs.append((first, count))
                if len(runs) > MAX_RUNS:
                    return None
            if rows.column(0).null_count:
                return None
        return runs


def _runs(ids: pa.Array) -> Iterator[Run]:
    """Ids that follow on each other."""
    starts = pc.indices_nonzero(pc.not_equal(pc.pairwise_diff(ids), 1)).slice(0, MAX_RUNS + 1).to_pylist()
    bounds = [0, *starts, len(ids)] if len(ids) else []
    for start, end in pairwise(bounds):
        yield ids[start].as_py(), end - start
