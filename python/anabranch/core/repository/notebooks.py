"""Repositories and tables as notebooks show them: what is known without reading data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from anabranch.core.format.arrow import arrow_type, is_known
from anabranch.core.format.tables import ColumnType
from anabranch.html_rows import html_rows

if TYPE_CHECKING:
    from anabranch.core.repository.repository import Repository
    from anabranch.core.repository.view import TableView

SHOWN = 100
"""So many lines are shown of what is longer."""


def of_repository(repository: Repository) -> str:
    """Its place, ref and tables."""
    state = repository.resolved(expired=True).state
    tables = sorted(state.tables.values(), key=lambda t: t.full_name)
    lines = [(t.full_name, t.version, "view" if t.metadata.view else t.files.rows) for t in tables]
    return _table(f"{repository.root} at {repository.ref}", ("table", "version", "rows"), lines)


def of_table(table: TableView) -> str:
    """What it is, and its columns."""
    told = f"{table.name} at {table._ref.text}, version {table.version}, {table._state.files.rows} rows"
    columns = [(c.name, _shown(c.type), "" if c.required else "NULL") for c in table._state.metadata.columns]
    return _table(told, ("column", "type", ""), columns)


def _shown(t: ColumnType) -> str:
    if isinstance(t, str):
        return t
    return str(arrow_type(t)) if is_known(t) else "of a type that only Spark has"


def _table(title: str, heads: Sequence[str], lines: Sequence[Iterable[object]]) -> str:
    shown = html_rows([escape(str(cell)) for cell in line] for line in lines[:SHOWN])
    more = f"<p>… and {len(lines) - SHOWN} more</p>" if len(lines) > SHOWN else ""
    head = "".join(f'<th style="text-align:left">{h}</th>' for h in heads)
    return f"<b>{escape(title)}</b><table><thead><tr>{head}</tr></thead><tbody>{shown}</tbody></table>{more}"
