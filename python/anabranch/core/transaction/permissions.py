"""What grants allow: section 10 of SPEC.md. Those of one privilege add up: whom any of them names may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from anabranch.core.format.policies import MANAGE, MODIFY, SELECT, GrantedTable, Policy
from anabranch.core.log.replay import CatalogState
from anabranch.core.transaction.proposals import Proposal
from anabranch.errors import error


def may_commit(branch: str, policies: Mapping[str, Policy], operation: str, author: str) -> None:
    """Refuses who may not commit to a branch [POL-5].

    Args:
        branch: its name.
        policies: of the branch.
        operation: what is done, for the message.
        author: who does it.

    Raises:
        PermissionDenied: naming who may.
    """
    about = [p for p in policies.values() if p.privilege == MODIFY and p.table is None]
    _require(about, MODIFY, f"branch {branch}", operation, author)


def may_modify(
    policies: Mapping[str, Policy], tables: Iterable[GrantedTable], operation: str, author: str
) -> None:
    """The same for who may not change one of some tables."""
    _of_tables(policies, tables, MODIFY, operation, author)


def may_select(policies: Mapping[str, Policy], branch: str | None, table: GrantedTable, author: str) -> None:
    """Refuses who may not see the rows of a table [POL-6].

    Args:
        policies: all of the repository.
        branch: on which the rows are; None where they come from several: any grant will do.
        table: the table.
        author: who asks.

    Raises:
        PermissionDenied: naming who may.
    """
    here = {name: p for name, p in policies.items() if branch is None or p.applies_to(branch)}
    if branch is not None:
        about = [p for p in here.values() if p.privilege == SELECT and p.table is None]
        _require(about, SELECT, f"branch {branch}", "read", author)
    _of_tables(here, [table], SELECT, "read", author)


def may_manage(policies: Mapping[str, Policy], branches: str, operation: str, author: str) -> None:
    """Refuses who may not change a rule about some branches [POL-5].

    Args:
        policies: all of the repository.
        branches: as the rule has them.
        operation: what is done, for the message.
        author: who does it.

    Raises:
        PermissionDenied: naming who may.
    """
    about = [p for p in policies.values() if p.privilege == MANAGE and p.applies_to(branches)]
    _require(about, MANAGE, f"branches '{branches}'", operation, author)


def changed_tables(
    ids: Iterable[str], *states: CatalogState, proposal: Proposal | None = None
) -> list[GrantedTable]:
    """Some tables, under the names that they have in some states, and that a proposal gives them."""
    found = [GrantedTable(id, s.tables[id].name) for id in ids for s in states if id in s.tables]
    if proposal is not None:
        found += [GrantedTable(id, t.name) for id, t in proposal.tables.items() if t.name]
    return found


def _of_tables(
    policies: Mapping[str, Policy],
    tables: Iterable[GrantedTable],
    privilege: str,
    operation: str,
    author: str,
) -> None:
    about = [(p, p.table) for p in policies.values() if p.privilege == privilege and p.table]
    if about:
        for t in tables:
            name = f"table {'.'.join(t.name)}"
            _require([p for p, of in about if of.matches(t)], privilege, name, operation, author)


def _require(about: list[Policy], privilege: str, on: str, operation: str, author: str) -> None:
    if about and not any(p.allows(author) for p in about):
        names = sorted({name for p in about for name in p.principals})
        raise error(
            "ANABRANCH_PERMISSION.DENIED",
            author=author,
            operation=operation,
            privilege=privilege,
            object=on,
            who=", ".join(names) or "nobody",
        )
