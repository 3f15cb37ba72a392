"""Each function of the vectors: JSON in, JSON out, by what the package has."""

from __future__ import annotations

import base64
import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anabranch import errors
from anabranch.core.format import names, values
from anabranch.core.format.arrow import arrow_type, scalar
from anabranch.core.format.canonical import canonical, corrupt, int64, parse, salted, some
from anabranch.core.format.commits import (
    Closing,
    Entry,
    TableChange,
    decode_commit,
    decode_log_object,
    encode_commit,
)
from anabranch.core.format.files import DataFile, DeletionVector, read_positions, write_positions
from anabranch.core.format.manifests import read_manifest, write_manifest
from anabranch.core.format.members import Members
from anabranch.core.format.names import CommitId, Position
from anabranch.core.format.repository_info import RepositoryInfo, check_features
from anabranch.core.format.tables import Column, TableMetadata
from anabranch.core.format.transforms import PartitionField, accepts, murmur3, transformed
from anabranch.core.format.values import ColumnStats, Value
from anabranch.core.log.replay import EMPTY, CatalogState, changed_files, next_state
from anabranch.core.operations.merge import catalog_merge, merge_base
from anabranch.core.operations.merge.catalog_facts import CatalogFacts, TableFacts
from anabranch.core.operations.pruning import prune

from .moved import moved

Json = Any


def value(encoded: Json) -> Value:
    found = values.decode(encoded)
    if found is None:
        raise corrupt("input", f"{encoded} is no value")
    return found


def position(text: str) -> Position:
    found = Position.parse(text)
    if found is None:
        raise corrupt("input", f"{text} is no position")
    return found


def described(kind: Any, text: str) -> Value:
    """A value from a plain text of it, as vectors write it."""
    plain: dict[str, Callable[[str], Any]] = {
        "whole": int,
        "floating": float,
        "decimal": Decimal,
        "text": str,
        "bytes": bytes.fromhex,
        "bool": "true".__eq__,
    }
    return Value(kind, plain[kind](text))


def describe(v: Value) -> dict[str, str]:
    x = v.value
    if v.kind == "floating":
        special = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "-0.0": "-0.0"}
        text = special.get(str(x)) or f"{Decimal(x):f}"
    elif v.kind == "decimal":
        text = f"{x:f}"
    else:
        text = x.hex() if v.kind == "bytes" else str(x).lower() if v.kind == "bool" else str(x)
    return {"kind": v.kind, "value": text}


def format_error(given: Json) -> str:
    r = Members(given, "input")
    return str(errors.error(r.text("condition"), **r.text_map("parameters")))


def canonical_text(given: Json) -> str:
    data = given["text"].encode("utf-8") if "text" in given else base64.b64decode(given["bytes"])
    return canonical(parse(data, "input")).decode("utf-8")


def decoded(given: Json) -> Json:
    found = values.decode(given["value"])
    return found and describe(found)


def ref_allowed(given: Json) -> bool:
    return names.ref_problem(given["name"]) is None


def check_name(given: Json) -> bool:
    names.check_name(given["name"])
    return True


def text_or_none(found: object) -> str | None:
    return None if found is None else str(found)


def field(given: Json) -> PartitionField:
    return PartitionField.decode(Members({"column": "c", **given}, "input"))


def transform(given: Json) -> Json:
    f = field(given)
    if not accepts(f.transform, given["type"]):
        return None
    return values.encode(transformed(f, given["type"], value(given["value"])))


def bounded(given: Json) -> Json:
    low, high = (value(given[n]) if n in given else None for n in ("min", "max"))
    return ColumnStats.bounded(low, high, given.get("nulls")).encode()


def rewritten_metadata(given: Json) -> Json:
    return TableMetadata.decode(Members(given["metadata"], "input")).encode()


def written_vector(given: Json) -> str:
    pieces: Iterable[Iterable[int]] = (range(*p) if isinstance(p, list) else [p] for p in given["positions"])
    return base64.b64encode(write_positions(itertools.chain.from_iterable(pieces))).decode()


def read_vector(given: Json) -> list[int]:
    try:
        return list(read_positions(base64.b64decode(given["bytes"])))
    except ValueError as e:
        raise corrupt("dv", str(e)) from e


def file(given: Json) -> DataFile:
    stats = Members(given["stats"], "input") if "stats" in given else None
    found = DataFile.decode(Members(given, "input"), stats, lambda _: given.get("block"))
    added_by = position(given["added_by"]) if "added_by" in given else None
    return found.with_listed(found.stats, found.first_row, added_by)


def file_json(f: DataFile) -> Json:
    return f.encode() | some(stats=f.encode_stats() or None, block=f.block, added_by=text_or_none(f.added_by))


def rewritten_manifest(given: Json) -> Json:
    return [
        file_json(f) for f in read_manifest(write_manifest([file(f) for f in given["files"]]), "manifest")
    ]


def closing_json(closing: Closing | None) -> Json:
    if closing is None:
        return None
    return [closing.reason, *([] if closing.successor is None else [f"{closing.successor:06x}"])]


def read_commit(given: Json) -> Json:
    entry = decode_commit(given["written"], "input")
    c = entry.commit
    return some(
        id=str(entry.id),
        parents=[str(p) for p in c.parents],
        time=c.time,
        txn=c.txn,
        author=c.author,
        operation=c.operation,
        message=c.message,
        parameters=c.parameters,
        metadata=c.metadata,
        metrics={name: int64(n) for name, n in c.metrics.items()},
        closing=closing_json(c.closing),
        files={id: [file_json(f) for f in t.add] for id, t in c.tables.items()},
    )


def rewritten_commit(given: Json) -> Json:
    salts = iter(given["salts"])
    entry = decode_commit(given["written"], "input")
    written = encode_commit(entry.commit, lambda: next(salts))
    return {"text": canonical(written).decode("utf-8"), "id": str(decode_commit(written, "input").id)}


def read_log(given: Json) -> Json:
    return [str(e.id) for e in decode_log_object(canonical(given["object"]), "input")]


def files_json(files: dict[str, DataFile]) -> Json:
    return [file_json(f) for _, f in sorted(files.items())]


def replay_files(given: Json) -> Json:
    body = {"ordinal": "000000", "seq": 0, "time": 0, "txn": "", "author": "", "operation": ""}
    entry = decode_commit({"body": body | {"tables": {"t": given["change"]}}}, "input")
    change: TableChange = entry.commit.tables["t"]
    before = {f["id"]: file(f) for f in given["before"]}
    return files_json(changed_files(before, position(given["at"]), change.add, change))


def replay_catalog(given: Json) -> Json:
    states: dict[CommitId, CatalogState] = {}
    entries: list[Entry] = [decode_commit(written, "input") for written in given["commits"]]
    for entry in entries:
        parent = entry.commit.first_parent
        before = EMPTY if parent is None else states[parent]
        states[entry.id] = next_state(before, entry, states.__getitem__, None)  # type: ignore[arg-type]
    s = states[entries[-1].id]
    tables = {
        id: {
            "name": t.full_name,
            "version": t.version,
            "at": str(t.at),
            "content": str(t.content),
            "metadata": t.metadata.encode(),
            "files": files_json(t.files.files),
        }
        for id, t in s.tables.items()
    }
    return some(
        commit=str(s.id),
        vector={f"{ordinal:06x}": seq for ordinal, seq in s.vector.items()},
        namespaces={".".join(n): p for n, p in s.namespaces.items()},
        next_rows={id: int64(n) for id, n in s.next_rows.items()},
        tables=tables,
        closing=closing_json(s.closing),
    )


def read_repository(given: Json) -> str:
    info = RepositoryInfo.decode(canonical(given["object"]), "memory://input")
    check_features("repository", info.reader_features, info.writer_features, given.get("writing", False))
    return info.id


def vector(given: Json) -> dict[int, int]:
    return {int(ordinal, 16): seq for ordinal, seq in given.items()}


def positions_json(found: Iterable[Position]) -> Json:
    return sorted(map(str, found))


def merge_bases(given: Json) -> Json:
    vectors = {position(p): vector(v) for p, v in given["vectors"].items()}
    found = merge_base.candidates(vector(given["a"]), vector(given["b"]))
    first = [int(ordinal, 16) for ordinal in given.get("first", [])]
    return positions_json(merge_base.maximal(found, first, vectors.__getitem__))


def facts(given: Json) -> CatalogFacts:
    tables = {id: TableFacts(tuple(t["name"]), t["content"]) for id, t in given["tables"].items()}
    return CatalogFacts(tables, {tuple(n["name"]): n["properties"] for n in given["namespaces"]})


def facts_json(f: CatalogFacts) -> Json:
    return {
        "tables": {id: {"name": list(t.name), "content": t.content} for id, t in f.tables.items()},
        "namespaces": [
            {"name": list(n), "properties": p}
            for n, p in sorted(f.namespaces.items(), key=lambda i: ".".join(i[0]))
        ],
    }


def three_way(given: Json) -> Json:
    merged, conflicts = catalog_merge.three_way(*(facts(given[side]) for side in ("base", "ours", "theirs")))
    return {"merged": facts_json(merged), "conflicts": sorted({".".join(c.name) for c in conflicts})}


def virtual_base(given: Json) -> Json:
    return facts_json(catalog_merge.virtual_base(*(facts(given[side]) for side in ("under", "one", "other"))))


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def predicate(given: Json, types: dict[str, pa.DataType]) -> pc.Expression:
    """A condition as Arrow has it."""
    kind = given["is"]
    if kind in ("and", "or"):
        join = operator.and_ if kind == "and" else operator.or_
        return functools.reduce(
            join, [predicate(part, types) for part in given["parts"]], pc.scalar(kind == "and")
        )
    if kind not in {*_OPERATORS, "in", "null", "not null", "starts with"}:
        return pc.scalar(True)
    column = pc.field((given["column"],))
    t = types[given["column"]]
    if kind in _OPERATORS:
        return _OPERATORS[kind](column, scalar(value(given["value"]), t))
    if kind == "in":
        equal = [column == scalar(value(v), t) for v in given["values"]]
        return functools.reduce(operator.or_, equal, pc.scalar(False))
    if kind == "starts with":
        return pc.starts_with(column, given["prefix"])
    return column.is_null() if kind == "null" else column.is_valid()


def kinds_of(given: Json) -> Iterator[tuple[str, Value]]:
    """The columns of a condition and a file, with values that tell their types."""
    if isinstance(given, dict):
        if "column" in given:
            for v in [given.get("value"), *given.get("values", []), "s" if "prefix" in given else None]:
                found = values.decode(v)
                if found is not None:
                    yield given["column"], found
        for inner in given.get("parts", []):
            yield from kinds_of(inner)


def may_match(given: Json) -> bool:
    f = file(given["file"])
    of_kind = {"whole": "long", "floating": "double", "text": "string", "bytes": "binary", "bool": "boolean"}
    told = {column: s.min or s.max or Value("whole", 0) for column, s in f.stats.items()}
    told |= dict(f.partition)
    told |= dict(kinds_of(given["where"]))  # what the condition compares with is of the column's type
    types = {c: of_kind.get(v.kind, "decimal(38,4)") for c, v in told.items()}
    metadata = TableMetadata(
        tuple(Column(c, c, t) for c, t in types.items()),
        tuple(PartitionField.decode(Members(p, "input")) for p in given["partitioning"]),
    )
    schema = pa.schema([(c, arrow_type(t)) for c, t in types.items()])
    for name in {*columns_of(given["where"])} - set(schema.names):
        schema = schema.append(pa.field(name, pa.int64()))
    condition = predicate(given["where"], {f.name: f.type for f in schema})
    return bool(prune([f], condition, metadata, schema))


def columns_of(given: Json) -> Iterator[str]:
    if "column" in given:
        yield given["column"]
    for inner in given.get("parts", []):
        yield from columns_of(inner)


FUNCTIONS: dict[str, Callable[[Json], Json]] = {
    "errors.format": format_error,
    "json.canonical": canonical_text,
    "json.int64": lambda g: int64(int(g["digits"])),
    "value.encode": lambda g: values.encode(described(g["kind"], g["value"])),
    "value.decode": decoded,
    "value.compare": lambda g: values.compare(value(g["a"]), value(g["b"])),
    "ref.allowed": ref_allowed,
    "name.check": check_name,
    "object.branch": lambda g: names.branch(g["name"]),
    "object.tag": lambda g: names.tag(g["name"]),
    "object.name": lambda g: names.decoded(g["encoded"]),
    "object.log": lambda g: names.log_object(position(g["position"])),
    "object.checkpoint": lambda g: names.checkpoint(position(g["position"])),
    "object.number": lambda g: names.number_of(g["path"]),
    "position.parse": lambda g: text_or_none(Position.parse(g["text"])),
    "position.pack": lambda g: str(position(g["position"]).packed),
    "position.unpack": lambda g: str(Position.unpacked(int(g["packed"]))),
    "commit.parse_id": lambda g: text_or_none(CommitId.parse(g["text"])),
    "column.physical": lambda g: names.physical_name(g["name"], g["used"]),
    "metadata.rewrite": rewritten_metadata,
    "stats.bounded": bounded,
    "transform.apply": transform,
    "transform.key": lambda g: PartitionField.decode(Members(g, "input")).key,
    "murmur3": lambda g: murmur3(value(g["value"])),
    "dv.write": written_vector,
    "dv.read": read_vector,
    "dv.entry": lambda g: DeletionVector.decode(Members(g, "input")).encode(),
    "manifest.rewrite": rewritten_manifest,
    "commit.digest": lambda g: salted(g["salt"], g["value"]),
    "commit.read": read_commit,
    "commit.rewrite": rewritten_commit,
    "log.read": read_log,
    "repository.read": read_repository,
    "replay.files": replay_files,
    "replay.catalog": replay_catalog,
    "merge.candidates": lambda g: positions_json(merge_base.candidates(vector(g["a"]), vector(g["b"]))),
    "merge.bases": merge_bases,
    "merge.moved": moved,
    "merge.three_way": three_way,
    "merge.virtual_base": virtual_base,
    "prune.may_match": may_match,
}
