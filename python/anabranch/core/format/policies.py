"""Rules about branches, as the log of main keeps them: gates and protections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.core.format.members import Members

GATE = "gate"
PROTECTION = "protection"


@dataclass(frozen=True)
class Policy:
    """A rule about some branches.

    Attributes:
        kind: `GATE`, `PROTECTION`, or one that this software does not know.
        branches: a name, in which ``*`` stands for any characters.
        principals: of a protection: authors who may merge; empty is everybody.
        tables: of a gate: full names of those that it reads.
        written: all of it, as it stands in commits and checkpoints.
    """

    kind: str
    branches: str
    principals: tuple[str, ...]
    tables: frozenset[tuple[str, ...]]
    written: Mapping[str, Any]

    def applies_to(self, branch: str) -> bool:
        """Whether it is about that branch."""
        pattern = ".*".join(re.escape(part) for part in self.branches.split("*"))
        return re.fullmatch(pattern, branch, re.DOTALL) is not None


def decode_policy(r: Members) -> Policy | None:
    """A policy as it is written; None if it was dropped."""
    if "kind" not in r:
        return None
    return Policy(
        r.text("kind"),
        r.text("branches"),
        tuple(r.texts("principals")),
        frozenset(tuple(t.texts("name")) for t in r.objects("tables")),
        r.value,
    )
