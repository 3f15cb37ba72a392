"""How long a writer may take: what lies unnamed for longer, VACUUM may delete [TXN-7]."""

from __future__ import annotations

from anabranch.core.log.environment import Environment
from anabranch.errors import error

HOUR = 60 * 60 * 1000
LIMIT_HOURS = 72
"""Half a day less than half the grace period of VACUUM: clocks differ, and policies may be known late."""


def must_be_in_time(env: Environment, began: int | None) -> None:
    """Refuses to make a name for what was begun too long ago.

    Args:
        env: tells the time.
        began: when, by its steady clock; None if nothing was read or written for it.

    Raises:
        TransactionTooOld: with the hours.
    """
    if began is not None and env.steady() - began > LIMIT_HOURS * HOUR:
        hours = (env.steady() - began) // HOUR
        raise error("ANABRANCH_TRANSACTION.TOO_OLD", hours=hours, limit=LIMIT_HOURS)
