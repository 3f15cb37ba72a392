"""Tables as Parquet files of URLs, for all that opens URLs by fsspec: pandas, pyarrow, Dask, DuckDB."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, ClassVar

from fsspec import AbstractFileSystem

from anabranch.errors import AnabranchError, RefNotFound, error

if TYPE_CHECKING:
    from anabranch.core.repository.repository import Repository
    from anabranch.core.repository.table import Table

SUFFIX = ".parquet"


class AnabranchFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """``pandas.read_parquet("anabranch://train-2026-01/clinic.labs.parquet")``.

    What stands behind ``anabranch://`` is a ref, as `anabranch.open` takes it (also ``main~2`` or the id of a
    commit), and a table. Refs are folders, tables are files in them; they are read, and written by `Table`.

    A file is made when it is opened: of the rows as they are at the ref then, in a temporary file without a
    name. To read a part of a large table, let `Table.to_pandas` choose columns and rows.

    Args:
        repository: where it lies; otherwise that of ``ANABRANCH_REPOSITORY`` or an ``anabranch.toml``.
        storage_options: for its store, as `anabranch.open` takes them.
        **options: of fsspec.

    Raises:
        RepositoryNotFound, RepositoryInvalidLocation: if it can't be opened.
    """

    protocol: ClassVar[str] = "anabranch"
    root_marker: ClassVar[str] = ""
    cachable: ClassVar[bool] = False  # the environment tells which repository it is

    def __init__(
        self,
        repository: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(repository=repository, storage_options=storage_options, **options)
        from anabranch.core.repository.opening import open

        self.repository: Repository = open(repository, storage_options=storage_options)

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        """What is in a folder: refs, and the tables at the ref that it is. Of a file, itself.

        Raises:
            RefNotFound, TableNotFound, NamespaceNotFound: if there is nothing.
        """
        path = self._strip_protocol(path)
        folders = [] if path.endswith(SUFFIX) else list(self._folders(path))
        is_ref = bool(path) and not path.endswith(SUFFIX) and self._is_ref(path)
        found = [_folder(name) for name in folders]
        if is_ref:
            found += [_file(f"{path}/{table}{SUFFIX}") for table in self.repository.tables(path)]
        elif path and not folders:
            found = [self._file_of(path)]
        return found if detail else [f["name"] for f in found]

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """What a path is; how large a file will be is not known before it is made.

        Raises:
            RefNotFound, TableNotFound, NamespaceNotFound: if there is nothing: pyarrow would forget the
                message of a FileNotFoundError.
        """
        path = self._strip_protocol(path)
        if not path or (not path.endswith(SUFFIX) and (self._is_ref(path) or any(self._folders(path)))):
            return _folder(path)
        return self._file_of(path)

    def isdir(self, path: str) -> bool:
        """Whether a path is a folder."""
        try:
            return bool(self.info(path)["type"] == "directory")
        except AnabranchError:
            return False

    def size(self, path: str) -> int:
        """The bytes of a file, which is made for it."""
        with self.open(path) as file:
            return int(file.seek(0, os.SEEK_END))

    def modified(self, path: str) -> datetime:
        """When the table of a file was last changed."""
        return next(iter(self._table(self._strip_protocol(path)).history(1))).time

    def _open(self, path: str, mode: str = "rb", *args: Any, **options: Any) -> IO[bytes]:
        import pyarrow.parquet as pq

        if mode != "rb":
            reason = f"{self.protocol}:// is read only: write by Table.append, overwrite or upsert"
            raise error("ANABRANCH_CLIENT.FILE", file=f"{self.protocol}://{path}", reason=reason)
        rows = self._table(path).to_batches()
        file: IO[bytes] = tempfile.TemporaryFile()
        try:
            with pq.ParquetWriter(file, rows.schema) as writer:
                for batch in rows:
                    writer.write_batch(batch)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _table(self, path: str) -> Table:
        ref, _, name = path.rpartition("/")
        return self.repository.table(name.removesuffix(SUFFIX), ref=ref or path)

    def _file_of(self, path: str) -> dict[str, Any]:
        self._table(path)
        return _file(path)

    def _is_ref(self, path: str) -> bool:
        try:
            self.repository.resolved(path)
            return True
        except RefNotFound:
            return False

    def _folders(self, path: str) -> Iterator[str]:
        """Folders in a folder: names of refs may have parts."""
        above = f"{path}/" if path else ""
        refs = self.repository.refs
        inside = [
            n.removeprefix(above) for n in (*refs.branch_names(), *refs.tag_names()) if n.startswith(above)
        ]
        yield from sorted({above + n.partition("/")[0] for n in inside})


def _folder(name: str) -> dict[str, Any]:
    return {"name": name, "type": "directory", "size": 0}


def _file(name: str) -> dict[str, Any]:
    return {"name": name, "type": "file", "size": None}
