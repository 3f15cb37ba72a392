"""A merge that waits for decisions.

Its conflicts are not kept: they follow from what is merged and from the branch as it is now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from anabranch.core.format.canonical import int64, some
from anabranch.core.format.members import Members
from anabranch.core.format.names import CommitId
from anabranch.core.operations.merge.decisions import OPEN, Choice, Chosen, Decision, Decisions


@dataclass(frozen=True)
class UnfinishedMerge:
    """A merge that waits.

    Attributes:
        source: what it was called.
        commit: what is merged.
        squash: whether the commit is to have one parent.
        author: who began it.
        time: when, in milliseconds since 1970, UTC.
        decisions: what was decided so far.
        txn: 32 random digits, drawn anew with each change.
    """

    source: str
    commit: CommitId
    squash: bool
    author: str
    time: int
    decisions: Decisions
    txn: str

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return some(
            source=self.source,
            commit=str(self.commit),
            squash=self.squash or None,
            author=self.author,
            time=int64(self.time),
            decisions=[_encoded(d) for d in self.decisions.all],
            txn=self.txn,
        )

    @staticmethod
    def decode(r: Members) -> UnfinishedMerge | None:
        """From JSON; None if the merge is over."""
        if "commit" not in r:
            return None
        return UnfinishedMerge(
            r.text("source"),
            r.parsed("commit", CommitId.parse, "a commit id"),
            r.flag("squash"),
            r.text("author"),
            r.integer("time"),
            Decisions([_decoded(d) for d in r.objects("decisions")]),
            r.text("txn"),
        )


def _encoded(d: Decision) -> dict[str, Any]:
    found = some(
        choice=None if isinstance(d.choice, Chosen) else d.choice or OPEN,
        table=None if d.table is None else list(d.table),
        row=None if d.row is None else int64(d.row),
        column=d.column,
    )
    return found | {"value": d.choice.text} if isinstance(d.choice, Chosen) else found


def _decoded(r: Members) -> Decision:
    choice: Choice | Literal["fail"] | None = Chosen(r.text_or_none("value"))
    match r.text_or_none("choice"):
        case ("ours" | "theirs" | "fail") as given:
            choice = given
        case "open":
            choice = None
        case str():
            raise r.wrong("choice", f"ours, theirs, fail or {OPEN}")
    table = tuple(r.texts("table")) if "table" in r else None
    return Decision(choice, table, r.integer_or_none("row"), r.text_or_none("column"))
