"""What a commit is to do, before it is known where in the log it will stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from anabranch.core.format.commits import Closing, Name, TableChange
from anabranch.core.format.names import Position
from anabranch.core.format.policies import Policy
from anabranch.core.log.replay import CatalogState, TableState


@dataclass(frozen=True)
class Proposal:
    """Changes of which versions, previous commits and row numbers are filled in when the place is known.

    Attributes:
        tables: by id.
        namespaces: properties afterwards, None where one is dropped.
        metrics: counts for history.
        merges: the head of another branch that becomes the second parent.
        closing: if it ends the log.
        reads: ids of tables whose rows decided what it does.
        policies: rules about branches, by name.
    """

    tables: Mapping[str, TableChange] = field(default_factory=dict)
    namespaces: Mapping[Name, Mapping[str, str] | None] = field(default_factory=dict)
    metrics: Mapping[str, int] = field(default_factory=dict)
    merges: CatalogState | None = None
    closing: Closing | None = None
    reads: frozenset[str] = frozenset()
    policies: Mapping[str, Policy] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.tables or self.namespaces or self.merges or self.closing or self.policies)


class Intent(Protocol):
    """What somebody wants to do to a branch, stated so that it can be asked again of a newer state."""

    @property
    def operation(self) -> str:
        """``INSERT``, ``CREATE TABLE``, …, as history shows it."""

    @property
    def merges(self) -> bool:
        """Whether it is a merge of branches, which is what protected branches are for."""
        return False

    def onto(self, now: CatalogState) -> Proposal:
        """The changes that do it on this state.

        Raises:
            Conflict: if another commit since the one that was read makes it impossible.
            AnabranchError: if the state doesn't allow it.
        """


class Conflict(Exception):
    """An intent that another commit has made impossible."""

    def __init__(self, reason: str, other: Position) -> None:
        super().__init__(reason)
        self.reason = reason
        self.other = other


def same_layout(was: TableState, now: CatalogState) -> TableState:
    """A table as it is now.

    Raises:
        Conflict: if it was dropped, or changed so that rows which were written for it don't fit.
    """
    there = now.tables.get(was.id)
    if there is None:
        raise Conflict(f"the table {was.full_name} was dropped meanwhile", now.position)
    if not there.metadata.same_layout(was.metadata):
        raise Conflict(f"the columns of {was.full_name} were changed meanwhile", there.at)
    return there


@dataclass(frozen=True)
class CloseLog:
    """Closes a branch's log; whatever came before it meanwhile stands.

    Attributes:
        closing: the end.
        operation: for history.
        policies: those that its successor begins with.
        head: the commit that the log must end with, if nothing is to be lost.
    """

    closing: Closing
    operation: str
    policies: Mapping[str, Policy] | None = None
    merges: bool = False
    head: Position | None = None

    def onto(self, now: CatalogState) -> Proposal:
        """See `Intent`."""
        if self.head is not None and self.head != now.position:
            raise Conflict("the branch has moved meanwhile", now.position)
        if self.policies is not None and dict(self.policies) != dict(now.policies):
            raise Conflict("its gates were changed meanwhile", now.position)
        return Proposal(closing=self.closing)
