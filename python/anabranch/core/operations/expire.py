"""Gives up the data of old states: a commit on main that sets a policy."""

from __future__ import annotations

from dataclasses import dataclass

from anabranch.core.format.policies import Expiry, expiry_name, expiry_of
from anabranch.core.format.times import shown
from anabranch.core.log.replay import CatalogState
from anabranch.core.transaction.guards import may_change_policy
from anabranch.core.transaction.proposals import Proposal
from anabranch.errors import error

OPERATION = "EXPIRE"


@dataclass(frozen=True)
class GiveUp:
    """Has what was over on some branches by a time given up; see `Intent`. A commit on main.

    Attributes:
        branches: a pattern.
        before: the time, in milliseconds since 1970.
        author: who asks for it.
        now: when.
    """

    branches: str
    before: int
    author: str
    now: int
    operation: str = OPERATION
    merges: bool = False

    @property
    def name(self) -> str:
        """Of the policy."""
        return expiry_name(self.branches)

    def onto(self, now: CatalogState) -> Proposal:
        """See `Intent`.

        Raises:
            ExpiryLaterThanNow, ExpiryEarlierThanBefore, PermissionDenied, RefProtected.
        """
        time = max(self.now, now.time + 1)  # that of the commit, or a little before
        policy = expiry_of(self.branches, Expiry(self.before, self.author, time))
        may_change_policy(now.policies, self.branches, OPERATION, self.author)
        there = now.policies.get(self.name)
        is_ = there.expiry if there else None
        told = {"branches": self.branches, "before": shown(self.before)}
        if self.before > time:
            raise error("ANABRANCH_EXPIRY.LATER_THAN_NOW", now=shown(time), **told)
        if is_ and self.before < is_.before:
            raise error("ANABRANCH_EXPIRY.EARLIER_THAN_BEFORE", **{"is": shown(is_.before)}, **told)
        return Proposal() if is_ and self.before == is_.before else Proposal(policies={self.name: policy})
