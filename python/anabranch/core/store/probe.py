"""Proves that a store keeps the condition of a conditional create [OBJ-3]."""

from __future__ import annotations

from anabranch.core.store.objects import CreateOutcome, ObjectStore, Unknown, Won, failure, unsafe
from anabranch.errors import AnabranchError


def check_store(store: ObjectStore, folder: str, name: str) -> None:
    """Creates an object twice, expects the second to be refused and the first bytes to stay, and deletes it.

    Args:
        store: the store.
        folder: where to create it.
        name: one that nobody else uses.

    Raises:
        RepositoryUnsafeStore: with what was observed.
        RepositoryStoreFailed: if the store doesn't answer.
    """
    path = f"{folder}/{name}"
    try:
        _prove(store, path)
    finally:
        try:
            store.delete(path)
        except AnabranchError:
            pass  # an object too many does no harm, and what went wrong before matters more


def _prove(store: ObjectStore, path: str) -> None:
    # a client may have repeated a request whose answer got lost: then the first create seems to lose
    if not isinstance(_create(store, path, b"first"), Won) and store.read(path) != b"first":
        raise unsafe(store.root, f"the first create of {path} failed and left nothing to read")
    if isinstance(_create(store, path, b"second"), Won):
        raise unsafe(store.root, "a second create of the same name succeeded")
    if store.read(path) != b"first":
        raise unsafe(store.root, "a second create of the same name changed the first object")


def _create(store: ObjectStore, path: str, data: bytes) -> CreateOutcome:
    """One repetition settles an unclear answer; a store that never answers clearly can't be proven."""
    outcome = store.create(path, data)
    if isinstance(outcome, Unknown):
        outcome = store.create(path, data)
    if isinstance(outcome, Unknown):
        raise failure("create", f"{store.root}/{path}", outcome.cause)
    return outcome
