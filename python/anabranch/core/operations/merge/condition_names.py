"""Names of columns in conditions, which are text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from anabranch.core.format.tables import Column, Struct


def renamed(before: Sequence[Column], after: Sequence[Column]) -> list[str]:
    """Names of columns and fields that mean nothing, or another one, among others."""
    now, found = {c.physical.lower(): c for c in after}, list[str]()
    for b in before:
        same = now.get(b.physical.lower())
        if same is None or same.name.lower() != b.name.lower():
            found.append(b.name)
        elif isinstance(b.type, Struct) and isinstance(same.type, Struct):
            found += renamed(b.type.fields, same.type.fields)
    return list(dict.fromkeys(found))


def words(condition: str) -> set[str]:
    """What may be a name in SQL: more rather than less."""
    plain = re.sub(r"'(?:[^'\\]|\\.)*'", " ", condition).lower()
    quoted = r"`((?:[^`]|``)+)`"
    names = {name.replace("``", "`") for name in re.findall(quoted, plain)}
    return names | set(re.split(r"\W+", re.sub(quoted, " ", plain)))
