"""Rows that users give, as Arrow has them: of Arrow, pandas, Polars, DuckDB, or plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from anabranch.core.format.arrow import arrow_type, holds
from anabranch.core.format.names import must_be_unicode
from anabranch.core.format.tables import Column
from anabranch.core.operations.fitting import cut
from anabranch.core.operations.held import may_be_cut, must_be_held
from anabranch.core.operations.streams import in_turn
from anabranch.errors import AnabranchError, error

CHUNK_ROWS = 1_000_000

_FAILS = (pa.ArrowException, TypeError, ValueError, OverflowError)


class Given:
    """Turns what users give into rows.

    Args:
        table: full name of the table that they are for.
        columns: of the table, where it has some: plain Python doesn't tell decimals or maps on its own.
    """

    def __init__(self, table: str, columns: Sequence[Column] = ()) -> None:
        self._table = table
        self._columns = {c.name.lower(): c for c in columns}

    def reader(self, data: Any) -> pa.RecordBatchReader:
        """The rows, one batch after the other.

        Raises:
            TypeError: for what has no rows.
            WriteValue: for a value that is not what those before it are, with its column and row.
        """
        if isinstance(data, pa.RecordBatchReader):
            return data
        if isinstance(data, pa.RecordBatch):
            return pa.RecordBatchReader.from_batches(data.schema, [data])
        kind = type(data).__module__.split(".")[0]
        if isinstance(data, Mapping):
            data = self._columnwise(data)
        elif kind == "pandas" and hasattr(data, "columns"):
            data = self._pandas(data)
        elif kind == "polars":
            data = self._polars(data)
        elif hasattr(data, "to_reader") and not isinstance(data, pa.Table):
            data = data.to_reader()
        elif hasattr(data, "scanner"):
            data = data.scanner().to_reader()
        elif isinstance(data, list | tuple | Iterator):
            data = self._listed(data)
        if isinstance(data, pa.Table):
            return data.to_reader(CHUNK_ROWS)
        if isinstance(data, pa.RecordBatchReader):
            return data
        if hasattr(data, "__arrow_c_stream__") and not hasattr(data, "dtype"):  # a series has no columns
            return pa.RecordBatchReader.from_stream(data)
        raise TypeError(f"{type(data).__name__} is nothing that rows can be read from")

    def _listed(self, data: Any) -> pa.Table | pa.RecordBatchReader:
        """Of a list or generator: what has rows itself, one by one, or rows by column names."""
        items = iter(data)
        rows = list(islice(items, 1))
        if rows and not isinstance(rows[0], Mapping):
            readers = (self._item(x, i) for i, x in enumerate(chain(rows, items)))
            by_and_by = isinstance(data, Iterator)
            return in_turn(self._table, self._columns, readers if by_and_by else list(readers))
        rows += items
        for i, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise self._no_row(row, i)
        named = dict.fromkeys(name for row in rows for name in row)
        names = list(named) or [c.name for c in self._columns.values()]
        return self._columnwise({name: [row.get(name) for row in rows] for name in names})

    def _item(self, item: Any, place: int) -> pa.RecordBatchReader:
        if isinstance(item, Mapping | list | tuple):
            raise self._no_row(item, place)
        try:
            return self.reader(item)
        except TypeError:
            raise self._no_row(item, place) from None

    def _no_row(self, item: Any, place: int) -> TypeError:
        kind = type(item).__name__
        return TypeError(
            f"row {place} is of {kind}; rows are dicts of values by column, or all of them tables"
        )

    def _columnwise(self, data: Mapping[Any, Any]) -> pa.Table:
        must_be_unicode("a name of a column", *map(str, data))
        arrays = {str(name): self._array(str(name), values) for name, values in data.items()}
        first = next(iter(arrays), "")
        for name, array in arrays.items():
            shorter, longer = sorted([first, name], key=lambda n: len(arrays[n]))
            rows = len(arrays[shorter])
            if len(array) != len(arrays[first]):
                value = repr(arrays[longer][rows].as_py())
                raise self._wrong(longer, value, rows, f"the column {shorter} has {rows} values")
        return pa.table(arrays)

    def _array(self, name: str, values: Any) -> pa.Array | pa.ChunkedArray:
        if isinstance(values, pa.Array | pa.ChunkedArray):
            return values
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise TypeError(
                f"the column {name} is given as one {type(values).__name__}, and not as its values"
            )
        column = self._columns.get(name.lower())
        wanted = None if column is None else _wanted(column)
        if not hasattr(values, "__len__") or isinstance(values, Mapping | set | frozenset):
            values = list(values)
        if wanted is None or not _has_map(wanted):
            try:
                return self._whole(name, values, pa.array(values))
            except OverflowError:
                wanted = wanted or pa.decimal128(38, 0)
            except _FAILS:
                pass

        def convert(part: Any) -> pa.Array:
            for value in () if wanted is None else part:
                must_be_held(value, wanted)
            return pa.array(part, wanted)

        return self._converted(name, values, convert)

    def _whole(self, name: str, values: Any, found: pa.Array) -> pa.Array:
        """What Arrow made of Python's values; it cuts those of a finer type than the first one has."""
        if str(getattr(values, "dtype", "object")) == "object" and may_be_cut(values, found.type):
            for row, value in enumerate(values):
                try:
                    must_be_held(value, found.type)
                except ValueError as e:
                    raise self._wrong(name, repr(value), row, str(e)) from None
        return found

    def _converted(self, name: str, values: Any, convert: Callable[[Any], pa.Array]) -> pa.Array:
        """The values; or an error that names the first that does not go with those before it."""
        try:
            return convert(values)
        except _FAILS as e:
            failure = e
        low, high = 0, len(values)
        while high - low > 1:
            middle = (low + high) // 2
            try:
                convert(values[:middle])
                low = middle
            except _FAILS as e:
                high, failure = middle, e
        reason = str(failure.args[0] if failure.args else failure).splitlines()[0].rstrip(".")
        raise self._wrong(name, repr(next(iter(values[low:high]))), low, reason) from None

    def _wrong(self, column: str, value: str, row: int, reason: str) -> AnabranchError:
        return error(
            "ANABRANCH_WRITE.VALUE",
            table=self._table,
            column=column,
            value=cut(value),
            row=row,
            reason=reason,
        )

    def _pandas(self, frame: Any) -> pa.Table:
        """Levels of the index that have names are columns, too."""
        named = [name for name in frame.index.names if name is not None]
        for name in [n for n in named if list(frame.columns).count(n) == 1]:
            if list(frame.index.get_level_values(name)) != list(frame[name]):
                raise error("ANABRANCH_SCHEMA.COLUMN_EXISTS", table=self._table, column=name)
        named = [name for name in named if name not in frame.columns]
        if named:
            frame = frame.reset_index(level=named)
        names = [str(name) for name in frame.columns]
        if any(self._is_map(name) for name in names):  # pandas doesn't tell them from structs
            return pa.table([self._column(name, frame.iloc[:, i]) for i, name in enumerate(names)], names)
        try:
            found = pa.Table.from_pandas(frame.set_axis(names, axis=1), preserve_index=False)
            for i, name in enumerate(names):
                self._whole(name, frame.iloc[:, i], found.column(i))
            return found
        except _FAILS:
            return pa.table([self._column(name, frame.iloc[:, i]) for i, name in enumerate(names)], names)

    def _column(self, name: str, values: Any) -> pa.Array:
        """A column of pandas."""
        if self._is_map(name):
            return self._array(name, values.astype(object).where(values.notna(), None).tolist())
        values = values.reset_index(drop=True)
        return self._whole(name, values, self._converted(name, values, pa.Array.from_pandas))

    def _is_map(self, name: str) -> bool:
        column = self._columns.get(name.lower())
        wanted = None if column is None else _wanted(column)
        return wanted is not None and _has_map(wanted)

    def _polars(self, frame: Any) -> Any:
        if hasattr(frame, "collect"):
            frame = frame.collect()
        if not hasattr(frame, "columns"):
            return frame  # a series
        for name, kind in frame.schema.items():
            if "Object" in str(kind):  # what Arrow gets of these are addresses in memory
                raise error("ANABRANCH_SCHEMA.UNSUPPORTED_TYPE", type=kind, column=f"the column {name}")
        try:
            return frame.to_arrow()
        except _FAILS:
            return pa.table(
                {name: self._converted(name, frame[name], lambda s: s.to_arrow()) for name in frame.columns}
            )


def _wanted(column: Column) -> pa.DataType | None:
    """The type that plain values are made of, where the column tells it."""
    try:
        t = arrow_type(column.type)
    except AnabranchError:
        return None
    # of times, Python's are cut where Arrow is told what to make of them
    return None if pa.types.is_temporal(t) else t


def _has_map(t: pa.DataType) -> bool:
    """Whether there is a map in it: Python's dicts are taken for structs, unless Arrow is told."""
    return holds(t, pa.types.is_map)


@contextmanager
def released(reader: pa.RecordBatchReader | None) -> Iterator[None]:
    """Lets go of where rows come from if they are refused: DuckDB takes no query meanwhile."""
    try:
        yield
    except BaseException:
        if reader is not None:
            reader.close()
        raise
