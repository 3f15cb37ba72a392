"""What a repository offers to bring changes of one line of history into another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from anabranch.core.operations.merge.decisions import Choice, Chosen, Decision
from anabranch.core.repository.merge_request import MergeRequest, decided
from anabranch.core.repository.names import TableName, parts
from anabranch.core.repository.parts import Parts
from anabranch.results import Conflict, MergeResult, Rebased, Side

if TYPE_CHECKING:
    from anabranch.core.repository.rebases import Rebases
    from anabranch.core.repository.unfinished_merges import UnfinishedMerges


class Merging(Parts):
    """Merges of branches, and of single commits. Ours is the branch that is merged into."""

    @property
    def _merges(self) -> UnfinishedMerges:
        raise NotImplementedError

    @property
    def _rebases(self) -> Rebases:
        raise NotImplementedError

    def merge(
        self,
        source: str,
        into: str | None = None,
        *,
        dry_run: bool = False,
        message: str = "",
        author: str | None = None,
        on_conflict: Side | Mapping[str, Side] | None = None,
        squash: bool = False,
        ff_only: bool = False,
        keep_conflicts: bool = False,
    ) -> MergeResult:
        """Merges a ref into a branch, by row and by cell, as one commit.

        Args:
            source: the branch, tag or commit to merge.
            into: the branch that takes it; None is the repository's ref.
            dry_run: only tell what would happen, conflicts included.
            message: of the commit.
            author: of the commit.
            on_conflict: the side that is right where both changed the same; or sides by table (``"db.t"``)
                and column (``"db.t:price"``), and for all others by ``"*"``.
            squash: whether the commit forgets where the changes came from (it has one parent).
            ff_only: refuse if the branch has changes that `source` does not know.
            keep_conflicts: where conflicts are left open, keep the merge, so that they can be looked at
                (`conflicts`), decided (`resolve`) and the merge continued (`continue_merge`), by anybody.

        Raises:
            MergeConflict: not in a dry run, and not if they are kept.
            MergeNotFastForward, MergeUnfinished, MergeIntoItself, MergeNoSuchColumn, TableNotFound,
                RefNotFound, RefReadOnly: if it can't be done.
        """
        target = into or self.ref
        asked = MergeRequest(source, target, decided(on_conflict), squash, ff_only)
        by = self.context(message, author, parameters={"source": source, "target": target})
        if dry_run:
            return self._merges.merges.merge(asked, True, by)
        return self._merges.merge_or_keep(asked, by) if keep_conflicts else self._merges.merge(asked, by)

    def cherry_pick(
        self,
        commit: str,
        into: str | None = None,
        *,
        dry_run: bool = False,
        message: str = "",
        author: str | None = None,
        on_conflict: Side | Mapping[str, Side] | None = None,
        parent: int | None = None,
    ) -> MergeResult:
        """Does on a branch what a commit did elsewhere. Rows keep their ids.

        Args:
            commit: the commit, by any ref.
            into: the branch; None is the repository's ref.
            dry_run: only tell what would happen.
            message: of the commit; without one, that of the commit that is picked.
            author: of the commit.
            on_conflict: as in `merge`.
            parent: which parent the changes of a merge commit are told against, counted from 1.

        Raises:
            MergeConflict: not in a dry run.
            MergeParent, RefNotFound, RefReadOnly: if it can't be done.
        """
        target = into or self.ref
        asked = MergeRequest(commit, target, decided(on_conflict), parent=parent)
        by = self.context(message, author, parameters={"source": commit, "target": target})
        return self._merges.merges.cherry_pick(asked, dry_run, by)

    def revert(
        self,
        commit: str,
        on: str | None = None,
        *,
        dry_run: bool = False,
        message: str = "",
        author: str | None = None,
        on_conflict: Side | Mapping[str, Side] | None = None,
        parent: int | None = None,
    ) -> MergeResult:
        """Undoes on a branch what a commit did; what was done since stays. Undoing this does it again.

        Args:
            commit: the commit, by any ref.
            on: the branch; None is the repository's ref.
            dry_run: only tell what would happen.
            message: of the commit; without one, "Revert: " and that of the commit that is undone.
            author: of the commit.
            on_conflict: as in `merge`; theirs is what was before the commit.
            parent: which parent the changes of a merge commit are told against, counted from 1.

        Raises:
            MergeConflict: not in a dry run.
            MergeParent, RefNotFound, RefReadOnly: if it can't be done.
        """
        target = on or self.ref
        asked = MergeRequest(commit, target, decided(on_conflict), parent=parent)
        by = self.context(message, author, parameters={"source": commit, "target": target})
        return self._merges.merges.revert(asked, dry_run, by)

    def rebase(
        self, branch: str, onto: str, *, on_conflict: Side | Mapping[str, Side] | None = None
    ) -> list[Rebased]:
        """Replays the commits of a branch on top of another ref, with their authors and messages.

        Commits that the ref has not are replayed one by one, oldest first; a merge as one commit with one
        parent. What it has already drops out. The old commits stay, by their ids.

        Args:
            branch: the branch.
            onto: the ref that it stands on from then on.
            on_conflict: as in `merge`; ours is the new base, and theirs the commit that is replayed.

        Returns:
            What became of each commit; nothing if the branch stands on the ref already.

        Raises:
            MergeConflict, RefNotFound, RefProtected, GateNoEngine, CommitConflict: if it can't be done. Then
                the branch is as it was.
        """
        by = self.context(parameters={"branch": branch, "onto": onto})
        return self._rebases.rebase(branch, onto, decided(on_conflict), by)

    # --- unfinished merges

    def conflicts(self, branch: str | None = None) -> list[Conflict]:
        """The conflicts of the unfinished merge into a branch, decided ones included; none without one."""
        return self._merges.conflicts(branch or self.ref)

    def resolve(
        self,
        choice: Side | Literal["open"] | None = None,
        *,
        value: str | None = None,
        table: TableName | None = None,
        row_id: int | None = None,
        column: str | None = None,
        where: str | None = None,
        branch: str | None = None,
    ) -> int:
        """Decides conflicts of the unfinished merge: all of them, or those that the arguments name.

        Args:
            choice: the side that is right; ``open`` takes back what was decided about them.
            value: or another value for a cell, as text; it needs `column`, or `where`.
            table: only conflicts of this table.
            row_id: only of this row.
            column: only of this column.
            where: only those that this condition in SQL, on the fields of `Conflict`, is true for.
            branch: the branch that is merged into; None is the repository's ref.

        Returns:
            how many conflicts are left open.

        Raises:
            MergeNoneUnfinished, MergeNoSuchConflict, MergeInvalidDecision, MergeInvalidValue, SqlFailed:
                if it can't be done.
            ValueError: if not one of `choice` and `value` is given, or a value without a column.
        """
        if (choice is None) == (value is None) or choice not in ("ours", "theirs", "open", None):
            raise ValueError("say 'ours', 'theirs' or 'open', or give a value")
        if value is not None and column is None and where is None:
            raise ValueError("a value needs the column that it is for")
        side = None if choice == "open" else choice
        what: Choice | None = Chosen(value) if choice is None else side
        wanted = Decision(what, None if table is None else parts(table), row_id, column)
        return self._merges.resolve(branch or self.ref, wanted, where)

    def continue_merge(self, into: str | None = None, *, message: str = "") -> MergeResult:
        """Commits the unfinished merge, on the branch as it is now.

        Raises:
            MergeNoneUnfinished, MergeConflict: if there is none, or conflicts are left.
        """
        target = into or self.ref
        return self._merges.finish(target, self.context(message, parameters={"target": target}))

    def abort_merge(self, into: str | None = None) -> None:
        """Gives the unfinished merge up.

        Raises:
            MergeNoneUnfinished: if there is none.
        """
        self._merges.abort(into or self.ref)
