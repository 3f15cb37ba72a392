"""The Python half behind ``merge.moved``."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap64

from anabranch.core.format.files import DataFile
from anabranch.core.operations.merge.moved_by_both import settle
from anabranch.core.operations.merge.row_access import in_memory
from anabranch.core.operations.merge.row_merge import live


def moved(given: Any) -> Any:
    """What becomes of rows that both sides moved; null stands for all living rows of a file."""
    dead: dict[str, BitMap64] = {}

    def files(name: str) -> list[tuple[DataFile, BitMap64]]:
        found = []
        for f in given[name]:
            runs = tuple((int(a), int(n)) for a, n in (r.split("+") for r in f["runs"]))
            rows = BitMap64(map(int, f["rows"]))
            found.append((DataFile(f["id"], 0, sum(n for _, n in runs), "", runs=runs), rows))
        return found

    def marked(name: str) -> list[DataFile]:
        dead.update((f.id, rows) for f, rows in files(name))
        return [f.with_deletions(in_memory(rows) if rows else None) for f, rows in files(name)]

    def vector(f: DataFile) -> BitMap64:
        return dead[f.id]

    ours, theirs = marked("ours"), marked("theirs")
    found = settle(files("gone"), ours, theirs, vector)
    whole = {f.id: live(f, vector) for f in [*ours, *theirs]}
    masks = {id: None if rows == whole[id] else list(rows) for id, rows in found.masks.items()}
    return {"masks": masks, "left": {f.id: list(rows) for f, rows in found.left if rows}}
