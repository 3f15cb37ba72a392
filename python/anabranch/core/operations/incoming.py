"""Rows that users give, as a table has them: names, types, defaults, NOT NULL and CHECK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.core.format.arrow import arrow_schema, arrow_type
from anabranch.core.format.tables import Column, TableMetadata
from anabranch.core.operations.check_sql import for_duckdb
from anabranch.core.operations.collations import must_be_comparable
from anabranch.core.operations.engine import connected, register
from anabranch.core.operations.fitting import Misfit, fitted
from anabranch.core.operations.given import released
from anabranch.core.operations.literals import literal
from anabranch.errors import AnabranchError, error


class Aligned:
    """Brings rows into the form of a table, logical names and types, and checks what holds of them.

    `rows` counts those that came through.
    """

    def __init__(self, table: str, metadata: TableMetadata, allowed: Sequence[str] = ()) -> None:
        self._table = table
        self._metadata = metadata
        self._allowed = allowed  # hidden columns that go along
        self._checks = metadata.checks
        self.rows = 0

    def batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
        """The rows as the table has them.

        Raises:
            SchemaColumnNotFound, WriteValue, WriteCheckViolated: with the column and the first bad row.
        """
        with released(reader):
            self.check_names(reader.schema.names)
            for batch in reader:
                table = self._aligned(batch, self._metadata.columns)
                self.check(table)
                self.rows += table.num_rows
                yield table

    def given(self, reader: pa.RecordBatchReader) -> pa.Table:
        """The rows with the columns that were given, to be joined with those of the table; not checked yet.

        Raises:
            SchemaColumnNotFound, WriteValue: with the column and the first bad row.
        """
        tables = []
        with released(reader):
            self.check_names(reader.schema.names)
            columns = [c for n in reader.schema.names if (c := self._metadata.column(n)) is not None]
            for batch in reader:
                tables.append(self._aligned(batch, columns))
                self.rows += batch.num_rows
        return pa.concat_tables(tables) if tables else arrow_schema(columns).empty_table()

    def check_names(self, names: Sequence[str]) -> None:
        """Refuses columns that the table doesn't have, and those that are named twice."""
        seen = set()
        for name in names:
            column = self._metadata.column(name)
            if column is None and name not in self._allowed:
                known = ", ".join(c.name for c in self._metadata.columns)
                raise error("ANABRANCH_SCHEMA.COLUMN_NOT_FOUND", table=self._table, column=name, known=known)
            if name.lower() in seen:
                raise error("ANABRANCH_SCHEMA.COLUMN_EXISTS", table=self._table, column=name)
            seen.add(name.lower())

    def _aligned(self, batch: pa.RecordBatch, columns: Sequence[Column]) -> pa.Table:
        given = {name.lower(): batch.column(i) for i, name in enumerate(batch.schema.names)}
        arrays: dict[str, pa.Array] = {}
        for c in columns:
            found = given.get(c.name.lower())
            if found is None:
                arrays[c.name] = pa.repeat(
                    literal(c.attributes.get("default"), arrow_type(c.type)), batch.num_rows
                )
            else:
                arrays[c.name] = self._fitted(c, found)
            if c.required and arrays[c.name].null_count:
                row = pc.index(arrays[c.name].is_null(), True).as_py()
                raise self._wrong(c.name, "NULL", row, "the column is NOT NULL")
        for name in self._allowed:
            if name in given:
                arrays[name] = given[name].cast(pa.int64())
        return pa.table(arrays)

    def _fitted(self, c: Column, array: pa.Array) -> pa.Array:
        try:
            return fitted(array, c.type)
        except Misfit as e:
            raise self._wrong(c.name + e.path, e.value, e.row, e.reason) from None

    def _wrong(self, column: str, value: str, row: int, reason: str) -> AnabranchError:
        return error(
            "ANABRANCH_WRITE.VALUE",
            table=self._table,
            column=column,
            value=value,
            row=self.rows + row,
            reason=reason,
        )

    def check(self, rows: pa.Table) -> None:
        """Refuses rows for which a CHECK is false, and a CHECK that makes no sense for them."""
        if not self._checks:
            return
        with connected() as connection:
            register(connection, "rows", rows)
            for check in self._checks:
                condition = for_duckdb(check.condition)
                must_be_comparable(self._table, self._metadata, condition)
                sql = f"SELECT * FROM rows WHERE NOT ({condition}\n) LIMIT 1"
                bad = connection.sql(sql).to_arrow_table().to_pylist()
                if bad:
                    raise error(
                        "ANABRANCH_WRITE.CHECK_VIOLATED",
                        table=self._table,
                        constraint=check.name,
                        condition=check.condition,
                        row=bad[0],
                    )
