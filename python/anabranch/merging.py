"""Merges of branches, and of single commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Literal

from anabranch import _sql
from anabranch._statements import Statements, message_clause
from anabranch.results import Conflict, GateResult, MergeResult, Rebased, Side, TableChange

if TYPE_CHECKING:
    from pyspark.sql import Row


class Merging(Statements):
    """What brings changes of one line of history into another."""

    def merge(
        self,
        source: str,
        into: str | None = None,
        message: str | None = None,
        dry_run: bool = False,
        *,
        on_conflict: Side | Mapping[str, Side] | None = None,
        squash: bool = False,
        ff_only: bool = False,
        keep_conflicts: bool = False,
    ) -> MergeResult:
        """Merges a branch into another one, by row and by cell, as one commit.

        Args:
            source: the branch, tag or commit to merge.
            into: the branch that takes it; None is the session's current one.
            message: the message of the commit.
            dry_run: only tell what would happen, conflicts included.
            on_conflict: the side that is right where both changed the same; or sides by table
                (``"db.t"``) and column (``"db.t:price"``), and for all others by ``"*"``.
            squash: whether the commit forgets where the changes came from (it has one parent).
            ff_only: refuse if the branch has changes that `source` does not know.
            keep_conflicts: where conflicts are left open, keep the merge, so that they can be looked at
                (`conflicts`), decided (`resolve`) and the merge continued (`continue_merge`), by anybody.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_MERGE.CONFLICT`` (not in a dry run, and not if they
                are kept), ``.NOT_FAST_FORWARD``, ``.UNFINISHED``, ``.INTO_ITSELF``, ``.NO_SUCH_COLUMN``,
                ``ANABRANCH_REF.NOT_FOUND``, ``.READ_ONLY``, ``ANABRANCH_COMMIT.OUTCOME_UNKNOWN``.
        """
        how = " FF ONLY" if ff_only else " SQUASH" if squash else ""
        last = " DRY RUN" if dry_run else " KEEP CONFLICTS" if keep_conflicts else ""
        return self._combine("MERGE BRANCH", "INTO", source, into, how, on_conflict, last, message)

    def cherry_pick(
        self,
        commit: str,
        into: str | None = None,
        message: str | None = None,
        dry_run: bool = False,
        *,
        on_conflict: Side | Mapping[str, Side] | None = None,
        parent: int | None = None,
    ) -> MergeResult:
        """Does on a branch what a commit did elsewhere. Rows keep their ids.

        Args:
            commit: the commit, by any ref.
            into: the branch; None is the session's current one.
            message: the message; None is that of the commit.
            dry_run: only tell what would happen.
            on_conflict: as in `merge`.
            parent: which parent the changes of a merge commit are told against, counted from 1.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_MERGE.CONFLICT`` (not in a dry run), ``.PARENT``,
                ``ANABRANCH_REF.NOT_FOUND``, ``.READ_ONLY``.
        """
        return self._single("CHERRY PICK", "INTO", commit, into, message, dry_run, on_conflict, parent)

    def revert(
        self,
        commit: str,
        on: str | None = None,
        message: str | None = None,
        dry_run: bool = False,
        *,
        on_conflict: Side | Mapping[str, Side] | None = None,
        parent: int | None = None,
    ) -> MergeResult:
        """Undoes on a branch what a commit did; what was done since stays. Undoing this does it again.

        Args:
            commit: the commit, by any ref.
            on: the branch; None is the session's current one.
            message: the message; None is "Revert: " and that of the commit.
            dry_run: only tell what would happen.
            on_conflict: as in `merge`; theirs is what was before the commit.
            parent: which parent the changes of a merge commit are told against, counted from 1.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_MERGE.CONFLICT`` (not in a dry run), ``.PARENT``,
                ``ANABRANCH_REF.NOT_FOUND``, ``.READ_ONLY``.
        """
        return self._single("REVERT", "ON", commit, on, message, dry_run, on_conflict, parent)

    def rebase(
        self, branch: str, onto: str, *, on_conflict: Side | Mapping[str, Side] | None = None
    ) -> list[Rebased]:
        """Replays the commits of a branch on top of another ref, one by one; the branch goes on from there.

        Authors, messages and metadata stay. A merge is replayed as one commit with one parent. What the
        branch held before stays readable by the ids of its commits.

        Args:
            branch: the branch.
            onto: what its commits are put on.
            on_conflict: as in `merge`; ours is `onto`, theirs the commit that is replayed.

        Returns:
            What became of each commit, the oldest first; nothing if the branch stands on `onto` already.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_MERGE.CONFLICT``, ``ANABRANCH_COMMIT.CONFLICT`` if
                the branch moved meanwhile, ``ANABRANCH_REF.NOT_FOUND``, ``.PROTECTED``. Nothing has changed.
        """
        rows = self._rows(
            f"REBASE BRANCH :name ONTO :onto IN {self._id}{_sides(on_conflict)}",
            {"name": branch, "onto": onto},
        )
        return [
            Rebased(r["rebased_from"], r["commit"], r["author"], r["operation"], r["message"]) for r in rows
        ]

    # --- unfinished merges

    def conflicts(self, branch: str | None = None) -> list[Conflict]:
        """The conflicts of the unfinished merge into a branch, decided ones included.

        Args:
            branch: None is the session's current one.
        """
        name = "conflicts" if branch is None else f"conflicts@{branch}"
        return [_conflict(r) for r in self._rows(f"SELECT * FROM {self._id}.system.{_sql.quote(name)}")]

    def resolve(
        self,
        choice: Side | Literal["open"] | None = None,
        *,
        value: str | None = None,
        table: str | None = None,
        row_id: int | None = None,
        column: str | None = None,
        where: str | None = None,
        branch: str | None = None,
    ) -> int:
        """Decides conflicts of the unfinished merge: all of them, or those that the arguments name.

        Args:
            choice: the side that is right; ``open`` takes back what was decided about them.
            value: or another value for a cell, as text.
            table: only conflicts of this table.
            row_id: only of this row.
            column: only of this column.
            where: only those that this condition on the columns of ``system.conflicts`` is true for.
            branch: the branch that is merged into; None is the session's current one.

        Returns:
            how many conflicts are left open.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_MERGE.NONE_UNFINISHED``, ``.NO_SUCH_CONFLICT``,
                ``.INVALID_VALUE``, ``.INVALID_DECISION``, ``ANABRANCH_PROCEDURE.INVALID_ARGUMENT``.
        """
        asked = {
            "choice": choice,
            "value": value,
            "table": table,
            "row_id": row_id,
            "column": column,
            "where": where,
            "branch": branch,
        }
        given = {name: v for name, v in asked.items() if v is not None}
        arguments = ", ".join(f"{name} => :{name}" for name in given)
        left: int = self._rows(f"CALL {self._id}.system.resolve({arguments})", given)[0]["open"]
        return left

    def continue_merge(self, into: str | None = None, message: str | None = None) -> MergeResult:
        """Commits the unfinished merge, on the branch as it is now.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_MERGE.NONE_UNFINISHED``, ``.CONFLICT``.
        """
        clause, args = message_clause(message)
        target, named = _branch("INTO", into)
        return _result(self._rows(f"CONTINUE MERGE{target} IN {self._id}{clause}", named | args))

    def abort_merge(self, into: str | None = None) -> None:
        """Gives the unfinished merge up.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_MERGE.NONE_UNFINISHED``.
        """
        target, named = _branch("INTO", into)
        self._rows(f"ABORT MERGE{target} IN {self._id}", named)

    # --- statements

    def _single(
        self,
        verb: str,
        preposition: str,
        commit: str,
        branch: str | None,
        message: str | None,
        dry_run: bool,
        on_conflict: Side | Mapping[str, Side] | None,
        parent: int | None,
    ) -> MergeResult:
        how = "" if parent is None else f" PARENT {int(parent)}"
        last = " DRY RUN" if dry_run else ""
        return self._combine(verb, preposition, commit, branch, how, on_conflict, last, message)

    def _combine(
        self,
        verb: str,
        preposition: str,
        source: str,
        branch: str | None,
        how: str,
        on_conflict: Side | Mapping[str, Side] | None,
        last: str,
        message: str | None,
    ) -> MergeResult:
        clause, args = message_clause(message)
        target, named = _branch(preposition, branch)
        sides = _sides(on_conflict)
        statement = f"{verb} :source{target} IN {self._id}{how}{sides}{last}{clause}"
        return _result(self._rows(statement, {"source": source, **named, **args}))


def _branch(preposition: str, name: str | None) -> tuple[str, dict[str, str]]:
    return ("", {}) if name is None else (f" {preposition} :branch", {"branch": name})


def _sides(given: Side | Mapping[str, Side] | None) -> str:
    sides = {"*": given} if isinstance(given, str) else dict(given or {})
    clauses = []
    for scope, side in sides.items():
        if side not in ("ours", "theirs"):
            raise ValueError(f"{side!r} is no side of a merge: say 'ours' or 'theirs'")
        table, _, column = scope.partition(":")
        parts = [_sql.quote(part) for part in _sql.split(table)] if scope != "*" else []
        where = "" if not parts else f" FOR TABLE {'.'.join(parts)}"
        if column:
            where = f" FOR COLUMN {'.'.join([*parts, _sql.quote(column)])}"
        clauses.append(f" ON CONFLICT {side.upper()}{where}")
    return "".join(clauses)


def _result(rows: list[Row]) -> MergeResult:
    if not rows:
        return MergeResult()
    changes = tuple(_change(r) for r in rows if r["change"] not in ("conflict", "gate"))
    gates = tuple(_gate(r) for r in rows if r["change"] == "gate")
    conflicts = tuple(_conflict(r) for r in rows if r["change"] == "conflict")
    return MergeResult(rows[0]["commit"], rows[0]["fast_forward"], changes, conflicts, gates)


def _gate(r: Row) -> GateResult:
    told = r["detail"]
    passed = True if told == "passed" else None if told.startswith("is run when") else False
    return GateResult(r["table"], None, passed, None if passed else told)


def _change(r: Row) -> TableChange:
    def count(name: str) -> int | None:
        found: int | None = r[name] if name in r else None
        return found

    return TableChange(
        r["table"],
        r["change"],
        r["detail"],
        rows_added=count("rows_added"),
        rows_changed=count("rows_changed"),
        rows_removed=count("rows_removed"),
    )


def _conflict(r: Row) -> Conflict:
    found = r.asDict()
    return Conflict(**{f.name: found.get(f.name) for f in fields(Conflict)})  # type: ignore[arg-type]
