"""The statements that the histories of the merge tests are made of, done by the native client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from anabranch import Repository
from anabranch.core.format.tables import Check, Key, TableMetadata

TYPES = {"INT": pa.int32(), "BIGINT": pa.int64(), "STRING": pa.string()}
Rows = list[SimpleNamespace]


class Statements:
    """Runs them on a repository; `branch` is the one in use. Tables are in the namespace ``default``."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self.branch = "main"
        self.known: list[tuple[str, Callable[..., Rows | None]]] = [
            (r"CREATE TABLE (\w+) \((.*?)\)(?: TBLPROPERTIES \((.*)\))?", self.create),
            (r"DROP TABLE (\w+)", lambda t: self.change(lambda tx: tx.drop_table(f"default.{t}"))),
            (
                r"ALTER TABLE (\w+) RENAME TO (\w+)",
                lambda t, u: self.change(lambda tx: tx.rename_table(f"default.{t}", f"default.{u}")),
            ),
            (r"ALTER TABLE (\w+) (.*)", self.alter),
            (r"INSERT INTO (\S+) VALUES (.*)", self.insert),
            (r"INSERT OVERWRITE (\w+) SELECT \* FROM \w+ WHERE (.*)", self.overwrite),
            (r"UPDATE (\S+) SET (.*?) WHERE (.*)", self.update),
            (r"DELETE FROM (\S+) WHERE (.*)", lambda t, where: self.done(self.table(t).delete(where))),
            (
                r"RESTORE TABLE (\w+) TO VERSION AS OF (\d+)",
                lambda t, v: self.done(self.table(t).restore(int(v))),
            ),
            (r"MERGE BRANCH (\w+)(?: INTO (\w+))? IN \{lake\}(.*)", self.merge),
            (r"OPTIMIZE (\S+)", lambda t: [self.table(t).optimize()]),
            (r"REBASE BRANCH (\w+) ONTO (\w+) IN \{lake\}(.*)", self.rebase),
            (r"CHERRY PICK `(.*?)` INTO (\w+) IN \{lake\}(.*)", self.pick),
            (r"REVERT `(.*?)` ON (\w+) IN \{lake\}(.*)", self.pick),
        ]

    def sql(self, text: str) -> Rows:
        for pattern, run in self.known:
            found = re.fullmatch(pattern, text.strip())
            if found:
                run = self.revert if text.startswith("REVERT") else run
                return run(*found.groups()) or []
        raise AssertionError(f"the native client has nothing that does {text}")

    def table(self, name: str) -> Any:
        name, _, branch = name.strip("`").partition("@")
        return self.repo.table(f"default.{name}", ref=branch or self.branch)

    def done(self, _: Any) -> None:
        return None

    def change(self, what: Callable[[Any], Any]) -> None:
        with self.repo.transaction(branch=self.branch) as tx:
            what(tx)

    def create(self, name: str, columns: str, properties: str | None) -> None:
        schema = pa.schema([(n, TYPES[t]) for n, t in (c.split() for c in columns.split(", "))])
        given = self.pairs(properties) if properties else {}
        self.change(lambda tx: tx.create_table(f"default.{name}", schema, properties=given))

    def pairs(self, text: str) -> dict[str, str]:
        return dict(re.findall(r"'([^']*)' = '([^']*)'", text))

    def insert(self, name: str, values: str) -> None:
        rows = json.loads(f"[{values}]".replace("(", "[").replace(")", "]").replace("'", '"'))
        table = self.table(name)
        names = table.schema.names
        table.append(pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows], table.schema))

    def overwrite(self, name: str, where: str) -> None:
        self.table(name).overwrite(self.table(name).to_arrow(where=where))

    def update(self, name: str, sets: str, where: str) -> None:
        self.table(name).update(dict(part.split(" = ") for part in sets.split(", ")), where)

    def alter(self, name: str, what: str) -> None:
        table = self.table(name)
        match what.split():
            case ["ADD", "COLUMN", column, kind]:
                table.add_column(column, TYPES[kind])
            case ["RENAME", "COLUMN", column, "TO", to]:
                table.rename_column(column, to)
            case ["DROP", "COLUMN", column]:
                table.drop_column(column)
            case ["ALTER", "COLUMN", column, "TYPE", kind]:
                table.widen_column(column, TYPES[kind])
            case ["SET", "TBLPROPERTIES", *_]:
                table.set_properties(self.pairs(what))
            case ["ADD", "CONSTRAINT", constraint, "CHECK", *_]:
                condition = what.split("CHECK ", 1)[1].strip("()")
                self.constrain(name, Check(constraint, condition))
            case ["ADD", "CONSTRAINT", constraint, "PRIMARY", "KEY", *columns, "NOT", "ENFORCED"]:
                self.constrain(name, Key(constraint, tuple(c.strip("(),") for c in columns), True))
            case _:
                raise AssertionError(what)

    def constrain(self, name: str, constraint: Check | Key) -> None:
        def added(m: TableMetadata, _: str) -> TableMetadata:
            return replace(m, constraints=(*m.constraints, constraint))

        self.change(lambda tx: tx.work.alter(("default", name), added))

    def merge(self, source: str, into: str | None, how: str) -> Rows:
        return self.result(
            self.repo.merge(source, into or self.branch, squash="SQUASH" in how, **self.how(how))
        )

    def rebase(self, branch: str, onto: str, how: str) -> Rows:
        done = self.repo.rebase(branch, onto, on_conflict=self.how(how)["on_conflict"])
        return [SimpleNamespace(**vars(r)) for r in done]

    def pick(self, commit: str, into: str, how: str) -> Rows:
        return self.result(self.repo.cherry_pick(commit, into, **self.how(how)))

    def revert(self, commit: str, on: str, how: str) -> Rows:
        return self.result(self.repo.revert(commit, on, **self.how(how)))

    def how(self, text: str) -> dict[str, Any]:
        side = re.search("ON CONFLICT (OURS|THEIRS)", text)
        return {"dry_run": "DRY RUN" in text, "on_conflict": side[1].lower() if side else None}

    def result(self, r: Any) -> Rows:
        conflicts = [SimpleNamespace(change="conflict", **vars(c)) for c in r.conflicts]
        return [*conflicts, *(SimpleNamespace(**vars(c)) for c in r.changes)]
