"""What the catalog promises, in plain Python: no logs, no version vectors, no caches, no files.

Merge bases come from the sets of ancestors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from properties.commits import Commit, Merged, Name, Refs, Refused, Table, Values
from properties.merge import Facts, differences, merged_facts, virtual_base


class Catalog(Refs):
    """Statements on a catalog. `branch` is always the name of a branch that is there."""

    # ---- namespaces

    def _namespaces(self, branch: str, name: str, there: bool) -> dict[str, Mapping[str, str]]:
        spaces = dict(self.branches[branch].namespaces)
        if (name in spaces) != there:
            raise Refused(f"ANABRANCH_NAMESPACE.{'NOT_FOUND' if there else 'ALREADY_EXISTS'}")
        return spaces

    def create_namespace(self, branch: str, name: str) -> None:
        spaces = self._namespaces(branch, name, there=False)
        self.commit(branch, "CREATE NAMESPACE", namespaces={**spaces, name: {}})

    def set_property(self, branch: str, name: str, key: str, value: str) -> None:
        spaces = self._namespaces(branch, name, there=True)
        spaces[name] = {**spaces[name], key: value}
        self.commit(branch, "ALTER NAMESPACE", namespaces=spaces)

    def drop_namespace(self, branch: str, name: str, cascade: bool) -> None:
        spaces = self._namespaces(branch, name, there=True)
        inside = [t.id for t in self.branches[branch].tables.values() if t.name[0] == name]
        if inside and not cascade:
            raise Refused("ANABRANCH_NAMESPACE.NOT_EMPTY")
        del spaces[name]
        self.commit(branch, "DROP NAMESPACE", dict.fromkeys(inside), spaces)

    # ---- tables

    def _must_be_free(self, branch: str, name: Name) -> None:
        self._namespaces(branch, name[0], there=True)
        if name in self.branches[branch].names():
            raise Refused("ANABRANCH_TABLE.ALREADY_EXISTS")

    def create_table(
        self, branch: str, name: Name, columns: Sequence[str], rows: Sequence[Values] | None
    ) -> None:
        """With rows as CREATE TABLE … AS SELECT does."""
        self._must_be_free(branch, name)
        number = self.next_number
        table = Table(number, name, 0, number, (), frozenset(), frozenset())
        for column in columns:
            table = table.new_column(column)
        operation = "CREATE TABLE" if rows is None else "CREATE TABLE AS SELECT"
        self.commit(branch, operation, {number: table.write(number, rows or ())})

    def _change(self, branch: str, operation: str, table: Table) -> None:
        self.commit(branch, operation, {table.id: replace(table, content=self.next_number)})

    def insert(self, branch: str, name: Name, rows: Sequence[Values]) -> None:
        table = self.branches[branch].named(name)
        if rows:
            self._change(branch, "INSERT", table.write(self.next_number, rows))

    def overwrite(self, branch: str, name: Name, rows: Sequence[Values]) -> None:
        table = replace(self.branches[branch].named(name), blocks=frozenset())
        self._change(branch, "OVERWRITE", table.write(self.next_number, rows))

    def add_column(self, branch: str, name: Name, column: str, default: int | None) -> None:
        self._change(branch, "ALTER TABLE", self.branches[branch].named(name).new_column(column, default))

    def rename_column(self, branch: str, name: Name, column: str, to: str) -> None:
        table = self.branches[branch].named(name)
        old = table.column(column)
        if any(c.name == to for c in table.columns):
            raise Refused("ANABRANCH_SCHEMA.COLUMN_EXISTS")
        columns = tuple(replace(c, name=to) if c is old else c for c in table.columns)
        self._change(branch, "ALTER TABLE", replace(table, columns=columns))

    def drop_column(self, branch: str, name: Name, column: str) -> None:
        table = self.branches[branch].named(name)
        rest = tuple(c for c in table.columns if c is not table.column(column))
        if not rest:
            raise Refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE")
        self._change(branch, "ALTER TABLE", replace(table, columns=rest))

    def rename_table(self, branch: str, name: Name, to: Name) -> None:
        table = self.branches[branch].named(name)
        self._must_be_free(branch, to)
        self.commit(branch, "RENAME TABLE", {table.id: replace(table, name=to)})

    def drop_table(self, branch: str, name: Name) -> None:
        self.commit(branch, "DROP TABLE", {self.branches[branch].named(name).id: None})

    # ---- the past

    def history(self, ref: str, name: Name) -> list[Commit]:
        """The commits that made the versions of a table, newest first."""
        head = self.resolve(ref)
        id = head.named(name).id
        return [c for c in head.first_parents() if id in c.touched][: head.tables[id].version + 1]

    def at_version(self, ref: str, name: Name, version: int) -> Table:
        id = self.resolve(ref).named(name).id
        for commit in self.history(ref, name):
            if commit.tables[id].version == version:
                return commit.tables[id]
        raise Refused("ANABRANCH_TABLE.VERSION_NOT_FOUND")

    def at_time(self, ref: str, name: Name, millis: int) -> Table:
        head = self.resolve(ref)
        id = head.named(name).id
        state = next((c for c in head.first_parents() if c.millis <= millis), None)
        if state is None:
            raise Refused("ANABRANCH_REF.BEFORE_FIRST_COMMIT")
        if id not in state.tables:
            raise Refused("ANABRANCH_TABLE.NOT_AT_TIME")
        return state.tables[id]

    def restore(self, branch: str, name: Name, to: int | str, message: str) -> Table:
        """To a version or to the table's state at a ref. Physical names that were given since stay taken."""
        now = self.branches[branch].named(name)
        past = self.at_version(branch, name, to) if isinstance(to, int) else self._past(now, to)
        taken = not now.used <= past.used
        content = self.next_number if taken else past.content
        back = replace(
            past, name=now.name, content=content, used=past.used | now.used if taken else past.used
        )
        return self.commit(branch, "RESTORE", {now.id: back}, message=message).tables[now.id]

    def _past(self, now: Table, ref: str) -> Table:
        state = self.resolve(ref)
        if now.id in state.tables:
            return state.tables[now.id]
        state.named(now.name)
        raise Refused("ANABRANCH_TABLE.ANOTHER_TABLE")

    # ---- merges

    def base(self, ours: frozenset[int], theirs: frozenset[int]) -> Facts:
        """The facts of the merge base of two sets of ancestors; several bases are merged, recursively."""
        common = ours & theirs
        beaten = frozenset().union(*(self.commits[n].ancestors - {n} for n in common))
        first, *rest = sorted(common - beaten)
        facts, known = self.commits[first].facts(), self.commits[first].ancestors
        for number in rest:
            other = self.commits[number]
            facts = virtual_base(self.base(known, other.ancestors), facts, other.facts())
            known |= other.ancestors
        return facts

    def plan_merge(self, source: str, into: str) -> tuple[Merged, Facts | None]:
        """What a dry run tells, and the merged facts; None if there is nothing to merge."""
        if source == into:
            raise Refused("ANABRANCH_MERGE.INTO_ITSELF")
        ours, theirs = self.branches[into], self.resolve(source)
        if theirs.number in ours.ancestors:
            return Merged(frozenset(), fast_forward=True), None
        base = self.base(ours.ancestors, theirs.ancestors)
        facts, conflicts = merged_facts(base, ours.facts(), theirs.facts())
        open = {id for id, _ in conflicts}
        after = self._tables(facts, ours, theirs)
        changes = differences(
            {id: t for id, t in ours.tables.items() if id not in open},
            {id: t for id, t in after.items() if id not in open},
        )
        return Merged(changes, base == ours.facts(), frozenset(n for _, n in conflicts)), facts

    def _tables(self, facts: Facts, ours: Commit, theirs: Commit) -> dict[int, Table]:
        found: dict[int, Table] = {}
        for id, (name, content, state) in facts.tables.items():
            sides = [s.tables[id] for s in (ours, theirs) if id in s.tables]
            # what they combine to may be what our side has
            taken = next((t for t in sides if t.content == content), None)
            taken = taken or next((t for t in (ours.tables.get(id),) if t and t.state() == state), None)
            combined = taken or replace(sides[0].holding(state), content=self.next_number)
            found[id] = replace(combined, name=name)
        return found

    def merge(self, source: str, into: str, message: str) -> Merged:
        plan, facts = self.plan_merge(source, into)
        if plan.conflicts:
            raise Refused("ANABRANCH_MERGE.CONFLICT", plan.conflicts)
        if facts is not None:
            ours, theirs = self.branches[into], self.resolve(source)
            after = self._tables(facts, ours, theirs)
            key = {id: (t.name, t.content) for id, t in ours.tables.items()}
            changed: dict[int, Table | None] = {
                i: t for i, t in after.items() if key.get(i) != (t.name, t.content)
            }
            changed.update((id, None) for id in ours.tables if id not in after)
            self.commit(into, "MERGE BRANCH", changed, facts.namespaces, message, theirs)
        return plan
