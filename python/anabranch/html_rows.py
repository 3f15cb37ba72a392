"""Rows of a table as notebooks show them."""

from __future__ import annotations

from collections.abc import Iterable


def html_rows(rows: Iterable[Iterable[str]]) -> str:
    """What stands in the body of a table of HTML.

    Args:
        rows: whose cells are HTML.
    """
    return "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in row) + "</tr>" for row in rows
    )
