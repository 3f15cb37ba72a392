"""The Python half behind ``merge.moved``."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap64

from anabranch.core.format.files import DataFile
from anabranch.core.operations.merge.moved_by_both import settle
from anabranch.core.operations.merge.numbered_rows import NumberedRows
from anabranch.core.operations.merge.row_merge import everything


def moved(given: Any) -> Any:
    """What becomes of rows that both sides moved; null stands for all living rows of a file."""

    def files(name: str) -> list[tuple[DataFile, BitMap64]]:
        found = []
        for f in given[name]:
            runs = tuple((int(a), int(n)) for a, n in (r.split("+") for r in f["runs"]))
            rows = BitMap64(map(int, f["rows"]))
            found.append((DataFile(f["id"], 0, sum(n for _, n in runs), "", runs=runs), rows))
        return found

    def living(name: str) -> list[NumberedRows]:
        return [NumberedRows.of(f, everything(f) - dead) for f, dead in files(name)]

    ours, theirs = living("ours"), living("theirs")
    found = settle([NumberedRows.of(f, rows) for f, rows in files("gone")], ours, theirs)
    whole = {n.file.id: n.rows for n in [*ours, *theirs]}
    masks = {id: None if rows == whole[id] else list(rows) for id, rows in found.masks.items()}
    return {"masks": masks, "left": {f.id: list(rows) for f, rows in found.left}}
