"""Keeps readers and writers from states whose data was given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anabranch.core.format.commits import Commit, Entry
from anabranch.core.format.names import MAIN, CommitId, Position
from anabranch.core.format.policies import Policy
from anabranch.core.format.times import shown
from anabranch.core.log.environment import Environment, requests
from anabranch.core.log.refs import Refs
from anabranch.core.log.states import States
from anabranch.core.operations.expiries import expiry_for, is_over
from anabranch.core.repository.main_policies import FRESH_MILLIS, MainPolicies
from anabranch.errors import AnabranchError, error

if TYPE_CHECKING:
    from anabranch.core.repository.resolver import ResolvedRef

MAX_KNOWN = 1000


@dataclass(frozen=True)
class _Known:
    """What was found out about a commit, when, and by which expiry."""

    time: int
    policy: Policy
    expired: bool


class Expired:
    """Tells which commits are expired [EXP-1].

    Where no expiry is about a commit's branch, that costs no request; else it is known for a minute.
    """

    def __init__(self, refs: Refs, states: States, policies: MainPolicies, env: Environment) -> None:
        self._refs = refs
        self._states = states
        self._policies = policies
        self._env = env
        self._known: dict[CommitId, _Known] = {}

    def refuse(self, id: CommitId, tag: str | None = None) -> None:
        """Refuses a commit whose data was given up [EXP-2].

        Args:
            id: the commit.
            tag: by which it was found, if it was: that is asked for first.

        Raises:
            RefExpired: telling by whom and when.
        """
        policy = self._by(id, tag)
        if policy is not None:
            raise _refusal(id, policy)

    def refuse_ref(self, ref: ResolvedRef) -> None:
        """The same for what a ref named when it was resolved."""
        self.refuse(ref.state.id, ref.text.removeprefix("tag:") if ref.kind == "tag" else None)

    def __contains__(self, id: CommitId | None) -> bool:
        return id is not None and self._by(id, None) is not None

    def _by(self, id: CommitId, tag: str | None) -> Policy | None:
        policies = self._policies.recent()
        if not any(p.expiry for p in policies.values()):
            return None
        entry = self._states.log.commit(id)
        first = self._states.log.get(Position(id.position.ordinal, 0)).commit
        policy = expiry_for(policies, first.branch or MAIN)
        if policy is None or policy.expiry is None or entry.commit.time > policy.expiry.before:
            return None
        known, now = self._known.get(id), self._env.now()
        if known is None or known.policy is not policy or not 0 <= now - known.time <= FRESH_MILLIS:
            expired = is_over(entry.commit, self._following(entry), policy.expiry.before)
            known = _Known(now, policy, expired and not self._is_tagged(id, tag))
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[id] = known
        return policy if known.expired else None

    def _following(self, entry: Entry) -> Commit | None:
        at = entry.id.position
        following = self._states.log.find(at._replace(seq=at.seq + 1))
        return None if following is None else following.commit

    def _is_tagged(self, id: CommitId, tag: str | None) -> bool:
        if tag is not None and self._refs.tag(tag) == id:
            return True
        return id in requests.map(self._refs.tag_names(), self._refs.tag)


def _refusal(id: CommitId, policy: Policy) -> AnabranchError:
    e = policy.expiry
    assert e is not None
    return error(
        "ANABRANCH_REF.EXPIRED",
        commit=id.short,
        author=e.author,
        branches=policy.branches,
        before=shown(e.before),
        time=shown(e.time),
    )
