"""Commands that look: log, show, status, tables, schema, history, diff."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anabranch.cli import files, settings
from anabranch.cli.output import (
    Json,
    command,
    print_drawing,
    print_json,
    print_rows,
    print_table,
    print_written,
    short,
)
from anabranch.errors import TableNotFound

if TYPE_CHECKING:
    import pyarrow as pa

    from anabranch.core.repository.repository import Repository
    from anabranch.core.repository.table import Table as FoundTable

Table = Annotated[str, typer.Argument(help="Full name of a table, such as clinic.labs.")]


@command
def log(
    ref: Annotated[str | None, typer.Argument(help="Where to start.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many.")] = 20,
    graph: Annotated[bool, typer.Option("--graph", help="With commits that were merged.")] = False,
    author: Annotated[str | None, typer.Option(help="A part of the author's name.")] = None,
    table: Annotated[str | None, typer.Option(help="Commits that touch this table.")] = None,
    message: Annotated[str | None, typer.Option(help="A part of the message.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Not before this time, in UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Not after this time, in UTC.")] = None,
    metadata: Annotated[list[str] | None, typer.Option(help="What is attached: name=value.")] = None,
    json: Json = False,
) -> None:
    """Show commits, newest first.

    anabranch log main~5 --table clinic.labs
    """
    attached = dict(text.partition("=")[::2] for text in metadata or ())
    found = settings.current.open().log(
        ref,
        limit,
        author=author,
        table=table,
        since=since,
        until=until,
        message=message,
        metadata=attached,
        graph=graph,
    )
    if json:
        return print_json(found)
    if graph:
        return print_drawing(str(found))
    columns = ("commit", "time", "author", "operation", "tables", "message")
    print_table(columns, ((short(c.id), c.time, c.author, c.operation, c.tables, c.message) for c in found))


@command
def show(
    ref: Annotated[str | None, typer.Argument(help="Branch, tag or commit.")] = None, json: Json = False
) -> None:
    """Show a commit.

    anabranch show train-2026-01
    """
    c = settings.current.open().show(ref)
    if json:
        return print_json(c)
    told = {
        "commit": c.id,
        "parents": c.parents,
        "time": c.time,
        "author": c.author,
        "operation": c.operation,
    }
    more = {"message": c.message, "tables": c.tables, "metrics": c.metrics, "metadata": c.metadata}
    print_table(("", ""), ((name, value) for name, value in (told | more).items() if value))


@command
def status(json: Json = False) -> None:
    """Show where you are: repository, ref, its commit, how many tables.

    anabranch status
    """
    repo = settings.current.open()
    ref = repo.resolved()
    told = {
        "repository": repo.root,
        "ref": repo.ref,
        "kind": ref.kind,
        "commit": str(ref.state.id),
        "tables": len(ref.state.tables),
        "settings": str(settings.current.file) if settings.current.file else None,
    }
    print_json(told) if json else print_table(("", ""), told.items())


@command
def tables(
    ref: Annotated[str | None, typer.Argument(help="Branch, tag or commit.")] = None, json: Json = False
) -> None:
    """List tables.

    anabranch tables main~3
    """
    repo = settings.current.open(ref)
    details = [repo.table(name).detail() for name in repo.tables()]
    if json:
        return print_json(details)
    columns = ("table", "version", "rows", "files", "bytes", "changed")
    print_table(
        columns, ((d.name, d.version, d.rows, d.files, d.size_bytes, d.last_modified) for d in details)
    )


@command
def schema(table: Table, json: Json = False) -> None:
    """Show the columns of a table.

    anabranch schema clinic.labs
    """
    found = settings.current.open().table(table).schema
    rows = [{"column": f.name, "type": str(f.type), "nullable": f.nullable} for f in found]
    print_json(rows) if json else print_table(("column", "type", "nullable"), (r.values() for r in rows))  # type: ignore[misc]


@command
def history(
    table: Table,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many.")] = 20,
    json: Json = False,
) -> None:
    """Show the versions of a table, newest first.

    anabranch history clinic.labs
    """
    found = settings.current.open().table(table).history(limit)
    if json:
        return print_json(found)
    columns = ("version", "time", "author", "operation", "metrics", "message", "commit")
    print_table(
        columns,
        ((v.version, v.time, v.author, v.operation, v.metrics, v.message, short(v.commit)) for v in found),
    )


@command
def diff(
    from_ref: Annotated[str, typer.Argument(metavar="FROM", help="Branch, tag or commit.")],
    to_ref: Annotated[str | None, typer.Argument(metavar="TO", help="Branch, tag or commit.")] = None,
    table: Annotated[str | None, typer.Argument(help="Only this table, by its full name.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="The rows of the table that differ.")] = False,
    cells: Annotated[bool, typer.Option("--cells", help="The cells of the table that differ.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new .csv, .ndjson or .parquet file for them.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what differs between two refs: by table, or rows or cells of one.

    anabranch diff main fix-units clinic.labs --cells
    """
    if rows and cells:
        raise typer.BadParameter("choose --rows or --cells")
    if (rows or cells) and (to_ref is None or table is None):
        raise typer.BadParameter("name both refs and the table")
    if output is not None and not (rows or cells):
        raise typer.BadParameter("choose what goes to the file: --rows or --cells")
    repo = settings.current.open()
    if rows or cells:
        found = _differing(repo, table or "", from_ref, to_ref or "", cells)
        if output is None:
            return print_rows(found, json)
        return print_written(output, files.write(output, found.to_reader()), json)
    changed = [c for c in repo.diff(from_ref, to_ref) if table in (None, c.table)]
    if json:
        return print_json(changed)
    columns = ("table", "change", "detail", "rows", "rows after")
    print_table(columns, ((c.table, c.change, c.detail, c.rows_from, c.rows_to) for c in changed))


def _differing(repo: Repository, name: str, from_ref: str, to_ref: str, cells: bool) -> pa.Table:
    """Rows or cells of a table that differ; where one ref has no such table, all rows came or went."""
    was, now = (_found(repo, name, ref) for ref in (from_ref, to_ref))
    if was is not None and now is None:  # it may have another name there
        other = repo.resolved(to_ref).state.tables.get(was.id)
        now = None if other is None else repo.table(other.name, to_ref)
    if now is not None and (was is not None or now.id in repo.resolved(from_ref).state.tables):
        return now.cell_changes(from_ref) if cells else now.changes(from_ref)
    only = now or was or repo.table(name, to_ref)
    if cells:  # these are of rows that both have
        return only.cell_changes(only.version)
    rows = only.to_arrow([*only.schema.names, "_row_id", "_row_commit"])
    return rows.add_column(0, "_change_type", [["insert" if now is not None else "delete"] * rows.num_rows])


def _found(repo: Repository, name: str, ref: str) -> FoundTable | None:
    try:
        return repo.table(name, ref)
    except TableNotFound:
        return None


COMMANDS = {
    "log": log,
    "show": show,
    "status": status,
    "tables": tables,
    "schema": schema,
    "history": history,
    "diff": diff,
}
