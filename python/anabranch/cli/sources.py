"""Where rows to be imported come from: files, packed ones, folders and patterns of them, standard input."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.errors import AnabranchError, error

if TYPE_CHECKING:
    import pyarrow as pa

STDIN = "-"
_PACKED = ".gz"


class Format(str, Enum):
    """What a file is."""

    csv = "csv"
    ndjson = "ndjson"
    parquet = "parquet"


_BY_SUFFIX = {
    ".csv": Format.csv,
    ".ndjson": Format.ndjson,
    ".jsonl": Format.ndjson,
    ".parquet": Format.parquet,
}


def unusable(file: Path | str, reason: str) -> AnabranchError:
    """The error for a file that can't be read or written."""
    return error("ANABRANCH_CLIENT.FILE", file=file, reason=(reason.splitlines() or ["?"])[0].rstrip("."))


@dataclass(frozen=True)
class Source:
    """A file of rows.

    Attributes:
        name: as messages have it.
        format: what it is.
        path: where it lies; None for standard input.
        packed: whether it is to be unpacked. Standard input tells that itself.
    """

    name: str
    format: Format
    path: Path | None
    packed: bool = False

    def opened(self) -> Any:
        """What pyarrow reads it from, from its start, as often as this is asked."""
        import pyarrow as pa

        return str(self.path) if self.path is not None and not self.packed else pa.BufferReader(self.data)

    @cached_property
    def data(self) -> bytes:
        """All of it, unpacked.

        Raises:
            ClientFile: for what can't be read.
        """
        try:
            data = sys.stdin.buffer.read() if self.path is None else self.path.read_bytes()
            packed = self.packed or (self.path is None and data[:2] == b"\x1f\x8b")
            return gzip.decompress(data) if packed else data
        except (OSError, EOFError, zlib.error) as e:
            raise unusable(self.name, str(e)) from e


def found(names: Sequence[str], format: Format | None) -> list[Source]:
    """The files that are meant.

    Args:
        names: of files, of folders whose files are meant, patterns (``*.csv``), or ``-`` for standard input.
        format: what they are; None where their suffixes tell.

    Raises:
        ClientFile: for what is of no known kind, for folders without files, and for those whose names
            hold values.
        FileNotFoundError: for what is not there.
    """
    sources: list[Source] = []
    for name in names:
        if name == STDIN:
            if format is None:
                raise unusable("standard input", "nothing tells what it is; --format does")
            sources.append(Source("standard input", format, None))
            continue
        paths = [Path(name)] if Path(name).exists() or not has_magic(name) else sorted(map(Path, glob(name)))
        if not paths or not paths[0].exists():
            raise FileNotFoundError(name)
        for path in paths:
            within = _files(path) if path.is_dir() else iter([path])
            some = [_source(file, format) for file in within]
            if not some:
                raise unusable(path, "there is no file in this folder")
            sources += some
    kinds = {source.format for source in sources}
    if len(kinds) > 1:
        raise unusable(
            sources[-1].name, f"files are of one kind, and these are {' and '.join(sorted(kinds))}"
        )
    return sources


def _files(folder: Path) -> Iterator[Path]:
    """Those of a folder and its folders; not what others keep there for themselves (``_SUCCESS``)."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(("_", ".")):
            continue
        if not path.is_dir():
            yield path
        elif "=" in path.name:
            raise unusable(
                path, "values that stand in names of folders are not read; write them into columns"
            )
        else:
            yield from _files(path)


def _source(path: Path, format: Format | None) -> Source:
    packed = path.suffix.lower() == _PACKED
    suffix = (path.with_suffix("") if packed else path).suffix.lower()
    kind = format or _BY_SUFFIX.get(suffix)
    if kind is None:
        known = ", ".join(f"{s}, {s}{_PACKED}" if s != ".parquet" else s for s in _BY_SUFFIX)
        raise unusable(path, f"'{suffix}' is none of {known}; --format tells what it is")
    return Source(str(path), kind, path, packed)


def told(name: str, read: Callable[[], Any]) -> Any:
    """What is read of a file.

    Raises:
        ClientFile: for what is no such file.
    """
    import pyarrow as pa

    try:
        return read()
    except (pa.ArrowException, OSError, ValueError) as e:
        raise unusable(name, str(e)) from e


def batches(source: Source) -> pa.RecordBatchReader:
    """Rows of a Parquet file, one batch after the other."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    file = told(source.name, lambda: ParquetFile(source.opened()))

    def rows() -> Iterator[pa.RecordBatch]:
        following = file.iter_batches()
        while (batch := told(source.name, lambda: next(following, None))) is not None:
            yield batch

    return pa.RecordBatchReader.from_batches(file.schema_arrow, rows())
