"""What `anabranch.Catalog` returns. All of them are values: they don't change when the repository does.

Times are aware of their zone (UTC). A commit is named by its id, a string.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from anabranch.html_rows import html_rows

Change = Literal["created", "changed", "dropped", "renamed"]


@dataclass(frozen=True)
class Branch:
    """A branch and its newest commit.

    Attributes:
        name: the name, such as ``main``.
        commit: id of the newest commit.
        time: when that was made.
        author: who made it.
        message: what they said about it.
        current: whether the session works on this branch.
    """

    name: str
    commit: str
    time: datetime
    author: str
    message: str
    current: bool


@dataclass(frozen=True)
class Tag:
    """A tag and the commit that it names for ever.

    Attributes:
        name: the name, such as ``train-2026-01``.
        commit: id of the commit.
        time: when that was made.
        author: who made it.
        message: what they said about it.
    """

    name: str
    commit: str
    time: datetime
    author: str
    message: str


@dataclass(frozen=True)
class Commit:
    """One commit: a change of any number of tables at once.

    Attributes:
        id: its id, which is also a digest of it and of all that came before.
        time: when it was made; later than its first parent's, always.
        author: who made it.
        operation: what made it, such as ``INSERT`` or ``MERGE BRANCH``.
        message: what the author said about it; empty if nothing.
        tables: full names of the tables that it touched.
        metrics: counts, such as rows written.
        metadata: what the author attached to it.
        parents: ids of the commits before it; a merge has two, the first commit has none.
        gates: the gates that let it pass, and what each read: ``all`` rows of its tables, or those that
            ``changed``.
    """

    id: str
    time: datetime
    author: str
    operation: str
    message: str
    tables: tuple[str, ...]
    metrics: Mapping[str, int]
    metadata: Mapping[str, str]
    parents: tuple[str, ...]
    gates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableChange:
    """How one table differs, in a comparison or a merge.

    Attributes:
        table: its full name, without the catalog.
        change: ``created``, ``changed``, ``dropped`` or ``renamed``.
        detail: more about it, such as the name before a rename.
        rows_from: rows on the one side; None in a merge, which doesn't count them. So are the next three.
        rows_to: rows on the other side.
        files_added: data files that only the other side has.
        files_removed: data files that only the one side has.
        rows_added: rows that only the other side has. This and the next two are read from metadata
            alone. They are None where these do not tell: in a merge that was done; where a RESTORE or a
            merge lies between the two sides; where both changed or moved the same rows; and where older and
            newer rows went to one file together. The rows themselves, `Difference.changes`, tell it then.
        rows_changed: rows that both sides have, in different versions.
        rows_removed: rows that only the one side has.
        schema_changes: what became of the columns, in words, such as ``renamed v to value``.
    """

    table: str
    change: Change
    detail: str
    rows_from: int | None = None
    rows_to: int | None = None
    files_added: int | None = None
    files_removed: int | None = None
    rows_added: int | None = None
    rows_changed: int | None = None
    rows_removed: int | None = None
    schema_changes: tuple[str, ...] = ()


Side = Literal["ours", "theirs"]
"""A side of a merge: the branch that is merged into, or what is merged."""


@dataclass(frozen=True)
class Conflict:
    """Two changes that can't both be right.

    Attributes:
        table: full name of the table, without the catalog (or of a namespace).
        kind: ``cell``, ``delete/change``, ``duplicate key``, ``schema``, ``constraint``, ``name``,
            ``table`` or ``namespace``.
        detail: what it is about, in words.
        row_id: the row's ``_row_id``, where it is about a row.
        key: the values of the row's declared key.
        column: the column, where it is about one.
        base: what both sides started from, as text; of a row that was deleted on one side, the row as JSON.
        ours: what the branch has that is merged into.
        theirs: what the other has.
        our_commit: the commit that wrote our version of the row, as ``<log>-<number>``.
        their_commit: the commit that wrote theirs.
        choice: what was decided about it in an unfinished merge: ``ours``, ``theirs`` or ``value``.
        value: the value that was decided on.
    """

    table: str
    kind: str
    detail: str
    row_id: int | None = None
    key: str | None = None
    column: str | None = None
    base: str | None = None
    ours: str | None = None
    theirs: str | None = None
    our_commit: str | None = None
    their_commit: str | None = None
    choice: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class GateResult:
    """What a gate says of a branch as it is, or of a merge.

    Attributes:
        gate: its name.
        branch: the branch; None in a merge, which goes into one.
        passed: whether it holds; None if that is found out only when it is merged.
        problem: if not, why, with some of the rows that it returned.
    """

    gate: str
    branch: str | None
    passed: bool | None
    problem: str | None


@dataclass(frozen=True)
class MergeResult:
    """What a merge did, or in a dry run would do.

    Attributes:
        commit: id of the commit that the branch is at now; None after a dry run, if there was nothing to
            merge, or if conflicts were kept.
        fast_forward: whether the target had nothing of its own, so that nothing had to be combined.
        changes: one for each table touched; empty if there was nothing to merge.
        conflicts: those that keep the merge from being done; only a dry run or a merge that was kept has any.
        gates: those that it would have to pass, in a dry run without conflicts.
    """

    commit: str | None = None
    fast_forward: bool = False
    changes: tuple[TableChange, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    gates: tuple[GateResult, ...] = ()

    def __str__(self) -> str:
        """A review: how many rows of each table, then what contradicts each other."""
        rows = [[cell for cell in row if cell] for row in self._review()]
        lines = [self._title(), *("  " + "  ".join(row) for row in rows)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The same as a table in a notebook."""
        rows = html_rows(map(html.escape, row) for row in self._review())
        return f"<p>{html.escape(self._title())}</p><table><tbody>{rows}</tbody></table>"

    def _title(self) -> str:
        if self.conflicts:
            done = f"{len(self.conflicts)} conflict{'s' if len(self.conflicts) > 1 else ''}"
        elif not self.changes:
            done = "nothing to merge"
        else:
            done = f"merged as {self.commit}" if self.commit else "would merge"
        return done + (", fast-forward" if self.fast_forward and self.changes else "")

    def _review(self) -> Iterator[tuple[str, str, str, str]]:
        """Table, what happens to it, numbers of rows or sides of a conflict, and details."""
        for c in self.changes:
            counts = ((c.rows_added, "added"), (c.rows_changed, "changed"), (c.rows_removed, "removed"))
            told = ", ".join(f"{count} {what}" for count, what in counts if count)
            yield c.table, c.change, f"rows: {told}" if told else "", c.detail
        for k in self.conflicts:
            row = "" if k.row_id is None else f" of row {k.key or f'_row_id {k.row_id}'}"
            sides = f"base {k.base!r}, ours {k.ours!r}, theirs {k.theirs!r}" if k.row_id is not None else ""
            yield k.table, f"conflict: {k.kind}", f"{k.column or ''}{row}".strip(), sides or k.detail
        for g in self.gates:
            yield f"gate {g.gate}", "passed" if g.passed else "", g.problem or "", ""


@dataclass(frozen=True)
class Rebased:
    """A commit that was replayed elsewhere.

    Attributes:
        rebased_from: its id.
        commit: id of what it became; None if all that it did was there already.
        author: who made it.
        operation: what made it.
        message: what the author said about it.
    """

    rebased_from: str
    commit: str | None
    author: str
    operation: str
    message: str


@dataclass(frozen=True)
class OptimizeResult:
    """What a compaction did. Rows that stand in a commit count as a file.

    Attributes:
        table: the full name of the table.
        version: the version that it has now.
        commit: id of the commit; None if there was nothing to do.
        files_before: files that it had.
        files_after: files that it has now.
        bytes_before: their size together.
        bytes_after: the same, now.
        files_removed: files that are no part of it any more.
        files_added: files that are new.
    """

    table: str
    version: int
    commit: str | None
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    files_removed: int
    files_added: int


@dataclass(frozen=True)
class RestoreResult:
    """What a restore did.

    Attributes:
        table: the full name of the table.
        version: the version that it has now, a new one.
        commit: id of the commit that restored it; None in an open transaction.
        rows: rows that it has now.
        files: data files that it has now.
    """

    table: str
    version: int
    commit: str | None
    rows: int
    files: int


@dataclass(frozen=True)
class TableVersion:
    """One version of a table, and the commit that made it.

    Attributes:
        version: 0 for the one that created the table, then 1, 2, …
        time: when the commit was made.
        author: who made it.
        operation: what made it, such as ``INSERT``.
        parameters: how the operation was called.
        metrics: counts, such as rows written.
        message: what the author said about it.
        metadata: what the author attached to it.
        commit: id of the commit.
    """

    version: int
    time: datetime
    author: str
    operation: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, int]
    message: str
    metadata: Mapping[str, str]
    commit: str


@dataclass(frozen=True)
class TableDetail:
    """A table as it is at the session's ref.

    Attributes:
        format: always ``anabranch``.
        id: the id of the table, which stays when it is renamed.
        name: its full name.
        description: its comment, if it has one.
        location: URI of the folder with its data files.
        created_at: when it was created.
        last_modified: when its last version was made.
        partition_columns: what it is partitioned by, in order.
        files: number of data files.
        size_bytes: their size together, in bytes.
        rows: number of rows.
        properties: its table properties.
        version: its last version.
        reference: the branch, tag or commit at which this is so.
        commit: id of the commit there.
    """

    format: str
    id: str
    name: str
    description: str | None
    location: str
    created_at: datetime
    last_modified: datetime
    partition_columns: tuple[str, ...]
    files: int
    size_bytes: int
    rows: int
    properties: Mapping[str, str]
    version: int
    reference: str
    commit: str
