"""What commands print: tables for people, JSON for programs; and how they end."""

from __future__ import annotations

import functools
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from anabranch.cli.terminal import paged, write
from anabranch.errors import AnabranchError

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console
    from rich.table import Table

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_IN_ASCII = str.maketrans("●│─┼┤├╯╰╮╭", "*|-+++'`..")
LINES_AT_ONCE = 1000

F = TypeVar("F", bound=Callable[..., Any])

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

REFUSED, WRONG_USE, NOT_FOUND, CONFLICT, STORE, DAMAGED, UNKNOWN, INTERRUPTED = 1, 2, 3, 4, 5, 6, 7, 130
EXIT_CODES = """Exit codes: 0 done; 1 refused; 2 wrong use; 3 no such repository, ref or table; 4 a conflict;
5 the store failed or forbids it; 6 something is damaged or missing; 7 unknown whether it was committed;
130 interrupted. With --json, what is printed is JSON, errors on standard error included."""

_CODES = {
    "REF.NOT_FOUND": NOT_FOUND,
    "TABLE.NOT_FOUND": NOT_FOUND,
    "NAMESPACE.NOT_FOUND": NOT_FOUND,
    "REPOSITORY.NOT_FOUND": NOT_FOUND,
    "TABLE.VERSION_NOT_FOUND": NOT_FOUND,
    "COMMIT.CONFLICT": CONFLICT,
    "COMMIT.RETRIES_EXHAUSTED": CONFLICT,
    "MERGE.CONFLICT": CONFLICT,
    "COMMIT.OUTCOME_UNKNOWN": UNKNOWN,
    "REPOSITORY.STORE_FAILED": STORE,
    "REPOSITORY.NO_PERMISSION": STORE,
    "REPOSITORY.UNSAFE_STORE": STORE,
}


def exit_code(condition: str) -> int:
    """The exit code of an error class."""
    area = condition.removeprefix("ANABRANCH_")
    damaged = area.startswith(("LOG.", "DATA."))
    return DAMAGED if damaged else _CODES.get(area, REFUSED)


def command(f: F) -> F:
    """A command whose errors are a message, a hint and an exit code, and no stack trace."""

    @functools.wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return f(*args, **kwargs)
        except AnabranchError as e:
            complain(e, bool(kwargs.get("json")))
            raise typer.Exit(exit_code(e.condition)) from None
        except (KeyboardInterrupt, BrokenPipeError) as e:
            if isinstance(e, BrokenPipeError):
                _to_nobody()
            raise typer.Exit(INTERRUPTED) from None

    return run  # type: ignore[return-value]


def _to_nobody() -> None:
    """What is left to be printed would fail again at the end, with a stack trace."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(e: AnabranchError, as_json: bool = False) -> None:
    """Says on standard error what happened and what to do."""
    if as_json:
        told = {"error": e.condition, "message": e.reason, "action": e.action, "parameters": e.parameters}
        return typer.echo(json.dumps(told, indent=2, ensure_ascii=False), err=True)
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("[red]error:[/red]", _escaped(e.reason))
    console.print("[dim]hint:[/dim] ", _escaped(e.action))
    console.print(f"[dim]{_escaped(e.condition)}[/dim]")


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(harmless(text))


def harmless(text: str) -> str:
    """Without characters that do something to a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _console() -> Console:
    """Standard output; with colours and folded lines on a terminal only."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 1_000_000
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=width)


def _rendered(out: Console, what: Any, style: str | None = None) -> str:
    """What Rich would print: it ends the program by itself when nobody reads on."""
    with out.capture() as made:
        out.print(what, style=style, markup=False)
    return made.get()


def print_drawing(text: str) -> None:
    """A drawing by lines, in ASCII where there are no others."""
    text = harmless(text)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = text.translate(_IN_ASCII)
    paged([f"{text}\n"])


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(v) for name, v in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(name): plain(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def print_json(value: Any) -> None:
    """One JSON value."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows for people."""
    from rich.cells import cell_len

    cells = [[harmless(text) for text in columns], *([harmless(_cell(x)) for x in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    out = _console()
    if sum(widths) + 2 * len(widths) > out.width or any("\n" in x or "\t" in x for row in cells for x in row):
        return paged([_rendered(out, _folded(cells[0], cells[1:]))])

    def line(row: Sequence[str]) -> str:
        padded = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
        return "  ".join(padded).rstrip()

    head = [_rendered(out, line(cells[0]), "bold")] if any(columns) else []
    paged(chain(head, _some_at_once(map(line, cells[1:]))))


def _folded(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Rows that take several lines each. That takes a hundred times as long."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, show_header=any(columns))
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def print_lines(lines: Iterable[str]) -> None:
    """Many lines for a program."""
    for some in _some_at_once(lines):
        write(some)


def _some_at_once(lines: Iterable[str]) -> Iterator[str]:
    """To send off each line by itself takes longer than to make it."""
    left = iter(lines)
    while some := list(islice(left, LINES_AT_ONCE)):
        yield "".join(f"{line}\n" for line in some)


def _cell(x: object) -> str:
    if isinstance(x, datetime):
        return x.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(x, Mapping):
        return ", ".join(f"{k}={v}" for k, v in x.items())
    return "" if x is None else ", ".join(map(str, x)) if isinstance(x, tuple) else str(x)


def json_line(row: Mapping[str, Any]) -> str:
    """A row as JSON."""
    return json.dumps(plain(row), ensure_ascii=False)


def print_rows(rows: pa.Table, as_json: bool) -> None:
    """Rows of a table; as JSON, one object a line."""
    values = zip(*(_values(column) for column in rows.columns), strict=True)
    if not as_json:
        return print_table(rows.column_names, values)
    names: list[str] = []
    for name in rows.column_names:  # a query may give several one name
        names.append(name if name not in names else f"{name}_{len(names)}")
    print_lines(json_line(dict(zip(names, row, strict=True))) for row in values)


def _values(column: pa.ChunkedArray) -> Sequence[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # Python has no such time
        values = column.cast("string").to_pylist()
    return values


def print_written(file: Path, rows: int, as_json: bool) -> None:
    """What was written to a file."""
    print_json({"file": str(file), "rows": rows}) if as_json else typer.echo(f"{rows} rows in {file}")


def short(commit: str) -> str:
    """As much of a commit id as people need."""
    place, digest = commit.rsplit("-", 1)
    return f"{place}-{digest[:12]}"
