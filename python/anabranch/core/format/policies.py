"""Rules about branches, as the log of main keeps them: gates, protections, grants and expiries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.core.format.members import Members
from anabranch.errors import error

GATE = "gate"
PROTECTION = "protection"
GRANT = "grant"
EXPIRY = "expiry"
KINDS = (GATE, PROTECTION, GRANT, EXPIRY)
"""Those that this software knows."""

SELECT = "SELECT"
"""Seeing rows of a table, or of all tables of a branch."""
MODIFY = "MODIFY"
"""Committing changes of a table, or anything to a branch."""
PUBLIC = "PUBLIC"
"""All authors."""
MANAGE = "MANAGE"
"""Changing rules about branches."""


@dataclass(frozen=True)
class GrantedTable:
    """A table under all names that it gets, and whatever has its name."""

    id: str
    name: tuple[str, ...]

    def matches(self, other: GrantedTable) -> bool:
        """Whether a grant on the one is about the other."""
        return self.id == other.id or self.name == other.name


@dataclass(frozen=True)
class Expiry:
    """The data of states that were over by some time was given up [EXP-1].

    Attributes:
        before: that time; UTC, milliseconds since 1970.
        author: who gave it up.
        time: when.
    """

    before: int
    author: str
    time: int


@dataclass(frozen=True)
class Policy:
    """A rule about some branches.

    Attributes:
        kind: one of `KINDS`, or one that this software does not know.
        branches: a name, in which ``*`` stands for any characters.
        principals: of a protection: authors who may merge; empty is everybody. Of a grant: authors who may,
            `PUBLIC` for all of them; empty is nobody.
        tables: of a gate: full names of those that it reads.
        privilege: of a grant: `SELECT`, `MODIFY`, or another.
        table: of a grant; None if it is about whole branches.
        expiry: what an expiry says.
        written: all of it, as it stands in commits and checkpoints.
    """

    kind: str
    branches: str
    principals: tuple[str, ...]
    tables: frozenset[tuple[str, ...]]
    privilege: str | None
    table: GrantedTable | None
    expiry: Expiry | None
    written: Mapping[str, Any]

    def applies_to(self, branch: str) -> bool:
        """Whether it is about that branch."""
        pattern = ".*".join(re.escape(part) for part in self.branches.split("*"))
        return re.fullmatch(pattern, branch, re.DOTALL) is not None

    def allows(self, author: str) -> bool:
        """Whether a grant names an author."""
        return author in self.principals or PUBLIC in self.principals


def expiry_name(branches: str) -> str:
    """The name of the policy that gives up states of some branches."""
    return f"{EXPIRY}:{branches}"


def expiry_of(branches: str, e: Expiry) -> Policy:
    """The policy that gives up states of some branches."""
    written = {"kind": EXPIRY, "branches": branches, "before": e.before, "author": e.author, "time": e.time}
    return Policy(EXPIRY, branches, (), frozenset(), None, None, e, written)


def decode_policy(r: Members) -> Policy | None:
    """A policy as it is written; None if it was dropped."""
    if "kind" not in r:
        return None
    kind = r.text("kind")
    grant = kind == GRANT
    expires = kind == EXPIRY
    table = r.object("table") if grant and "table" in r else None
    return Policy(
        kind,
        r.text("branches"),
        tuple(r.texts("principals")),
        frozenset(tuple(t.texts("name")) for t in r.objects("tables")),
        r.text("privilege") if grant else None,
        GrantedTable(table.text("id"), tuple(table.texts("name"))) if table else None,
        Expiry(r.integer("before"), r.text("author"), r.integer("time")) if expires else None,
        r.value,
    )


def must_be_known(policy: Policy, scope: str) -> None:
    """Refuses to write where there is a rule of a kind that this software does not know.

    Args:
        policy: the rule.
        scope: what is not written to, for the error.

    Raises:
        RepositoryUnknownFeature: naming the kind.
    """
    if policy.kind not in KINDS:
        raise error("ANABRANCH_REPOSITORY.UNKNOWN_FEATURE", scope=scope, kind="writer", features=policy.kind)
