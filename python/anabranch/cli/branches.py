"""Commands for branches and tags: branch, tag, reset."""

from __future__ import annotations

from typing import Annotated

import typer

from anabranch.cli import settings
from anabranch.cli.output import Json, command, print_json, print_table, short

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
        repo.drop_branch(name)
        return print_json({"dropped": name}) if json else None
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
        repo.drop_tag(name)
        return print_json({"dropped": name}) if json else None
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


COMMANDS = {"branch": branch, "tag": tag, "reset": reset}
