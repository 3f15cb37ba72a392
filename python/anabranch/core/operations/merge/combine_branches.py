"""Puts what one state changed since a base on top of a branch: MERGE BRANCH, CHERRY PICK, REVERT."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from anabranch.core.format.commits import Name, TableChange
from anabranch.core.format.names import Position
from anabranch.core.log.replay import CatalogState
from anabranch.core.operations.merge.base_table import BaseCatalog
from anabranch.core.operations.merge.catalog_facts import CatalogFacts, Properties
from anabranch.core.operations.merge.catalog_merge import OPEN, three_way
from anabranch.core.operations.merge.conflicts import SCHEMA, MergeConflict
from anabranch.core.operations.merge.decisions import Decisions, synonyms
from anabranch.core.operations.merge.table_merge import MergeContext, TableMerge, TablePlan
from anabranch.core.transaction.proposals import Proposal
from anabranch.errors import AnabranchError, error

MERGE = "MERGE BRANCH"
SHOWN = 5


@dataclass(frozen=True)
class CatalogPlan:
    """A merged catalog that nobody has committed yet.

    Attributes:
        facts: of its tables and namespaces.
        tables: plans of the tables that both sides changed.
        conflicts: what is open.
        fast_forward: whether our side had changed nothing since the base.
    """

    facts: CatalogFacts
    tables: Mapping[str, TablePlan]
    conflicts: list[MergeConflict]
    fast_forward: bool


@dataclass(frozen=True)
class CombineBranches:
    """The intent. It is planned anew when the branch moves.

    Attributes:
        operation: as history shows it.
        theirs: the state with the changes.
        base: what the changes are told against, given our state.
        parent: whether `theirs` becomes a parent of the commit.
        fast_forward_only: whether to refuse if our side has changed anything since the base.
        decisions: how conflicts are decided.
        context: what it reads and writes.
        source: its name, for people.
        target: the branch.
    """

    operation: str
    theirs: CatalogState
    base: Callable[[CatalogState], BaseCatalog]
    parent: bool
    fast_forward_only: bool
    decisions: Decisions
    context: MergeContext
    source: str
    target: str
    # a race that is lost to a commit on other tables changes nothing for a table
    _planned: dict[tuple[str, Position], TablePlan] = field(default_factory=dict)

    @property
    def merges(self) -> bool:
        """See `Intent`."""
        return self.operation == MERGE

    def onto(self, now: CatalogState) -> Proposal:
        """See `Intent`.

        Raises:
            MergeConflict: if the sides contradict each other.
            MergeNotFastForward: if something has to be combined, and must not.
        """
        if self.parent and now.knows(self.theirs.position):
            return Proposal()
        plan = self.plan(now)
        if self.fast_forward_only and not plan.fast_forward:
            raise error("ANABRANCH_MERGE.NOT_FAST_FORWARD", source=self.source, target=self.target)
        if plan.conflicts:
            raise _conflict(self.source, self.target, plan.conflicts)
        combined = sum(len(p.combined) for p in plan.tables.values())
        return Proposal(
            self._changes(now, plan),
            _spaces(now, plan.facts),
            {"rows_combined": combined} if combined else {},
            merges=self.theirs if self.parent else None,
        )

    def plan(self, now: CatalogState) -> CatalogPlan:
        """What a merge into a state would make of it."""
        base, ours = self.base(now), CatalogFacts.of(now)
        others = CatalogFacts.of(self.theirs)
        mine, other = ({id: t.name for id, t in side.tables.items()} for side in (ours, others))
        told = self.decisions.of_tables(synonyms(mine, other))
        facts, conflicts = three_way(base.facts, ours, others, told.about)
        tables = {
            id: self._table(now, base, id, f.name, told)
            for id, f in facts.tables.items()
            if f.content == OPEN
        }
        conflicts += [c for p in tables.values() for c in p.conflicts]
        return CatalogPlan(facts, tables, conflicts, base.facts == ours)

    def _table(self, now: CatalogState, base: BaseCatalog, id: str, name: Name, told: Decisions) -> TablePlan:
        ours = now.tables[id]
        key = (id, ours.at)
        if key not in self._planned:
            self._planned[key] = TableMerge(
                name,
                base.table(id),
                ours,
                self.theirs.tables[id],
                base.knows,
                base.single,
                not self.parent,
                told,
                self.context,
            ).plan()
        return self._planned[key]

    def _changes(self, now: CatalogState, plan: CatalogPlan) -> dict[str, TableChange]:
        changes = {id: TableChange(dropped=True) for id in now.tables if id not in plan.facts.tables}
        for id, f in plan.facts.tables.items():
            here = now.tables.get(id)
            if id in plan.tables:
                change = plan.tables[id].change(self.theirs.tables[id], self.context)
            else:
                same = here is not None and str(here.content) == f.content
                change = TableChange(adopt=None if same else self.theirs.id)
            if here is None or here.name != f.name:
                change = replace(change, name=f.name)
            if change.name or change.touches_files or change.adopt or change.metadata:
                changes[id] = change
        return changes


def _spaces(now: CatalogState, facts: CatalogFacts) -> dict[Name, Properties | None]:
    changes: dict[Name, Properties | None] = {n: None for n in now.namespaces if n not in facts.namespaces}
    changes |= {n: p for n, p in facts.namespaces.items() if now.namespaces.get(n) != p}
    return changes


def _conflict(source: str, target: str, conflicts: list[MergeConflict]) -> AnabranchError:
    def told(c: MergeConflict) -> str:
        column = f" (column {c.column})" if c.kind == SCHEMA and c.column is not None else ""
        return f"{'.'.join(c.name)}: {c.reason}{column}" + (f" (_row_id {c.row.id})" if c.row else "")

    few = list(dict.fromkeys(map(told, conflicts)))
    return error(
        "ANABRANCH_MERGE.CONFLICT",
        source=source,
        target=target,
        count="1 conflict" if len(conflicts) == 1 else f"{len(conflicts)} conflicts",
        conflicts="; ".join(few[:SHOWN]) + ("; …" if len(few) > SHOWN else ""),
    )
