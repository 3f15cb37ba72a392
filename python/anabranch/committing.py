"""Who commits and why, and transactions: several statements that become one commit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from anabranch._statements import Statements, message_clause

_SETTING = "spark.anabranch.commit."


@dataclass
class Transaction:
    """An open transaction, or one that has ended.

    Attributes:
        branch: the branch that it is about.
        commit: the id of its commit; None before, after a rollback, and if it changed nothing.
    """

    branch: str
    commit: str | None = None


class Committing(Statements):
    """What is said of commits that statements make."""

    @contextmanager
    def commit_info(
        self,
        author: str | None = None,
        message: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Iterator[None]:
        """Says who commits and why, for all that this session writes inside the ``with`` block.

            with lake.commit_info(author="Ada", message="unit error", metadata={"ticket": "LAB-7"}):
                df.writeTo("lake.clinical.observation").append()

        What is None stays as it was; afterwards all is as before. These are settings of the session, so other
        threads that use the same session see them too.

        Args:
            author: who commits.
            message: the message; a MESSAGE clause in a statement comes first.
            metadata: anything else, kept with the commit; it replaces what an outer block gave.

        Raises:
            TypeError: if the metadata are not all strings.
        """
        if metadata is not None and not all(isinstance(s, str) for pair in metadata.items() for s in pair):
            raise TypeError("the metadata of a commit must be strings, keys and values")
        text = None if metadata is None else json.dumps(dict(metadata), ensure_ascii=False)
        wanted = {"author": author, "message": message, "metadata": text}
        settings = {_SETTING + key: value for key, value in wanted.items() if value is not None}
        before = {key: self._spark.conf.get(key, None) for key in settings}
        try:
            for key, value in settings.items():
                self._spark.conf.set(key, value)
            yield
        finally:
            for key, old in before.items():
                if old is None:
                    self._spark.conf.unset(key)
                else:
                    self._spark.conf.set(key, old)

    @contextmanager
    def transaction(
        self,
        message: str | None = None,
        author: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Iterator[Transaction]:
        """Makes all that this session writes to its current branch inside the ``with`` block one commit.

            with lake.transaction(message="visit of 3 May") as tx:
                visits.writeTo("lake.clinical.visit").append()
                spark.sql("UPDATE lake.clinical.patient SET seen = true WHERE id = 7")
            print(tx.commit)

        Reads inside see what was written inside; nobody else does before the end. An exception rolls all
        of it back. A statement that fails changes nothing: who catches its exception inside may go on. The
        transaction belongs to the Spark session: other threads that use the same session write into it, too.

        Args:
            message: the message of the commit.
            author: who commits.
            metadata: anything else, kept with the commit.

        Raises:
            pyspark.errors.PySparkException: ``ANABRANCH_TRANSACTION.ALREADY_OPEN``; at the end
                ``ANABRANCH_COMMIT.CONFLICT``, which names the statement, or ``.OUTCOME_UNKNOWN``.
            TypeError: if the metadata are not all strings.
        """
        with self.commit_info(author=author, metadata=metadata):
            started = self._rows(f"START TRANSACTION IN {self._id}")[0]
            transaction = Transaction(started["branch"])
            try:
                yield transaction
            except BaseException:
                self._rows("ROLLBACK")
                raise
            clause, args = message_clause(message)
            transaction.commit = self._rows(f"COMMIT{clause}", args)[0]["commit"]
