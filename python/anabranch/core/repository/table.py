"""A table of a repository at a ref, to be written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from anabranch.core.repository.names import listed, must_be_texts
from anabranch.core.repository.view import TableView
from anabranch.errors import error
from anabranch.results import OptimizeResult, RestoreResult

if TYPE_CHECKING:
    import pyarrow as pa

    from anabranch.core.operations.engine import Parameters
    from anabranch.core.operations.rows import Where
    from anabranch.core.repository.work import Work


class Table(TableView):
    """A table of a branch. Each method that writes is one commit, and leaves this at the state after it.

    In a transaction, all of them are a part of its commit.
    """

    @contextmanager
    def _writing(self, message: str) -> Iterator[Work]:
        """The transaction that it belongs to, or one of its own on its branch."""
        if self._work is not None:
            with self._work.lock:
                yield self._work
                self._state = self._work.table(self._state.name)
            return
        branch = self._ref.writable
        with self._repository.transaction(message, branch=branch) as tx:
            yield tx.work
        self._ref = self._repository.resolved(self._ref.text)
        self._state = self._ref.state.tables[self._state.id]

    def append(self, data: Any, *, evolve: bool = False, message: str = "") -> int:
        """Adds rows.

        Args:
            data: of Arrow, pandas, Polars, DuckDB or plain Python. A column that it lacks gets its
                default, or NULL.
            evolve: add columns that the table lacks, and widen types, where the rows need it.
            message: of the commit.

        Returns:
            How many rows.

        Raises:
            SchemaColumnNotFound, WriteValue, WriteCheckViolated: with the column and the first bad row.
            CommitConflict: if the columns were changed meanwhile.
        """
        with self._writing(message) as work:
            return work.append(self._state.name, data, evolve)

    def overwrite(self, data: Any, *, evolve: bool = False, message: str = "") -> int:
        """Puts rows in the place of all that are there; all else is as in `append`."""
        with self._writing(message) as work:
            return work.overwrite(self._state.name, data, evolve)

    def delete(self, where: Where, parameters: Parameters = None, *, message: str = "") -> int:
        """Deletes the rows for which a condition is true; how many."""
        with self._writing(message) as work:
            return work.delete(self._state.name, where, parameters)

    def update(
        self,
        set: Mapping[str, Any],
        where: Where | None = None,
        parameters: Parameters = None,
        *,
        message: str = "",
    ) -> int:
        """Gives rows new values.

        Args:
            set: new values, by column. A text is SQL: ``{"value": "value * 18.016", "unit": "'mg/dL'"}``;
                what else Python has, as a number, a date or None, is meant as it is.
            where: rows for which this is true; None for all.
            parameters: bound to ``?`` or ``$name`` in any of these.
            message: of the commit.

        Returns:
            How many rows.
        """
        with self._writing(message) as work:
            return work.update(self._state.name, set, where, parameters)

    def upsert(
        self, data: Any, on: str | Sequence[str], *, evolve: bool = False, message: str = ""
    ) -> dict[str, int]:
        """Changes the rows that have the same keys as given ones, and adds the others; see `merge`."""
        return self.merge(data, on, evolve=evolve, message=message)

    def merge(
        self,
        data: Any,
        on: str | Sequence[str],
        *,
        matched: Literal["update", "delete"] | None = "update",
        not_matched: Literal["insert"] | None = "insert",
        evolve: bool = False,
        message: str = "",
    ) -> dict[str, int]:
        """Changes, deletes and adds rows by those of another table.

        Args:
            data: the other rows; columns that they lack keep their values.
            on: the keys.
            matched: what becomes of rows that have the same keys.
            not_matched: what becomes of given rows whose keys are not there.
            evolve: add columns that the table lacks, and widen types, where the rows need it.
            message: of the commit.

        Returns:
            ``rows_inserted``, ``rows_updated``, ``rows_deleted``.

        Raises:
            WriteDuplicateKey: if several given rows would change one row.
        """
        with self._writing(message) as work:
            return work.merge(self._state.name, data, listed(on), matched, not_matched, evolve)

    def add_column(
        self, name: str, type: pa.DataType, *, comment: str | None = None, message: str = ""
    ) -> None:
        """Adds a column, which is NULL in the rows that are there."""
        import pyarrow as pa

        from anabranch.core.operations.schemas import with_column

        must_be_texts("a name of a column", name)
        must_be_texts("a comment", *(() if comment is None else (comment,)))
        field = pa.field(name, type)
        with self._writing(message) as work:
            work.alter(self._state.name, lambda m, table: with_column(m, table, field, comment))

    def drop_column(self, name: str, *, message: str = "") -> None:
        """Drops a column; files stay as they are."""
        from anabranch.core.operations.schemas import without_column

        with self._writing(message) as work:
            work.alter(self._state.name, lambda m, table: without_column(m, table, name))

    def rename_column(self, name: str, to: str, *, message: str = "") -> None:
        """Gives a column another name; files stay as they are."""
        from anabranch.core.operations.schemas import renamed_column

        with self._writing(message) as work:
            work.alter(self._state.name, lambda m, table: renamed_column(m, table, name, to))

    def widen_column(self, name: str, type: pa.DataType, *, message: str = "") -> None:
        """Gives a column a wider type of the same kind; files stay as they are."""
        from anabranch.core.format.arrow import column_type
        from anabranch.core.operations.schemas import widened_column

        with self._writing(message) as work:
            work.alter(self._state.name, lambda m, table: widened_column(m, table, name, column_type(type)))

    def set_properties(self, properties: Mapping[str, str | None], *, message: str = "") -> None:
        """Sets table properties; None removes one."""
        from anabranch.core.operations.schemas import with_properties

        must_be_texts("a table property", *properties, *(v for v in properties.values() if v is not None))
        with self._writing(message) as work:
            work.alter(self._state.name, lambda m, _: with_properties(m, properties))

    def optimize(
        self, where: str | None = None, parameters: Parameters = None, *, message: str = ""
    ) -> OptimizeResult:
        """Puts small files, and rows that stand in commits, together in files of the table's size.

        Deleted rows go where they are many. No row changes, and other writers don't notice. What is already
        so is left alone.

        Args:
            where: only files that may hold rows for which this is true, in SQL.
            parameters: bound to ``?`` or ``$name`` in `where`.
            message: of the commit.

        Raises:
            WriteOptimizeCondition: if bounds of files tell nothing about the condition.
            RefReadOnly, TransactionRefused, CommitConflict: if columns were changed meanwhile.
        """
        from anabranch.core.repository.optimizing import optimized

        if self._work is not None:
            reason = "it can't stand in a transaction"
            raise error("ANABRANCH_TRANSACTION.REFUSED", statement="OPTIMIZE", reason=reason)
        told = {} if where is None else {"where": where}
        by = self._repository.context(message, parameters=told)
        result = optimized(self._repository, self._ref, self._state, where, parameters, by)
        self._ref = self._repository.resolved(self._ref.text)
        self._state = self._ref.state.tables[self._state.id]
        return result

    def restore(self, to: int | str | datetime, *, message: str = "") -> RestoreResult:
        """Brings back an earlier state of the table, without copying.

        Args:
            to: a version, a ref, or a time.
            message: of the commit.
        """
        with self._writing(message) as work:
            work.restore(self._state.name, to)
        t = self._state
        return RestoreResult(t.full_name, t.version, self.commit, t.files.rows, len(t.files.files))
