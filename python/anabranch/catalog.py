"""Branches, tags, merges and history of a repository, from Python.

Everything here is a SQL statement with bound parameters, so it works in a classic session and over Spark
Connect.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from anabranch import _sql
from anabranch._statements import message_clause
from anabranch.committing import Committing
from anabranch.difference import Difference
from anabranch.grants import Grants
from anabranch.graph import CommitGraph
from anabranch.merging import Merging
from anabranch.policies import Policies
from anabranch.results import (
    Branch,
    Commit,
    RestoreResult,
    TableChange,
    TableDetail,
    TableVersion,
    Tag,
)
from anabranch.upkeep import Upkeep

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Catalog(Merging, Committing, Policies, Grants, Upkeep):
    """A repository that a Spark session knows as a catalog.

    A ref is the name of a branch or a tag, the id of a commit (its first digits do), or one of these with
    ``~n`` behind it, n commits earlier. A table is named as in SQL but without the catalog:
    ``clinical.observation``, or its parts as a sequence.

    Whatever the repository refuses is raised by Spark as ``pyspark.errors.PySparkException`` (mostly an
    ``AnalysisException``): its ``getCondition()`` is one of the stable error classes in ``docs/errors.md``,
    such as ``ANABRANCH_REF.NOT_FOUND``, and nothing was changed. The methods below name the ones to expect.
    """

    def __init__(self, spark: SparkSession, name: str = "lake") -> None:
        """Looks at nothing yet: a wrong setting shows at the first call.

        Args:
            spark: a session in which the catalog is set up, see `anabranch.configure`.
            name: the name of the catalog.

        Raises:
            ValueError: if `name` can't be the name of a catalog.
        """
        self._spark = spark
        self.name = _sql.check_catalog(name)
        self._id = _sql.quote(name)

    def __repr__(self) -> str:
        return f"anabranch.Catalog({self.name!r})"

    # --- refs

    def branches(self) -> list[Branch]:
        """All branches with their newest commits, by name."""
        return [
            Branch(r["name"], r["commit"], _time(r["time"]), r["author"], r["message"], r["current"])
            for r in self._rows(f"SHOW BRANCHES IN {self._id}", times=["time"])
        ]

    def tags(self) -> list[Tag]:
        """All tags with the commits they name, by name."""
        return [
            Tag(r["name"], r["commit"], _time(r["time"]), r["author"], r["message"])
            for r in self._rows(f"SHOW TAGS IN {self._id}", times=["time"])
        ]

    def create_branch(self, name: str, from_ref: str | None = None, if_not_exists: bool = False) -> str:
        """Creates a branch. It copies no data, whatever the size of the repository.

        Args:
            name: its name.
            from_ref: where it starts; None is the session's current ref.
            if_not_exists: leave a branch of that name as it is, instead of failing.

        Returns:
            The id of the commit that the branch is at.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_REF.ALREADY_EXISTS``, ``.INVALID_NAME``,
                ``.NOT_FOUND``.
        """
        return self._create("BRANCH", name, from_ref, if_not_exists)

    def create_tag(self, name: str, from_ref: str | None = None, if_not_exists: bool = False) -> str:
        """Creates a tag: a name for a commit that never moves. All else is as in `create_branch`."""
        return self._create("TAG", name, from_ref, if_not_exists)

    def drop_branch(self, name: str, if_exists: bool = False) -> None:
        """Drops a branch; its commits stay where other branches or tags hold them.

        Args:
            name: its name.
            if_exists: do nothing when there is none, instead of failing.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_REF.NOT_FOUND``, ``.IS_MAIN``, ``.IN_USE``.
        """
        self._drop("BRANCH", name, if_exists)

    def drop_tag(self, name: str, if_exists: bool = False) -> None:
        """Drops a tag. Arguments and errors as `drop_branch`."""
        self._drop("TAG", name, if_exists)

    def use(self, ref: str) -> None:
        """Makes this session work on that branch, or read that tag or commit.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_REF.NOT_FOUND``, ``.AMBIGUOUS``.
        """
        self._rows(f"USE REFERENCE :ref IN {self._id}", {"ref": ref})

    def current_ref(self) -> str:
        """The branch, tag or commit that this session works on."""
        reference: str = self._rows(f"SHOW CURRENT REFERENCE IN {self._id}")[0]["reference"]
        return reference

    def reset(self, branch: str, to: str, message: str | None = None) -> str:
        """Moves a branch to another commit, whatever it held before; that stays reachable by its commit id.

        Args:
            branch: the branch to move.
            to: the ref that it then equals.
            message: why.

        Returns:
            The id of the commit that the branch is at now.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_REF.NOT_FOUND``, ``.READ_ONLY``.
        """
        clause, args = message_clause(message)
        rows = self._rows(
            f"RESET BRANCH :branch TO :to IN {self._id}{clause}", {"branch": branch, "to": to, **args}
        )
        commit: str = rows[0]["commit"]
        return commit

    # --- history

    def log(self, ref: str | None = None, limit: int | None = None, graph: bool = False) -> list[Commit]:
        """The commits of a ref, newest first, along first parents.

        Args:
            ref: where to start; None is the session's current ref.
            limit: the most to return; None is all.
            graph: also commits that were merged: a `CommitGraph`, which prints as a drawing, and is a table
                in a notebook.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_REF.NOT_FOUND``, ``.AMBIGUOUS``.
        """
        on = "" if ref is None else " ON :ref"
        args = {} if ref is None else {"ref": ref}
        statement = f"SHOW COMMITS{on} IN {self._id}{' GRAPH' if graph else ''}{_limit(limit)}"
        commits = [
            Commit(
                r["commit"],
                _time(r["time"]),
                r["author"],
                r["operation"],
                r["message"],
                tuple(r["tables"]),
                r["metrics"],
                r["metadata"],
                tuple(r["parents"]),
                r["gates"],
            )
            for r in self._rows(statement, args, ["time"])
        ]
        return CommitGraph(commits) if graph else commits

    def history(self, table: str | Sequence[str], limit: int | None = None) -> list[TableVersion]:
        """The versions of a table, newest first.

        Args:
            table: the table.
            limit: the most to return; None is all.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_TABLE.NOT_FOUND``.
        """
        statement = f"DESCRIBE HISTORY {_sql.table(self.name, table)}{_limit(limit)}"
        return [
            TableVersion(
                r["version"],
                _time(r["timestamp"]),
                r["author"],
                r["operation"],
                r["operationParameters"],
                r["operationMetrics"],
                r["message"],
                r["userMetadata"],
                r["commit"],
            )
            for r in self._rows(statement, times=["timestamp"])
        ]

    def detail(self, table: str | Sequence[str]) -> TableDetail:
        """What a table is made of, at the session's ref.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_TABLE.NOT_FOUND``.
        """
        statement = f"DESCRIBE DETAIL {_sql.table(self.name, table)}"
        r = self._rows(statement, times=["createdAt", "lastModified"])[0]
        return TableDetail(
            r["format"],
            r["id"],
            r["name"],
            r["description"],
            r["location"],
            _time(r["createdAt"]),
            _time(r["lastModified"]),
            tuple(r["partitionColumns"]),
            r["numFiles"],
            r["sizeInBytes"],
            r["numRows"],
            r["properties"],
            r["version"],
            r["reference"],
            r["commit"],
        )

    def restore(
        self,
        table: str | Sequence[str],
        version: int | str | None = None,
        timestamp: datetime | str | None = None,
        message: str | None = None,
    ) -> RestoreResult:
        """Brings a table back to what it was, as a new version. No data is copied, and none is lost.

        Args:
            table: the table.
            version: the version number, or a ref, to go back to. Give this or `timestamp`.
            timestamp: the moment to go back to: a datetime (one without a zone is in this process's local
                time), or a string as Spark reads it.
            message: why.

        Raises:
            ValueError: if not exactly one of `version` and `timestamp` is given.
            pyspark.errors.PySparkException: ``ANABRANCH_TABLE.NOT_FOUND``, ``.VERSION_NOT_FOUND``,
                ``.NOT_AT_TIME``, ``ANABRANCH_REF.READ_ONLY``.
        """
        if (version is None) == (timestamp is None):
            raise ValueError("restore needs a version or a timestamp, and not both")
        kind, point = ("VERSION", str(version)) if timestamp is None else ("TIMESTAMP", timestamp)
        clause, args = message_clause(message)
        r = self._rows(
            f"RESTORE TABLE {_sql.table(self.name, table)} TO {kind} AS OF :point{clause}",
            {"point": point, **args},
        )[0]
        return RestoreResult(r["table"], r["version"], r["commit"], r["rows"], r["files"])

    def diff(self, from_ref: str, to_ref: str, table: str | Sequence[str] | None = None) -> Difference:
        """How the tables differ between two refs.

        Args:
            from_ref: the one side, such as ``main``.
            to_ref: the other side, such as the branch to merge.
            table: only this table; None is all.

        Returns:
            One `TableChange` for each table that differs, read from metadata alone; its `Difference.changes`
            and `Difference.cell_changes` tell the rows and cells.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_REF.NOT_FOUND``, ``ANABRANCH_TABLE.NOT_FOUND``.
        """
        only = "" if table is None else ", table => :table"
        args = {"from": from_ref, "to": to_ref}
        if table is not None:
            args["table"] = _sql.join(_sql.split(table) if isinstance(table, str) else table)
        rows = self._rows(f"CALL {self._id}.system.diff(from => :from, to => :to{only})", args)
        return Difference(self._spark, self.name, from_ref, to_ref, [_table_change(r) for r in rows])

    # --- statements

    def _create(self, kind: str, name: str, from_ref: str | None, if_not_exists: bool) -> str:
        condition = "IF NOT EXISTS " if if_not_exists else ""
        origin = "" if from_ref is None else " FROM :ref"
        args = {"name": name} if from_ref is None else {"name": name, "ref": from_ref}
        rows = self._rows(f"CREATE {kind} {condition}:name IN {self._id}{origin}", args)
        commit: str = rows[0]["commit"]
        return commit

    def _drop(self, kind: str, name: str, if_exists: bool) -> None:
        self._rows(f"DROP {kind} {'IF EXISTS ' if if_exists else ''}:name IN {self._id}", {"name": name})


def _table_change(r: Any) -> TableChange:
    return TableChange(
        r["table"],
        r["change"],
        r["detail"],
        r["rows_from"],
        r["rows_to"],
        r["files_added"],
        r["files_removed"],
        r["rows_added"],
        r["rows_changed"],
        r["rows_removed"],
        tuple(r["schema_changes"]),
    )


def _limit(limit: int | None) -> str:
    return "" if limit is None else f" LIMIT {int(limit)}"


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
