"""Commits, log objects and replay: sections 3 and 4 of SPEC.md."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from .canonical import Refused, canonical
from .names import parse_commit_id, parse_position

MOST = 64


def digest(salt: str, value: Any) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + canonical(value)).hexdigest()


def written(body: dict[str, Any], parts: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    """A commit as it is written, from the body without digests and the parts with their salts."""
    digests = {name: digest(salt, value) for name, (salt, value) in parts.items()}
    return {
        "body": body | ({"digests": digests} if digests else {}),
        "parts": {name: {"salt": salt, "value": value} for name, (salt, value) in parts.items()},
    }


def commit_id(commit: dict[str, Any]) -> str:
    body = commit["body"]
    return f"{body['ordinal']}-{body['seq']}-{hashlib.sha256(canonical(body)).hexdigest()}"


def checked(commit: dict[str, Any]) -> dict[str, Any]:
    """The values of the parts that are there."""
    parts = commit.get("parts") or {}
    digests = commit["body"].get("digests") or {}
    for name, part in parts.items():
        salted = re.fullmatch("[0-9a-f]{32}", part["salt"]) and digest(part["salt"], part["value"])
        if not salted or digests.get(name) != salted:
            raise Refused(f"part {name}")
    return {name: part["value"] for name, part in parts.items()}


def files_of(commit: dict[str, Any], table: str) -> list[dict[str, Any]]:
    """The files that the commit adds to a table, with what its parts tell of them."""
    parts = checked(commit)
    stats = parts.get(f"stats:{table}", {})
    found = []
    for f in commit["body"]["tables"][table].get("add", []):
        more = {"stats": stats.get(f["id"]), "block": parts.get(f"rows:{table}/{f['id']}")}
        found.append(f | {name: v for name, v in more.items() if v is not None})
    return found


def read(commit: dict[str, Any]) -> dict[str, Any]:
    body, parts = commit["body"], checked(commit)
    if not all(map(parse_commit_id, body["parents"])) or not parse_position(
        f"{body['ordinal']}-{body['seq']}"
    ):
        raise Refused("ids")
    closing = body.get("closing")
    answer = {
        "id": commit_id(commit),
        **{name: body[name] for name in ("parents", "time", "txn", "author", "operation")},
        "message": parts.get("message", ""),
        "parameters": parts.get("parameters", {}),
        "metadata": parts.get("metadata", {}),
        "metrics": body.get("metrics", {}),
        "files": {table: files_of(commit, table) for table in body.get("tables", {})},
    }
    return answer | ({"closing": ended(closing)} if closing else {})


def ended(closing: dict[str, str]) -> list[str]:
    return [closing["reason"]] + [closing[n] for n in ["successor"] if n in closing]


def read_object(log: dict[str, Any]) -> list[str]:
    commits = log["commits"]
    for commit in commits:
        checked(commit)
    ids = [commit_id(c) for c in commits]
    if not 1 <= len(ids) <= MOST:
        raise Refused("the number of commits")
    for before, after in zip(ids, [c["body"] for c in commits[1:]], strict=False):
        ordinal, seq = before.split("-")[:2]
        if after["parents"][:1] != [before] or (after["ordinal"], after["seq"]) != (ordinal, int(seq) + 1):
            raise Refused("not consecutive")
    return ids


def changed(
    before: dict[str, Any], at: str, change: dict[str, Any], added: list[dict[str, Any]]
) -> dict[str, Any]:
    """The files of a table, by id, after one change."""
    files = {} if change.get("clear") else dict(before)
    for id in change.get("remove", []):
        if id not in files:
            raise Refused(f"{id} is not there")
        del files[id]
    for id, vector in change.get("deletions", {}).items():
        if id not in files or vector["cardinality"] > files[id]["rows"]:
            raise Refused(f"deletions of {id}")
        files[id] = files[id] | {"deletions": vector | {"written_by": at}}
    for f in added:
        if f["id"] in files:
            raise Refused(f"{f['id']} is there")
        files[f["id"]] = {"added_by": at, **f}
    return files


def in_order(files: dict[str, Any]) -> list[Any]:
    return [files[id] for id in sorted(files)]


def catalog(commits: list[dict[str, Any]]) -> dict[str, Any]:
    """The catalog after the last of the commits; parents and what is adopted are found by id."""
    states: dict[str | None, dict[str, Any]] = {None: EMPTY}
    for commit in commits:
        parents = commit["body"].get("parents", [])
        states[commit_id(commit)] = after(states[parents[0] if parents else None], commit, states)
    last = dict(states[commit_id(commits[-1])])
    last["tables"] = {id: t | {"files": in_order(t["files"])} for id, t in last["tables"].items()}
    return last


EMPTY: dict[str, Any] = {"vector": {}, "namespaces": {}, "next_rows": {}, "tables": {}}


def after(state: dict[str, Any], commit: dict[str, Any], states: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    body = commit["body"]
    at = f"{body['ordinal']}-{body['seq']}"
    vector = dict(state["vector"])
    for ordinal, seq in body.get("merged", {}).items():
        vector[ordinal] = max(seq, vector.get(ordinal, -1))
    vector[body["ordinal"]] = body["seq"]
    spaces, tables = dict(state["namespaces"]), dict(state["tables"])
    rows = {} if body["seq"] == 0 else dict(state["next_rows"])
    for space in body.get("namespaces", []):
        name = ".".join(space["name"])
        spaces.pop(name, None)
        if "properties" in space:
            spaces[name] = space["properties"]
    for id, change in body.get("tables", {}).items():
        old = tables.pop(id, None)
        if not change.get("dropped"):
            tables[id] = table(old, at, change, files_of(commit, id), states, id)
        if "next_row" in change:
            rows[id] = change["next_row"]
    found = {
        "commit": commit_id(commit),
        "vector": vector,
        "namespaces": spaces,
        "next_rows": rows,
        "tables": tables,
    }
    return found | ({"closing": ended(body["closing"])} if "closing" in body else {})


def table(
    old: Any, at: str, change: dict[str, Any], added: list[Any], states: dict[Any, Any], id: str
) -> dict[str, Any]:
    start = states[change["adopt"]]["tables"][id] if "adopt" in change else old
    own = any(m in change for m in ("metadata", "clear", "remove", "deletions", "add", "manifests"))
    name = ".".join(change["name"]) if "name" in change else (old or start)["name"]
    return {
        "name": name,
        "version": change["version"],
        "at": at,
        "content": at if own or not start else start["content"],
        "metadata": change.get("metadata") or start["metadata"],
        "files": changed(start["files"] if start else {}, at, change, added),
    }
