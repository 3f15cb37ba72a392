"""The ``anabranch`` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anabranch import __version__
from anabranch.cli import branches, looking, maintenance, merging, rows, settings
from anabranch.cli.output import EXIT_CODES, complain, exit_code
from anabranch.errors import AnabranchError

app = typer.Typer(
    name="anabranch",
    help="Tables versioned together like a git repository, on an object store and nothing else.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"anabranch {__version__}")
        raise typer.Exit


@app.callback()
def options(
    repository: Annotated[
        str | None,
        typer.Option("--repository", "-r", help="Where it lies: a path, or a URI such as s3://bucket/lake."),
    ] = None,
    ref: Annotated[str | None, typer.Option("--ref", help="Branch, tag or commit.")] = None,
    author: Annotated[str | None, typer.Option("--author", help="Author of commits.")] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options come first; then ANABRANCH_REPOSITORY and ANABRANCH_REF; then anabranch.toml, found upwards."""
    try:
        settings.current = settings.load(repository, ref, author, Path.cwd())
    except AnabranchError as e:
        complain(e)
        raise typer.Exit(exit_code(e.condition)) from None


for module in (looking, branches, merging, rows, maintenance):
    for name, function in module.COMMANDS.items():
        app.command(name)(function)
