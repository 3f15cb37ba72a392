"""A repository on a store in memory, driven from Python (tests/scala/RepositoryHarness.scala)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from anabranch.core.format import names

LOG = "_anabranch/log/"


class Refusal(Exception):
    """The core refused: `condition` is the error class."""

    def __init__(self, condition: str, message: str) -> None:
        super().__init__(condition, message)
        self.condition = condition
        self.message = message


class Killed(Exception):
    """The fault store killed the process."""


def unpacked(answer: str) -> Any:
    """What an operation gave."""
    found = json.loads(answer)
    if "killed" in found:
        raise Killed(found["killed"])
    if "error" in found:
        raise Refusal(found["error"]["condition"], found["error"]["message"])
    return found["output"]


@dataclass
class Repo:
    """`repo("append", files=1)` runs an operation; `store` reaches its objects, `raw` what answers it."""

    java: Any  # the package io.anabranch.test
    store: Any  # StoreHandle of the objects, without faults
    raw: Any  # the ObjectStore that the repository sees
    harness: Any

    @classmethod
    def on(cls, java: Any, store: Any, raw: Any = None) -> Repo:
        raw = raw or store.store()
        return cls(java, store, raw, java.RepositoryHarness(raw))

    def __call__(self, operation: str, **given: Any) -> Any:
        return unpacked(self.harness.run(operation, json.dumps(given)))

    @property
    def clock(self) -> Any:
        return self.harness.env()

    def fresh(self) -> Repo:
        """Another process on the same objects."""
        return Repo.on(self.java, self.store)

    def copy(self) -> Repo:
        return Repo.on(self.java, self.java.RepositoryHarness.copy(self.store))

    def kind(self, lists_in_order: bool) -> Repo:
        """A copy on a store that finds heads the one way or the other."""
        other = self.java.StoreHandle.memory("kind", lists_in_order)
        for path in self.paths():
            other.create(path, self.store.read(path))
        return Repo.on(self.java, other)

    def faulty(self, plan: str) -> Repo:
        return Repo.on(self.java, self.store, self.java.FaultStore(self.store.store(), plan))

    def recording(self) -> Repo:
        return Repo.on(self.java, self.store, self.java.RecordingStore(self.store.store()))

    def tapped(self) -> Repo:
        return Repo.on(self.java, self.store, self.java.TapStore(self.store.store()))

    def meanwhile(self, prefix: str, other: Repo, operation: str, **given: Any) -> None:
        """Right before this (tapped) repository creates an object, another does something."""
        self.raw.before(prefix, other.harness, operation, json.dumps(given))

    def paths(self) -> list[str]:
        return list(self.java.RepositoryHarness.paths(self.store))

    def read(self, path: str) -> Any:
        """An object's JSON."""
        return json.loads(bytes(self.store.read(path)))

    def replace(self, path: str, data: bytes) -> None:
        """Damages an object, as nobody may."""
        self.store.delete(path)
        assert self.store.create(path, bytearray(data)) == "won"

    def entry(self, position: str) -> Any:
        """The written commit at a position, alone in its object."""
        (commit,) = self.read(log_path(position))["commits"]
        return commit

    def rows(self, table: str = "db.t", ref: str = "main") -> int:
        return sum(f["rows"] for f in self("load", table=table, ref=ref)["files"])


def log_path(position: str) -> str:
    at = names.Position.parse(position)
    assert at is not None, position
    return names.log_object(at)


def position(commit_id: str) -> str:
    return commit_id.rsplit("-", 1)[0]


def seq(commit_id: str) -> int:
    return int(commit_id.split("-")[1])


def everything(repo: Repo) -> Any:
    """What users see at all branches and tags: equal for two runs of the same operations."""
    return repo("everything")
