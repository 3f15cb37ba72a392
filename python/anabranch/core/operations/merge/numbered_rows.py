"""Rows of a file with their ids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from anabranch.core.format.files import DataFile
from anabranch.core.format.row_runs import RowRuns

if TYPE_CHECKING:
    from pyroaring import BitMap64


@dataclass(frozen=True)
class NumberedRows:
    """Some rows of a file.

    Attributes:
        file: the file.
        rows: which of its rows.
        runs: their ids by position; those of other rows of the file may be among them.
    """

    file: DataFile
    rows: BitMap64
    runs: RowRuns

    @staticmethod
    def of(file: DataFile, rows: BitMap64) -> NumberedRows:
        """Rows of a file whose ids follow from its entry."""
        return NumberedRows(file, rows, file.ids)

    @cached_property
    def ids(self) -> BitMap64:
        """Their ids."""
        return self.runs.ids_of(self.rows)

    def at(self, ids: BitMap64) -> BitMap64:
        """Those with these ids."""
        return self.runs.rows_of(ids) & self.rows
