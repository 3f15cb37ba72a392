"""Commands that give data up: expire, vacuum."""

from __future__ import annotations

from typing import Annotated

import typer

from anabranch.cli import settings
from anabranch.cli.durations import FORM, duration, duration_or_time
from anabranch.cli.output import Json, command, print_json, print_table
from anabranch.cli.terminal import working

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


@command
def expire(
    older_than: Annotated[
        str, typer.Option(help=f"States that were over so long ago ({FORM}), or by a time, in UTC.")
    ],
    branches: Annotated[
        str, typer.Option(help="On which branches: a name, in which * stands for any characters.")
    ] = "*",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many commits it is.")] = False,
    message: Annotated[str, typer.Option("--message", "-m", help="What is said about it.")] = "",
    json: Json = False,
) -> None:
    """Give up the data of old states for ever. Heads of branches, what tags name, and the history stay.

    anabranch expire --older-than 30d

    anabranch expire --older-than 2026-01-31 --branches 'ci/*' --dry-run
    """
    with working("looking for old states"):
        done = settings.current.open("main").expire(
            duration_or_time(older_than), branches, message=message, dry_run=dry_run
        )
    if json:
        return print_json(done)
    by = f"{done.before:%Y-%m-%d %H:%M:%S}"
    typer.echo(
        f"{'would be expired' if dry_run else 'expired'} on branches '{branches}', as over by {by}: "
        f"{_counted(done.expired_commits, 'commit')}"
    )
    if not dry_run:
        typer.echo("anabranch vacuum deletes the data that nothing else needs")


@command
def vacuum(
    grace: Annotated[str, typer.Option(help=f"What is younger stays: {FORM}. At least 7d.")] = "7d",
    table: Annotated[str | None, typer.Option(help="Only what belongs to this table.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Allow a shorter grace: nobody is writing, that is certain.")
    ] = False,
    json: Json = False,
) -> None:
    """Delete data files and deletion vectors that no state needs but expired ones, or none at all.

    anabranch vacuum --dry-run

    anabranch vacuum --table clinic.labs --grace 14d
    """
    with working("looking for what nothing needs"):
        found = settings.current.open().vacuum(duration(grace), table, dry_run=dry_run, force=force)
    total = sum(o.size for o in found)
    if json:
        return print_json({"dry_run": dry_run, "bytes": total, "objects": found})
    if found:
        print_table(("object", "bytes", "modified"), ((o.path, o.size, o.modified) for o in found))
    told = "would be deleted" if dry_run else "deleted"
    typer.echo(f"{told}: {_counted(len(found), 'object')}, {_shown(total)}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _shown(size: float) -> str:
    """A number of bytes for people."""
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {UNITS[unit]}" if unit else f"{size} {UNITS[unit]}"


COMMANDS = {"expire": expire, "vacuum": vacuum}
