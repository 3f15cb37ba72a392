"""Copy on write by the native client: files of which rows go are written anew, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anabranch import Repository
from native.test_optimizing import FILES, data, lineage, other, rows, values

Refused = Callable[[str], Any]

COPY = {"anabranch.write.mode": "copy-on-write"}


@pytest.fixture
def three(repo: Repository) -> Repository:
    """The table db.t: ids 0 to 9, 10 to 19 and 20 to 29 in a file each, v = 'v'."""
    made = repo.create_table("db.t", rows(range(10)), properties=FILES | COPY)
    made.append(rows(range(10, 20)))
    made.append(rows(range(20, 30)))
    return repo


def metrics(repo: Repository) -> dict[str, int]:
    return {k: v for k, v in repo.show().metrics.items() if "bytes" not in k}


def marked(repo: Repository) -> bool:
    return any(f.deletions for f in repo.resolved().state.by_name["db", "t"].files.files.values())


@pytest.mark.proves("ROW-4")
def test_only_the_files_that_hold_changed_rows_are_written_anew(three: Repository) -> None:
    files, before = data(three), lineage(three)
    three.table("db.t").update({"v": "'w'"}, "id IN (3, 4)")
    assert metrics(three) == {"rows_updated": 2, "rows_copied": 8, "files_added": 1, "files_removed": 1}
    assert len(data(three) - files) == 1 and not marked(three)
    after = lineage(three)
    assert {i for i in after if after[i] != before[i]} == {3, 4}
    assert all(after[i][0] == before[i][0] for i in before)
    assert three.table("db.t").changes("main~1").num_rows == 4
    three.table("db.t").delete("id % 10 < 5")
    assert metrics(three) == {"rows_deleted": 15, "rows_copied": 15, "files_added": 1, "files_removed": 3}
    assert values(three) == {i: "v" for i in range(30) if i % 10 >= 5} and not marked(three)
    assert lineage(three).items() <= after.items()
    assert [f for f in three.verify(full=True) if f.problem] == []


def test_an_upsert_copies_what_it_does_not_change(three: Repository) -> None:
    before = lineage(three)
    three.table("db.t").upsert({"id": [12, 40], "v": ["w", "new"]}, on="id")
    assert metrics(three) == {
        "rows_inserted": 1,
        "rows_updated": 1,
        "rows_deleted": 0,
        "rows_copied": 9,
        "files_added": 1,
        "files_removed": 1,
    }
    after = lineage(three)
    assert {i for i in before if after[i] != before[i]} == {12} and after[12][0] == before[12][0]
    assert after[40][0] > max(row for row, _ in before.values()) and after[40][1] == after[12][1]


def test_files_of_which_all_rows_go_or_change_are_not_copied(three: Repository) -> None:
    files = data(three)
    three.table("db.t").delete("id < 10")
    assert data(three) == files
    assert metrics(three) == {"rows_deleted": 10, "rows_copied": 0, "files_removed": 1}
    three.table("db.t").update({"v": "'w'"}, "id < 20")
    assert metrics(three)["rows_copied"] == 0


def test_few_rows_go_on_standing_in_commits_and_partitions_stay_apart(repo: Repository) -> None:
    table = repo.create_table(
        "db.t", {"id": [1, 2, 3, 4], "v": ["a", "a", None, None]}, partition_by=["v"], properties=COPY
    )
    table.update({"v": "'b'"}, "id IN (1, 3)")
    assert values(repo) == {1: "b", 2: "a", 3: "b", 4: None} and data(repo) == set()
    assert table.detail().files == 3 and not marked(repo)
    assert table.to_arrow(["id"], "v = 'b'").sort_by("id").column("id").to_pylist() == [1, 3]
    table.append({"id": range(10, 110), "v": ["a"] * 100})
    table.delete("id = 2 OR id = 10")
    assert not marked(repo) and len(values(repo)) == 102


def test_rows_keep_their_ids_where_these_are_many_runs(repo: Repository) -> None:
    table = repo.create_table("db.t", rows(range(1000)), properties=FILES | COPY)
    before = lineage(repo)
    table.delete("id % 3 = 1")
    assert lineage(repo) == {i: row for i, row in before.items() if i % 3 != 1}
    table.update({"v": "'w'"}, "id % 100 = 0")
    assert {i: row for i, (row, _) in lineage(repo).items()} == {
        i: before[i][0] for i in before if i % 3 != 1
    }


def test_steps_of_a_transaction_are_copied_once(three: Repository) -> None:
    before = lineage(three)
    with three.transaction() as tx:
        table = tx.table("db.t")
        table.append(rows(range(50, 52)))
        table.update({"v": "'w'"}, "id IN (1, 50)")
        table.delete("id IN (2, 51)")
        assert table.count() == 30
    assert not marked(three) and metrics(three)["rows_copied"] == 8
    assert values(three) == {i: "v" for i in range(30) if i != 2} | {1: "w", 50: "w"}
    after = lineage(three)
    assert {i for i in before if after.get(i) != before[i]} == {1, 2} and after[1][0] == before[1][0]
    assert len({row for row, _ in after.values()}) == 30


@pytest.mark.proves("TXN-2")
def test_a_file_that_both_change_is_a_conflict_and_different_files_are_none(
    three: Repository, refused: Refused
) -> None:
    before = lineage(three)
    with three.transaction() as tx:
        tx.table("db.t").update({"v": "'one'"}, "id = 1")
        other(three).update({"v": "'two'"}, "id = 12")
    assert values(three) == dict.fromkeys(range(30), "v") | {1: "one", 12: "two"}
    with refused("ANABRANCH_COMMIT.CONFLICT") as caught, three.transaction() as tx:
        tx.table("db.t").delete("id = 21")
        other(three).delete("id = 22")
    assert f"_row_id {before[21][0]}" in str(caught.value), "the file with it is gone"
    with refused("ANABRANCH_COMMIT.CONFLICT") as caught, three.transaction() as tx:
        tx.table("db.t").delete("id = 21")
        other(three).set_properties({"anabranch.write.mode": None})
        other(three).delete("id = 23")
    assert f"_row_id {before[23][0]}" in str(caught.value), "the copy would bring it back"
    other(three).set_properties(COPY)
    with refused("ANABRANCH_COMMIT.CONFLICT") as caught, three.transaction() as tx:
        tx.table("db.t").delete("id = 21")
        other(three).optimize()
    assert caught.value.parameters["operation"] == "OPTIMIZE"
    assert sorted(values(three)) == [i for i in range(30) if i not in (22, 23)]


def test_a_wrong_property_is_refused_when_it_is_set(repo: Repository, refused: Refused) -> None:
    table = repo.create_table("db.t", {"id": [1]})
    for name, value in (
        ("anabranch.write.mode", "both"),
        ("anabranch.write.target-file-bytes", "big"),
        ("anabranch.optimize.deleted-percent", "-1"),
        ("anabranch.commit.isolation", "chaos"),
    ):
        with refused("ANABRANCH_WRITE.OPTION") as caught:
            repo.create_table("db.u", {"id": [1]}, properties={name: value})
        assert caught.value.parameters["option"] == name
        with refused("ANABRANCH_WRITE.OPTION"):
            table.set_properties({name: value})
    assert table.properties() == {} and repo.tables() == ["db.t"]
