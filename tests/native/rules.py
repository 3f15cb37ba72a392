"""Rules about branches, as Spark makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anabranch import Repository
from anabranch.core.format.policies import Policy
from anabranch.core.log.replay import CatalogState
from anabranch.core.transaction.proposals import Proposal


@dataclass(frozen=True)
class SetPolicy:
    """Makes a rule as Spark does."""

    name: str
    written: dict[str, Any]
    operation: str = "SET POLICY"
    merges: bool = False

    def onto(self, now: CatalogState) -> Proposal:
        w = self.written
        made = Policy(
            w["kind"],
            w["branches"],
            tuple(w.get("principals", ())),
            frozenset(),
            w.get("privilege"),
            None,
            None,
            w,
        )
        return Proposal(policies={self.name: made})


def ruled(repo: Repository, name: str, **written: Any) -> None:
    state = repo.refs.head("main")
    assert state is not None
    repo.committer.commit("main", state, SetPolicy(name, written), repo.context())
