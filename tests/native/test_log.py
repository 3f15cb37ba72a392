"""The log tells each table by the name that it had then, and needs no state for that but the one it starts from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import anabranch
from anabranch import Repository
from anabranch.core.format.commits import Entry
from anabranch.core.log import states


def then(repo: Repository, e: Entry) -> tuple[str, ...]:
    """The names as the states have them."""
    parent = e.commit.first_parent
    after, before = repo.states.after(e).tables, repo.states.at(parent).tables if parent else {}
    return tuple(sorted((after.get(id) or before[id]).full_name for id in e.commit.tables))


def test_tables_have_the_names_that_they_had_after_each_commit(repo: Repository, tmp_path: Path) -> None:
    a = repo.create_table("db.a", {"v": [0]})
    a.append({"v": [1]})
    repo.create_branch("side")
    side = anabranch.open(tmp_path / "lake", "side")
    side.table("db.a").append({"v": [2]})
    side.rename_table("db.a", "db.sideways").append({"v": [3]})
    side.create_table("db.new", {"v": [4]}).append({"v": [5]})
    with repo.transaction() as tx:
        tx.table("db.a").append({"v": [6]})
        tx.create_table("db.other", {"v": [7]})
    repo.merge("side")
    repo.table("db.sideways").delete("v = 6")
    repo.rename_table("db.other", "db.a").append({"v": [8]})
    for i in range(12):
        repo.table("db.a").append({"v": [i]})
    repo.drop_table("db.a")
    repo.create_table("db.a", {"w": [9]}).append({"w": [10]})
    repo.table("db.sideways").restore("main~20")
    repo.reset_branch("side", "main~3")
    side.table("db.sideways").append({"v": [11]})
    fresh = anabranch.open(tmp_path / "lake")
    for ref in ("main", "side", "main~2"):
        for graph in (False, True):
            told = {c.id: c.tables for c in fresh.log(ref, graph=graph)}
            entries = fresh.past.ancestors(fresh.resolved(ref).state.position) if graph else None
            expected = {
                str(e.id): then(repo, e)
                for e in entries or fresh.past.first_parents(fresh.resolved(ref).state.position)
            }
            assert told == expected
            assert all(fresh.show(id).tables == tables for id, tables in told.items())


@pytest.mark.parametrize("use", [lambda repo: len(repo.log()), lambda repo: len(repo.log(table="db.t"))])
def test_a_long_log_is_read_without_the_states_of_its_commits(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Callable[[Repository], Any]
) -> None:
    """They made a log of a thousand commits take half a minute."""
    table = repo.create_table("db.t", {"v": [0]})
    for i in range(300):
        table.append({"v": [i]})
    fresh = anabranch.open(tmp_path / "lake")
    assert fresh.tables() == ["db.t"]
    steps = []
    monkeypatch.setattr(states, "next_state", lambda *a: steps.append(a))
    assert use(fresh) >= 300 and not steps
