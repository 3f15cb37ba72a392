"""Gives up the data of old states, and tells what that means."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from anabranch.core.format.names import MAIN, ref_problem
from anabranch.core.format.policies import Policy
from anabranch.core.format.times import FIRST_MILLIS, to_millis, to_time
from anabranch.core.log.replay import EMPTY
from anabranch.core.operations.expire import GiveUp
from anabranch.core.repository.names import must_be_texts
from anabranch.core.repository.surviving import Surviving
from anabranch.core.transaction.committer import CommitContext
from anabranch.errors import error
from anabranch.giving_up import ExpireResult

if TYPE_CHECKING:
    from anabranch.core.repository.upkeep import Upkeep

ALL = 1 << 62
"""A time after everything."""


def expire(
    repository: Upkeep, older_than: datetime | timedelta, branches: str, dry_run: bool, by: CommitContext
) -> ExpireResult:
    """Gives up what was over on some branches by a time; see `Upkeep.expire`."""
    must_be_texts("a pattern of branches", branches)
    problem = ref_problem(branches.replace("*", "x"))
    if problem is not None:
        raise error("ANABRANCH_REF.INVALID_NAME", ref=branches, reason=problem)
    now = repository.env.now()
    if isinstance(older_than, timedelta):
        before = max(now - older_than // timedelta(milliseconds=1), FIRST_MILLIS)
    else:
        before = to_millis(older_than)
    intent = GiveUp(branches, before, by.author, now)
    start = repository.refs.head(MAIN) or EMPTY
    done = intent.onto(start) if dry_run else repository.committer.commit(MAIN, start, intent, by)
    policy = done.policies.get(intent.name) or start.policies[intent.name]
    e = policy.expiry
    assert e is not None
    count = _expired(repository, {intent.name: policy})
    return ExpireResult(branches, to_time(e.before), e.author, to_time(e.time), count)


def _expired(repository: Upkeep, policies: dict[str, Policy]) -> int:
    """How many commits it makes expired."""
    surviving = Surviving(repository.store, repository.states, repository.refs, ALL)
    first = {line.ordinal: line.first for line in surviving.lines(policies)}
    tagged = {id.position for id in surviving.tagged()}
    return sum(first.values()) - sum(p.seq < first.get(p.ordinal, 0) for p in tagged)
