"""Commits and log objects: section 3 of SPEC.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from anabranch.core.format.canonical import canonical, corrupt, int64, parse, salted, sha256, some
from anabranch.core.format.files import DataFile, DeletionVector
from anabranch.core.format.members import Members
from anabranch.core.format.names import CommitId, Position, parse_ordinal
from anabranch.core.format.policies import Policy, decode_policy
from anabranch.core.format.tables import TableMetadata

MAX_COMMITS = 64
MAX_BYTES = 4 * 1024 * 1024

Name = tuple[str, ...]


@dataclass(frozen=True)
class ManifestRef:
    """A Parquet object that lists files; `first_row` is added to the row ids in it, which count from 0."""

    id: str
    size: int
    files: int
    rows: int
    sha256: str
    first_row: int | None = None

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return some(
            id=self.id,
            size=int64(self.size),
            files=int64(self.files),
            rows=int64(self.rows),
            sha256=self.sha256,
            first_row=None if self.first_row is None else int64(self.first_row),
        )

    @staticmethod
    def decode(r: Members) -> ManifestRef:
        """From JSON."""
        return ManifestRef(
            r.text("id"),
            r.integer("size"),
            r.integer("files"),
            r.integer("rows"),
            r.text("sha256"),
            r.integer_or_none("first_row"),
        )


@dataclass(frozen=True)
class TableChange:
    """What a commit does to one table, in the order of its members; see SPEC.md, section 4."""

    version: int = 0
    previous: Position | None = None
    name: Name | None = None
    dropped: bool = False
    adopt: CommitId | None = None
    metadata: TableMetadata | None = None
    clear: bool = False
    remove: Sequence[str] = ()
    deletions: Mapping[str, DeletionVector] = field(default_factory=dict)
    add: Sequence[DataFile] = ()
    manifests: Sequence[ManifestRef] = ()
    next_row: int | None = None
    rearranged: bool = False
    carries: bool = False

    @property
    def touches_files(self) -> bool:
        """Whether files come, go or change by what stands in the commit itself."""
        return bool(self.clear or self.remove or self.deletions or self.add or self.manifests)


@dataclass(frozen=True)
class Closing:
    """The end of a log; `successor` is where a reset branch goes on."""

    reason: str
    successor: int | None = None


DROP = "drop"
RESET = "reset"


@dataclass(frozen=True)
class Commit:
    """One commit; see SPEC.md, section 3. Properties of a namespace, and policies, are None where dropped."""

    position: Position
    parents: Sequence[CommitId]
    time: int
    txn: str
    author: str
    operation: str
    message: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, int] = field(default_factory=dict)
    branch: str | None = None
    repository: str | None = None
    merged: Mapping[int, int] = field(default_factory=dict)
    namespaces: Mapping[Name, Mapping[str, str] | None] = field(default_factory=dict)
    tables: Mapping[str, TableChange] = field(default_factory=dict)
    closing: Closing | None = None
    reads: Sequence[str] = ()
    policies: Mapping[str, Policy | None] = field(default_factory=dict)
    gates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def first_parent(self) -> CommitId | None:
        """The entry before it; in entry 0 the fork point."""
        return self.parents[0] if self.parents else None


@dataclass(frozen=True)
class Entry:
    """A commit as it was read or is to be written, with its id."""

    id: CommitId
    commit: Commit


def encode_commit(c: Commit, salt: Callable[[], str]) -> dict[str, Any]:
    """The written form of a commit.

    Args:
        c: the commit.
        salt: draws 16 random bytes as 32 hexadecimal digits.
    """
    parts = {name: {"salt": salt(), "value": value} for name, value in _parts(c).items()}
    digests = {name: salted(str(p["salt"]), p["value"]) for name, p in parts.items()}
    return {"body": _body(c, digests), "parts": parts}


def _parts(c: Commit) -> dict[str, Any]:
    """What may have to be erased one day, in the order of its salts."""
    found: dict[str, Any] = {}
    for name in ("message", "parameters", "metadata"):
        value = getattr(c, name)
        if value:
            found[name] = value if isinstance(value, str) else dict(value)
    for id, change in sorted(c.tables.items()):
        stats = {f.id: f.encode_stats() for f in change.add if f.stats}
        if stats:
            found[f"stats:{id}"] = stats
        for f in change.add:
            if f.block is not None:
                found[f"rows:{id}/{f.id}"] = f.block
    return found


def _body(c: Commit, digests: dict[str, str]) -> dict[str, Any]:
    namespaces = [
        some(name=list(name), properties=None if properties is None else dict(properties))
        for name, properties in c.namespaces.items()
    ]
    closing = c.closing and some(
        reason=c.closing.reason,
        successor=None if c.closing.successor is None else f"{c.closing.successor:06x}",
    )
    return some(
        ordinal=f"{c.position.ordinal:06x}",
        seq=c.position.seq,
        parents=[str(p) for p in c.parents],
        time=c.time,
        txn=c.txn,
        author=c.author,
        operation=c.operation,
        metrics={name: int64(n) for name, n in c.metrics.items()} or None,
        branch=c.branch,
        repository=c.repository,
        merged={f"{ordinal:06x}": seq for ordinal, seq in c.merged.items()} or None,
        namespaces=sorted(namespaces, key=canonical) or None,
        tables={id: _encode_change(t) for id, t in c.tables.items()} or None,
        reads=sorted(c.reads) or None,
        policies={name: dict(p.written) if p else {} for name, p in c.policies.items()} or None,
        gates={name: dict(passed) for name, passed in c.gates.items()} or None,
        closing=closing,
        digests=digests or None,
    )


def _encode_change(t: TableChange) -> dict[str, Any]:
    return some(
        version=t.version,
        previous=None if t.previous is None else str(t.previous),
        name=None if t.name is None else list(t.name),
        dropped=t.dropped or None,
        adopt=None if t.adopt is None else str(t.adopt),
        metadata=None if t.metadata is None else t.metadata.encode(),
        clear=t.clear or None,
        remove=list(t.remove) or None,
        deletions={file: v.encode() for file, v in t.deletions.items()} or None,
        add=[f.encode() for f in t.add] or None,
        manifests=[m.encode() for m in t.manifests] or None,
        next_row=None if t.next_row is None else int64(t.next_row),
        rearranged=t.rearranged or None,
        carries=t.carries or None,
    )


def decode_commit(written: Any, origin: str) -> Entry:
    """Reads a written commit, and checks every part that is there against its digest.

    Raises:
        LogCorruptObject: naming what is wrong.
    """
    r = Members(written, origin)
    body = r.object("body")
    parts = _checked_parts(r, body.text_map("digests"))
    texts = Members({n: parts[n] for n in ("parameters", "metadata") if n in parts}, origin)
    message = parts.get("message")
    at = Position(body.parsed("ordinal", parse_ordinal, "six hexadecimal digits"), body.integer("seq"))
    closing = body.object_or_none("closing")
    commit = Commit(
        at,
        _ids(body),
        body.integer("time"),
        body.text("txn"),
        body.text("author"),
        body.text("operation"),
        message if isinstance(message, str) else "",
        texts.text_map("parameters"),
        texts.text_map("metadata"),
        body.integer_map("metrics"),
        body.text_or_none("branch"),
        body.text_or_none("repository"),
        decode_vector(body, "merged"),
        {
            tuple(n.texts("name")): n.text_map("properties") if "properties" in n else None
            for n in body.objects("namespaces")
        },
        {id: _decode_change(id, t, parts) for id, t in body.named("tables")},
        Closing(
            closing.text("reason"),
            closing.parsed_or_none("successor", parse_ordinal, "six hexadecimal digits"),
        )
        if closing
        else None,
        body.texts("reads"),
        {name: decode_policy(p) for name, p in body.named("policies")},
        {name: {"read": g.text("read"), "sha256": g.text("sha256")} for name, g in body.named("gates")},
    )
    return Entry(CommitId(at, sha256(canonical(body.value))), commit)


def _ids(body: Members) -> list[CommitId]:
    found = [CommitId.parse(text) for text in body.texts("parents")]
    ids = [id for id in found if id is not None]
    if len(ids) < len(found):
        raise body.wrong("parents", "a list of commit ids")
    return ids


def decode_vector(r: Members, name: str) -> dict[int, int]:
    """A version vector, or a part of one."""
    found = {parse_ordinal(ordinal): seq for ordinal, seq in r.integer_map(name).items()}
    vector = {ordinal: seq for ordinal, seq in found.items() if ordinal is not None}
    if len(vector) < len(found):
        raise r.wrong(name, "a version vector")
    return vector


def _checked_parts(r: Members, digests: dict[str, str]) -> dict[str, Any]:
    found = {}
    for name, part in r.named("parts"):
        salt, value = part.text("salt"), part.value.get("value")
        if not re.fullmatch("[0-9a-f]{32}", salt) or digests.get(name) != salted(salt, value):
            raise corrupt(r.origin, f"its part '{name}' does not have the digest that the commit holds")
        found[name] = value
    return found


def _decode_change(id: str, r: Members, parts: dict[str, Any]) -> TableChange:
    stats = Members(parts.get(f"stats:{id}") or {}, r.origin, f"stats:{id}.")

    def block(file: str) -> list[Any] | None:
        rows = parts.get(f"rows:{id}/{file}")
        return rows if isinstance(rows, list) else None

    metadata = r.object_or_none("metadata")
    return TableChange(
        r.integer("version"),
        r.parsed_or_none("previous", Position.parse, "a position"),
        tuple(r.texts("name")) if "name" in r else None,
        r.flag("dropped"),
        r.parsed_or_none("adopt", CommitId.parse, "a commit id"),
        TableMetadata.decode(metadata) if metadata else None,
        r.flag("clear"),
        r.texts("remove"),
        {file: DeletionVector.decode(v) for file, v in r.named("deletions")},
        [DataFile.decode(f, stats.object_or_none(f.text("id")), block) for f in r.objects("add")],
        [ManifestRef.decode(m) for m in r.objects("manifests")],
        r.integer_or_none("next_row"),
        r.flag("rearranged"),
        r.flag("carries"),
    )


def encode_log_object(commits: Sequence[Any]) -> bytes:
    """A log object of written commits."""
    return canonical({"commits": list(commits)})


def decode_log_object(data: bytes, origin: str) -> list[Entry]:
    """The commits of a log object: one, or several consecutive ones.

    Raises:
        LogCorruptObject: if it holds anything else.
    """
    entries = [
        decode_commit(written, origin) for written in Members(parse(data, origin), origin).items("commits")
    ]
    consecutive = 1 <= len(entries) <= MAX_COMMITS and all(
        b.commit.first_parent == a.id and b.id.position == a.id.position._replace(seq=a.id.position.seq + 1)
        for a, b in pairwise(entries)
    )
    if not consecutive:
        raise corrupt(origin, "it does not hold one commit or several consecutive ones")
    return entries
