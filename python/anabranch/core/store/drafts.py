"""Objects that are written by pieces, and are there as a whole when they are finished."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO


class Draft:
    """Has what pyarrow asks of a file; digests what is written while it is at hand."""

    closed = False
    _to: BinaryIO

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._discarded = False
        self.size = 0

    @contextmanager
    def written(self) -> Iterator[None]:
        """While it grows. In between it holds no file open, since there may be many drafts."""
        yield

    def write(self, data: bytes) -> int:
        """Adds bytes; none to what was discarded: Parquet's writer ends its file even then."""
        if not self._discarded:
            self._to.write(data)
            self._digest.update(data)
            self.size += len(data)
        return len(data)

    def tell(self) -> int:
        """How many bytes there are."""
        return self.size

    def flush(self) -> None:
        """Does nothing: nobody sees a draft."""

    @property
    def sha256(self) -> str:
        """The digest of all bytes, in lower-case hexadecimal digits."""
        return self._digest.hexdigest()

    def finish(self) -> None:
        """Makes it an object that others see."""
        raise NotImplementedError

    def discard(self) -> None:
        """Leaves nothing of it."""
        self._discarded = True


class DraftInMemory(Draft):
    """One for a store that takes objects as a whole.

    Args:
        store: stores its bytes.
    """

    def __init__(self, store: Callable[[bytes], None]) -> None:
        super().__init__()
        self._bytes = self._to = io.BytesIO()
        self._store = store

    def finish(self) -> None:
        """See `Draft`."""
        self._store(self._bytes.getvalue())


class DraftFile(Draft):
    """One that is a file beside its place: a copy in memory takes longer than writing does.

    Args:
        target: its place.
        translated: makes errors of the disk those that users see.
    """

    def __init__(self, target: Path, translated: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__()
        self._target = target
        self._draft = target.with_name(f"{target.name}#1")  # objects have no # in their names
        self._translated = translated

    @contextmanager
    def written(self) -> Iterator[None]:
        """See `Draft`."""
        with self._translated():
            self._draft.parent.mkdir(parents=True, exist_ok=True)
            with self._draft.open("ab") as self._to:
                yield

    def finish(self) -> None:
        """See `Draft`."""
        with self._translated():
            self._draft.rename(self._target)

    def discard(self) -> None:
        """See `Draft`."""
        super().discard()
        with self._translated():
            self._draft.unlink(missing_ok=True)
