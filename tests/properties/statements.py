"""The statements that random histories are made of: each is SQL and its meaning in the model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from properties.commits import Name, Refused, Table, Values
from properties.twin import Twin, literal

MAX_ROWS = 24
FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"


class Statements(Twin):
    """Statements by their parts; `at` addresses the table as `table@branch` instead of by USE BRANCH."""

    # ---- namespaces

    def create_namespace(self, branch: str, name: str) -> None:
        self.use(branch)
        self.both(partial(self.model.create_namespace, branch, name), f"CREATE NAMESPACE {{lake}}.{name}")
        self.changed(branch)

    def set_property(self, branch: str, name: str, key: str, value: str) -> None:
        self.use(branch)
        statement = f"ALTER NAMESPACE {{lake}}.{name} SET PROPERTIES ('{key}' = '{value}')"
        self.both(partial(self.model.set_property, branch, name, key, value), statement)
        self.changed(branch)

    def drop_namespace(self, branch: str, name: str, cascade: bool) -> None:
        self.use(branch)
        statement = f"DROP NAMESPACE {{lake}}.{name}{' CASCADE' if cascade else ''}"
        self.both(partial(self.model.drop_namespace, branch, name, cascade), statement)
        self.changed(branch)

    # ---- tables

    def create_table(
        self,
        branch: str,
        at: bool,
        name: Name,
        columns: Sequence[str],
        rows: list[Values] | None,
        files: bool,
    ) -> None:
        start = f"CREATE TABLE {self.place(branch, name, at)}"
        properties = FILES if files else ""
        if rows is None:
            statement = f"{start} ({', '.join(f'{c} INT' for c in columns)}) {properties}"
        else:
            casts = ", ".join(f"CAST({c} AS INT) AS {c}" for c in columns)
            values = f"VALUES {literal(rows)}" if rows else f"VALUES {literal([(None,) * len(columns)])}"
            condition = "" if rows else " WHERE false"
            source = f"{values} AS v({', '.join(columns)}){condition}"
            statement = f"{start} {properties} AS SELECT {casts} FROM {source}"
        self.both(partial(self.model.create_table, branch, name, columns, rows), statement)
        self.changed(branch)

    def insert_values(self, branch: str, at: bool, name: Name, seed: int, count: int) -> None:
        """Rows that follow from a seed: as many columns as the table has, some of them NULL."""
        table = self._there(branch, name)
        width = len(table.columns) if table else 1
        rows = [tuple((seed + 7 * r + c) % 11 or None for c in range(width)) for r in range(count)]
        statement = f"INSERT INTO {self.place(branch, name, at)} VALUES {literal(rows)}"
        self.both(partial(self.model.insert, branch, name, rows), statement)
        self.changed(branch)

    def insert_select(
        self, branch: str, at: bool, name: Name, source: str, other: Name, overwrite: bool
    ) -> None:
        """Rows of a table at any ref, cut or filled with NULL to as many columns as the table has."""
        into, found = self._there(branch, name), self._there(source, other)
        if into is None or found is None:
            return
        width = len(into.columns)
        names = [c.name for c in found.columns][:width]
        rows = [(*values, *(None,) * width)[:width] for values in found.rows().elements()]
        if len(rows) + (0 if overwrite else into.rows().total()) > MAX_ROWS:
            return
        place = self.place(branch, name, at)
        select = ", ".join([*names, *["NULL"] * (width - len(names))])
        statement = f"{place} SELECT {select} FROM {self._relation(source, found)}"
        if overwrite:
            self.both(partial(self.model.overwrite, branch, name, rows), f"INSERT OVERWRITE {statement}")
        else:
            self.both(partial(self.model.insert, branch, name, rows), f"INSERT INTO {statement}")
        self.changed(branch)

    def _there(self, ref: str, name: Name) -> Table | None:
        try:
            return self.model.resolve(ref).named(name)
        except Refused:
            return None

    def write_to_the_past(self, ref: str, name: Name) -> None:
        """Tags and commits can't be written to."""

        def refuse() -> None:
            self.model.resolve(ref).named(name)
            raise Refused("ANABRANCH_REF.READ_ONLY")

        table = self._there(ref, name)
        width = len(table.columns) if table else 1
        values = literal([(1,) * width])
        self.both(refuse, f"INSERT INTO {{lake}}.{name[0]}.`{name[1]}@{ref}` VALUES {values}")

    def add_column(self, branch: str, at: bool, name: Name, column: str, default: int | None) -> None:
        clause = "" if default is None else f" DEFAULT {default}"
        statement = f"ALTER TABLE {self.place(branch, name, at)} ADD COLUMN {column} INT{clause}"
        self.both(partial(self.model.add_column, branch, name, column, default), statement)
        self.changed(branch)

    def rename_column(self, branch: str, at: bool, name: Name, column: str, to: str) -> None:
        statement = f"ALTER TABLE {self.place(branch, name, at)} RENAME COLUMN {column} TO {to}"
        self.both(partial(self.model.rename_column, branch, name, column, to), statement)
        self.changed(branch)

    def drop_column(self, branch: str, at: bool, name: Name, column: str) -> None:
        statement = f"ALTER TABLE {self.place(branch, name, at)} DROP COLUMN {column}"
        self.both(partial(self.model.drop_column, branch, name, column), statement)
        self.changed(branch)

    def rename_table(self, branch: str, name: Name, to: Name) -> None:
        statement = f"ALTER TABLE {self.place(branch, name, False)} RENAME TO {to[0]}.{to[1]}"
        self.both(partial(self.model.rename_table, branch, name, to), statement)
        self.changed(branch)

    def drop_table(self, branch: str, at: bool, name: Name) -> None:
        self.both(partial(self.model.drop_table, branch, name), f"DROP TABLE {self.place(branch, name, at)}")
        self.changed(branch)

    # ---- refs

    def create_branch(self, name: str, source: str) -> None:
        statement = f"CREATE BRANCH {name} IN {{lake}} FROM '{source}'"
        if self.both(partial(self.model.create_branch, name, source), statement):
            self.changed(name)

    def drop_branch(self, name: str) -> None:
        expect = partial(self.model.drop_branch, name, name == self._in_use)
        dropped = self.both(expect, f"DROP BRANCH {name} IN {{lake}}")
        if dropped is not None:
            self.closed(dropped[0])

    def reset(self, name: str, to: str) -> None:
        statement = f"RESET BRANCH {name} TO '{to}' IN {{lake}} MESSAGE 'go back'"
        moved = self.both(partial(self.model.reset, name, to, "go back"), statement)
        if moved is not None:
            self.closed(moved[0])
            self.changed(name)

    def create_tag(self, name: str, source: str) -> None:
        self.both(
            partial(self.model.create_tag, name, source), f"CREATE TAG {name} IN {{lake}} FROM '{source}'"
        )

    def drop_tag(self, name: str) -> None:
        self.both(partial(self.model.drop_tag, name), f"DROP TAG {name} IN {{lake}}")

    def merge(self, source: str, into: str) -> None:
        """First as a dry run, which must foresee what happens then."""
        statement = f"MERGE BRANCH '{source}' INTO {into} IN {{lake}}"
        foreseen = self.both(lambda: self.model.plan_merge(source, into)[0], f"{statement} DRY RUN")
        if foreseen is None:
            return
        plan, rows = foreseen
        assert {row[0] for row in rows if row[1] == "conflict"} == plan.conflicts
        assert plan.conflicts or {row[:2] for row in rows} == plan.changes
        assert all(row[3] is None for row in rows)
        self.settle(into)
        done = self.both(
            partial(self.model.merge, source, into, "together"), f"{statement} MESSAGE 'together'"
        )
        self.changed(into)
        if done is not None:
            merged, rows = done
            assert {row[:2] for row in rows} == merged.changes
            head = self.model.branches[into].id
            assert {row[3:] for row in rows} <= {(head, merged.fast_forward)}

    # ---- the past

    def restore(self, branch: str, at: bool, name: Name, to: int | str) -> None:
        version = to if isinstance(to, int) else f"'{to}'"
        statement = f"RESTORE TABLE {self.place(branch, name, at)} TO VERSION AS OF {version} MESSAGE 'undo'"
        done = self.both(partial(self.model.restore, branch, name, to, "undo"), statement)
        self.changed(branch)
        if done is not None:
            table, ((told, number, commit, rows, _),) = done
            assert (told, number, rows) == (".".join(name), table.version, table.rows().total())
            assert commit == self.model.branches[branch].id

    def read_ref(self, ref: str, name: Name) -> None:
        place = f"{{lake}}.{name[0]}.{name[1]}"
        self.reads_as(lambda: self.model.resolve(ref).named(name), f"{place} VERSION AS OF '{ref}'")
        self.reads_as(lambda: self.model.resolve(ref).named(name), f"{{lake}}.{name[0]}.`{name[1]}@{ref}`")

    def read_version(self, branch: str, name: Name, version: int) -> None:
        place = self.place(branch, name, False)
        self.reads_as(
            partial(self.model.at_version, branch, name, version), f"{place} VERSION AS OF {version}"
        )

    def read_time(self, branch: str, name: Name, millis: int) -> None:
        place = self.place(branch, name, False)
        expect = partial(self.model.at_time, branch, name, millis)
        self.reads_as(expect, f"{place} TIMESTAMP AS OF timestamp_millis({millis})")

    def history(self, branch: str, name: Name) -> None:
        """The versions of a table are consecutive, and each is of the commit that made it."""
        statement = f"DESCRIBE HISTORY {self.place(branch, name, True)}"
        told = self.both(partial(self.model.history, branch, name), statement)
        if told is not None:
            commits, rows = told
            wanted = [
                (v, c.operation, c.id) for v, c in zip(range(len(commits) - 1, -1, -1), commits, strict=True)
            ]
            assert [(row[0], row[3], row[8]) for row in rows] == wanted
