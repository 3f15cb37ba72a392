"""What expiry and vacuum tell: which data was given up, and which objects are gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ExpireResult:
    """The data of old states that was given up.

    Attributes:
        branches: on which branches: a name, in which ``*`` stands for any characters.
        before: of all states that were over by then. UTC.
        author: who gave it up.
        time: when that was.
        expired_commits: how many commits can't be read any more by it.
    """

    branches: str
    before: datetime
    author: str
    time: datetime
    expired_commits: int


@dataclass(frozen=True)
class DeletedObject:
    """An object that a vacuum deletes.

    Attributes:
        path: under the repository's root.
        size: in bytes.
        modified: when it was last changed, by the store's clock. UTC.
    """

    path: str
    size: int
    modified: datetime
