"""A folder of this machine, or of a disk that several machines mount, as an object store."""

from __future__ import annotations

import functools
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.core.store.drafts import Draft, DraftFile
from anabranch.core.store.objects import CreateOutcome, ObstoreStore, StoredObject, failure

if TYPE_CHECKING:
    from obstore.store import LocalStore


class LocalFolder:
    """See `objects.ObjectStore`.

    Looking is done without a detour, since 'is there a newer commit' is asked before everything; creating is
    obstore's, which links a complete temporary file to the name.
    """

    lists_in_order = False  # a directory is listed as a whole

    def __init__(self, folder: Path) -> None:
        self.folder: Path | None = folder
        self.root = folder.as_uri() if "%" not in folder.as_uri() else f"file://{folder.as_posix()}"
        self._at = folder

    def __reduce__(self) -> tuple[type[LocalFolder], tuple[Path]]:
        return LocalFolder, (self._at,)

    @functools.cached_property
    def _creating(self) -> ObstoreStore:
        """Made with the first object, so that looking at a folder does not make it."""
        return ObstoreStore(_made(self._at), self.root, self._at)

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
        """See `ObjectStore`."""
        with self._translated("create", path):
            return self._creating.create(path, data)

    def put(self, path: str, data: bytes) -> None:
        """See `ObjectStore`."""
        with self._translated("write", path):
            self._creating.put(path, data)

    def draft(self, path: str) -> Draft:
        """See `ObjectStore`."""
        return DraftFile(self._at / path, functools.partial(self._translated, "write", path))

    def first(self, folder: str) -> str | None:
        """See `ObjectStore`."""
        return next(iter(self.names(folder)), None)

    def names(self, folder: str) -> list[str]:
        """See `ObjectStore`."""
        return [f"{folder}/{p.name}" for p in self._children(folder) if p.is_file() and "#" not in p.name]

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
        return [f"{folder}/{p.name}" for p in self._children(folder) if p.is_dir()]

    def _children(self, folder: str) -> list[Path]:
        try:
            with self._translated("list", folder):
                return sorted(p for p in (self._at / folder).iterdir() if not p.name.startswith("."))
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


def _made(folder: Path) -> LocalStore:
    from obstore.store import LocalStore

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as e:
        raise failure("create", folder.as_uri(), e) from e
    return LocalStore(folder)
