"""Several writers at the same moment, each a repository of its own on one store."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from log.harness import Refusal, Repo, seq, unpacked

WRITERS = 8


def race(repo: Repo, operation: str, inputs: list[dict[str, Any]], times: int = 1) -> list[Any]:
    """The outputs of those that succeeded, and the refusals of the others."""
    repos = [repo.fresh() for _ in inputs]
    for other in repos:
        other("snapshot")
    answers = repo.java.RepositoryHarness.race(
        [r.harness for r in repos], operation, [json.dumps(i) for i in inputs], times
    )
    found: list[Any] = []
    for answer in (a for one in answers for a in one):
        try:
            found.append(unpacked(answer))
        except Refusal as refusal:
            found.append(refusal)
    return found


def refused(answers: list[Any]) -> list[str]:
    return [a.condition for a in answers if isinstance(a, Refusal)]


@pytest.mark.proves("LOG-1", "TXN-1", "TXN-2", "TAB-1", "ROW-2", "COM-4", "LOG-6")
def test_no_append_of_eight_writers_is_lost(repo: Repo) -> None:
    rows, head = repo.rows(), repo("resolve")["commit"]
    first = repo("history")[0]
    answers = race(repo, "append", [{"files": 1, "rows": n + 1} for n in range(WRITERS)], times=6)
    assert refused(answers) == []
    assert sorted(map(seq, answers)) == list(range(seq(head) + 1, seq(head) + 1 + 6 * WRITERS))
    after = repo.fresh()
    assert after.rows() == rows + 6 * sum(range(1, WRITERS + 1))
    assert after("history") == list(range(first + 6 * WRITERS, -1, -1))
    files = after("load")["files"]
    spans = sorted((int(f["first_row"]), int(f["first_row"]) + f["rows"]) for f in files)
    assert all(one[1] == other[0] for one, other in itertools.pairwise(spans)), "row ids"
    assert spans[0][0] == 0 and spans[-1][1] == after.rows()
    bodies = [after.entry(f"000000-{n}")["body"] for n in range(seq(after("resolve")["commit"]) + 1)]
    assert all(a["time"] < b["time"] for a, b in itertools.pairwise(bodies))
    assert len({b["txn"] for b in bodies}) == len(bodies)


@pytest.mark.proves("LOG-1", "TXN-1")
def test_no_append_is_lost_on_the_local_file_system(java: Any, tmp_path: Path) -> None:
    repo = Repo.on(java, java.StoreHandle.local(str(tmp_path / "lake")))
    repo("namespace", name="db")
    repo("create")
    answers = race(repo, "append", [{"files": 1, "rows": 2}] * 4, times=5)
    assert refused(answers) == []
    assert repo.fresh().rows() == 4 * 5 * 2
    assert sorted(map(seq, answers)) == list(range(3, 23))


@pytest.mark.proves("TXN-2")
def test_writers_of_different_tables_never_conflict(repo: Repo) -> None:
    for n in range(WRITERS):
        repo("create", table=f"db.t{n}")
    answers = race(repo, "overwrite", [{"table": f"db.t{n}", "files": 1} for n in range(WRITERS)], times=3)
    assert refused(answers) == []
    assert all(repo.fresh().rows(f"db.t{n}") == 1 for n in range(WRITERS))


@pytest.mark.proves("REF-3")
@pytest.mark.parametrize("operation", ["branch", "tag"])
def test_of_many_who_create_one_name_exactly_one_succeeds(repo: Repo, operation: str) -> None:
    for round in range(5):
        answers = race(repo, operation, [{"name": f"new{round}", "from": "v1"}] * WRITERS)
        assert refused(answers) == ["ANABRANCH_REF.ALREADY_EXISTS"] * (WRITERS - 1)
        refs = repo.fresh()("refs")
        assert f"new{round}" in refs["branches"] | refs["tags"]


@pytest.mark.proves("TAB-5")
def test_of_many_who_create_one_table_exactly_one_succeeds(repo: Repo) -> None:
    answers = race(repo, "create", [{"table": "db.new"}] * WRITERS)
    assert refused(answers) == ["ANABRANCH_TABLE.ALREADY_EXISTS"] * (WRITERS - 1)
    names = [t["name"] for t in repo.fresh()("snapshot")["tables"].values()]
    assert sorted(names) == ["db.new", "db.other", "db.t"]


@pytest.mark.proves("LOG-5")
def test_a_branch_that_many_reset_is_one_branch_afterwards(repo: Repo) -> None:
    answers = race(repo, "reset", [{"name": "dev", "to": "v1"}] * 4)
    assert refused(answers) == []
    one, other = repo.fresh(), repo.kind(True)
    assert one("resolve", ref="dev")["commit"] == other("resolve", ref="dev")["commit"]
    one("append", branch="dev", files=1, rows=9)
    assert repo.fresh().rows(ref="dev") == 6 + 9


@pytest.mark.proves("TXN-1", "LOG-5")
def test_commits_and_resets_at_once_lose_nothing_that_was_promised(repo: Repo) -> None:
    """An append that succeeded stands in the chain of logs that the branch went through."""
    inputs: list[dict[str, Any]] = [{"branch": "dev", "files": 1, "rows": 2}] * 4
    answers = race(repo, "append", inputs, times=5)
    repo("reset", name="dev", to="main")
    assert refused(answers) == []
    for commit in answers:
        assert repo.fresh()("resolve", ref=commit)["operation"] == "INSERT"
