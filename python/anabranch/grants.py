"""Grants: what `anabranch.Catalog` does with who may read and change tables and branches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anabranch import _sql
from anabranch._statements import Statements, message_clause

PRIVILEGES = ("SELECT", "MODIFY", "MANAGE", "ALL PRIVILEGES")


@dataclass(frozen=True)
class Grant:
    """Who may do something, on some branches or with one table there.

    Attributes:
        privilege: ``SELECT``, ``MODIFY`` or ``MANAGE``.
        branches: the branches that it is about; ``*`` stands for any characters.
        table: full name of the table when it was granted; None is whole branches.
        principals: authors who may, ``PUBLIC`` for everybody; empty is nobody.
        owner: who granted it first, and may change it.
    """

    privilege: str
    branches: str
    table: str | None
    principals: tuple[str, ...]
    owner: str


class Grants(Statements):
    """Who may do what. All of them raise pyspark.errors.PySparkException with the named conditions."""

    name: str

    def grant(
        self,
        privileges: str | Sequence[str],
        to: str | Sequence[str],
        *,
        table: str | None = None,
        branches: str | None = None,
        message: str | None = None,
    ) -> None:
        """Lets only some do something from now on, beside those who were granted it before.

            lake.grant("SELECT", "ada", table="clinical.patient")
            lake.grant(["SELECT", "MODIFY"], ["etl", "bob"], branches="release/*")

        Args:
            privileges: ``SELECT``, ``MODIFY``, ``MANAGE``, or ``ALL PRIVILEGES``: the first two.
            to: authors; ``PUBLIC`` is everybody.
            table: the table that it is about, as it is named in the catalog; None is whole branches.
            branches: on which, ``*`` stands for any characters; None is all of them, with a table.
            message: of the commit.

        Raises:
            TypeError: neither table nor branches.
            ValueError: of a privilege that there is not.
            pyspark.errors.PySparkException: ``ANABRANCH_PERMISSION.INVALID_PRINCIPAL``, ``.NOT_OWNER``,
                ``.DENIED``; ``ANABRANCH_TABLE.NOT_FOUND``; ``ANABRANCH_REF.PROTECTED``.
        """
        self._change("GRANT", privileges, "TO", to, table, branches, message)

    def revoke(
        self,
        privileges: str | Sequence[str],
        from_: str | Sequence[str],
        *,
        table: str | None = None,
        branches: str | None = None,
        message: str | None = None,
    ) -> None:
        """Takes back what was granted on the same; with ``PUBLIC``, also what everybody has without a grant.

        Args:
            privileges: see `grant`.
            from_: who has it.
            table: see `grant`.
            branches: as they were written in the grant.
            message: of the commit.

        Raises:
            TypeError: neither table nor branches.
            pyspark.errors.PySparkException: as `grant` does; ``ANABRANCH_PERMISSION.NOT_GRANTED``,
                ``.LAST_MANAGER``.
        """
        self._change("REVOKE", privileges, "FROM", from_, table, branches, message)

    def grants(self) -> list[Grant]:
        """All grants: those on branches first, then by table."""
        rows = self._rows(f"SHOW GRANTS IN {self._id}")
        return [
            Grant(r["privilege"], r["branches"], r["table"], tuple(r["principals"]), r["owner"]) for r in rows
        ]

    def _change(
        self,
        verb: str,
        privileges: str | Sequence[str],
        preposition: str,
        principals: str | Sequence[str],
        table: str | None,
        branches: str | None,
        message: str | None,
    ) -> None:
        what = [privileges] if isinstance(privileges, str) else list(privileges)
        who = [principals] if isinstance(principals, str) else list(principals)
        for privilege in what:
            if privilege.upper() not in PRIVILEGES:
                raise ValueError(f"{privilege!r} is no privilege; there are {', '.join(PRIVILEGES)}")
        clause, args = message_clause(message)
        args = {**args, **{f"p{n}": p for n, p in enumerate(who)}}
        if branches is not None:
            args["branches"] = branches
        if table is not None:
            on = f"TABLE {_sql.table(self.name, table)}"
            on += " ON BRANCH :branches" if branches is not None else ""
        elif branches is not None:
            on = f"BRANCH :branches IN {self._id}"
        else:
            raise TypeError("a grant is on a table, or on branches")
        named = ", ".join(f":p{n}" for n in range(len(who)))
        self._rows(f"{verb} {', '.join(what)} ON {on} {preposition} {named}{clause}", args)
