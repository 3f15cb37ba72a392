"""What both sides changed in a table's metadata: settled by a choice, or open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from anabranch.core.operations.merge.decisions import Choice
from anabranch.core.operations.merge.three_way import TORN, Versions, under

T = TypeVar("T")


@dataclass(frozen=True)
class MetadataConflict:
    """Two changes of a table's columns, properties or constraints that can't both be.

    Attributes:
        column: logical path of the column; None for the table as a whole.
        reason: in words.
        base: what both started from, as text.
        ours: what we have.
        theirs: what they have.
    """

    column: str | None
    reason: str
    base: str | None = None
    ours: str | None = None
    theirs: str | None = None


class MetadataConflicts:
    """Settles what both sides changed, and keeps what stays open.

    Where something is shown, None says that there is no such thing.

    Args:
        choose: the side that a conflict about a column (None: the table) is decided for; None leaves it open.
    """

    def __init__(self, choose: Callable[[str | None], Choice | None]) -> None:
        self._choose = choose
        self.found: list[MetadataConflict] = []

    def add(self, column: str, reason: str) -> None:
        """One more that is open."""
        self.found.append(MetadataConflict(column, reason))

    def settled(self, column: str | None, reason: str, of: Versions[T], show: Callable[[T], str | None]) -> T:
        """The version of the side that changed it; where both did, as `decided`."""
        picked = of.picked
        return self.decided(column, reason, of, show) if picked is TORN else picked

    def decided(self, column: str | None, reason: str, of: Versions[T], show: Callable[[T], str | None]) -> T:
        """The version of the side that is chosen; ours, and a conflict, where none is."""
        chosen = self.chosen(column, of)
        return self.left_open(column, reason, of, show) if chosen is TORN else chosen

    def chosen(self, column: str | None, of: Versions[T]) -> T:
        """The version of the side that is chosen for conflicts about a column; TORN where none is."""
        choice = self._choose(column)
        if choice is None:
            return TORN  # type: ignore[no-any-return]
        return of.theirs if choice == "theirs" else of.ours

    def left_open(
        self, column: str | None, reason: str, of: Versions[T], show: Callable[[T], str | None]
    ) -> T:
        """Our version, of what no choice settles."""
        base = None if of.base is TORN else show(of.base)
        self.found.append(MetadataConflict(column, reason, base, show(of.ours), show(of.theirs)))
        return of.ours

    def settled_texts(self, column: str | None, what: str, of: Versions[Mapping[str, str]]) -> dict[str, str]:
        """Settles texts under names one by one: properties, or what is said of a column."""
        texts = Versions({} if of.base is TORN else of.base, of.ours, of.theirs)
        merged = {}
        for name in sorted({*texts.base, *texts.ours, *texts.theirs}):
            versions = under(name, texts)
            text = self.settled(column, f"both sides changed {what} {name}", versions, lambda told: told)
            if text is not None:
                merged[name] = text
        return merged
