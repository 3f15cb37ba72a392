"""A table of a repository at a ref, to be looked at and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from anabranch.core.format.files import LINEAGE, ROW_ID, ROW_PLACE
from anabranch.core.format.names import table_data
from anabranch.core.format.times import to_time
from anabranch.core.log.replay import TableState
from anabranch.core.repository.names import listed
from anabranch.core.repository.resolver import ResolvedRef
from anabranch.errors import error
from anabranch.results import TableDetail, TableVersion

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow as pa

    from anabranch.core.operations.dataset import TableDataset
    from anabranch.core.operations.engine import Parameters
    from anabranch.core.operations.rows import Rows, Where
    from anabranch.core.repository.repository import Repository
    from anabranch.core.repository.row_history import RowVersion
    from anabranch.core.repository.work import Work


class TableView:
    """A table in one state: what it is, and its rows.

    A condition (`where`) is SQL as DuckDB has it (``"value > 7 AND unit = ?"``, with `parameters`), or an
    expression of pyarrow or DuckDB. Files and row groups that can't hold such rows are not read.
    """

    def __init__(
        self, repository: Repository, ref: ResolvedRef, state: TableState, work: Work | None = None
    ) -> None:
        self._repository = repository
        self._ref = ref
        self._state = state
        self._work = work  # of the transaction that it belongs to

    def __repr__(self) -> str:
        return f"<anabranch table {self.name} at {self._ref.text}, version {self.version}>"

    def _repr_html_(self) -> str:
        from anabranch.core.repository.notebooks import of_table

        return of_table(self)

    @property
    def name(self) -> str:
        """Its full name."""
        return self._state.full_name

    @property
    def id(self) -> str:
        """Its id, which stays when it is renamed."""
        return self._state.id

    @property
    def version(self) -> int:
        """How often it was changed."""
        return self._state.version

    @property
    def commit(self) -> str:
        """The commit at which it is seen."""
        return str(self._ref.state.id)

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        from anabranch.core.format.arrow import arrow_schema

        return arrow_schema(self._state.metadata.columns)

    def history(self, limit: int | None = None) -> list[TableVersion]:
        """Its versions, newest first."""
        found: list[TableVersion] = []
        for version in self._repository.past.of_table(self._state):
            if limit is not None and len(found) >= limit:
                break
            found.append(version)
        return found

    def at(self, point: int | str | datetime) -> TableView:
        """The table at a point of its past: a version, a ref, or a time."""
        return TableView(self._repository, *self._repository.past.at(self._ref, self._state, point))

    def detail(self) -> TableDetail:
        """What it is made of."""
        t, m = self._state, self._state.metadata
        changed = self._repository.states.log.get(t.at)
        return TableDetail(
            "anabranch",
            t.id,
            t.full_name,
            m.properties.get("comment"),
            f"{self._repository.root}/{table_data(t.id)}",
            to_time(m.created),
            to_time(changed.commit.time),
            tuple(f.key for f in m.partitioning),
            len(t.files.files),
            t.files.size,
            t.files.rows,
            m.properties,
            t.version,
            self._ref.text,
            self.commit,
        )

    # --- reading

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """What takes streams of Arrow takes the table: ``pa.table(t)``, `Table.append` of another one."""
        return self.to_batches().__arrow_c_stream__(requested_schema)

    def dataset(self, hidden: bool = False) -> TableDataset:
        """The table as a dataset of Arrow, for DuckDB, Polars and whatever else reads these.

        Args:
            hidden: with the columns ``_row_id`` and ``_row_commit``.
        """
        from anabranch.core.operations.dataset import TableDataset

        t, ref, permits = self._state, self._ref, self._repository.permits
        permits.may_select(t, ref)
        names = [*(c.name for c in t.metadata.columns), *(LINEAGE if hidden else ())]
        return TableDataset(self._repository.store, t, names, may_read=lambda: permits.may_select(t, ref))

    def count(self, where: Where | None = None, parameters: Parameters = None) -> int:
        """How many rows it has; without reading any where there is no condition."""
        if where is None:
            return self._state.files.rows
        return int(self.to_arrow([ROW_PLACE], where, parameters).num_rows)

    def to_arrow(
        self,
        columns: str | Sequence[str] | None = None,
        where: Where | None = None,
        parameters: Parameters = None,
        ref: str | None = None,
    ) -> pa.Table:
        """Its rows.

        Args:
            columns: names, ``_row_id`` and ``_row_commit`` among them; None for all but these two.
            where: rows for which this is true.
            parameters: bound to ``?`` or ``$name`` in `where`.
            ref: another ref, to be read there.
        """
        return self.to_batches(columns, where, parameters, ref).read_all()

    def to_batches(
        self,
        columns: str | Sequence[str] | None = None,
        where: Where | None = None,
        parameters: Parameters = None,
        ref: str | None = None,
    ) -> pa.RecordBatchReader:
        """Its rows, one batch after the other, in bounded memory; arguments are those of `to_arrow`."""
        if ref is not None:
            return self.at(ref).to_batches(columns, where, parameters)
        if self._work is not None:
            # what a transaction reads decides what it does: no other commit may change that meanwhile
            self._work.read(self._state, [], changes_too=True)
        names = None if columns is None else listed(columns)
        return self._rows().read(names, where, parameters)

    def blame(
        self, where: Where | None = None, parameters: Parameters = None, *, cells: bool = False
    ) -> pa.Table:
        """Who wrote the rows that the table has, or their cells.

        Args:
            where: rows for which this is true.
            parameters: bound to ``?`` or ``$name`` in `where`.
            cells: whether each cell is told with the commit that last changed it. At most 1,000 rows may be
                asked for; what it takes grows with the versions that these rows have had.

        Returns:
            Of rows: the table's columns, ``_row_id``, ``_commit``, ``_time``, ``_author``, ``_operation`` and
            ``_message``. Of cells: ``row_id``, ``column``, ``value`` (as text), ``commit``, ``time``,
            ``author``, ``operation`` and ``message``: None where what the row was before its last commit was
            given up.

        Raises:
            ProcedureInvalidArgument: for cells of more than 1,000 rows.
            TransactionRefused: in a transaction, whose rows no commit has written.
        """
        from anabranch.core.repository import blame

        if self._work is not None:
            reason = "it tells of commits, and this is none yet"
            raise error("ANABRANCH_TRANSACTION.REFUSED", statement="blame", reason=reason)
        if cells:
            ids = self.to_arrow([ROW_ID], where, parameters).column(ROW_ID)
            return blame.of_cells(self._repository, self._state, ids.to_pylist())
        rows = self.to_arrow([*self.schema.names, *LINEAGE], where, parameters)
        return blame.of_rows(self._repository, rows)

    def changes(self, from_ref: int | str | datetime) -> pa.Table:
        """Rows that came, went and changed since a version, a ref or a time.

        Returns:
            ``_change_type`` (insert, delete, update_preimage, update_postimage), the table's columns,
            ``_row_id`` and ``_row_commit``.
        """
        from anabranch.core.operations.row_diff import row_changes

        return row_changes(self._repository.store, self._since(from_ref), self._state)

    def cell_changes(self, from_ref: int | str | datetime) -> pa.Table:
        """The cells that changed since a version, a ref or a time.

        Returns:
            ``row_id``, ``column``, ``before`` and ``after``: values as text.
        """
        from anabranch.core.operations.row_diff import cell_changes

        return cell_changes(self._repository.store, self._since(from_ref), self._state)

    def row_history(self, row_id: int) -> list[RowVersion]:
        """The versions of a row, newest first, with the commits that wrote them.

        Args:
            row_id: its ``_row_id``.
        """
        from anabranch.core.repository.row_history import row_history

        self._repository.permits.may_select(self._state, self._ref)
        return row_history(self._repository, self._state, row_id)

    def _since(self, point: int | str | datetime) -> TableState:
        _, state = self._repository.past.at(self._ref, self._state, point)
        self._repository.permits.may_select(self._state, self._ref)
        if state.id != self._state.id:
            raise error("ANABRANCH_TABLE.ANOTHER_TABLE", table=self.name, ref=point)
        return state

    def _rows(self) -> Rows:
        from anabranch.core.operations.rows import Rows

        self._repository.permits.may_select(self._state, self._ref)
        return Rows(self._repository.store, self._state)

    def to_pandas(
        self, columns: str | Sequence[str] | None = None, where: Where | None = None, **more: Any
    ) -> pandas.DataFrame:
        """Its rows as a frame of pandas; arguments are those of `to_arrow`.

        Whole numbers beside NULL are floats, as pandas has it, or of Int64 where floats would lose digits.
        """
        try:
            import pandas
        except ImportError:
            raise _missing("pandas") from None
        rows = self.to_arrow(columns, where, **more)
        frame = rows.to_pandas()
        for i, column in enumerate(rows.columns):
            if str(column.type) == "int64" and column.null_count and _is_long(column):
                frame.isetitem(i, column.to_pandas(types_mapper=lambda _: pandas.Int64Dtype()))
        return frame

    def to_polars(
        self, columns: str | Sequence[str] | None = None, where: Where | None = None, **more: Any
    ) -> polars.DataFrame:
        """Its rows as a frame of Polars; arguments are those of `to_arrow`."""
        try:
            import polars
        except ImportError:
            raise _missing("polars") from None
        frame = polars.from_arrow(self.to_arrow(columns, where, **more))
        assert isinstance(frame, polars.DataFrame)
        return frame

    def scan_polars(self) -> polars.LazyFrame:
        """The table as a lazy frame of Polars, which pushes columns and conditions down."""
        try:
            import polars  # noqa: F401
        except ImportError:
            raise _missing("polars") from None
        from anabranch.core.operations.lazy import lazy_frame

        return lazy_frame(self.dataset())

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """The table as a relation of DuckDB, which pushes columns and conditions down."""
        try:
            import duckdb
        except ImportError:
            raise _missing("duckdb") from None
        from anabranch.core.operations.engine import columns_of

        dataset = self.dataset()
        relation, columns = (connection or duckdb.connect()).from_arrow(dataset), columns_of(dataset.schema)
        return relation if columns == "*" else relation.project(columns)

    def properties(self) -> Mapping[str, str]:
        """Its table properties."""
        return dict(self._state.metadata.properties)


def _is_long(column: pa.ChunkedArray) -> bool:
    """Whether floats do not hold all of these whole numbers."""
    import pyarrow.compute as pc

    bounds = pc.min_max(column).as_py()
    return any(x is not None and abs(x) > 2**53 for x in bounds.values())


def _missing(package: str) -> Exception:
    return error("ANABRANCH_CLIENT.MISSING_PACKAGE", package=package, what=f"reading into {package}")
