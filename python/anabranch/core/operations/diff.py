"""The difference of two catalogs, by table: reads metadata only."""

from __future__ import annotations

from anabranch.core.log.replay import CatalogState, TableState
from anabranch.results import Change, TableChange


def diff(before: CatalogState, after: CatalogState) -> list[TableChange]:
    """How tables differ, by name; those that are equal are left out."""
    ids = {*before.tables, *after.tables}
    found = [_table(before.tables.get(id), after.tables.get(id)) for id in ids]
    return sorted((d for d in found if d is not None), key=lambda d: d.table)


def _table(a: TableState | None, b: TableState | None) -> TableChange | None:
    if a is None or b is None:
        there = a or b
        assert there is not None
        return _difference(there, "created" if a is None else "dropped", "", a, b)
    if a.name == b.name and a.content == b.content:
        return None
    renamed = a.name != b.name
    columns = a.metadata.columns != b.metadata.columns
    what = {
        f"renamed from {a.full_name}": renamed,
        "columns changed": columns,
        "properties changed": not columns and a.metadata != b.metadata,
        "rows changed": a.content != b.content and a.files.files != b.files.files,
    }
    told = [text for text, so in what.items() if so]
    if not told:
        return None
    return _difference(b, "renamed" if renamed and len(told) == 1 else "changed", ", ".join(told), a, b)


def _difference(
    there: TableState, change: Change, detail: str, a: TableState | None, b: TableState | None
) -> TableChange:
    # a file whose deletion vector differs counts as both removed and added
    before, after = (
        set() if t is None else {(f.id, f.deletions) for f in t.files.files.values()} for t in (a, b)
    )
    return TableChange(
        there.full_name,
        change,
        detail,
        a.files.rows if a else 0,
        b.files.rows if b else 0,
        len(after - before),
        len(before - after),
    )
