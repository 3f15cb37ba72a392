"""SQL in the cells of a notebook: ``%load_ext anabranch``, then ``%%sql``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.errors import error

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = 1000
"""So many rows of a query by Spark are shown."""

USAGE = "%%sql [--repository LOCATION] [--ref REF] [--spark] [name <<], and a query below"
_OPTION = re.compile(r"\s*(?:(?:(-r|--repository|--ref)[\s=]+(\S+))|(--spark)(?!\S))")
_UNKNOWN = re.compile(r"\s*--?[A-Za-z]")
_RESULT = re.compile(r"\s*([A-Za-z_]\w*)\s*<<")


def load(shell: Any) -> None:
    """Registers ``%sql`` and ``%%sql`` with a shell of IPython."""

    def sql(line: str, cell: str | None = None) -> Any:
        return run(shell, line, cell)

    sql.__doc__ = run.__doc__
    shell.register_magic_function(sql, "line_cell", "sql")


def run(shell: Any, line: str, cell: str | None = None) -> Any:
    """Runs a query over tables and refs.

    %%sql [--repository LOCATION] [--ref REF] [--spark] [name <<]
    SELECT … FROM clinic.labs AT 'train-2026-01' WHERE value > $limit

    The repository is the one named, or that of ANABRANCH_REPOSITORY or an anabranch.toml; DuckDB runs the
    query, and ``$limit`` is the variable ``limit``. With --spark the session of Spark runs it: any statement
    may stand there, and ``:limit`` is the variable.

    Returns:
        the rows as a frame of pandas. With ``name <<`` that variable has them, and nothing is shown: as a
        table of Arrow, or with --spark as a DataFrame.

    Raises:
        ClientUsage: where nothing is to be run.
    """
    options: dict[str, str] = {}
    while found := _OPTION.match(line):
        options[found[1] or found[3]] = found[2] or ""
        line = line[found.end() :]
    name = _RESULT.match(line)
    query = f"{line[name.end() :] if name else line}\n{cell or ''}".strip()
    if not query or _UNKNOWN.match(line):
        reason = "there is no query" if not query else f"{line.split()[0]} is no option"
        raise error("ANABRANCH_CLIENT.USAGE", reason=f"{reason}: it is {USAGE}")
    by_spark = "--spark" in options
    rows = _by_spark(query, shell.user_ns) if by_spark else _by_duckdb(query, options, shell.user_ns)
    if name:
        shell.user_ns[name[1]] = rows
        return None
    if not by_spark:
        return rows.to_pandas()
    shown = rows.limit(SHOWN + 1).toPandas()
    if len(shown) > SHOWN:
        print(f"The first {SHOWN} rows. Give them a name to have all: %%sql --spark name <<")
    return shown.head(SHOWN) if len(shown.columns) else None


def _by_duckdb(query: str, options: Mapping[str, str], variables: Mapping[str, Any]) -> Any:
    from anabranch.core.repository.settings import load

    where = options.get("-r") or options.get("--repository")
    repository = load(Path.cwd(), where, options.get("--ref")).open()
    return repository.sql(query, _named(r"\$([A-Za-z_]\w*)", query, variables) or None)


def _by_spark(query: str, variables: Mapping[str, Any]) -> Any:
    from pyspark.sql import SparkSession

    spark = SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
    return spark.sql(query.rstrip(";"), _named(r"(?<![:\w]):([A-Za-z_]\w*)", query, variables))


def _named(pattern: str, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    return {n: variables[n] for n in re.findall(pattern, query) if n in variables}
