"""What two sides contradict each other about."""

from __future__ import annotations

from dataclasses import dataclass

from anabranch.core.format.commits import Name
from anabranch.core.format.names import Position

CELL = "cell"
DELETE_CHANGE = "delete/change"
DUPLICATE_KEY = "duplicate key"
SCHEMA = "schema"
CONSTRAINT = "constraint"
NAME = "name"
TABLE = "table"
NAMESPACE = "namespace"


@dataclass(frozen=True)
class ConflictRow:
    """The row of a conflict.

    Attributes:
        id: its ``_row_id``.
        key: the values of its declared key, as text.
        our_commit: the commit that wrote our version of it; None where we deleted it.
        their_commit: the same of theirs.
    """

    id: int
    key: str | None = None
    our_commit: Position | None = None
    their_commit: Position | None = None


@dataclass(frozen=True)
class MergeConflict:
    """Two sides that can't both be right.

    Attributes:
        kind: as of `anabranch.results.Conflict`.
        table: id of the table, if it is about one.
        name: full name of the table, or of the namespace.
        reason: what it is about, in words.
        row: the row, if it is about one.
        column: the name of the column, if it is about one.
        base: what both started from, as text; None if there is nothing, or no one thing.
        ours: what we have, as text.
        theirs: what they have, as text.
    """

    kind: str
    table: str | None
    name: Name
    reason: str
    row: ConflictRow | None = None
    column: str | None = None
    base: str | None = None
    ours: str | None = None
    theirs: str | None = None
