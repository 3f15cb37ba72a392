"""What a step took, and what it left on the disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path


def timed(body: Callable[[], object]) -> float:
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def turns(names: Sequence[str], repeats: int) -> Iterator[tuple[int, str]]:
    """Each turn with all names; who goes first changes each time."""
    for turn in range(repeats):
        start = turn % len(names)
        for name in [*names[start:], *names[:start]]:
            yield turn, name


def objects(folder: Path) -> dict[str, int]:
    """Sizes by path, without the checksum files that Hadoop adds on a local disk."""
    return {
        str(p): p.stat().st_size
        for p in folder.rglob("*")
        if p.is_file() and not p.name.endswith(".crc") and p.name != "version-hint.text"
    }
