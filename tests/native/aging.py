"""Repositories that have been there for a while, and clocks that go ahead."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from anabranch import Repository
from anabranch.core.log.environment import System
from anabranch.core.repository.opening import attach

IN_FILES = {"anabranch.write.inline-rows": "0"}
"""Rows stand in data files, however few they are."""


class Clock(System):
    """The machine's clock, and what a test puts on top."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.asleep = timedelta(0)

    def now(self) -> int:
        return super().now() + self.ahead // timedelta(milliseconds=1)

    def steady(self) -> int:
        return super().steady() + self.asleep // timedelta(milliseconds=1)


def other(repo: Repository, clock: Clock | None = None, author: str = "bob") -> Repository:
    """Another process on the same repository."""
    made = Repository(repo.store, author=author, env=clock)
    attach(made, create=False)
    return made


def aged(repo: Repository, by: timedelta) -> None:
    """Everything was stored so much earlier, by the store's clock."""
    assert repo.store.folder is not None
    for path in repo.store.folder.rglob("*"):
        if path.is_file():
            changed = path.stat().st_mtime - by.total_seconds()
            os.utime(path, (changed, changed))


def now() -> datetime:
    """A time after all that was done, and before what is done next."""
    time.sleep(0.003)
    found = datetime.now(timezone.utc)
    time.sleep(0.003)
    return found


def data(repo: Repository) -> set[str]:
    """Data files and deletion vectors that are there."""
    assert repo.store.folder is not None
    folders = [repo.store.folder / "data", repo.store.folder / "_anabranch" / "dv"]
    files = (p for f in folders for p in f.rglob("*") if p.is_file())
    return {p.relative_to(repo.store.folder).as_posix() for p in files}


def files(repo: Repository, name: str = "db.t", ref: str = "main") -> set[str]:
    """Data files and deletion vectors of a table."""
    t = repo.table(name, ref)
    found = t._state.files.files.values()
    vectors = {f"_anabranch/dv/{f.deletions.object}.bin" for f in found if f.deletions and f.deletions.object}
    return {f"data/{t.id}/{f.id}" for f in found if not f.is_inline} | vectors


def ids(repo: Repository, ref: str = "main", name: str = "db.t") -> list[int]:
    return sorted(repo.table(name, ref).to_arrow(["id"]).column("id").to_pylist())


def vacuumed(repo: Repository, **how: Any) -> set[str]:
    """Paths that a vacuum deletes which waits for nobody."""
    return {o.path for o in repo.vacuum(timedelta(0), force=True, **how)}


def overwrite(repo: Repository, id: int, ref: str = "main") -> set[str]:
    """Other rows in other files; which."""
    repo.table("db.t", ref).overwrite({"id": [id]})
    return files(repo, ref=ref)
