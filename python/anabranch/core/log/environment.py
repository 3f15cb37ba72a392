"""Time and chance, which the rest of the core never asks for by itself; and requests that run together."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from anabranch.core.format.names import ORDINAL_LIMIT

T = TypeVar("T")
U = TypeVar("U")


class Environment(Protocol):
    """Time and chance."""

    def now(self) -> int:
        """UTC, milliseconds since 1970."""

    def steady(self) -> int:
        """Milliseconds of a clock that nobody sets, and that goes on while the machine sleeps."""

    def sleep(self, millis: int) -> None:
        """Waits."""

    def random(self, bound: int) -> int:
        """A whole number from 0 up to, not including, the bound."""

    def new_id(self) -> str:
        """128 random bits as 32 hexadecimal digits."""


def _steady_nanos() -> int:
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux's monotonic clock stops while the machine sleeps
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_MONOTONIC"):
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return time.monotonic_ns()


class System:
    """The machine's clock and a secure random source."""

    def now(self) -> int:
        """See `Environment`."""
        return time.time_ns() // 1_000_000

    def steady(self) -> int:
        """See `Environment`."""
        return _steady_nanos() // 1_000_000

    def sleep(self, millis: int) -> None:
        """See `Environment`."""
        time.sleep(millis / 1000)

    def random(self, bound: int) -> int:
        """See `Environment`."""
        return secrets.randbelow(bound)

    def new_id(self) -> str:
        """See `Environment`."""
        return secrets.token_hex(16)


def random_ordinal(env: Environment) -> int:
    """A random log number; never main's."""
    return 1 + env.random(ORDINAL_LIMIT - 1)


class Requests:
    """Requests that run at the same time: one round. Must not be nested."""

    MAX_THREADS = 32

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):  # a forked process has the pool, and none of its threads
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def _started(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.MAX_THREADS, thread_name_prefix="anabranch-io")
            return self._pool

    def map(self, items: Sequence[T], f: Callable[[T], U]) -> list[U]:
        """Applies a function to all items, in parallel when there are several."""
        if len(items) <= 1:
            return [f(item) for item in items]
        return list(self._started().map(f, items))

    def start(self, f: Callable[[], U]) -> Future[U]:
        """Runs something beside the calling thread."""
        return self._started().submit(f)

    def ahead(self, items: Iterable[T], f: Callable[[T], U], depth: int) -> Iterator[U]:
        """Applies a function to items in order, at most `depth` of them ahead of who takes the results."""
        waiting: list[Future[U]] = []
        try:
            for item in items:
                waiting.append(self._started().submit(f, item))
                if len(waiting) >= depth:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


requests = Requests()
"""The threads of this process."""
