"""What the catalog promises, in plain Python: no logs, no version vectors, no caches, no files.

A commit is an immutable snapshot that knows the set of its ancestors; merge bases come from those sets. A name
is a pair of namespace and table. Columns hold integers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from properties.merge import Facts, differences, merged_facts, virtual_base

MAIN = "main"
Name = tuple[str, str]
Values = tuple["int | None", ...]
Row = tuple[tuple[str, "int | None"], ...]
"""Physical name and value of each column that the table had when the row was written."""


class Refused(Exception):
    """A statement that must fail: `condition` is the error class, `names` are those that it must name."""

    def __init__(self, condition: str, names: Iterable[str] = ()) -> None:
        super().__init__(condition)
        self.condition = condition
        self.names = set(names)


@dataclass(frozen=True)
class Column:
    name: str
    physical: str
    default: int | None = None
    """What rows have that are older than the column."""


@dataclass(frozen=True)
class Table:
    """A table at a commit. `content` is the number of the commit that made columns and rows what they are,
    `used` the physical names that can't be given again, `blocks` the rows by number of the write."""

    id: int
    name: Name
    version: int
    content: int
    columns: tuple[Column, ...]
    used: frozenset[str]
    blocks: frozenset[tuple[int, tuple[Row, ...]]]

    def rows(self) -> Counter[Values]:
        return Counter(
            tuple(dict(row).get(c.physical, c.default) for c in self.columns)
            for _, rows in self.blocks
            for row in rows
        )

    def column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise Refused("ANABRANCH_SCHEMA.COLUMN_NOT_FOUND")

    def new_column(self, name: str, default: int | None = None) -> Table:
        """With one column more: it has its own name, or `name~1`, `name~2`, … where that was used."""
        if any(c.name == name for c in self.columns):
            raise Refused("ANABRANCH_SCHEMA.COLUMN_EXISTS")
        tries = [name, *(f"{name}~{n}" for n in range(1, len(self.used) + 1))]
        physical = next(p for p in tries if p not in self.used)
        columns = (*self.columns, Column(name, physical, default))
        return replace(self, columns=columns, used=self.used | {physical})

    def write(self, number: int, rows: Sequence[Values]) -> Table:
        """With one block of rows more."""
        block = tuple(tuple(zip((c.physical for c in self.columns), r, strict=True)) for r in rows)
        return replace(self, blocks=self.blocks | {(number, block)}) if rows else self


@dataclass(eq=False)
class Commit:
    """A snapshot. `touched` are the tables that it changed, dropped ones under their last name; `id` and
    `millis` are those of the real commit, once they are known."""

    number: int
    operation: str
    message: str
    parents: tuple[Commit, ...]
    tables: Mapping[int, Table]
    namespaces: Mapping[str, Mapping[str, str]]
    touched: Mapping[int, Name]
    id: str = ""
    millis: int = 0

    def __post_init__(self) -> None:
        self.ancestors: frozenset[int] = frozenset({self.number}).union(*(p.ancestors for p in self.parents))

    def named(self, name: Name) -> Table:
        for table in self.tables.values():
            if table.name == name:
                return table
        raise Refused("ANABRANCH_TABLE.NOT_FOUND")

    def names(self) -> list[Name]:
        return sorted(t.name for t in self.tables.values())

    def first_parents(self) -> list[Commit]:
        """Itself and its ancestors along first parents, newest first."""
        found = [self]
        while found[-1].parents:
            found.append(found[-1].parents[0])
        return found

    def facts(self) -> Facts:
        tables = {t.id: (t.name, t.content) for t in self.tables.values()}
        return Facts(tables, {n: dict(p) for n, p in self.namespaces.items()})


@dataclass(frozen=True)
class Merged:
    """What MERGE BRANCH tells: names and changes, whether the target had nothing to combine."""

    changes: frozenset[tuple[str, str]]
    fast_forward: bool
    conflicts: frozenset[str] = frozenset()


class Refs:
    """Commits, and the names that they have."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.branches: dict[str, Commit] = {}
        self.tags: dict[str, Commit] = {}
        self.branches[MAIN] = self._add("CREATE REPOSITORY", (), {}, {"default": {}}, {})

    def _add(
        self,
        operation: str,
        parents: Sequence[Commit],
        tables: Mapping[int, Table],
        namespaces: Mapping[str, Mapping[str, str]],
        touched: Mapping[int, Name],
        message: str = "",
    ) -> Commit:
        number = len(self.commits)
        commit = Commit(number, operation, message, tuple(parents), tables, namespaces, touched)
        self.commits.append(commit)
        return commit

    def commit(
        self,
        branch: str,
        operation: str,
        changes: Mapping[int, Table | None] | None = None,
        namespaces: Mapping[str, Mapping[str, str]] | None = None,
        message: str = "",
        merged: Commit | None = None,
    ) -> Commit:
        """Puts a commit on a branch. A change is the table's new state, or None if it is dropped."""
        head = self.branches[branch]
        tables = dict(head.tables)
        touched: dict[int, Name] = {}
        for id, new in (changes or {}).items():
            before = tables.pop(id, None)
            if new is not None:
                tables[id] = replace(new, version=before.version + 1 if before else 0)
            touched[id] = tables[id].name if new is not None else head.tables[id].name
        spaces = head.namespaces if namespaces is None else namespaces
        parents = (head,) if merged is None else (head, merged)
        self.branches[branch] = self._add(operation, parents, tables, spaces, touched, message)
        return self.branches[branch]

    @property
    def next_number(self) -> int:
        return len(self.commits)

    def resolve(self, ref: str) -> Commit:
        """The commit of a branch, a tag, an id, or one of these with `~n` first parents back."""
        base, tilde, steps = ref.partition("~")
        found = self.branches.get(base) or self.tags.get(base)
        found = found or next((c for c in self.commits if c.id and c.id == base), None)
        if found is None:
            raise Refused("ANABRANCH_REF.NOT_FOUND")
        path = found.first_parents()
        back = int(steps) if tilde else 0
        if back >= len(path):
            raise Refused("ANABRANCH_REF.NO_ANCESTOR")
        return path[back]

    def _must_be_new(self, name: str) -> None:
        if name in self.branches or name in self.tags:
            raise Refused("ANABRANCH_REF.ALREADY_EXISTS")

    def _fork(self, name: str, at: Commit, operation: str, message: str = "") -> None:
        self.branches[name] = self._add(operation, (at,), at.tables, at.namespaces, {}, message)

    def _close(self, name: str, operation: str, message: str = "") -> Commit:
        head = self.branches.pop(name)
        return self._add(operation, (head,), head.tables, head.namespaces, {}, message)

    def create_branch(self, name: str, source: str) -> None:
        self._must_be_new(name)
        self._fork(name, self.resolve(source), "CREATE BRANCH")

    def drop_branch(self, name: str, in_use: bool) -> Commit:
        """The commit with which the branch's log ends."""
        if in_use and name != MAIN:
            raise Refused("ANABRANCH_REF.IN_USE")
        if name == MAIN:
            raise Refused("ANABRANCH_REF.IS_MAIN")
        if name not in self.branches:
            raise Refused("ANABRANCH_REF.NOT_FOUND")
        return self._close(name, "DROP BRANCH")

    def reset(self, name: str, to: str, message: str) -> Commit:
        """The commit with which the branch's old log ends."""
        if name not in self.branches:
            raise Refused("ANABRANCH_REF.NOT_FOUND")
        target = self.resolve(to)
        closing = self._close(name, "RESET BRANCH", message)
        self._fork(name, target, "RESET BRANCH", message)
        return closing

    def create_tag(self, name: str, source: str) -> None:
        self._must_be_new(name)
        self.tags[name] = self.resolve(source)

    def drop_tag(self, name: str) -> None:
        if self.tags.pop(name, None) is None:
            raise Refused("ANABRANCH_REF.NOT_FOUND")


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

    def create_table(self, branch: str, name: Name, columns: Sequence[str], rows: Sequence[Values] | None) -> None:
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
        back = replace(past, name=now.name, content=content, used=past.used | now.used if taken else past.used)
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
        for id, (name, content) in facts.tables.items():
            sides = [s.tables[id] for s in (ours, theirs) if id in s.tables]
            found[id] = replace(next(t for t in sides if t.content == content), name=name)
        return found

    def merge(self, source: str, into: str, message: str) -> Merged:
        plan, facts = self.plan_merge(source, into)
        if plan.conflicts:
            raise Refused("ANABRANCH_MERGE.CONFLICT", plan.conflicts)
        if facts is not None:
            ours, theirs = self.branches[into], self.resolve(source)
            after = self._tables(facts, ours, theirs)
            key = {id: (t.name, t.content) for id, t in ours.tables.items()}
            changed: dict[int, Table | None] = {i: t for i, t in after.items() if key.get(i) != (t.name, t.content)}
            changed.update((id, None) for id in ours.tables if id not in after)
            self.commit(into, "MERGE BRANCH", changed, facts.namespaces, message, theirs)
        return plan
