"""From a ref as users write it to a state."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from anabranch.core.format.commits import Entry
from anabranch.core.format.names import MAIN, CommitId, Position, ref_problem
from anabranch.core.format.times import to_millis, to_time
from anabranch.core.log.environment import requests
from anabranch.core.log.refs import Refs
from anabranch.core.log.replay import CatalogState
from anabranch.core.log.states import States
from anabranch.core.repository.expired import Expired
from anabranch.core.repository.names import must_be_texts
from anabranch.errors import AnabranchError, error

_STEP = re.compile(
    r"(?P<base>.+?)(?:~(?P<back>\d{0,9})|\^(?P<parent>\d{0,9})|@\{(?P<time>[^}]*)\})", re.DOTALL
)
_QUALIFIED = re.compile(r"(branch|tag):(.*)", re.DOTALL)
_SHORT = re.compile(r"([0-9a-f]{6}-[0-9]{1,12})(?:-([0-9a-f]{0,64}))?")


@dataclass(frozen=True)
class RefExpression:
    """A ref as users write it: a name or commit id, and steps back from it.

    ``main~2`` (two first parents back), ``main^2`` (the second parent), ``main@{2026-01-01T00:00:00Z}`` (the
    last commit at or before a time), ``branch:x`` and ``tag:x`` where a name alone would be ambiguous.
    """

    kind: str | None
    base: str
    steps: Sequence[tuple[str, str]]

    @staticmethod
    def parse(text: str) -> RefExpression:
        """Takes it apart. Names can't hold ``~``, ``^`` or ``@``."""
        rest, steps = text.strip(), list[tuple[str, str]]()
        while True:
            start = max(rest.rfind("~"), rest.rfind("^"), rest.rfind("@{"))
            found = _STEP.fullmatch("x" + rest[start:]) if start > 0 else None
            if found is None or found["base"] != "x":
                break
            kind = next(k for k in ("back", "parent", "time") if found[k] is not None)
            steps.insert(0, (kind, found[kind]))
            rest = rest[:start]
        qualified = _QUALIFIED.fullmatch(rest)
        return (
            RefExpression(qualified[1], qualified[2], steps)
            if qualified
            else RefExpression(None, rest, steps)
        )


@dataclass(frozen=True)
class ResolvedRef:
    """A ref, and the state that it names at this moment. `kind` is branch, tag or commit."""

    text: str
    kind: str
    state: CatalogState

    @property
    def writable(self) -> str:
        """The branch's name.

        Raises:
            RefReadOnly: for a tag or commit.
        """
        if self.kind != "branch":
            raise error("ANABRANCH_REF.READ_ONLY", ref=self.text, kind=self.kind)
        return self.text.removeprefix("branch:")


class RefResolver:
    """Resolves refs of one repository."""

    def __init__(self, root: str, refs: Refs, states: States, expired: Expired) -> None:
        self._root = root
        self._refs = refs
        self._states = states
        self.expired = expired

    def resolve(self, text: str) -> ResolvedRef:
        """The state that a ref names now, to be read or to go on from.

        Raises:
            RefNotFound, RefAmbiguous, RefHashMismatch, RefNoAncestor, RefBeforeFirstCommit: if there is none.
            RefExpired: if its data was given up.
        """
        ref = self.find(text)
        if ref.kind == "commit":  # heads and what tags name are never given up
            self.expired.refuse(ref.state.id)
        return ref

    def find(self, text: str) -> ResolvedRef:
        """The same, to tell what the log does: whether or not its data was given up."""
        must_be_texts("a ref", text)  # while `Table.at` takes versions and datetimes, too
        expression = RefExpression.parse(text)
        ref = self._base(expression, text)
        for kind, what in expression.steps:
            if kind == "back":
                state = self._ancestor(ref, int(what or 1))
            elif kind == "parent":
                state = self._parent(ref, int(what or 1))
            else:
                state = self.at_time(ref, self._millis(what, text))
            ref = ResolvedRef(text, "commit", state)
        return ref

    def not_found(self, text: str) -> AnabranchError:
        """The error for a ref that is not there, with names that are near."""
        near = difflib.get_close_matches(text, [*self._refs.branch_names(), *self._refs.tag_names()], n=3)
        found = error("ANABRANCH_REF.NOT_FOUND", ref=text, root=self._root)
        if near:
            found.add_hint(f"Near names: {', '.join(near)}.")
        return found

    def _base(self, e: RefExpression, text: str) -> ResolvedRef:
        if e.kind is None and ref_problem(e.base) is not None:
            return self._commit(e.base, text)
        both = e.kind is None and e.base != MAIN  # main is always a branch, and asked for all the time
        asked = requests.start(lambda: self._refs.tag(e.base)) if both or e.kind == "tag" else None
        branch = None if e.kind == "tag" else self._refs.head(e.base)
        tag = asked.result() if asked else None
        if branch and tag:
            raise error("ANABRANCH_REF.AMBIGUOUS", ref=text, matches="it names a branch and a tag")
        if branch:
            return ResolvedRef(text, "branch", branch)
        if tag is None:
            raise self.not_found(text)
        return ResolvedRef(text, "tag", self._states.at(tag))

    def _commit(self, base: str, text: str) -> ResolvedRef:
        """A commit by its id, of which hash digits may be left out."""
        found = _SHORT.fullmatch(base)
        at = Position.parse(found[1]) if found else None
        entry = self._states.log.find(at) if at else None
        if found is None or entry is None:
            raise self.not_found(text)
        if not entry.id.sha256.startswith(found[2] or ""):
            raise error("ANABRANCH_REF.HASH_MISMATCH", ref=text, found=entry.id.short)
        return ResolvedRef(text, "commit", self._states.after(entry))

    def _fork_point(self, ordinal: int) -> CommitId | None:
        return self._states.log.get(Position(ordinal, 0)).commit.first_parent

    def _ancestor(self, ref: ResolvedRef, count: int) -> CatalogState:
        at, left = ref.state.position, count
        while left > at.seq:
            fork = self._fork_point(at.ordinal)
            if fork is None:
                raise self._no_ancestor(ref, count - left + at.seq)
            left -= at.seq + 1
            at = fork.position
        return self._states.after(self._states.log.get(Position(at.ordinal, at.seq - left)))

    def _parent(self, ref: ResolvedRef, number: int) -> CatalogState:
        parents = self._states.log.commit(ref.state.id).commit.parents
        if not 1 <= number <= len(parents):
            raise self._no_ancestor(ref, len(parents))
        return self._states.at(parents[number - 1])

    def _no_ancestor(self, ref: ResolvedRef, count: int) -> AnabranchError:
        return error("ANABRANCH_REF.NO_ANCESTOR", ref=ref.text, base=ref.state.id.short, count=count)

    def at_time(self, ref: ResolvedRef, millis: int) -> CatalogState:
        """The state after the last commit at or before a time, along first parents [TIME-1].

        Raises:
            RefBeforeFirstCommit: if there is none.
        """
        log = self._states.log
        top = log.commit(ref.state.id)
        while top.commit.time > millis:
            first = log.get(Position(top.id.position.ordinal, 0))
            if first.commit.time <= millis:
                return self._states.after(self._last_up_to(first, top, millis))
            fork = first.commit.first_parent
            if fork is None:
                raise error(
                    "ANABRANCH_REF.BEFORE_FIRST_COMMIT",
                    time=to_time(millis).isoformat(),
                    ref=ref.text,
                    first=to_time(first.commit.time).isoformat(),
                )
            top = log.commit(fork)
        return self._states.after(top)

    def _last_up_to(self, low: Entry, above: Entry, millis: int) -> Entry:
        """Times rise along a log, so the entry is found by halving."""
        high = above.id.position.seq
        while high - low.id.position.seq > 1:
            at = low.id.position._replace(seq=(low.id.position.seq + high) // 2)
            middle = self._states.log.get(at)
            if middle.commit.time <= millis:
                low = middle
            else:
                high = at.seq
        return low

    def _millis(self, text: str, ref: str) -> int:
        try:
            return to_millis(datetime.fromisoformat(text.strip().replace("Z", "+00:00")))
        except (ValueError, OverflowError):
            found = self.not_found(ref)
            found.add_hint(f"'{text}' is no time such as 2026-01-31T12:00:00Z.")
            raise found from None
