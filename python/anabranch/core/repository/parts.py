"""What the offers of a repository are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anabranch.core.log.environment import Environment
    from anabranch.core.log.refs import Refs
    from anabranch.core.log.states import States
    from anabranch.core.repository.history import History
    from anabranch.core.repository.resolver import ResolvedRef
    from anabranch.core.store.objects import ObjectStore
    from anabranch.core.transaction.committer import CommitContext, Committer


class Parts:
    """What `Repository` has, for those who offer a part of what it can do."""

    ref: str
    store: ObjectStore
    author: str
    env: Environment
    states: States
    refs: Refs
    past: History
    committer: Committer

    def before_write(self) -> None:
        """Refuses to write where that is not safe."""
        raise NotImplementedError

    def context(
        self,
        message: str = "",
        author: str | None = None,
        metadata: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> CommitContext:
        """Who commits, and why."""
        raise NotImplementedError

    def resolved(self, ref: str | None = None, *, expired: bool = False) -> ResolvedRef:
        """The state that a ref names now."""
        raise NotImplementedError
