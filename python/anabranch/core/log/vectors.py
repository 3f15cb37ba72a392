"""Deletion vectors where they lie: in the commit, or in objects of their own."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING

from anabranch.core.format.canonical import sha256
from anabranch.core.format.files import (
    MAX_INLINE_VECTOR,
    DataFile,
    DeletionVector,
    read_positions,
    write_positions,
)
from anabranch.core.format.names import deletion_vector
from anabranch.core.log.states import must_create
from anabranch.core.store.objects import ObjectStore
from anabranch.errors import AnabranchError, error

if TYPE_CHECKING:
    from pyroaring import BitMap64


class DeletionVectors:
    """Reads and writes deletion vectors of one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def of(self, file: DataFile, table: str) -> BitMap64:
        """The deleted rows of a file.

        Args:
            file: the file.
            table: its table's full name, for errors.

        Raises:
            DataDeletionVector: if the vector is gone or is not the one that the commit named.
        """
        from pyroaring import BitMap64

        return BitMap64() if file.deletions is None else self.read(file.deletions, file.id, table)

    def read(self, vector: DeletionVector, file: str, table: str) -> BitMap64:
        """The rows of a vector; all else is as in `of`."""

        def corrupt(reason: object) -> AnabranchError:
            return error(
                "ANABRANCH_DATA.DELETION_VECTOR",
                object="in the commit" if vector.object is None else deletion_vector(vector.object),
                file=file,
                table=table,
                commit=vector.written_by or "unknown",
                reason=reason,
            )

        try:
            if vector.object is None:
                data = base64.b64decode(vector.inline or "", validate=True)
            else:
                stored = self._store.read(deletion_vector(vector.object))
                if stored is None:
                    raise corrupt("it is gone")
                data = stored
            if vector.sha256 is not None and vector.sha256 != sha256(data):
                raise corrupt(f"its SHA-256 is not {vector.sha256}")
            positions = read_positions(data)
        except (ValueError, binascii.Error) as e:
            raise corrupt(e) from e
        if len(positions) != vector.cardinality:
            raise corrupt(f"it holds {len(positions)} rows and not {vector.cardinality}")
        return positions

    def write(self, positions: BitMap64, new_id: Callable[[], str]) -> DeletionVector:
        """A vector of these rows: small enough for a commit, or as an object, which is written."""
        data = write_positions(positions)
        if len(data) <= MAX_INLINE_VECTOR:
            return DeletionVector.of_inline(data, len(positions))
        id = new_id()
        must_create(self._store, deletion_vector(id), data)
        return DeletionVector(len(positions), None, id, sha256(data))
