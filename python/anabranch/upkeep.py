"""Giving up the data of old states, and deleting it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from anabranch import _sql
from anabranch._statements import Statements
from anabranch.giving_up import DeletedObject, ExpireResult

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Upkeep(Statements):
    """Looking after a repository. All raise pyspark.errors.PySparkException with the named conditions."""

    name: str

    def expire(self, older_than: datetime | timedelta, branches: str = "*") -> ExpireResult:
        """Gives up the data of old states for ever: of those that were followed by another one by some time.

            lake.expire(timedelta(days=30), branches="ci/*")

        Nothing is deleted yet: that is what `vacuum` does. Heads of branches and what tags name stay, however
        old; and so does the history, without the data.

        Args:
            older_than: the time, or how long ago that is. A datetime without a zone is in this process's
                local time.
            branches: on which branches: a name, in which ``*`` stands for any characters.

        Raises:
            TypeError: for anything but a datetime or timedelta.
            pyspark.errors.PySparkException: ``ANABRANCH_EXPIRY.LATER_THAN_NOW`` for a time that has not
                passed; ``.EARLIER_THAN_BEFORE`` if more of these branches was given up already;
                ``ANABRANCH_REF.INVALID_NAME``, ``.PROTECTED``, ``ANABRANCH_PERMISSION.DENIED`` for such
                branches.
        """
        if not isinstance(older_than, (datetime, timedelta)):
            raise TypeError(f"older_than is a datetime or a timedelta, and not {older_than!r}")
        # Spark's CALL takes no difference of times
        before = older_than if isinstance(older_than, datetime) else datetime.now(timezone.utc) - older_than
        (r,) = self._rows(
            f"CALL {self._id}.system.expire(older_than => :older_than, branches => :branches)",
            {"older_than": before, "branches": branches},
            ["before", "time"],
        )
        return ExpireResult(
            r["branches"], _time(r["before"]), r["author"], _time(r["time"]), r["expired_commits"]
        )

    def vacuum(
        self,
        table: str | Sequence[str] | None = None,
        retain_hours: float | None = None,
        dry_run: bool = False,
    ) -> list[DeletedObject]:
        """Deletes data files and deletion vectors that no state needs but expired ones, or none at all.

        What is deleted is told in the repository as well, under ``_anabranch/vacuums``.

        Args:
            table: only what belongs to this table; None is the whole repository.
            retain_hours: what is younger stays, since a running writer may be about to commit it; and what
                was expired less than half of it ago. A part of an hour counts as one; None is 7 days.
            dry_run: only tell what would be deleted.

        Returns:
            What was deleted.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_VACUUM.GRACE_TOO_SHORT`` for less than 7 days, unless
                the session sets ``spark.anabranch.vacuum.check-grace`` to false;
                ``ANABRANCH_TABLE.NOT_FOUND``; ``ANABRANCH_LOG.ENTRY_MISSING``, ``.CORRUPT_OBJECT``,
                ``ANABRANCH_REPOSITORY.UNKNOWN_FEATURE`` if it can't be told what is needed. Then nothing is
                deleted.
        """
        what = f"IN {self._id}" if table is None else _sql.table(self.name, table)
        rows = self._rows(vacuum_statement(what, retain_hours, dry_run), times=["modified"])
        return [DeletedObject(r["path"], r["size"], _time(r["modified"])) for r in rows]


def vacuum_statement(what: str, retain_hours: float | None, dry_run: bool = False) -> str:
    """A VACUUM.

    Args:
        what: ``IN`` a catalog, or a table.
        retain_hours: the grace period; a part of an hour counts as one.
        dry_run: whether it deletes nothing.
    """
    retain = "" if retain_hours is None else f" RETAIN {math.ceil(retain_hours)} HOURS"
    return f"VACUUM {what}{retain}{' DRY RUN' if dry_run else ''}"


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
