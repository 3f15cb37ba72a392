"""Commands for rows: head, sql, import, export, restore, optimize, blame."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from anabranch.cli import files as reading
from anabranch.cli import settings, sources
from anabranch.cli.binary import AsBinary
from anabranch.cli.looking import Table
from anabranch.cli.output import Json, command, print_json, print_rows, print_written, short
from anabranch.cli.terminal import working

Message = Annotated[str, typer.Option("--message", "-m", help="What is said about it.")]
Where = Annotated[str | None, typer.Option("--where", "-w", help="A condition in SQL.")]


class Mode(str, Enum):
    """What becomes of the rows that are there."""

    append = "append"
    overwrite = "overwrite"
    create = "create"
    upsert = "upsert"


@command
def head(
    table: Table,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many.")] = 10,
    where: Where = None,
    json: Json = False,
) -> None:
    """Show some rows of a table.

    anabranch --ref train-2026-01 head clinic.labs -w "unit = 'mg/dL'"
    """
    import pyarrow as pa

    found: list[pa.RecordBatch] = []
    reader = settings.current.open().table(table).to_batches(where=where)
    for batch in reader:
        found.append(batch.slice(0, limit - sum(b.num_rows for b in found)))
        if sum(b.num_rows for b in found) >= limit:
            break
    print_rows(pa.Table.from_batches(found, reader.schema), json)


@command
def sql(
    query: Annotated[str, typer.Argument(help="A query; a table may have AT 'ref' behind it.")],
    json: Json = False,
) -> None:
    """Run a query over tables and refs, by DuckDB.

    anabranch sql "SELECT count(*) FROM clinic.labs AT 'main~1'"
    """
    with working("running the query"):
        found = settings.current.open().sql(query)
    print_rows(found, json)


@command
def import_(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Files (.csv, .ndjson, .jsonl, these with .gz; .parquet), folders, or - for input."
        ),
    ],
    table: Table,
    mode: Annotated[Mode, typer.Option(help="What becomes of the rows that are there.")] = Mode.append,
    key: Annotated[list[str] | None, typer.Option(help="Keys of an upsert.")] = None,
    format: Annotated[
        sources.Format | None, typer.Option(help="What the files are, where suffixes don't tell.")
    ] = None,
    binary: AsBinary = None,
    message: Message = "",
    json: Json = False,
) -> None:
    """Load files of one kind into a table, as one commit.

    anabranch import labs.csv clinic.labs --mode create

    zcat labs/*.csv.gz | anabranch import - clinic.labs --format csv
    """
    if mode is Mode.upsert and not key:
        raise typer.BadParameter("an upsert takes --key")
    try:
        given = sources.found(files, format)
    except FileNotFoundError as e:
        raise typer.BadParameter(f"'{e}' does not exist") from None
    named = ", ".join(Path(name).name if name != sources.STDIN else "standard input" for name in files[:3])
    message = message or f"import {named}" + (", …" if len(files) > 3 else "")
    with working(f"loading {named}"), settings.current.open().transaction(message) as tx:
        if mode is Mode.create:
            space = table.rpartition(".")[0]
            if space:
                tx.create_namespace(space, if_not_exists=True)
            count = tx.create_table(table, reading.read(given, None, binary)).count()
        else:
            target = tx.table(table)
            rows = reading.read(given, target.schema, binary)
            if mode is Mode.upsert:
                count = sum(target.upsert(rows, key or []).values())
            else:
                count = target.append(rows) if mode is Mode.append else target.overwrite(rows)
    done = {"commit": tx.commit, "rows": count}
    print_json(done) if json else typer.echo(f"{count} rows, committed {short(tx.commit or '')}")


@command
def export(
    table: Table,
    file: Annotated[
        Path, typer.Argument(help="A .csv, .ndjson (.jsonl) or .parquet file, which is not there.")
    ],
    where: Where = None,
    binary: AsBinary = None,
    json: Json = False,
) -> None:
    """Write the rows of a table to a file.

    anabranch --ref train-2026-01 export clinic.labs labs.parquet
    """
    found = settings.current.open().table(table)
    with working(f"writing {file.name}", None if where else found.count()) as done:
        count = reading.write(file, found.to_batches(where=where), binary, done)
    print_written(file, count, json)


@command
def restore(
    table: Table,
    to: Annotated[str, typer.Argument(help="A version of the table, or a branch, tag or commit.")],
    message: Message = "",
    json: Json = False,
) -> None:
    """Bring back an earlier state of a table, without copying.

    anabranch restore clinic.labs 3
    """
    point = int(to) if to.isdigit() else to
    done = settings.current.open().table(table).restore(point, message=message)
    print_json(done) if json else typer.echo(f"{done.table} has {done.rows} rows, version {done.version}")


@command
def optimize(
    table: Table,
    where: Annotated[
        str | None, typer.Option("--where", "-w", help="Only files that may hold such rows.")
    ] = None,
    message: Message = "",
    json: Json = False,
) -> None:
    """Put small files of a table together, and leave out deleted rows where they are many. No row changes.

    anabranch optimize clinic.labs
    """
    with working(f"optimizing {table}"):
        done = settings.current.open().table(table).optimize(where, message=message)
    if json:
        return print_json(done)
    before = f"{done.files_before} files of {done.bytes_before} bytes"
    typer.echo(f"{before} became {done.files_after} of {done.bytes_after}")
    typer.echo(f"committed {short(done.commit)}" if done.commit else "nothing had to be done")


@command
def blame(
    table: Table,
    where: Where = None,
    cells: Annotated[
        bool, typer.Option("--cells", help="Each cell with the commit that last changed it.")
    ] = False,
    json: Json = False,
) -> None:
    """Show rows, or their cells, with the commits that wrote them.

    anabranch blame clinic.labs -w "patient = 'p2'" --cells
    """
    with working(f"blaming {table}"):
        found = settings.current.open().table(table).blame(where, cells=cells)
    if json:
        return print_rows(found, json)
    mark = "" if cells else "_"
    told = found.drop_columns([f"{mark}operation", *(() if cells else ("_row_id",))])
    commits = [short(id) for id in told.column(f"{mark}commit").to_pylist()]
    place = told.column_names.index(f"{mark}commit")
    print_rows(told.set_column(place, "commit", [commits]), json)


COMMANDS = {
    "head": head,
    "sql": sql,
    "import": import_,
    "export": export,
    "restore": restore,
    "optimize": optimize,
    "blame": blame,
}
