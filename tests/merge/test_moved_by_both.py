"""What becomes of rows that both sides compacted: by arithmetic, against sets of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from format_model import FUNCTIONS
from hypothesis import given
from hypothesis import strategies as st

IDS = st.integers(0, 30)


@dataclass(frozen=True)
class File:
    """Row ids in their order, and the positions of some rows."""

    id: str
    ids: tuple[int, ...]
    rows: frozenset[int]

    def json(self) -> dict[str, Any]:
        runs: list[list[int]] = []
        for i in self.ids:
            if runs and i == sum(runs[-1]):
                runs[-1][1] += 1
            else:
                runs.append([i, 1])
        return {
            "id": self.id,
            "runs": [f"{a}+{n}" for a, n in runs],
            "rows": [str(r) for r in sorted(self.rows)],
        }


@st.composite
def files(draw: Any, name: str) -> list[File]:
    """Files that share no row."""
    ids = draw(st.lists(IDS, unique=True))
    cuts = sorted(draw(st.lists(st.integers(0, len(ids)), max_size=2)))
    parts = [ids[a:b] for a, b in zip([0, *cuts], [*cuts, len(ids)], strict=True)]
    return [
        File(f"{name}{n}", tuple(part), frozenset(draw(st.sets(st.integers(0, len(part) - 1)))))
        for n, part in enumerate(p for p in parts if p)
    ]


def masked(side: list[File], ids: set[int]) -> dict[str, list[int] | None]:
    """The living rows with these ids, by file; None if these are all that live."""
    found: dict[str, list[int] | None] = {}
    for f in side:
        living = [p for p in range(len(f.ids)) if p not in f.rows]
        rows = [p for p in living if f.ids[p] in ids]
        if rows:
            found[f.id] = None if rows == living else rows
    return found


@pytest.mark.proves("MRG-5")
@given(gone=files("b"), ours=files("o"), theirs=files("t"))
def test_whoever_only_moved_a_row_takes_what_the_other_made_of_it(
    core: Callable[[str, Any], Any], gone: list[File], ours: list[File], theirs: list[File]
) -> None:
    given = {"gone": gone, "ours": ours, "theirs": theirs}
    asked = {k: [f.json() for f in v] for k, v in given.items()}
    found = core("merge.moved", asked)
    masks = {id: rows for id, rows in found["masks"].items() if rows != []}
    left = {id: rows for id, rows in found["left"].items() if rows != []}
    assert FUNCTIONS["merge.moved"](asked) == {"masks": masks, "left": left}
    wanted = {f.ids[p] for f in gone for p in f.rows}
    here, there = (
        {i for f in side for p, i in enumerate(f.ids) if p not in f.rows} & wanted for side in (ours, theirs)
    )
    if not gone or not (ours or theirs):
        assert masks == {}
        return
    assert masks == masked(theirs, there) | masked(ours, here - there)
    looked_at = {f.id: [p for p in sorted(f.rows) if f.ids[p] not in here | there] for f in gone}
    assert found["left"] == {id: rows for id, rows in looked_at.items() if rows}
