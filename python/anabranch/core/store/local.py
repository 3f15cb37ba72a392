"""A folder of this machine, or of a disk that several machines mount, as an object store."""

from __future__ import annotations

import functools
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anabranch.core.store.drafts import Draft, DraftFile
from anabranch.core.store.objects import CreateOutcome, Lost, StoredObject, Won, failure


class LocalFolder:
    """See `objects.ObjectStore`. Nothing is kept open, so that forked processes go on with it."""

    lists_in_order = False  # a directory is listed as a whole

    def __init__(self, folder: Path) -> None:
        self.folder: Path | None = folder
        self.root = folder.as_uri() if "%" not in folder.as_uri() else f"file://{folder.as_posix()}"
        self._at = folder

    def __reduce__(self) -> tuple[type[LocalFolder], tuple[Path]]:
        return LocalFolder, (self._at,)

    def read(self, path: str) -> bytes | None:
        """See `ObjectStore`."""
        try:
            with self._translated("read", path):
                return (self._at / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """See `ObjectStore`."""
        with self._translated("read", path), (self._at / path).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def create(self, path: str, data: bytes) -> CreateOutcome:
        """See `ObjectStore`. A name is linked to a file that is complete, which fails where it is taken."""
        with self._written("create", path, data) as draft:
            try:
                os.link(draft, self._at / path)
            except FileExistsError:
                return Lost()
        return Won()

    def put(self, path: str, data: bytes) -> None:
        """See `ObjectStore`."""
        with self._written("write", path, data) as draft:
            draft.replace(self._at / path)

    @contextmanager
    def _written(self, operation: str, path: str, data: bytes) -> Iterator[Path]:
        """A file beside the place of an object, which has its bytes and is gone afterwards."""
        draft = self._at / f"{path}#{uuid.uuid4().hex}"  # objects have no # in their names
        try:
            with self._translated(operation, path):
                try:
                    try:
                        draft.write_bytes(data)
                    except FileNotFoundError:
                        draft.parent.mkdir(parents=True, exist_ok=True)
                        draft.write_bytes(data)
                    yield draft
                finally:
                    draft.unlink(missing_ok=True)
        except (FileNotFoundError, NotADirectoryError) as e:
            raise failure(operation, f"{self.root}/{path}", e) from e

    def draft(self, path: str) -> Draft:
        """See `ObjectStore`."""
        return DraftFile(self._at / path, functools.partial(self._translated, "write", path))

    def first(self, folder: str) -> str | None:
        """See `ObjectStore`."""
        return next(iter(self.names(folder)), None)

    def names(self, folder: str) -> list[str]:
        """See `ObjectStore`."""
        files = self._children(folder, lambda e: e.is_file() and "#" not in e.name)
        return [f"{folder}/{name}" for name in files]

    def objects(self, folder: str) -> list[StoredObject]:
        """See `ObjectStore`."""
        found = []
        try:
            with self._translated("list", folder):
                for p in sorted((self._at / folder).iterdir()):
                    with suppress(FileNotFoundError):  # somebody deletes at the same time
                        status = p.lstat()
                        if stat.S_ISREG(status.st_mode):
                            modified = status.st_mtime_ns // 1_000_000
                            found.append(StoredObject(f"{folder}/{p.name}", status.st_size, modified))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return found

    def folders(self, folder: str) -> list[str]:
        """See `ObjectStore`."""
        return [f"{folder}/{name}" for name in self._children(folder, lambda e: e.is_dir())]

    def _children(self, folder: str, wanted: Callable[[os.DirEntry[str]], bool]) -> list[str]:
        try:
            with self._translated("list", folder), os.scandir(self._at / folder) as entries:
                return sorted(e.name for e in entries if not e.name.startswith(".") and wanted(e))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def size(self, path: str) -> int | None:
        """See `ObjectStore`."""
        try:
            with self._translated("look at", path):
                return (self._at / path).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def delete(self, path: str) -> None:
        """See `ObjectStore`."""
        with suppress(NotADirectoryError), self._translated("delete", path):
            (self._at / path).unlink(missing_ok=True)

    @contextmanager
    def _translated(self, operation: str, path: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as e:
            raise failure(operation, f"{self.root}/{path}", e) from e
