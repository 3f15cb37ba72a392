"""Rows in files: CSV, JSON by the line, Parquet; what the end of a file's name says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from anabranch.cli.output import json_line
from anabranch.errors import AnabranchError, error

if TYPE_CHECKING:
    import pyarrow as pa


def read(file: Path) -> pa.Table:
    """All rows of a file.

    Raises:
        ClientFile: if it is none of these, or can't be read.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet
    from pyarrow import json as ndjson

    reader = _by_suffix(
        file,
        {
            ".csv": csv.read_csv,
            ".ndjson": ndjson.read_json,
            ".jsonl": ndjson.read_json,
            ".parquet": parquet.read_table,
        },
    )
    try:
        return reader(file)
    except (pa.ArrowException, OSError) as e:
        raise _unusable(file, e) from e


def write(file: Path, rows: pa.RecordBatchReader) -> int:
    """Writes a new file; how many rows.

    Raises:
        ClientFile: if it is none of these, is there already, or can't hold such rows. Nothing is left then.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    writers: Mapping[str, Callable[..., AbstractContextManager[Any]]] = {
        ".csv": csv.CSVWriter,
        ".ndjson": _Lines,
        ".jsonl": _Lines,
        ".parquet": parquet.ParquetWriter,
    }
    make, count = _by_suffix(file, writers), 0
    if file.exists():
        raise error("ANABRANCH_CLIENT.FILE", file=file, reason="it is there already")
    try:
        with make(file, rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
                count += batch.num_rows
    except BaseException as e:
        file.unlink(missing_ok=True)
        if isinstance(e, pa.ArrowException | OSError):
            raise _unusable(file, e) from e
        raise
    return count


class _Lines:
    """An object a line."""

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self._out = file.open("w", encoding="utf-8")

    def __enter__(self) -> _Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Some more rows."""
        self._out.writelines(f"{json_line(row)}\n" for row in batch.to_pylist())


def _by_suffix(file: Path, known: Mapping[str, Any]) -> Any:
    found = known.get(file.suffix.lower())
    if found is None:
        reason = f"'{file.suffix}' is none of {', '.join(known)}"
        raise error("ANABRANCH_CLIENT.FILE", file=file, reason=reason)
    return found


def _unusable(file: Path, cause: Exception) -> AnabranchError:
    return error("ANABRANCH_CLIENT.FILE", file=file, reason=str(cause).splitlines()[0].rstrip("."))
