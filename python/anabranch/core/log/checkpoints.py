"""Checkpoints: the catalog at a commit, with lists of its tables' files beside it. Section 6 of SPEC.md."""

from __future__ import annotations

from collections.abc import Mapping

from anabranch.core.format.canonical import canonical, corrupt, int64, parse, sha256, some
from anabranch.core.format.commits import ManifestRef, decode_vector
from anabranch.core.format.members import Members
from anabranch.core.format.names import CommitId, Position
from anabranch.core.format.policies import decode_policy
from anabranch.core.format.repository_info import FORMAT
from anabranch.core.format.tables import TableMetadata
from anabranch.core.log.replay import CatalogState, FileSet, ManifestReader, TableState, listed_files

INTERVAL = 256
"""Checkpoints stand at the commits whose number is a multiple of this."""


def encode_checkpoint(state: CatalogState, files: Mapping[str, ManifestRef | None]) -> bytes:
    """The bytes of a checkpoint.

    Args:
        state: the catalog.
        files: the stored list of each table's files; None for a table without files.
    """
    content = {
        "format": FORMAT,
        "commit": str(state.id),
        "time": state.time,
        "vector": {f"{ordinal:06x}": seq for ordinal, seq in state.vector.items()},
        "namespaces": [{"name": list(n), "properties": dict(p)} for n, p in state.namespaces.items()],
        "policies": {name: dict(p.written) for name, p in state.policies.items()},
        "next_rows": {id: int64(n) for id, n in state.next_rows.items()},
        "tables": {id: _table(t, files[id]) for id, t in state.tables.items()},
    }
    return canonical({"checkpoint": content, "sha256": sha256(canonical(content))})


def _table(t: TableState, files: ManifestRef | None) -> dict[str, object]:
    return some(
        name=list(t.name),
        version=t.version,
        at=str(t.at),
        content=str(t.content),
        metadata=t.metadata.encode(),
        files=files and files.encode(),
        carried=None if t.carried is None else str(t.carried),
    )


def decode_checkpoint(data: bytes, origin: str, reader: ManifestReader) -> CatalogState:
    """The catalog of a checkpoint.

    Raises:
        LogCorruptObject: if it is damaged.
    """
    outer = Members(parse(data, origin), origin)
    r = outer.object("checkpoint")
    if sha256(canonical(r.value)) != outer.text("sha256"):
        raise corrupt(origin, "its digest does not match")
    id = r.parsed("commit", CommitId.parse, "a commit id")
    tables = {}
    for table, t in r.named("tables"):
        list_ = t.object_or_none("files")
        ref = ManifestRef.decode(list_) if list_ else None
        tables[table] = TableState(
            table,
            tuple(t.texts("name")),
            t.integer("version"),
            t.parsed("at", Position.parse, "a position"),
            t.parsed("content", Position.parse, "a position"),
            TableMetadata.decode(t.object("metadata")),
            listed_files(id.position, table, ref, reader) if ref else FileSet({}),
            t.parsed_or_none("carried", Position.parse, "a position"),
        )
    namespaces = {tuple(n.texts("name")): n.text_map("properties") for n in r.objects("namespaces")}
    vector = decode_vector(r, "vector")
    policies = {name: p for name, m in r.named("policies") if (p := decode_policy(m))}
    rows = r.integer_map("next_rows")
    return CatalogState(id, r.integer("time"), vector, namespaces, tables, rows, policies=policies)
