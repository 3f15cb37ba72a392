"""VACUUM leaves what merges took over, and what the next ones need."""

from __future__ import annotations

import pyarrow as pa
import pytest

from anabranch import Repository
from native.aging import IN_FILES, data, files, ids, now, overwrite, vacuumed


@pytest.fixture
def t(repo: Repository) -> str:
    repo.create_table("db.t", {"id": [0]}, properties=IN_FILES)
    return "db.t"


@pytest.mark.proves("VAC-1")
def test_files_that_others_took_over_stay(repo: Repository, t: str) -> None:
    """RESTORE and merges adopt states, or single files, of commits that are expired by themselves."""
    old = repo.show().id
    repo.create_branch("b")
    repo.table("db.t", "b").append({"id": [10]})
    overwrite(repo, 1)
    repo.table("db.t").restore(old)
    repo.table("db.t").append({"id": [2]})
    repo.merge("b")
    repo.drop_branch("b")
    overwrite(repo, 3)
    repo.table("db.t").restore(f"{repo.show('main~1').id}")
    repo.expire(now())
    deleted = vacuumed(repo)
    assert len(deleted) == 2, "what was overwritten in between"
    assert ids(repo) == [0, 2, 10]
    assert [f for f in repo.verify(full=True) if f.problem] == []


@pytest.mark.proves("VAC-1")
def test_bases_of_branches_stay(repo: Repository) -> None:
    repo.create_table("db.t", [{"id": i, "a": "base"} for i in range(4)], properties=IN_FILES)
    base = files(repo)
    repo.create_branch("dev")
    for branch, row in (("dev", 1), ("main", 2)):
        repo.table("db.t", branch).update({"a": f"'{branch}'"}, f"id = {row}")
    repo.table("db.t").optimize()
    repo.expire(now())
    repo.table("db.t", "dev").update({"a": "'more'"}, "id = 3")
    repo.expire(now())
    vacuumed(repo)
    assert base <= data(repo)
    repo.merge("dev")
    assert [r["a"] for r in repo.table("db.t").to_arrow().sort_by("id").to_pylist()] == [
        "base",
        "dev",
        "main",
        "more",
    ]


@pytest.mark.proves("VAC-1")
def test_the_bases_under_several_bases_stay(repo: Repository) -> None:
    """Each branch merged the other as it was before: the rows of both are told against what both came from."""
    rows = [{"id": i, "a": "base", "b": "base"} for i in range(3)]
    copied = {"anabranch.write.mode": "copy-on-write"}
    repo.create_table("db.t", rows, properties=IN_FILES | copied)
    ground = files(repo)
    repo.create_branch("dev")
    repo.table("db.t").update({"a": "'main'"}, "id = 1")
    repo.table("db.t", "dev").update({"b": "'dev'"}, "id = 1")
    heads = {branch: repo.show(branch).id for branch in ("main", "dev")}
    repo.merge(heads["dev"], "main")
    repo.merge(heads["main"], "dev")
    for branch in heads:
        repo.table("db.t", branch).optimize()
        repo.table("db.t", branch).update({"a": f"'{branch} at last'"}, f"id = {len(branch) - 2}")
    repo.expire(now())
    vacuumed(repo)
    assert ground <= data(repo)
    repo.merge("dev")
    merged = [(r["a"], r["b"]) for r in repo.table("db.t").to_arrow().sort_by("id").to_pylist()]
    assert merged == [("base", "base"), ("dev at last", "dev"), ("main at last", "base")]
    assert [f for f in repo.verify(full=True) if f.problem] == []


@pytest.mark.proves("VAC-1")
def test_an_unfinished_merge_keeps_what_it_needs(repo: Repository, t: str) -> None:
    repo.table("db.t").overwrite([{"id": 5}])
    repo.create_branch("dev")
    repo.table("db.t").add_column("a", pa.string())
    repo.table("db.t").update({"a": "'x'"})
    repo.table("db.t", "dev").add_column("b", pa.string())
    repo.table("db.t", "dev").update({"b": "'y'", "id": "6"})
    repo.table("db.t").update({"id": "7"})
    assert repo.merge("dev", keep_conflicts=True).conflicts
    repo.drop_branch("dev")
    repo.expire(now())
    vacuumed(repo)
    assert repo.conflicts()
    repo.resolve("theirs")
    repo.continue_merge()
    assert repo.table("db.t").to_arrow().to_pylist() == [{"id": 6, "a": "x", "b": "y"}]
    source = data(repo)
    overwrite(repo, 9)
    repo.expire(now())
    assert vacuumed(repo) and data(repo) < source | files(repo)


def test_an_unfinished_merge_goes_on_where_its_branch_was_reset_to(repo: Repository) -> None:
    """Then it has another base, which no branch had in common with what is merged before."""
    copied = {"anabranch.write.mode": "copy-on-write"}
    repo.create_table("db.t", [{"id": i, "a": "base"} for i in range(4)], properties=IN_FILES | copied)
    repo.create_branch("dev")
    repo.table("db.t", "dev").update({"a": "'common'"}, "id = 0")
    common = files(repo, ref="dev")
    repo.create_branch("other", "dev")
    for branch in ("dev", "other", "main"):
        repo.table("db.t", branch).update({"a": f"'{branch}'"}, "id = 2")
        repo.table("db.t", branch).update({"a": f"'{branch}'"}, f"id = {len(branch) % 4}")
    repo.merge("dev", keep_conflicts=True)
    repo.drop_branch("dev")
    repo.expire(now())
    vacuumed(repo)
    assert common <= data(repo)
    repo.reset_branch("main", "other")
    assert [(c.base, c.ours, c.theirs) for c in repo.conflicts()] == [("base", "other", "dev")]
    repo.resolve("theirs")
    repo.continue_merge()
    merged = [r["a"] for r in repo.table("db.t").to_arrow().sort_by("id").to_pylist()]
    assert merged == ["common", "other", "dev", "dev"]
