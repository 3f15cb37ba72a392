"""What a repository offers to whoever looks after it: checks, checkpoints, expiry, vacuum."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from anabranch.core.repository.names import TableName, parts
from anabranch.core.repository.parts import Parts
from anabranch.giving_up import DeletedObject, ExpireResult

if TYPE_CHECKING:
    from anabranch.core.repository.verification import Finding

GRACE = timedelta(days=7)


class Upkeep(Parts):
    """Looking after a repository."""

    def verify(self, full: bool = False) -> Iterator[Finding]:
        """Checks what the branches and tags reach: the chain of commits, replay, lists of files, and files.

        Of commits before those that branches and tags name, the chain alone: data of old states may be gone.

        Args:
            full: also read every data file, and check its digest.

        Returns:
            A finding for each object, as it is checked; `problem` is None where it is what was written.
        """
        from anabranch.core.repository.verification import Verification

        return Verification(self).findings(full)

    def checkpoint(self, branch: str | None = None) -> bool:
        """Makes a checkpoint of a branch's head now; false if there is one."""
        self.before_write()
        return self.states.write_checkpoint(self.resolved(branch).state)

    def expire(
        self,
        older_than: datetime | timedelta,
        branches: str = "*",
        *,
        dry_run: bool = False,
        message: str = "",
    ) -> ExpireResult:
        """Gives up the data of old states for ever: of those that were followed by another one by some time.

        Nothing is deleted yet: that is what `vacuum` does. Heads of branches and what tags name stay, however
        old; and so does the history, without the data.

        Args:
            older_than: the time, or how long ago that is. One without a zone is UTC.
            branches: on which branches: a name, in which ``*`` stands for any characters.
            dry_run: only tell how many commits it would be.
            message: of the commit on main.

        Raises:
            ExpiryLaterThanNow: for a time that has not passed.
            ExpiryEarlierThanBefore: if more of these branches was given up already.
            RefInvalidName, RefProtected, PermissionDenied: for such branches.
        """
        from anabranch.core.repository.expiring import expire

        return expire(self, older_than, branches, dry_run, self.context(message))

    def vacuum(
        self,
        grace: timedelta = GRACE,
        table: TableName | None = None,
        *,
        dry_run: bool = False,
        force: bool = False,
    ) -> list[DeletedObject]:
        """Deletes data files and deletion vectors that no state needs but expired ones, or none at all.

        What is deleted is told in the repository as well, under ``_anabranch/vacuums``.

        Args:
            grace: what is younger stays, since a running writer may be about to commit it; and what was
                expired less than half of it ago.
            table: only what belongs to this table.
            dry_run: only tell what would be deleted.
            force: allow a grace of less than 7 days. It must be certain that nobody is writing: the files of
                a commit that somebody is about to make may be deleted.

        Returns:
            What was deleted.

        Raises:
            VacuumGraceTooShort: if it is not forced.
            TableNotFound: for `table`.
            LogEntryMissing, LogCorruptObject, RepositoryUnknownFeature: if it can't be told what is needed.
                Nothing is deleted then.
        """
        from anabranch.core.repository.vacuum import Vacuum

        id = None if table is None else self.past.table(self.resolved(), parts(table)).id
        if not dry_run:
            self.before_write()
        return Vacuum(self, grace, id, force).run(dry_run)
