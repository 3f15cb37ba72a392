"""Compaction by the native client, and changes of rows that it moved meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import anabranch
from anabranch import Repository
from anabranch.core.repository.table import Table

Refused = Callable[[str], Any]

FILES = {"anabranch.write.inline-rows": "0"}
PLAIN = dict.fromkeys(range(50), "v")


@pytest.fixture
def many(repo: Repository) -> Repository:
    """The table db.t: ids 0 to 49 in five files of ten, v = 'v'."""
    made = repo.create_table("db.t", rows(range(10)), properties=FILES)
    for start in range(10, 50, 10):
        made.append(rows(range(start, start + 10)))
    return repo


def rows(ids: range) -> dict[str, Any]:
    return {"id": list(ids), "v": ["v"] * len(ids)}


def other(repo: Repository) -> Table:
    """The table of another process on the same repository."""
    return anabranch.open(repo.store, author="bob").table("db.t")


def values(repo: Repository) -> dict[int, str]:
    found = repo.table("db.t").to_arrow().to_pylist()
    assert len(found) == len({r["id"] for r in found}), "a row is there twice"
    return {r["id"]: r["v"] for r in found}


def lineage(repo: Repository) -> dict[int, tuple[int, int]]:
    found = repo.table("db.t").to_arrow(["id", "_row_id", "_row_commit"]).to_pylist()
    return {r["id"]: (r["_row_id"], r["_row_commit"]) for r in found}


def data(repo: Repository) -> set[Path]:
    assert repo.store.folder is not None
    return set((repo.store.folder / "data").rglob("*.parquet"))


def runs(repo: Repository) -> list[Any]:
    """Of each file its runs, and the hidden columns that it holds."""
    files = repo.resolved().state.by_name["db", "t"].files.files.values()
    return [(f.runs, f.lineage) for f in files]


def operations(repo: Repository) -> list[str]:
    return [v.operation for v in repo.table("db.t").history()]


@pytest.mark.proves("ROW-5")
def test_small_files_become_one_and_every_row_stays_what_it_was(many: Repository) -> None:
    many.table("db.t").update({"v": "'w'"}, "id % 7 = 0")
    many.table("db.t").delete("id % 10 = 5")
    before, files = lineage(many), data(many)
    done = many.table("db.t").optimize(message="tidy")
    assert (done.table, done.version, done.files_before, done.files_after) == ("db.t", 7, 6, 1)
    assert (done.files_removed, done.files_added) == (6, 1)
    (new,) = data(many) - files
    assert done.bytes_after == new.stat().st_size
    assert lineage(many) == before
    told = many.show()
    assert (told.id, told.operation, told.message) == (done.commit, "OPTIMIZE", "tidy")
    assert {k: v for k, v in told.metrics.items() if "bytes" not in k} == {
        "files_added": 1,
        "files_removed": 6,
        "rows_copied": 45,
    }
    ((ids, held),) = runs(many)
    assert 1 < len(ids) < 256 and held == ("_row_commit",)
    assert many.table("db.t").changes("main~1").num_rows == 0
    assert many.table("db.t").optimize().commit is None, "a second time finds nothing to do"
    many.table("db.t").delete("id = 0")
    assert many.table("db.t").row_history(before[7][0])[0].row == {"id": 7, "v": "w"}
    assert [f for f in many.verify(full=True) if f.problem] == []


@pytest.mark.proves("ROW-5")
def test_many_runs_of_ids_stand_in_the_file(repo: Repository) -> None:
    repo.create_table("db.t", rows(range(2000)), properties=FILES)
    repo.table("db.t").append(rows(range(2000, 3000)))
    repo.table("db.t").delete("id % 3 = 1")
    before = lineage(repo)
    repo.table("db.t").optimize()
    assert runs(repo) == [((), ("_row_id", "_row_commit"))]
    assert lineage(repo) == before
    with repo.transaction() as tx:
        tx.table("db.t").delete("id < 9")
        other(repo).append(rows(range(9000, 9010)))
        other(repo).optimize()
    assert lineage(repo).items() >= {i: row for i, row in before.items() if i >= 9}.items()
    assert min(values(repo)) == 9


def test_rows_that_stand_in_commits_go_to_a_file(repo: Repository) -> None:
    table = repo.create_table("db.t", rows(range(2)))
    table.append(rows(range(2, 4)))
    before = lineage(repo)
    assert data(repo) == set()
    assert table.optimize().files_before == 2 and len(data(repo)) == 1
    assert lineage(repo) == before


def test_files_are_chosen_by_size_share_of_deleted_rows_partition_and_condition(
    repo: Repository, refused: Refused
) -> None:
    table = repo.create_table("db.t", rows(range(100)), partition_by=["truncate(10, id)"], properties=FILES)
    table.append(rows(range(40)))
    assert table.detail().files == 14
    done = table.optimize("id >= ? AND id < 20", [10])
    assert (done.files_removed, done.files_added) == (2, 1)
    assert repo.table("db.t").history()[0].parameters == {"where": "id >= ? AND id < 20"}
    assert table.optimize("id > 1000").commit is None and table.optimize("id > 1 AND false").commit is None
    assert (table.optimize().files_removed, table.detail().files) == (6, 10)
    assert sorted(table.to_arrow(["id"], "id BETWEEN 10 AND 19").column("id").to_pylist()) == sorted(
        [*range(10, 20)] * 2
    )
    for condition in ("v LIKE '%v'", "id IN (SELECT 1)", "id = (SELECT max(id) FROM t)"):
        with refused("ANABRANCH_WRITE.OPTIMIZE_CONDITION") as caught:
            table.optimize(condition)
        assert condition in str(caught.value)
    with refused("ANABRANCH_SQL.FAILED"):
        table.optimize("nope = 1")
    table.delete("id = 30")
    assert table.optimize().files_removed == 1, "5 % of its rows are deleted"
    table.set_properties({"anabranch.optimize.deleted-percent": "60"})
    table.delete("id = 31")
    assert table.optimize().commit is None
    sizes = [f.size for f in repo.resolved().state.by_name["db", "t"].files.files.values()]
    table.append(rows(range(40)))
    table.set_properties({"anabranch.write.target-file-bytes": str(max(sizes))})
    assert table.optimize().commit is None, "two are more than one may be"


def test_what_can_not_be_optimized(many: Repository, refused: Refused) -> None:
    many.create_tag("before")
    with refused("ANABRANCH_REF.READ_ONLY"):
        many.table("db.t", ref="before").optimize()
    with refused("ANABRANCH_TRANSACTION.REFUSED") as caught, many.transaction() as tx:
        tx.table("db.t").optimize()
    assert "OPTIMIZE" in str(caught.value)
    assert operations(many)[0] == "INSERT"


def test_types_columns_that_came_and_went_and_partitions_of_null(repo: Repository) -> None:
    properties = FILES | {"anabranch.stats.columns": "1"}
    table = repo.create_table(
        "db.t",
        {"id": [1, 2], "s": [{"a": 1, "b": ["x"]}, None], "p": ["a", None], "m": [1.5, float("nan")]},
        partition_by=["p"],
        properties=properties,
    )
    table.rename_column("s", "t")
    table.append(
        {"id": [3, 4], "t": [None, {"a": 2, "b": ["y"]}], "p": ["a", None], "n": [7, None]}, evolve=True
    )
    table.drop_column("m")
    before = table.to_arrow().sort_by("id").to_pylist()
    assert table.optimize().files_after == 2
    assert table.to_arrow().sort_by("id").to_pylist() == before
    assert table.to_arrow(["id"], "p IS NULL").sort_by("id").column("id").to_pylist() == [2, 4]


CHANGES: dict[str, tuple[Callable[[Table], object], dict[int, str]]] = {
    "update": (lambda t: t.update({"v": "'w'"}, "id IN (3, 12)"), PLAIN | {3: "w", 12: "w"}),
    "delete": (lambda t: t.delete("id IN (3, 12)"), {i: "v" for i in PLAIN if i not in (3, 12)}),
    "delete whole files": (lambda t: t.delete("id < 20"), {i: "v" for i in PLAIN if i >= 20}),
    "upsert": (lambda t: t.upsert({"id": [5, 90], "v": ["m", "new"]}, on="id"), PLAIN | {5: "m", 90: "new"}),
    "append": (lambda t: t.append({"id": [90], "v": ["new"]}), PLAIN | {90: "new"}),
}


@pytest.mark.proves("TXN-2", "ROW-5")
@pytest.mark.parametrize("change", CHANGES)
def test_rows_are_found_where_a_compaction_has_moved_them(many: Repository, change: str) -> None:
    before, (do, expected) = lineage(many), CHANGES[change]
    with many.transaction() as tx:
        do(tx.table("db.t"))
        assert other(many).optimize().commit is not None
    assert values(many) == expected
    assert operations(many)[1] == "OPTIMIZE"
    assert {i: row for i, (row, _) in lineage(many).items() if i in before}.items() <= {
        i: row for i, (row, _) in before.items()
    }.items()
    assert [f for f in many.verify(full=True) if f.problem] == []


@pytest.mark.proves("TXN-2", "ROW-5")
def test_rows_are_found_after_changes_of_others_and_two_compactions(many: Repository) -> None:
    with many.transaction() as tx:
        tx.table("db.t").update({"v": "'late'"}, "id IN (24, 34)")
        theirs = other(many)
        theirs.update({"v": "'w'"}, "id IN (3, 13)")
        theirs.optimize()
        theirs.delete("id = 15")
        theirs.append({"id": [90], "v": ["new"]})
        theirs.optimize()
    expected = PLAIN | {3: "w", 13: "w", 24: "late", 34: "late", 90: "new"}
    assert values(many) == {i: v for i, v in expected.items() if i != 15}


@pytest.mark.proves("TXN-2")
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_same_row_is_a_conflict_all_the_same(many: Repository, when: str, refused: Refused) -> None:
    with refused("ANABRANCH_COMMIT.CONFLICT") as caught, many.transaction() as tx:
        tx.table("db.t").update({"v": "'late'"}, "id = 4")
        theirs = other(many)
        if when == "before":
            theirs.update({"v": "'w'"}, "id = 4")
        theirs.optimize()
        if when == "after":
            theirs.update({"v": "'w'"}, "id = 4")
    told = caught.value.parameters
    assert "_row_id 4" in told["reason"] and (told["operation"], told["author"]) == ("UPDATE", "bob")
    assert values(many) == PLAIN | {4: "w"}


@pytest.mark.proves("TXN-5")
def test_moved_rows_are_no_news_and_changed_ones_are_though_they_were_moved(
    many: Repository, refused: Refused
) -> None:
    def leave(table: Table, id: int) -> None:
        if table.count("v = 'v'") > 49:
            table.update({"v": "'off'"}, f"id = {id}")

    with many.transaction() as tx:
        leave(tx.table("db.t"), 3)
        other(many).optimize()
    assert values(many) == PLAIN | {3: "off"}
    many.table("db.t").update({"v": "'v'"}, "id = 3")
    with refused("ANABRANCH_COMMIT.CONFLICT") as caught, many.transaction() as tx:
        leave(tx.table("db.t"), 3)
        with anabranch.open(many.store).transaction() as rival:
            leave(rival.table("db.t"), 4)
        other(many).append(rows(range(60, 70)))
        other(many).optimize()
    assert "would have been read" in str(caught.value)


def interrupted(repo: Repository, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> Any:
    """An OPTIMIZE that has read the table when others do something."""
    commit = repo.committer.commit

    def late(*args: Any) -> Any:
        meanwhile()
        return commit(*args)

    monkeypatch.setattr(repo.committer, "commit", late)
    return repo.table("db.t").optimize()


@pytest.mark.proves("TXN-2", "ROW-5")
@pytest.mark.parametrize("change", ["update", "delete", "upsert", "append"])
def test_rows_that_change_while_files_are_compacted_stay_changed(
    many: Repository, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    many.table("db.t").delete("id = 44")  # places shift
    do, expected = CHANGES[change]
    done = interrupted(many, monkeypatch, lambda: do(other(many)))
    assert done.commit is not None and operations(many)[0] == "OPTIMIZE"
    assert values(many) == {i: v for i, v in expected.items() if i != 44}
    assert [f for f in many.verify(full=True) if f.problem] == []


def test_what_was_made_of_files_that_others_removed_is_given_up(
    many: Repository, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    before = data(many)
    done = interrupted(many, monkeypatch, lambda: other(many).delete("id < 10"))
    assert done.commit is None and operations(many)[0] == "DELETE"
    assert values(many) == {i: "v" for i in PLAIN if i >= 10} and data(many) == before
    with refused("ANABRANCH_COMMIT.CONFLICT") as caught:
        interrupted(many, monkeypatch, lambda: other(many).rename_column("v", "w"))
    assert "columns of db.t were changed" in str(caught.value) and data(many) == before


def test_rows_that_a_restore_brought_back_meanwhile_are_not_lost(
    many: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    many.table("db.t").delete("id = 3")
    interrupted(many, monkeypatch, lambda: other(many).restore("main~1"))
    assert values(many) == PLAIN


@pytest.mark.proves("MRG-5")
def test_branches_that_both_were_compacted_merge_without_reading_what_they_did_not_change(
    many: Repository,
) -> None:
    """The data files are away while it runs."""
    assert many.store.folder is not None
    many.create_branch("dev")
    dev = anabranch.open(many.store, "dev").table("db.t")
    for table in (many.table("db.t"), dev):
        table.optimize()
    many.table("db.t").delete("id IN (2, 33)")
    dev.update({"v": "'dev'"}, "id IN (1, 22)")
    dev.delete("id = 40")
    many.table("db.t").append(rows(range(60, 70)))
    data, away = many.store.folder / "data", many.store.folder / "away"
    data.rename(away)
    many.merge("dev")
    away.rename(data)
    expected = PLAIN | dict.fromkeys(range(60, 70), "v") | {1: "dev", 22: "dev"}
    assert values(many) == {i: v for i, v in expected.items() if i not in (2, 33, 40)}
    assert [f for f in many.verify(full=True) if f.problem] == []


@pytest.mark.proves("TXN-2", "ROW-5")
@pytest.mark.parametrize("mode", ["merge-on-read", "copy-on-write"])
def test_writers_of_their_own_rows_beside_compactions_lose_nothing(repo: Repository, mode: str) -> None:
    """Without copies, none of them is in the way of another."""
    table = repo.create_table("db.t", {"id": list(range(30)), "n": [0] * 30})
    table.append({"id": list(range(30, 60)), "n": [0] * 30})
    table.set_properties({"anabranch.write.mode": mode})
    done, conflicts, writing = dict.fromkeys(range(60), 0), [0], threading.Event()

    def write(writer: int) -> None:
        mine = [i for i in range(60) if i % 3 == writer]
        for step in range(5):
            ids = mine[step : step + 8]
            with contextlib.suppress(anabranch.errors.CommitConflict):
                other(repo).update({"n": "n + 1"}, f"id IN ({', '.join(map(str, ids))})")
                done.update({i: done[i] + 1 for i in ids})
                continue
            conflicts[0] += 1

    def compact() -> None:
        while not writing.is_set():
            with contextlib.suppress(anabranch.errors.CommitConflict):
                other(repo).optimize()

    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    compacting = threading.Thread(target=compact)
    for t in (compacting, *writers):
        t.start()
    for t in writers:
        t.join()
    writing.set()
    compacting.join()
    found = repo.table("db.t").to_arrow().to_pylist()
    assert {r["id"]: r["n"] for r in found} == done and len(found) == 60
    assert conflicts[0] == 0 or mode == "copy-on-write"
    assert [f for f in repo.verify(full=True) if f.problem] == []
