"""Merge bases and three-way merges: section 7 of SPEC.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MISSING = object()


def candidates(a: dict[str, int], b: dict[str, int]) -> list[str]:
    return sorted(f"{o}-{min(a[o], b[o])}" for o in a.keys() & b.keys())


def bases(a: dict[str, int], b: dict[str, int], vectors: dict[str, dict[str, int]]) -> list[str]:
    """Those of the candidates that no other has as an ancestor."""
    found = candidates(a, b)

    def below(p: str, q: str) -> bool:
        ordinal, seq = p.split("-")
        return p != q and vectors[q].get(ordinal, -1) >= int(seq)

    return [p for p in found if not any(below(p, q) for q in found)]


def pick(base: Any, ours: Any, theirs: Any) -> Any:
    """The side that changed it; MISSING where both did, in different ways."""
    if ours == theirs or theirs == base:
        return ours
    return theirs if ours == base else MISSING


def three_way(base: Any, ours: Any, theirs: Any) -> dict[str, Any]:
    conflicts: set[str] = set()
    tables = {}
    for id in ids(s["tables"] for s in (base, ours, theirs)):
        b, o, t = (s["tables"].get(id) for s in (base, ours, theirs))
        whole = pick(b, o, t)
        if whole is MISSING and o and t:
            whole = {m: pick((b or {}).get(m, MISSING), o[m], t[m]) for m in ("name", "content")}
            if whole["content"] is MISSING:
                whole["content"] = "?"  # to be merged by rows
            if whole["name"] is MISSING:
                whole = MISSING
        if whole is MISSING:
            conflicts.add(".".join((o or t)["name"]))
        elif whole is not None:
            tables[id] = whole
    spaces, torn = namespaces(*(by_name(s) for s in (base, ours, theirs)))
    names = [tuple(t["name"]) for t in tables.values()]
    homeless = [n for n in names if n[:-1] not in spaces and n[:-1] not in torn]
    conflicts |= {".".join(n) for n in [*torn, *homeless, *(n for n in names if names.count(n) > 1)]}
    listed = [{"name": list(n), "properties": spaces[n]} for n in sorted(spaces, key=".".join)]
    return {"merged": {"tables": tables, "namespaces": listed}, "conflicts": sorted(conflicts)}


def ids(sides: Iterable[dict[str, Any]]) -> list[str]:
    return sorted(set().union(*sides))


def by_name(side: Any) -> dict[tuple[str, ...], dict[str, str]]:
    return {tuple(n["name"]): n["properties"] for n in side["namespaces"]}


def namespaces(base: Any, ours: Any, theirs: Any) -> tuple[dict[tuple[str, ...], Any], set[tuple[str, ...]]]:
    merged, torn = {}, set()
    for name in {*base, *ours, *theirs}:
        b, o, t = (s.get(name) for s in (base, ours, theirs))
        whole = pick(b, o, t)
        if whole is MISSING and o is not None and t is not None:
            known = b is not None
            whole = {
                k: pick(b.get(k) if known else MISSING, o.get(k), t.get(k)) for k in {*(b or {}), *o, *t}
            }
            whole = (
                MISSING if MISSING in whole.values() else {k: v for k, v in whole.items() if v is not None}
            )
        if whole is MISSING:
            torn.add(name)
        elif whole is not None:
            merged[name] = whole
    return merged, torn
