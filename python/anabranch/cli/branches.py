"""Commands for branches and tags: branch, tag, reset, merge."""

from __future__ import annotations

from typing import Annotated

import typer

from anabranch.cli import settings
from anabranch.cli.output import CONFLICT, Json, command, print_json, print_table, short

Start = Annotated[str | None, typer.Argument(help="Where it starts; otherwise the ref in use.")]
Message = Annotated[str, typer.Option("--message", "-m", help="What is said about it.")]


@command
def branch(
    name: Annotated[str | None, typer.Argument(help="A new branch; without it, all are listed.")] = None,
    start: Start = None,
    delete: Annotated[bool, typer.Option("--delete", "-d", help="Drop it instead.")] = False,
    json: Json = False,
) -> None:
    """List, create or drop branches.

    anabranch branch fix-units main~2
    """
    repo = settings.current.open()
    if name is None:
        found = repo.branches()
        if json:
            return print_json(found)
        rows = (
            ("*" if b.current else "", b.name, short(b.commit), b.time, b.author, b.message) for b in found
        )
        return print_table(("", "branch", "commit", "time", "author", "message"), rows)
    if delete:
        return repo.drop_branch(name)
    made = repo.create_branch(name, start)
    print_json(made) if json else typer.echo(f"{made.name} is at {short(made.commit)}")


@command
def tag(
    name: Annotated[str | None, typer.Argument(help="A new tag; without it, all are listed.")] = None,
    start: Start = None,
    delete: Annotated[bool, typer.Option("--delete", "-d", help="Drop it instead.")] = False,
    json: Json = False,
) -> None:
    """List, create or drop tags.

    anabranch tag train-2026-01
    """
    repo = settings.current.open()
    if name is None:
        found = repo.tags()
        if json:
            return print_json(found)
        rows = ((t.name, short(t.commit), t.time, t.author, t.message) for t in found)
        return print_table(("tag", "commit", "time", "author", "message"), rows)
    if delete:
        return repo.drop_tag(name)
    made = repo.create_tag(name, start)
    print_json(made) if json else typer.echo(f"{made.name} is {short(made.commit)}")


@command
def reset(
    name: Annotated[str, typer.Argument(help="The branch.")],
    to: Annotated[str, typer.Argument(help="Branch, tag or commit.")],
    message: Message = "",
    json: Json = False,
) -> None:
    """Move a branch to a commit; what it held stays, by commit id.

    anabranch reset fix-units main
    """
    made = settings.current.open().reset_branch(name, to, message=message)
    print_json(made) if json else typer.echo(f"{made.name} is at {short(made.commit)}")


@command
def merge(
    source: Annotated[str, typer.Argument(help="Branch, tag or commit.")],
    into: Annotated[str | None, typer.Option(help="The branch; otherwise the one in use.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")] = False,
    message: Message = "",
    json: Json = False,
) -> None:
    """Merge a branch into another, by table, as one commit. A dry run with conflicts ends with 4.

    anabranch merge fix-units -m 'units of p2'
    """
    done = settings.current.open().merge(source, into, dry_run=dry_run, message=message)
    if json:
        print_json(done)
    else:
        found = [(c.table, "conflict", c.detail) for c in done.conflicts]
        rows = [*found, *((c.table, c.change, c.detail) for c in done.changes)]
        print_table(("table", "change", "detail"), rows)
        if not dry_run:
            typer.echo(f"committed {short(done.commit)}" if done.commit else "there was nothing to merge")
    if done.conflicts:
        raise typer.Exit(CONFLICT)


COMMANDS = {"branch": branch, "tag": tag, "reset": reset, "merge": merge}
