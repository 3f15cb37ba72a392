"""Three-way merge of the versions of one row, cell by cell: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anabranch.core.operations.merge.three_way import TORN, pick

Cells = list[Any]
"""A cell of each column, as values stand in commits: equal cells are the same value."""


@dataclass(frozen=True)
class CellConflict:
    """A cell that both sides changed, in different ways; `base` is TORN where there is no one base."""

    column: int
    base: Any
    ours: Any
    theirs: Any


def merge_cells(base: Sequence[Any], ours: Cells, theirs: Cells) -> tuple[Cells, list[CellConflict]]:
    """The merged cells, ours where the sides contradict each other, and these contradictions."""
    picked = [pick(*cells) for cells in zip(base, ours, theirs, strict=True)]
    torn = [i for i, cell in enumerate(picked) if cell is TORN]
    merged = [ours[i] if cell is TORN else cell for i, cell in enumerate(picked)]
    return merged, [CellConflict(i, base[i], ours[i], theirs[i]) for i in torn]


def virtual_cells(under: Cells | None, one: Cells | None, other: Cells | None, columns: int) -> Cells:
    """What versions of a row have as a base that contradict each other: merged, TORN where they do."""
    if one is None or other is None:
        return [TORN] * columns
    return [pick(*cells) for cells in zip(under or [TORN] * columns, one, other, strict=True)]
