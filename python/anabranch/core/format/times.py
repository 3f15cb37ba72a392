"""Times as users give and read them, and as the format has them: milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST_MILLIS = -62_135_596_800_000
"""The first time that Python knows."""


def to_time(millis: int) -> datetime:
    """UTC, from milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=millis)


def to_millis(time: datetime) -> int:
    """Milliseconds since 1970; a time without a zone is UTC."""
    if not isinstance(time, datetime):
        raise TypeError(f"a time is a datetime, and not of {type(time).__name__}")
    aware = time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def shown(millis: int) -> str:
    """A time for people."""
    time = to_time(millis)
    return time.isoformat(timespec="milliseconds" if millis % 1000 else "seconds").replace("+00:00", "Z")
