"""Holds commits to the repository's policies: section 10 of SPEC.md."""

from __future__ import annotations

from collections.abc import Mapping

from anabranch.core.format.names import MAIN
from anabranch.core.format.policies import GATE, PROTECTION, Policy, must_be_known
from anabranch.core.log.refs import Refs
from anabranch.core.log.replay import CatalogState
from anabranch.core.transaction.permissions import may_commit, may_manage
from anabranch.core.transaction.proposals import Proposal
from anabranch.errors import AnabranchError, error


def policies_of(branch: str, state: CatalogState, refs: Refs) -> dict[str, Policy]:
    """The policies of a branch: of main those of the state that a commit stands on, else as of now [POL-1].

    Args:
        branch: its name.
        state: of it.
        refs: of the repository.
    """
    newest = state if branch == MAIN else refs.head(MAIN) or state
    return {name: p for name, p in newest.policies.items() if p.applies_to(branch)}


def admit(branch: str, policies: Mapping[str, Policy], operation: str, merges: bool, author: str) -> None:
    """Refuses what a protected branch is protected from, and who was not granted to change it [POL-2, POL-5].

    Raises:
        RefProtected, PermissionDenied, RepositoryUnknownFeature: see there.
    """
    for _, policy in sorted(policies.items()):
        if policy.kind == PROTECTION:
            if not merges or not _admits(policy, author):
                raise _protected(policy, branch, operation, author)
        else:
            must_be_known(policy, f"branch {branch}")
    may_commit(branch, policies, operation, author)


def may_change_policy(policies: Mapping[str, Policy], branches: str, operation: str, author: str) -> None:
    """Refuses who may not change a rule about some branches: by grants, and by main's protections [POL-2].

    Args:
        policies: all of the repository.
        branches: as the rule has them.
        operation: what is done.
        author: who does it.

    Raises:
        PermissionDenied, RefProtected.
    """
    may_manage(policies, branches, operation, author)
    for name, p in sorted(policies.items()):
        about = p.applies_to(MAIN) or name == f"{PROTECTION}:{branches}"
        if p.kind == PROTECTION and about and not _admits(p, author):
            raise _protected(p, p.branches, operation, author)


def _admits(protection: Policy, author: str) -> bool:
    return not protection.principals or author in protection.principals


def _protected(rule: Policy, branch: str, operation: str, author: str) -> AnabranchError:
    who = f" by {', '.join(rule.principals)}" if rule.principals else ""
    return error(
        "ANABRANCH_REF.PROTECTED",
        ref=branch,
        operation=operation,
        author=author,
        rule=rule.branches,
        who=who,
    )


def must_not_be_due(
    branch: str, policies: Mapping[str, Policy], state: CatalogState, proposal: Proposal
) -> None:
    """Refuses a commit that a gate has to let pass: gates are queries in Spark's SQL [POL-3].

    Raises:
        GateNoEngine: naming the gate.
    """
    names = set()
    for id, change in proposal.tables.items():
        if not change.rearranged:
            names |= {change.name} if change.name else set()
            names |= {state.tables[id].name} if id in state.tables else set()
    _refuse(branch, policies, names, state)


def must_pass_ungated(
    branch: str, policies: Mapping[str, Policy], before: CatalogState | None, after: CatalogState
) -> None:
    """The same for a state that a branch is to have from now on.

    Args:
        branch: its name.
        policies: those of the branch.
        before: the state that it has; None if it is new.
        after: the state that it is to have.
    """
    old = before.by_name if before else {}
    changed = {
        name
        for name in {*old, *after.by_name}
        if name not in old or name not in after.by_name or old[name].content != after.by_name[name].content
    }
    _refuse(branch, policies, changed, *([before] if before else []), after)


def _refuse(
    branch: str, policies: Mapping[str, Policy], names: set[tuple[str, ...]], *states: CatalogState
) -> None:
    def is_view(name: tuple[str, ...]) -> bool:
        found = (s.by_name.get(name) for s in states)
        return any(t is not None and t.metadata.view is not None for t in found)

    for key, policy in sorted(policies.items()):
        if policy.kind == GATE and names:
            # what a view reads may be another table by now than when the gate was made
            if policy.tables & names or any(map(is_view, policy.tables)):
                raise error("ANABRANCH_GATE.NO_ENGINE", gate=key.removeprefix("gate:"), branch=branch)
