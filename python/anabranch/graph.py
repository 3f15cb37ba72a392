"""Commits with those that were merged, and lines that show how they follow one another."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from anabranch.html_rows import html_rows
from anabranch.results import Commit

Lanes = list["str | None"]


class CommitGraph(list[Commit]):
    """Commits, children before their parents; printed or shown by a notebook, it is a drawing."""

    @property
    def lines(self) -> list[str]:
        """What stands before each commit in the drawing."""
        return draw([(c.id, c.parents) for c in self])

    def __str__(self) -> str:
        lines = self.lines
        width = max(map(len, lines), default=0)
        return "\n".join(
            f"{line:{width}}  {' '.join(_told(c))}".rstrip() for line, c in zip(lines, self, strict=True)
        )

    def _repr_html_(self) -> str:
        rows = html_rows(_cells(line, c) for line, c in zip(self.lines, self, strict=True))
        heads = "".join(f"<th>{h}</th>" for h in ("", "commit", "time", "author", "operation", "message"))
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _short(c: Commit) -> str:
    ordinal, seq, digest = c.id.split("-")
    return f"{ordinal}-{seq}-{digest[:12]}"


def _told(c: Commit) -> list[str]:
    """Of a message the first line: a commit is one line."""
    first = c.message.strip().partition("\n")[0]
    return [_short(c), c.time.strftime("%Y-%m-%d %H:%M:%S"), c.author, c.operation, first]


def _cells(line: str, c: Commit) -> Iterable[str]:
    yield f'<pre style="margin:0">{line}</pre>'
    yield from map(html.escape, _told(c))


def draw(commits: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """What stands before each commit of a list.

    Args:
        commits: ids with those of their parents; children stand before their parents.
    """
    listed = {id for id, _ in commits}
    lanes: Lanes = []
    lines = []
    for id, parents in commits:
        lanes, line = _row(lanes, id, [p for p in parents if p in listed])
        lines.append(line)
    return lines


def _row(lanes: Lanes, id: str, parents: Sequence[str]) -> tuple[Lanes, str]:
    """The lanes after a commit, each with the commit that it leads to, and the commit's line."""
    lanes = list(lanes)
    if id not in lanes:
        _put(lanes, _free(lanes, set()), id)
    own, *others = (i for i, lane in enumerate(lanes) if lane == id)
    joined, opened, met = set(others), set[int](), set[int]()
    for i in joined:
        lanes[i] = None
    lanes[own] = parents[0] if parents else None
    for parent in parents[1:]:
        at = next((i for i, lane in enumerate(lanes) if i != own and lane == parent), None)
        if at is None:
            at = _free(lanes, joined | {own})
            _put(lanes, at, parent)
            opened.add(at)
        else:
            met.add(at)
    reach = {own} | joined | opened | met
    low, high = min(reach), max(reach)

    def mark(i: int) -> str:
        if i == own:
            return "●"
        for those, right, left in ((joined, "╯", "╰"), (opened, "╮", "╭"), (met, "┤", "├")):
            if i in those:
                return right if i > own else left
        between = low < i < high
        if lanes[i] is not None:
            return "┼" if between else "│"
        return "─" if between else " "

    line = "".join(mark(i) + ("─" if low <= i < high else " ") for i in range(len(lanes))).rstrip()
    while lanes and lanes[-1] is None:
        lanes.pop()
    return lanes, line


def _free(lanes: Lanes, taken: set[int]) -> int:
    return next((i for i, lane in enumerate(lanes) if lane is None and i not in taken), len(lanes))


def _put(lanes: Lanes, at: int, id: str) -> None:
    lanes.extend([None] * (at + 1 - len(lanes)))
    lanes[at] = id
