"""The functions of the vectors, as the model computes them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from . import bitmap, commits, merge, names, values
from .canonical import Refused, canonical, int64, parse

TRANSFORMS = ("identity", "years", "months", "days", "hours", "bucket", "truncate")


def _value(encoded: Any) -> values.Value:
    found = values.decode(encoded)
    if found is None:
        raise Refused(f"{encoded} is no value")
    return found


def _optional(encoded: Any) -> values.Value | None:
    return None if encoded is None else _value(encoded)


def _canonical(given: dict[str, str]) -> str:
    data = given["text"].encode("utf-8") if "text" in given else base64.b64decode(given["bytes"])
    return canonical(parse(data)).decode("utf-8")


def _decode(given: dict[str, Any]) -> Any:
    found = values.decode(given["value"])
    return found and values.describe(found)


def _transform(given: dict[str, Any]) -> Any:
    found = values.transformed(
        given["transform"], given.get("parameter"), given["type"], _value(given["value"])
    )
    return found and values.encode(found)


def _key(given: dict[str, Any]) -> str:
    parametrised = given["transform"] in ("bucket", "truncate")
    if given["transform"] not in TRANSFORMS or parametrised != ("parameter" in given):
        raise Refused(given["transform"])
    if given["transform"] == "identity":
        return str(given["column"])
    parameter = f"[{given['parameter']}]" if "parameter" in given else ""
    return f"{given['transform']}{parameter}({given['column']})"


def _replay_files(given: dict[str, Any]) -> list[Any]:
    before = {f["id"]: f for f in given["before"]}
    change = given["change"]
    return commits.in_order(commits.changed(before, given["at"], change, change.get("add", [])))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "json.canonical": _canonical,
    "json.int64": lambda g: int64(int(g["digits"])),
    "value.encode": lambda g: values.encode(values.described(g["kind"], g["value"])),
    "value.decode": _decode,
    "value.compare": lambda g: values.compare(_value(g["a"]), _value(g["b"])),
    "ref.allowed": lambda g: names.ref_allowed(g["name"]),
    "name.check": lambda g: names.check_name(g["name"]),
    "object.branch": lambda g: "_anabranch/refs/branches/" + names.encoded(g["name"]),
    "object.tag": lambda g: "_anabranch/refs/tags/" + names.encoded(g["name"]),
    "object.log": lambda g: names.object_of("log", g["position"]),
    "object.checkpoint": lambda g: names.object_of("checkpoints", g["position"]),
    "object.number": lambda g: names.number_of(g["path"]),
    "position.parse": lambda g: names.parse_position(g["text"]),
    "position.pack": lambda g: str(names.packed(g["position"])),
    "position.unpack": lambda g: names.unpacked(int(g["packed"])),
    "commit.parse_id": lambda g: names.parse_commit_id(g["text"]),
    "column.physical": lambda g: names.physical(g["name"], g["used"]),
    "stats.bounded": lambda g: values.bounded(
        _optional(g.get("min")), _optional(g.get("max")), g.get("nulls")
    ),
    "transform.apply": _transform,
    "transform.key": _key,
    "murmur3": lambda g: values.hashed(_value(g["value"])),
    "dv.read": lambda g: bitmap.read(g["bytes"]),
    "commit.digest": lambda g: commits.digest(g["salt"], g["value"]),
    "commit.read": lambda g: commits.read(g["written"]),
    "log.read": lambda g: commits.read_object(g["object"]),
    "replay.files": _replay_files,
    "replay.catalog": lambda g: commits.catalog(g["commits"]),
    "merge.candidates": lambda g: merge.candidates(g["a"], g["b"]),
    "merge.bases": lambda g: merge.bases(g["a"], g["b"], g["vectors"]),
    "merge.three_way": lambda g: merge.three_way(g["base"], g["ours"], g["theirs"]),
}
