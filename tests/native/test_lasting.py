"""Writers that take too long: VACUUM may have deleted what they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from anabranch import Repository
from native.aging import Clock, ids, other

Refused = Callable[..., Any]


def writers() -> Iterator[tuple[str, Callable[[Repository, Clock], Any]]]:
    def transaction(repo: Repository, clock: Clock) -> None:
        with repo.transaction() as tx:
            tx.table("db.t").append({"id": [1]})
            clock.asleep = timedelta(hours=73)

    def generator(repo: Repository, clock: Clock) -> None:
        def rows() -> Iterator[dict[str, int]]:
            yield {"id": 1}
            clock.asleep = timedelta(hours=73)

        repo.table("db.t").append(rows())

    yield "transaction", transaction
    yield "append", generator


@pytest.mark.proves("TXN-7")
@pytest.mark.parametrize("write", dict(writers()).values(), ids=dict(writers()))
def test_what_took_more_than_three_days_is_not_committed(
    repo: Repository, refused: Refused, write: Callable[[Repository, Clock], Any]
) -> None:
    repo.create_table("db.t", {"id": [0]})
    clock = Clock()
    slow = other(repo, clock)
    with refused("ANABRANCH_TRANSACTION.TOO_OLD") as caught:
        write(slow, clock)
    assert caught.value.parameters == {"hours": "73", "limit": "72"}
    assert ids(repo) == [0]
    clock.asleep = timedelta(hours=146)
    slow.table("db.t").append({"id": [2]})
    assert ids(repo) == [0, 2]


@pytest.mark.proves("TXN-7")
def test_nor_is_a_ref_made(repo: Repository, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    slow = other(repo, clock)
    resolve = type(slow._resolver).resolve

    def late(*given: Any) -> Any:
        found = resolve(*given)
        clock.asleep += timedelta(hours=73)
        return found

    monkeypatch.setattr(type(slow._resolver), "resolve", late)
    for make in (slow.create_tag, slow.create_branch):
        with refused("ANABRANCH_TRANSACTION.TOO_OLD"):
            make("x", "main")
    with refused("ANABRANCH_TRANSACTION.TOO_OLD"):
        slow.reset_branch("main", "main")
    monkeypatch.undo()
    assert (repo.tags(), [b.name for b in repo.branches()]) == ([], ["main"])
