"""Merges of rows and cells by the native client: the cases of docs/merging.md, and random histories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from merge.cases import CASES, SETUP, Case
from merge.test_histories import BRANCHES, HISTORIES, STEPS, History

import anabranch
from anabranch import Repository
from native.statements import Statements

Refused = Callable[..., Any]


@pytest.fixture
def lake(tmp_path: Path) -> Statements:
    repo = anabranch.init(tmp_path / "lake", author="ada")
    return Statements(repo)


def run(lake: Statements, branch: str, statements: tuple[str, ...]) -> None:
    lake.branch = branch
    for statement in statements:
        lake.sql(statement)
    lake.branch = "main"


def rows(repo: Repository, case: Case, ref: str) -> Counter[tuple[Any, ...]]:
    (name,) = repo.tables(ref)
    found = repo.table(name, ref=ref).to_arrow()
    assert set(found.column_names) == set(case.columns)
    return Counter(tuple(row[c] for c in case.columns) for row in found.to_pylist())


@pytest.mark.proves("MRG-2", "MRG-3", "MRG-4", "MRG-5", "MRG-6")
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.title)
def test_case(lake: Statements, refused: Refused, case: Case, turned: bool) -> None:
    repo = lake.repo
    run(lake, "main", (*SETUP, *case.setup))
    repo.create_branch("dev")
    run(lake, "dev" if turned else "main", case.ours)
    run(lake, "main" if turned else "dev", case.theirs)
    head = repo.show().id
    review = repo.merge("dev", dry_run=True)
    assert Counter(c.kind for c in review.conflicts) == Counter(kind for kind, _ in case.conflicts)
    if not turned:
        assert [(c.kind, c.column) for c in review.conflicts] == list(case.conflicts)
    assert repo.show().id == head, "a dry run writes nothing"
    if case.conflicts:
        with refused("ANABRANCH_MERGE.CONFLICT"):
            repo.merge("dev")
        assert repo.show().id == head
        return
    repo.merge("dev")
    assert rows(repo, case, "main") == Counter(case.rows)
    assert repo.merge("dev").commit is None, "nothing is left to merge"
    repo.merge("main", into="dev")
    assert rows(repo, case, "dev") == Counter(case.rows)
    assert [f for f in repo.verify(full=True) if f.problem] == []


class NativeHistory(History):
    """A history whose statements the native client does."""

    refusal = anabranch.errors.AnabranchError

    def sql(self, text: str) -> list[Any]:
        self.log.append(text)
        found: list[Any] = self.lake.sql(text)
        return found


class HistoryLake(Statements):
    """What a history asks for besides."""

    def sql(self, text: str) -> list[Any]:
        if text.startswith("CREATE BRANCH"):
            self.repo.create_branch(text.split()[2])
            return []
        return super().sql(text)

    def rows(self, text: str) -> list[Any]:
        if text.startswith("SHOW COMMITS"):
            return [(self.repo.show(text.split()[3]).id,)]
        columns, table = text.removeprefix("SELECT ").split(" FROM ")
        return [tuple(r.values()) for r in self.table(table).to_arrow(columns.split(", ")).to_pylist()]


@pytest.mark.proves("MRG-1", "MRG-5", "MRG-7", "ROW-1", "ROW-3")
def test_random_histories_merge_as_the_model_says(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    asked = request.config.getoption("--histories")
    for number in range(asked or 3 * HISTORIES):
        seed = Random().getrandbits(32) if asked else number
        repo = anabranch.init(tmp_path / str(number), author="ada")
        history = NativeHistory(HistoryLake(repo), seed)
        for _ in range(STEPS):
            history.step()
        assert {*BRANCHES} == {b.name for b in repo.branches()}
        assert [f for f in repo.verify(full=True) if f.problem] == [], history.told()
