"""A repository and its model, side by side: each statement runs on both, and both must tell the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pyspark.errors import PySparkException

from properties.commits import MAIN, Commit, Name, Refused, Table, Values
from properties.model import Catalog

if TYPE_CHECKING:
    from conftest import Lake

T = TypeVar("T")
RELATIONS = 40  # in one query

OURS = {
    "SCHEMA_NOT_FOUND": "ANABRANCH_NAMESPACE.NOT_FOUND",
    "SCHEMA_ALREADY_EXISTS": "ANABRANCH_NAMESPACE.ALREADY_EXISTS",
    "TABLE_OR_VIEW_NOT_FOUND": "ANABRANCH_TABLE.NOT_FOUND",
    "TABLE_OR_VIEW_ALREADY_EXISTS": "ANABRANCH_TABLE.ALREADY_EXISTS",
    "FIELD_ALREADY_EXISTS": "ANABRANCH_SCHEMA.COLUMN_EXISTS",
}
"""Conditions that Spark has a name of its own for."""


class Twin:
    """Runs statements in SQL and on the model."""

    def __init__(self, new_lake: Callable[..., Lake]) -> None:
        self.model = Catalog()
        self._new_lake = new_lake
        self._lake: Lake = new_lake()
        self._other = self._lake
        self._in_use = MAIN
        self._watched: list[str] = []
        self._named: dict[str, object] = {}
        self.settle(MAIN)

    # ---- the two sides

    def again(self) -> None:
        """From now on statements go through a second catalog that knows nothing yet: all comes from disk."""
        self._forget()
        self._other, self._lake = self._lake, self._new_lake(path=self._lake.path)
        self._in_use = MAIN

    def turn(self) -> None:
        """From now on statements go through the catalog before that, which does not know what happened since."""
        self._other, self._lake = self._lake, self._other
        self._lake.rows("USE BRANCH main IN {lake}")
        self._in_use = MAIN

    def close(self) -> None:
        """Reads all that there ever was once more, from disk."""
        self.again()
        for branch in self.model.branches:
            self.settle(branch)
            self.names(branch)
        self.still_reads([*self.model.branches, *self.model.tags, *(c.id for c in self.model.commits)])
        self._forget()

    def _forget(self) -> None:
        jvm: Any = self._lake.spark._jvm
        jvm.io.anabranch.test.ColdStart.forget(self._lake.uri)

    def both(self, expect: Callable[[], T], statement: str) -> tuple[T, list[tuple[Any, ...]]] | None:
        """Runs a statement; gives what the model and the repository answer, None if both refuse it."""
        print(statement)  # shown with a failure
        try:
            wanted = expect()
        except Refused as refused:
            self._must_refuse(refused, statement)
            return None
        return wanted, self._lake.rows(statement)

    def _must_refuse(self, refused: Refused, statement: str) -> None:
        try:
            rows = self._lake.rows(statement)
        except PySparkException as error:
            condition = error.getCondition() or str(error)
            assert OURS.get(condition, condition) == refused.condition, f"{statement}: {error}"
            told = (error.getMessageParameters() or {}).get("conflicts", "")
            assert {c.split(":")[0] for c in told.split("; ") if c} == refused.names, statement
        else:
            raise AssertionError(f"{statement} gave {rows} instead of {refused.condition}")

    def use(self, branch: str) -> None:
        """Makes a branch the one that names without a ref mean."""
        if self._in_use != branch:
            self._lake.rows(f"USE BRANCH `{branch}` IN {{lake}}")
            self._in_use = branch

    def place(self, branch: str, name: Name, at: bool) -> str:
        """A table in SQL: as `table@branch`, or by name alone with the branch in use."""
        if at:
            return f"{{lake}}.{name[0]}.`{name[1]}@{branch}`"
        self.use(branch)
        return f"{{lake}}.{name[0]}.{name[1]}"

    # ---- comparing

    def settle(self, branch: str) -> None:
        """Compares the log of a branch, and learns ids and times of commits that are new."""
        found = [
            (id, _millis(time), operation, message, tables, parents)
            for id, time, _, operation, message, tables, _, _, parents, _ in self._lake.rows(
                f"SHOW COMMITS ON `{branch}` IN {{lake}}"
            )
        ]
        wanted = self.model.branches[branch].first_parents()
        known = {c.id for c in self.model.commits}
        for row, commit in zip(reversed(found), reversed(wanted), strict=True):
            if not commit.id:
                assert row[0] not in known
                commit.id, commit.millis = row[0], row[1]
            told = [commit.id, commit.millis, commit.operation, commit.message]
            told += [sorted(".".join(n) for n in commit.touched.values()), [p.id for p in commit.parents]]
            assert list(row) == told, branch
            before = commit.parents[0].millis if commit.parents else 0
            assert commit.millis > before, "time goes backwards"

    def closed(self, commit: Commit) -> None:
        """The commit with which a log ended: its place follows from that of its parent."""
        ordinal, seq = commit.parents[0].id.split("-")[:2]
        rows = self._lake.rows(f"SHOW COMMITS ON '{ordinal}-{int(seq) + 1}' IN {{lake}} LIMIT 1")
        assert (*rows[0][3:5], rows[0][8]) == (commit.operation, commit.message, [commit.parents[0].id])
        commit.id, commit.millis = rows[0][0], _millis(rows[0][1])

    def names(self, branch: str) -> None:
        """Compares the namespaces and tables of a branch."""
        self.use(branch)
        head = self.model.branches[branch]
        assert {n for (n,) in self._lake.rows("SHOW NAMESPACES IN {lake}")} == set(head.namespaces)
        for space in head.namespaces:
            found = {(space, name) for _, name, _ in self._lake.rows(f"SHOW TABLES IN {{lake}}.{space}")}
            assert found == {n for n in head.names() if n[0] == space}

    def still_reads(self, refs: Iterable[str]) -> None:
        """Compares the rows of all tables at some refs."""
        wanted = [(ref, table) for ref in refs for table in self.model.resolve(ref).tables.values()]
        for start in range(0, len(wanted), RELATIONS):
            chunk = wanted[start : start + RELATIONS]
            relations = [self._relation(ref, t) for ref, t in chunk]
            found = self.read(relations)
            for (ref, table), rows in zip(chunk, found, strict=True):
                assert rows == expected(table), f"{table.name} at {ref}"

    def _relation(self, ref: str, table: Table) -> str:
        if ref in self.model.branches:
            return f"{{lake}}.{table.name[0]}.`{table.name[1]}@{ref}`"
        return f"{{lake}}.{table.name[0]}.{table.name[1]} VERSION AS OF '{ref}'"

    def read(self, relations: Sequence[str]) -> list[Counter[str]]:
        """The rows of some relations, as JSON, by one query."""
        parts = (
            f"SELECT {i} AS i, to_json(struct(*), map('ignoreNullFields', 'false')) AS r FROM {relation}"
            for i, relation in enumerate(relations)
        )
        found: list[Counter[str]] = [Counter() for _ in relations]
        for i, row in self._lake.rows(" UNION ALL ".join(parts)):
            found[i][row] += 1
        return found

    def reads_as(self, expect: Callable[[], Table], relation: str) -> None:
        """Compares one relation, which may have to be refused."""
        both = self.both(
            expect, f"SELECT to_json(struct(*), map('ignoreNullFields', 'false')) FROM {relation}"
        )
        if both is not None:
            table, rows = both
            assert Counter(row for (row,) in rows) == expected(table), relation

    def changed(self, branch: str) -> None:
        """After a statement about a branch: its log, its tables, and one ref of the past."""
        self.settle(branch)
        head = self.model.branches[branch]
        if self._named.get(branch) != (head.names(), head.namespaces):
            self.names(branch)
            self._named[branch] = (head.names(), head.namespaces)
        # each commit gets its turn, round and round
        self._watched = self._watched or [*self.model.tags, *(c.id for c in self.model.commits if c.id)]
        past = [ref for ref in self._watched[:1] if ref in self.model.tags or "-" in ref]
        del self._watched[:1]
        self.still_reads([branch, *past])


def _millis(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def expected(table: Table) -> Counter[str]:
    """The rows of a table, as JSON."""
    rows: Counter[str] = Counter()
    for values, times in table.rows().items():
        members = zip((c.name for c in table.columns), values, strict=True)
        # not a dictionary, so that the order of columns counts
        text = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members)
        rows[f"{{{text}}}"] += times
    return rows


def literal(rows: Sequence[Values]) -> str:
    """Rows as a VALUES list."""
    return ", ".join("(" + ", ".join("NULL" if v is None else str(v) for v in row) + ")" for row in rows)
