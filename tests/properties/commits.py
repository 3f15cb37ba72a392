"""Tables, commits and refs of the model.

A commit is an immutable snapshot that knows the set of its ancestors. A name is a pair of namespace and
table. Columns hold integers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from properties.merge import Facts, State

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

    def state(self) -> State:
        return State({c.physical: (c.name, c.default) for c in self.columns}, self.used, self.blocks)

    def holding(self, state: State) -> Table:
        columns = tuple(Column(name, p, default) for p, (name, default) in state.columns.items())
        return replace(self, columns=columns, used=state.used, blocks=state.blocks)

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
        raise Refused("UNRESOLVED_COLUMN.WITH_SUGGESTION")

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
        tables = {t.id: (t.name, t.content, t.state()) for t in self.tables.values()}
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
