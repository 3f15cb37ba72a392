"""The few things that a repository asks of an object store. All paths are relative to one root.

Objects never change once written. Everything is safe for use from many threads.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anabranch.core.store.drafts import Draft, DraftInMemory
from anabranch.errors import AnabranchError, error

if TYPE_CHECKING:
    from obstore.store import ObjectStore as ObstoreObjectStore


@dataclass(frozen=True)
class Won:
    """The object was created."""


@dataclass(frozen=True)
class Lost:
    """The name was taken when the request was answered: perhaps by our own first try, repeated silently."""


@dataclass(frozen=True)
class Unknown:
    """The request may or may not have taken effect; reading the object back settles it."""

    cause: Exception


CreateOutcome = Won | Lost | Unknown


@dataclass(frozen=True)
class StoredObject:
    """An object as a listing tells of it.

    Attributes:
        path: under the root.
        size: in bytes.
        modified: when it was last changed, by the store's clock: UTC, milliseconds since 1970.
    """

    path: str
    size: int
    modified: int


class ObjectStore(Protocol):
    """Objects under a root."""

    @property
    def root(self) -> str:
        """The root's URI, without a slash at its end."""

    @property
    def folder(self) -> Path | None:
        """The root as a folder of this machine, where it is one."""

    @property
    def lists_in_order(self) -> bool:
        """Whether `first` is one small request. Elsewhere the head of a log is found by walking forward."""

    def read(self, path: str) -> bytes | None:
        """The whole object, or None when there is none of that name."""

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """A part of an object that is there."""

    def create(self, path: str, data: bytes) -> CreateOutcome:
        """Creates the object only if none of that name exists; readers see all of it or nothing."""

    def put(self, path: str, data: bytes) -> None:
        """Writes an object under a name that nobody else draws."""

    def draft(self, path: str) -> Draft:
        """An object to be written by pieces, under a name that nobody else draws."""

    def first(self, folder: str) -> str | None:
        """The first name in order of the objects under the folder, on stores that list in order."""

    def names(self, folder: str) -> list[str]:
        """Paths of the objects directly under the folder, sorted."""

    def objects(self, folder: str) -> list[StoredObject]:
        """What lies directly under the folder, by path; what writers that died left half written as well."""

    def folders(self, folder: str) -> list[str]:
        """Paths of the folders directly under the folder, sorted."""

    def size(self, path: str) -> int | None:
        """Size in bytes, or None when there is no such object."""

    def delete(self, path: str) -> None:
        """Deletes the object; one that does not exist is no error."""


_used_by: dict[str, int] = {}

_ASKED_FOR_CREDENTIALS = "/latest/api/token"  # a machine of Amazon is asked there for its own
_MEANINGS = {
    _ASKED_FOR_CREDENTIALS: "no credentials were given by the environment (AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY) or as storage_options, and this machine has none of its own; profiles of ~/.aws "
    "are not read",
    "builder error": "the endpoint is not https: AWS_ALLOW_HTTP=true, or allow_http, allows that",
}
"""What is meant by words of stores that nobody understands."""


class ObstoreStore:
    """Any store of obstore: S3, Google Cloud Storage, Azure, memory."""

    folder: Path | None = None
    lists_in_order = True

    def __init__(self, store: ObstoreObjectStore, root: str) -> None:
        self._made = store
        self.root = root

    @property
    def _store(self) -> ObstoreObjectStore:
        """The threads of obstore are not in a forked process: there, a request would never end."""
        used_by = _used_by.setdefault("process", os.getpid())
        if used_by != os.getpid():
            how = "start processes with 'spawn' or 'forkserver' (multiprocessing.get_context)"
            reason = f"this process was forked from one that had used such stores: {how}"
            raise error("ANABRANCH_REPOSITORY.STORE_FAILED", operation="reach", path=self.root, reason=reason)
        return self._made

    def read(self, path: str) -> bytes | None:
        """See `ObjectStore`."""
        import obstore

        try:
            with _translated("read", f"{self.root}/{path}"):
                return bytes(obstore.get(self._store, path).bytes())
        except FileNotFoundError:
            return None

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """See `ObjectStore`."""
        import obstore

        with _translated("read", f"{self.root}/{path}"):
            return bytes(obstore.get_range(self._store, path, start=start, length=length))

    def create(self, path: str, data: bytes) -> CreateOutcome:
        """See `ObjectStore`."""
        import obstore
        from obstore import exceptions as e

        try:
            obstore.put(self._store, path, data, mode="create", use_multipart=False)
        except (e.AlreadyExistsError, e.PreconditionError):
            return Lost()
        except (e.PermissionDeniedError, e.UnauthenticatedError) as denied:
            raise failure("create", f"{self.root}/{path}", denied) from denied
        except e.NotSupportedError as lacking:
            raise unsafe(self.root, "it knows no conditional create") from lacking
        except FileNotFoundError as refused:  # no such bucket: the server understood and said no
            raise failure("create", f"{self.root}/{path}", refused) from refused
        except (e.BaseError, OSError) as doubt:
            if is_denied(doubt):
                raise failure("create", f"{self.root}/{path}", doubt) from doubt
            return Unknown(doubt)
        return Won()

    def put(self, path: str, data: bytes) -> None:
        """See `ObjectStore`."""
        import obstore

        with _translated("write", f"{self.root}/{path}"):
            obstore.put(self._store, path, data)

    def draft(self, path: str) -> Draft:
        """See `ObjectStore`."""
        return DraftInMemory(functools.partial(self.put, path))

    def first(self, folder: str) -> str | None:
        """See `ObjectStore`."""
        import obstore

        with _translated("list", f"{self.root}/{folder}"):
            for page in obstore.list(self._store, folder + "/", chunk_size=1):
                return str(page[0]["path"])
        return None

    def names(self, folder: str) -> list[str]:
        """See `ObjectStore`."""
        paths = (o.path for o in self._listed(folder)[1])
        return [path for path in paths if not path.rsplit("/", 1)[-1].startswith(".")]

    def objects(self, folder: str) -> list[StoredObject]:
        """See `ObjectStore`."""
        return self._listed(folder)[1]

    def folders(self, folder: str) -> list[str]:
        """See `ObjectStore`."""
        return self._listed(folder)[0]

    def _listed(self, folder: str) -> tuple[list[str], list[StoredObject]]:
        import obstore

        with _translated("list", f"{self.root}/{folder}"):
            found = obstore.list_with_delimiter(self._store, folder + "/")
        objects = [
            StoredObject(o["path"], o["size"], int(o["last_modified"].timestamp() * 1000))
            for o in found["objects"]
        ]
        return sorted(found["common_prefixes"]), sorted(objects, key=lambda o: o.path)

    def size(self, path: str) -> int | None:
        """See `ObjectStore`."""
        import obstore

        try:
            with _translated("look at", f"{self.root}/{path}"):
                return int(obstore.head(self._store, path)["size"])
        except FileNotFoundError:
            return None

    def delete(self, path: str) -> None:
        """See `ObjectStore`."""
        import obstore

        try:
            with _translated("delete", f"{self.root}/{path}"):
                obstore.delete(self._store, path)
        except FileNotFoundError:
            pass


@contextmanager
def _translated(operation: str, path: str) -> Iterator[None]:
    """What the store throws, as the errors that users see; a missing object stays a FileNotFoundError."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as e:
        raise failure(operation, path, e) from e


def failure(operation: str, path: str, cause: Exception) -> AnabranchError:
    """The error for a request that had no effect."""
    denied = is_denied(cause)
    condition = "ANABRANCH_REPOSITORY.NO_PERMISSION" if denied else "ANABRANCH_REPOSITORY.STORE_FAILED"
    return error(condition, operation=operation, path=path, reason=_reason(cause))


def is_denied(cause: Exception) -> bool:
    """Whether rights are missing: an owner or mode, credentials, a read-only disk."""
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    texts = (
        "Permission denied",
        "Read-only file system",
        "Operation not permitted",
        "credentials",
        "InvalidAccessKeyId",
        _ASKED_FOR_CREDENTIALS,
    )
    return isinstance(cause, PermissionDeniedError | UnauthenticatedError | PermissionError) or any(
        text in str(cause) for text in texts
    )


def _reason(cause: Exception) -> str:
    """The first line; the rest is the debug form of the same. The file of a folder is an object's draft."""
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    for words, meaning in _MEANINGS.items():
        if words in str(cause):
            return meaning
    lines = str(cause).strip().splitlines()
    return (lines[0] if lines else type(cause).__name__).rstrip(".")


def unsafe(root: str, reason: str) -> AnabranchError:
    """The error for a store that would let commits overwrite each other."""
    return error("ANABRANCH_REPOSITORY.UNSAFE_STORE", root=root, reason=reason)
