"""Rows of two sides that may have equal keys, as far as the bounds of their files tell."""

from __future__ import annotations

from collections.abc import Sequence

from anabranch.core.format.values import Value, compare
from anabranch.core.log.bounds import bounds_of
from anabranch.core.operations.merge.row_access import RowsAt


def near(mine: Sequence[RowsAt], others: Sequence[RowsAt], columns: Sequence[str]) -> list[RowsAt]:
    """Those of `mine` whose files may have values of some columns that files of `others` have, too."""

    def bounds(r: RowsAt) -> list[tuple[Value | None, Value | None]]:
        return [bounds_of(r.file, c, partitioned=False)[:2] for c in columns]

    known = [bounds(r) for r in others]
    found = []
    for r in mine:
        own = bounds(r)
        if any(
            all(not _below(a[1], b[0]) and not _below(b[1], a[0]) for a, b in zip(k, own, strict=True))
            for k in known
        ):
            found.append(r)
    return found


def _below(a: Value | None, b: Value | None) -> bool:
    c = None if a is None or b is None else compare(a, b)
    return c is not None and c < 0
