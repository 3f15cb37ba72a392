"""The rows of a table for which a condition is true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.files import HIDDEN
from anabranch.core.log.replay import TableState
from anabranch.core.operations.collations import must_be_comparable
from anabranch.core.operations.dataset import TableDataset
from anabranch.core.operations.engine import Parameters, bound, connected, plain, quoted, register, syntax
from anabranch.core.operations.scan import columnless, readable_names, schema_of
from anabranch.core.store.objects import ObjectStore
from anabranch.errors import error

if TYPE_CHECKING:
    import duckdb

Where: TypeAlias = "str | pc.Expression | duckdb.Expression"


class Rows:
    """The rows of a table in one state."""

    def __init__(self, store: ObjectStore, table: TableState) -> None:
        self._store = store
        self._table = table

    def names(self, columns: Sequence[str] | None) -> list[str]:
        """The columns of that name, compared without case; all but hidden ones where none are named.

        Raises:
            SchemaColumnNotFound: if there is no such column.
        """
        m = self._table.metadata
        if columns is None:
            return [c.name for c in m.columns]
        found = []
        for name in columns:
            column = m.column(name)
            if column is None and name not in HIDDEN:
                known = ", ".join(c.name for c in m.columns)
                raise error(
                    "ANABRANCH_SCHEMA.COLUMN_NOT_FOUND", table=self._table.full_name, column=name, known=known
                )
            found.append(column.name if column else name)
        return found

    def read(
        self, columns: Sequence[str] | None, where: Where | None, parameters: Parameters = None
    ) -> pa.RecordBatchReader:
        """The wanted columns of the wanted rows."""
        names = self.names(columns)
        self._must_be_comparable(where)
        if where is None or isinstance(where, pc.Expression):
            return self.dataset().scan(names, where).reader()
        schema = schema_of(self._table, names)
        return pa.RecordBatchReader.from_batches(
            schema, self._evaluated(names, schema, sql_of(where), parameters)
        )

    def _evaluated(
        self, names: list[str], schema: pa.Schema, where: str, parameters: Parameters
    ) -> Iterator[pa.RecordBatch]:
        with connected() as connection:
            register(connection, "t", self.dataset())
            select = ", ".join(map(quoted, dict.fromkeys(names))) or "1"
            found = connection.sql(f"SELECT {select} FROM t WHERE ({where}\n)", params=bound(parameters))
            for batch in found.to_arrow_reader(128 * 1024):
                yield cast_batch(batch, schema)

    def select(
        self, columns: Sequence[str], where: Where, parameters: Parameters, exprs: Mapping[str, str]
    ) -> tuple[pa.Table, list[pc.Expression | None]]:
        """Columns of the rows for which a condition is true, some replaced by SQL expressions.

        With the conditions that were pushed down.
        """
        schema_of(self._table, columns)  # all of them can be read
        for used in (where, *exprs.values()):
            self._must_be_comparable(used)
        dataset = self.dataset()
        select = ", ".join(f"({exprs[n]}\n) AS {quoted(n)}" if n in exprs else quoted(n) for n in columns)
        arrow = isinstance(where, pc.Expression)
        with connected() as connection:
            register(connection, "t", dataset.scan(filter=where).reader() if arrow else dataset)
            sql = f"SELECT {select} FROM t WHERE ({'true' if arrow else sql_of(where)}\n)"
            return connection.sql(sql, params=bound(parameters)).to_arrow_table(), dataset.conditions

    def _must_be_comparable(self, used: Where | None) -> None:
        if used is not None:
            t = self._table
            must_be_comparable(
                t.full_name, t.metadata, used if isinstance(used, pc.Expression) else sql_of(used)
            )

    def dataset(self) -> TableDataset:
        """With all columns that are readable, hidden ones too."""
        return TableDataset(self._store, self._table, readable_names(self._table))


def has_subquery(where: Where) -> bool:
    """Whether a condition, or a new value, looks at other rows than the one that it is about."""
    if isinstance(where, pc.Expression):
        return False
    with connected() as connection:
        nodes = syntax(connection, f"SELECT ({sql_of(where)}\n) FROM t")
        return any(node.get("class") in ("SUBQUERY", "WINDOW") for node in nodes)


def sql_of(where: Where) -> str:
    """The SQL of a condition that is no expression of Arrow.

    Raises:
        SqlFailed: for a text with nothing in it.
        TypeError: for what is no condition.
    """
    if isinstance(where, str) and not where.strip():
        raise error("ANABRANCH_SQL.FAILED", reason="the condition is empty; all rows have none (None)")
    if isinstance(where, str | bool) or type(where).__module__.split(".")[0] in ("duckdb", "_duckdb"):
        return str(where)
    raise TypeError(f"a condition is SQL, or an expression of pyarrow or DuckDB; {where!r} is neither")


def expression(value: Any) -> str:
    """The SQL of a new value: a text is SQL itself, all else of Python is meant as it is.

    Raises:
        TypeError: for what is no value.
    """
    if isinstance(value, str):
        return value
    import duckdb

    if isinstance(value, duckdb.Expression):
        return str(value)
    value = plain(value)
    if value is None or isinstance(value, bool | int | float | Decimal | bytes | date):
        return str(duckdb.ConstantExpression(value))
    raise TypeError(f"a new value is SQL, an expression of DuckDB or a plain value; {value!r} is none")


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch with the types of a schema: an engine has its own for some."""
    if not schema.names:
        return columnless(batch.num_rows)
    arrays = [batch.column(f.name).cast(f.type) for f in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
