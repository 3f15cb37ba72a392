"""Rounds of requests of a process that knows nothing yet, on a store where each request takes a while."""

from __future__ import annotations

from typing import Any

import pytest

from log.harness import Repo

LATENCY = 40  # milliseconds; requests that overlap are one round
TRIES = 3  # a busy machine may send late what belongs to one round, so the least counts


def rounds(java: Any, repo: Repo, operation: str, first: str | None = None, **given: Any) -> int:
    """Of an operation of a new process, after another operation of it."""

    def once() -> int:
        inner = repo.copy()
        cold = Repo.on(java, inner.store, java.RecordingStore(inner.store.store(), LATENCY))
        if first is not None:
            cold(first)
            cold.raw.reset()
        cold(operation, **given)
        return int(cold.raw.rounds())

    return min(once() for _ in range(TRIES))


@pytest.mark.parametrize("kind", ["without", "with"])
def test_a_table_of_a_new_process_takes_few_rounds(
    kind: str, smalls: dict[bool, Repo], long_log: Repo, java: Any
) -> None:
    """repository.json; the newest names; the entries, with the checkpoint; is it still the newest; the list
    of files, where a checkpoint names one."""
    repo = long_log if kind == "with" else smalls[True]
    assert rounds(java, repo, "open") <= 2
    assert rounds(java, repo, "load", first="open") <= (2 if kind == "with" else 1)


@pytest.mark.parametrize("kind", ["without", "with"])
def test_a_branch_that_is_new_to_a_process_takes_few_rounds(
    kind: str, smalls: dict[bool, Repo], long_log: Repo, java: Any
) -> None:
    """The newest name; what it says; the log's newest entry; the entries; the checkpoint that main had at the
    fork point and the list of files that it names."""
    repo = long_log if kind == "with" else smalls[True]
    assert rounds(java, repo, "load", first="open", ref="dev") <= (6 if kind == "with" else 4)


@pytest.mark.parametrize("ref", ["main", "dev"])
def test_whether_a_known_branch_is_current_is_asked_in_one_round(
    smalls: dict[bool, Repo], java: Any, ref: str
) -> None:
    inner = smalls[True].copy()
    cold = Repo.on(java, inner.store, java.RecordingStore(inner.store.store(), LATENCY))
    cold("snapshot", ref=ref)
    least = 99
    for _ in range(TRIES):
        cold.raw.reset()
        cold("snapshot", ref=ref)
        least = min(least, cold.raw.rounds())
    assert least == 1
