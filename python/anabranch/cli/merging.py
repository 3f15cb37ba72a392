"""Commands for merges: merge, cherry-pick, revert, rebase, conflicts, resolve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, cast

import typer

from anabranch.cli import settings
from anabranch.cli.output import CONFLICT, Json, command, print_json, print_table, short
from anabranch.cli.terminal import working
from anabranch.results import Conflict, MergeResult, Side

Message = Annotated[str, typer.Option("--message", "-m", help="What is said about it.")]
Into = Annotated[str | None, typer.Option(help="The branch; otherwise the one in use.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")]
Sides = Annotated[
    list[str] | None,
    typer.Option(
        "--on-conflict",
        help="The side that is right: ours or theirs; of one table db.t=ours, of one column db.t:c=theirs.",
    ),
]
Parent = Annotated[
    int | None, typer.Option(help="Of a merge, the parent that its changes are told against: 1 or 2.")
]


@command
def merge(
    source: Annotated[str | None, typer.Argument(help="Branch, tag or commit.")] = None,
    into: Into = None,
    dry_run: DryRun = False,
    on_conflict: Sides = None,
    squash: Annotated[bool, typer.Option("--squash", help="Forget where the changes came from.")] = False,
    ff_only: Annotated[bool, typer.Option("--ff-only", help="Refuse if rows must be combined.")] = False,
    keep: Annotated[bool, typer.Option("--keep-conflicts", help="Keep a merge that has conflicts.")] = False,
    go_on: Annotated[bool, typer.Option("--continue", help="Commit the merge that was kept.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Give the merge that was kept up.")] = False,
    message: Message = "",
    json: Json = False,
) -> None:
    """Merge a branch into another, by row and by cell, as one commit. One with open conflicts ends with 4.

    anabranch merge fix-units -m 'units of p2'
    """
    if (source is not None) + go_on + abort != 1:
        raise typer.BadParameter("name what to merge, or --continue, or --abort")
    repo = settings.current.open()
    if abort:
        repo.abort_merge(into)
        return print_json({"aborted": into or repo.ref}) if json else None
    with working("merging"):
        if go_on or source is None:
            done = repo.continue_merge(into, message=message)
        else:
            done = repo.merge(
                source,
                into,
                dry_run=dry_run,
                message=message,
                on_conflict=_sides(on_conflict),
                squash=squash,
                ff_only=ff_only,
                keep_conflicts=keep,
            )
    _told(done, dry_run and not go_on, json)


@command
def cherry_pick(
    commit: Annotated[str, typer.Argument(help="The commit, by any ref.")],
    into: Into = None,
    dry_run: DryRun = False,
    on_conflict: Sides = None,
    parent: Parent = None,
    message: Message = "",
    json: Json = False,
) -> None:
    """Do on a branch what a commit did elsewhere.

    anabranch cherry-pick fix-units~1
    """
    done = settings.current.open().cherry_pick(
        commit, into, dry_run=dry_run, message=message, on_conflict=_sides(on_conflict), parent=parent
    )
    _told(done, dry_run, json)


@command
def revert(
    commit: Annotated[str, typer.Argument(help="The commit, by any ref.")],
    on: Annotated[str | None, typer.Option(help="The branch; otherwise the one in use.")] = None,
    dry_run: DryRun = False,
    on_conflict: Sides = None,
    parent: Parent = None,
    message: Message = "",
    json: Json = False,
) -> None:
    """Undo on a branch what a commit did; what was done since stays.

    anabranch revert main~1
    """
    done = settings.current.open().revert(
        commit, on, dry_run=dry_run, message=message, on_conflict=_sides(on_conflict), parent=parent
    )
    _told(done, dry_run, json)


@command
def rebase(
    branch: Annotated[str, typer.Argument(help="The branch whose commits are replayed.")],
    onto: Annotated[str, typer.Argument(help="Branch, tag or commit that it stands on then.")],
    on_conflict: Sides = None,
    json: Json = False,
) -> None:
    """Replay the commits of a branch on top of another ref. Ours is that ref; theirs what is replayed.

    anabranch rebase fix-units main
    """
    with working("rebasing"):
        done = settings.current.open().rebase(branch, onto, on_conflict=_sides(on_conflict))
    if json:
        return print_json(done)
    rows = (
        (short(r.rebased_from), short(r.commit) if r.commit else "there already", r.author, r.message)
        for r in done
    )
    print_table(("replayed", "as", "author", "message"), rows)


@command
def conflicts(
    branch: Annotated[str | None, typer.Argument(help="The branch; otherwise the one in use.")] = None,
    json: Json = False,
) -> None:
    """List the conflicts of the merge that was kept, decided ones included.

    anabranch conflicts
    """
    found = settings.current.open().conflicts(branch)
    if json:
        return print_json(found)
    _print_conflicts(found)


@command
def resolve(
    choice: Annotated[
        str | None, typer.Argument(help="The side that is right: ours or theirs; or open, to decide again.")
    ] = None,
    value: Annotated[str | None, typer.Option(help="Or another value for a cell.")] = None,
    table: Annotated[str | None, typer.Option(help="Only conflicts of this table.")] = None,
    row: Annotated[int | None, typer.Option(help="Only of this row, by its _row_id.")] = None,
    column: Annotated[str | None, typer.Option(help="Only of this column.")] = None,
    where: Annotated[
        str | None, typer.Option("--where", "-w", help="Only where this is true: kind = 'cell'.")
    ] = None,
    branch: Into = None,
    json: Json = False,
) -> None:
    """Decide conflicts of the merge that was kept: all of them, or those that are named.

    anabranch resolve theirs --table clinic.labs --column unit
    """
    repo = settings.current.open()
    try:
        left = repo.resolve(
            cast("Literal['ours', 'theirs', 'open'] | None", choice),
            value=value,
            table=table,
            row_id=row,
            column=column,
            where=where,
            branch=branch,
        )
    except ValueError as e:
        raise typer.BadParameter(str(e)) from None
    print_json({"open": left}) if json else typer.echo(f"{left} left open")


def _sides(given: list[str] | None) -> dict[str, Side]:
    found: dict[str, Side] = {}
    for text in given or ():
        scope, _, side = text.rpartition("=")
        if side not in ("ours", "theirs"):
            raise typer.BadParameter(f"'{side}' is no side of a merge: say ours or theirs")
        found[scope or "*"] = cast("Side", side)
    return found


def _told(done: MergeResult, dry_run: bool, json: bool) -> None:
    if json:
        print_json(done)
    else:
        if done.conflicts:
            _print_conflicts(done.conflicts)
        if done.changes:
            rows = [(c.table, c.change, c.detail) for c in done.changes]
            print_table(("table", "change", "detail"), rows)
        if done.conflicts and not dry_run:
            typer.echo("kept: decide its conflicts with resolve, then merge --continue")
        elif not dry_run:
            typer.echo(f"committed {short(done.commit)}" if done.commit else "nothing had to be done")
    if done.conflicts:
        raise typer.Exit(CONFLICT)


def _print_conflicts(found: Sequence[Conflict]) -> None:
    columns = ("table", "conflict", "row", "key", "column", "base", "ours", "theirs", "decided", "detail")
    shown = [
        (c.table, c.kind, c.row_id, c.key, c.column, c.base, c.ours, c.theirs, c.value or c.choice, c.detail)
        for c in found
    ]
    used = [i for i in range(len(columns)) if i < 2 or any(row[i] is not None for row in shown)]
    print_table([columns[i] for i in used], [[row[i] for i in used] for row in shown])


COMMANDS = {
    "merge": merge,
    "cherry-pick": cherry_pick,
    "revert": revert,
    "rebase": rebase,
    "conflicts": conflicts,
    "resolve": resolve,
}
