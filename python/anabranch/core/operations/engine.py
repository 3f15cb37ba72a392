"""DuckDB, which evaluates SQL: conditions, expressions, queries. We have no evaluator of our own."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from anabranch.core.operations.unnamed import walked
from anabranch.errors import error, told_in

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Parameters = Sequence[Any] | Mapping[str, Any] | None


@contextmanager
def connected(outside: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an empty database in memory.

    Args:
        outside: a database of its own, whose SQL may read files and load extensions. Conditions have no
            business there: a repository brings some that somebody else wrote.

    Raises:
        ClientMissingPackage: without DuckDB.
        SqlFailed: for SQL that DuckDB refuses, while the connection is open.
    """
    try:
        import duckdb
    except ImportError:
        raise missing("duckdb", "SQL expressions") from None
    connection = _database({}) if outside else _shared().cursor()
    try:
        yield connection
    except duckdb.Error as e:
        raise told_in(str(e)) or error("ANABRANCH_SQL.FAILED", reason=_first_line(e)) from e
    finally:
        connection.close()


def _database(config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    import duckdb

    # names mean tables, and never variables of ours
    connection = duckdb.connect(":memory:", config={**config, "python_enable_replacements": "false"})
    connection.execute("SET GLOBAL TimeZone = 'UTC'").fetchall()
    return connection


_lock = threading.Lock()
_databases: dict[int, duckdb.DuckDBPyConnection] = {}
"""That of all conditions, by process: a forked one has the database, and none of its threads."""


def _shared() -> duckdb.DuckDBPyConnection:
    """The database of all conditions, which holds nothing: what is registered is seen by one cursor only."""
    with _lock:
        process = os.getpid()
        if process not in _databases:
            off = ("autoinstall_known_extensions", "autoload_known_extensions", "enable_external_access")
            _databases[process] = _database(dict.fromkeys(off, "false"))
        return _databases[process]


def _unlocked() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlocked)


def register(connection: duckdb.DuckDBPyConnection, name: str, rows: Any) -> None:
    """Gives rows of Arrow a name on a connection.

    Args:
        connection: that shall know them.
        name: of the view that shows them.
        rows: a table, reader or dataset.
    """
    columns = columns_of(rows.schema)
    if columns == "*":
        connection.register(name, rows)
        return
    connection.register(f"{name} in Arrow", rows)
    select = f"SELECT {columns} FROM {quoted(f'{name} in Arrow')}"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {select}")


def columns_of(schema: pa.Schema) -> str:
    """What is to be selected from rows of Arrow, so that DuckDB compares them.

    DuckDB 1 leaves comparisons to Arrow, for which NaN is not larger than other numbers: what it is to
    compare by itself must not be a mere column.
    """
    import pyarrow as pa

    from anabranch.core.format.arrow import holds

    floats = [quoted(f.name) for f in schema if holds(f.type, pa.types.is_floating)]
    if not floats or not is_duckdb_1():
        return "*"
    return f"* REPLACE ({', '.join(f'CASE WHEN {c} IS NOT NULL THEN {c} END AS {c}' for c in floats)})"


def is_duckdb_1() -> bool:
    """Whether DuckDB is older than 2.0, the first that Python 3.10 does not have."""
    import duckdb

    return duckdb.__version__.startswith("1.")


def syntax(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[dict[str, Any]]:
    """The nodes of a query, as the parser of DuckDB has them."""
    ((text,),) = connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchall()
    yield from walked(json.loads(text))


def bound(parameters: Parameters) -> Any:
    """Parameters as DuckDB takes them: numbers of NumPy as those of Python.

    Raises:
        TypeError: for one value that is given alone.
    """
    if isinstance(parameters, Mapping):
        return {name: plain(x) for name, x in parameters.items()} or None
    if isinstance(parameters, str | bytes) or not isinstance(parameters, Iterable | None):
        raise TypeError(f"parameters are a list, or a dict by names; {parameters!r} is neither")
    return [plain(x) for x in parameters or ()] or None


def plain(x: Any) -> Any:
    """A number of NumPy as one of Python, and anything else as it is."""
    return x.item() if type(x).__module__ == "numpy" and getattr(x, "ndim", 1) == 0 else x


def _first_line(e: Exception) -> str:
    return str(e).strip().splitlines()[0].rstrip(".!")


def missing(package: str, what: str) -> Exception:
    """The error for a package that only some uses need."""
    return error("ANABRANCH_CLIENT.MISSING_PACKAGE", package=package, what=what)


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'
