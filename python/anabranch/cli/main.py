"""The ``anabranch`` command."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from anabranch import __version__
from anabranch.cli import branches, giving_up, looking, maintenance, merging, rows, settings
from anabranch.cli.output import EXIT_CODES, REFUSED, WRONG_USE, complain, exit_code
from anabranch.core.repository.settings import load
from anabranch.errors import AnabranchError, error


class Commands(TyperGroup):
    """All commands. Whatever goes wrong is JSON where that is asked for, wrong use included."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **how: Any) -> Any:
        """Runs a command; as a program it ends with its exit code."""
        given = sys.argv[1:] if args is None else list(args)
        as_json = "--json" in given
        if not how.get("standalone_mode", True):
            return super().main(given, *more, **how)
        _readable_by_all(as_json)
        try:
            code = super().main(given, *more, **{**how, "standalone_mode": not as_json})
        except AnabranchError as e:
            complain(e, as_json)
            code = exit_code(e.condition)
        except OSError as e:  # of what is printed: files and stores tell theirs
            file, reason = e.filename or "standard output", e.strerror or str(e)
            complain(error("ANABRANCH_CLIENT.FILE", file=file, reason=reason), as_json)
            code = REFUSED
        except Exception as e:
            # the base of what Typer says about arguments has no public name
            if not as_json or not hasattr(e, "format_message"):
                raise
            complain(error("ANABRANCH_CLIENT.USAGE", reason=e.format_message().rstrip(".")), as_json)
            code = WRONG_USE
        sys.exit(code if isinstance(code, int) else 0)


def _readable_by_all(as_json: bool) -> None:
    """JSON is in UTF-8 everywhere; in tables, what the terminal has no character for is a number."""
    # closed ones are None: whoever closed them wants to see nothing
    sys.stdin = sys.stdin or open(os.devnull)
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8" if as_json else None, errors="backslashreplace")


app = typer.Typer(
    name="anabranch",
    cls=Commands,
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
    settings.current = load(Path.cwd(), repository, ref, author)


for module in (looking, branches, merging, rows, maintenance, giving_up):
    for name, function in module.COMMANDS.items():
        app.command(name)(function)
