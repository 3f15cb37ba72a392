"""How long, or since when, as people write it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import typer

_DURATION = re.compile(r"(\d{1,9})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FORM = "30d, 12h, 45m, 90s or 2w"


def duration(text: str) -> timedelta:
    """A length of time.

    Raises:
        typer.BadParameter: for what is none.
    """
    found = _duration(text)
    if found is None:
        raise typer.BadParameter(f"'{text}' is not as {FORM}")
    return found


def duration_or_time(text: str) -> timedelta | datetime:
    """A length of time, or a time; one without a zone is UTC.

    Raises:
        typer.BadParameter: for what is neither.
    """
    found = _duration(text)
    if found is not None:
        return found
    try:
        time = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        form = f"{FORM}, nor a time such as 2026-01-31 or 2026-01-31T12:00:00Z"
        raise typer.BadParameter(f"'{text}' is neither as {form}") from None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _duration(text: str) -> timedelta | None:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        return timedelta.max
