"""The past of rows and cells: `Table.row_history` and `Table.blame`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from anabranch import Catalog, Table

if TYPE_CHECKING:
    from conftest import Lake
    from pyspark.sql import DataFrame


def rows(t: Table) -> list[tuple[Any, ...]]:
    return sorted(tuple(r) for r in t.toDF().collect())


def told(history: DataFrame) -> list[tuple[Any, ...]]:
    return [(r["change"], r["operation"], r["author"], json.loads(r["row"])["v"]) for r in history.collect()]


def test_a_row_tells_each_of_its_versions(lake: Lake, t: Table) -> None:
    by = Catalog(lake.spark, lake.name)
    (row_id,) = lake.rows("SELECT _row_id FROM {lake}.t WHERE id = 2")[0]
    with by.commit_info(author="ada"):
        t.update("id = 2", {"v": "'once'"})
    t.update("id = 3", {"v": "'other'"})
    lake.rows("CREATE BRANCH dev IN {lake}")
    with by.commit_info(author="bob"):
        Table.forName(lake.spark, f"{lake.name}.default.`t@dev`").update("id = 2", {"v": "'twice'"})
    lake.rows("MERGE BRANCH dev INTO main IN {lake}")
    born = lake.rows("DESCRIBE HISTORY {lake}.t")[-1][2]
    versions = [("update", "UPDATE", "bob", "twice"), ("update", "UPDATE", "ada", "once")]
    assert told(t.row_history(where="id = 2")) == [*versions, ("insert", "INSERT", born, "b")]
    assert told(t.row_history(row_id)) == [*versions, ("insert", "INSERT", born, "b")]
    with by.commit_info(author="eve"):
        t.delete("id = 2")
    t.update("id = 1", {"v": "'later'"})
    assert told(t.row_history(row_id))[:2] == [("delete", "DELETE", "eve", "twice"), versions[0]]
    assert t.row_history(123456).collect() == []
    assert t.row_history(where="id = 99").collect() == []


@pytest.mark.parametrize("arguments", [{}, {"row_id": 1, "where": "id = 1"}])
def test_the_history_of_a_row_needs_an_id_or_a_condition(t: Table, arguments: dict[str, Any]) -> None:
    with pytest.raises(PySparkException) as caught:
        t.row_history(**arguments)
    assert caught.value.getCondition() == "ANABRANCH_PROCEDURE.INVALID_ARGUMENT"


def test_blame_names_the_commit_of_each_row(lake: Lake, t: Table) -> None:
    with Catalog(lake.spark, lake.name).commit_info(author="ada", message="typo"):
        t.update("id = 2", {"v": "'B'"})
    commits = {r[8] for r in lake.rows("DESCRIBE HISTORY {lake}.t")}
    found = {r["id"]: r for r in t.blame().collect()}
    assert {i: r["v"] for i, r in found.items()} == {1: "a", 2: "B", 3: "c"}
    assert (found[2]["_author"], found[2]["_operation"], found[2]["_message"]) == ("ada", "UPDATE", "typo")
    assert found[1]["_operation"] == "INSERT" and found[1]["_commit"] == found[3]["_commit"]
    assert {r["_commit"] for r in found.values()} <= commits


def cells(t: Table, **given: Any) -> dict[tuple[int, str], tuple[str | None, str, str]]:
    """Value, author and operation by row id and column."""
    found = t.blame(cells=True, **given).collect()
    return {(r["row_id"], r["column"]): (r["value"], r["author"], r["operation"]) for r in found}


def as_author(lake: Lake, author: str, statement: str) -> None:
    with Catalog(lake.spark, lake.name).commit_info(author=author, message=f"by {author}"):
        lake.rows(statement)


def test_blame_by_cell_names_the_commit_that_last_changed_each(lake: Lake, t: Table) -> None:
    as_author(lake, "ada", "ALTER TABLE {lake}.t ADD COLUMN n INT DEFAULT 7")
    as_author(lake, "bob", "UPDATE {lake}.t SET n = 8 WHERE id = 2")
    as_author(lake, "eve", "UPDATE {lake}.t SET v = 'B', n = 8 WHERE id = 2")
    as_author(lake, "ada", "ALTER TABLE {lake}.t RENAME COLUMN v TO w")
    as_author(lake, "zoe", "UPDATE {lake}.t SET id = id WHERE id = 2")
    as_author(lake, "zoe", "OPTIMIZE {lake}.t")
    born = lake.rows("DESCRIBE HISTORY {lake}.t")[-1][2]
    assert cells(t, where="id = 2") == {
        (1, "id"): ("2", born, "INSERT"),
        (1, "w"): ("B", "eve", "UPDATE"),
        (1, "n"): ("8", "bob", "UPDATE"),
    }
    assert {key: told[2] for key, told in cells(t).items() if key[0] != 1} == {
        (row, column): "INSERT" for row in (0, 2) for column in ("id", "w", "n")
    }
    (one,) = t.blame(where="id = 2", cells=True).where("column = 'w'").collect()
    versions = {r[3]: r for r in lake.rows("DESCRIBE HISTORY {lake}.t") if r[2] == "eve"}
    assert (one["commit"], one["time"], one["message"]) == (
        versions["UPDATE"][8],
        versions["UPDATE"][1],
        "by eve",
    )
    assert [r["_author"] for r in t.blame(where="id = 2").collect()] == ["zoe"]
    assert cells(t, where="id = 99") == {}


def test_blame_by_cell_follows_a_merge_to_the_side_that_a_cell_came_from(lake: Lake, t: Table) -> None:
    lake.rows("ALTER TABLE {lake}.t ADD COLUMN n INT")
    lake.rows("CREATE BRANCH dev IN {lake}")
    as_author(lake, "ada", "UPDATE {lake}.t SET v = 'ours' WHERE id = 2")
    as_author(lake, "bob", "UPDATE {lake}.`t@dev` SET n = 5 WHERE id = 2")
    as_author(lake, "eve", "MERGE BRANCH dev INTO main IN {lake}")
    found = cells(t, where="id = 2")
    assert [found[1, c][1:] for c in ("v", "n")] == [("ada", "UPDATE"), ("bob", "UPDATE")]
    assert [r["_author"] for r in t.blame(where="id = 2").collect()] == ["eve"]
    # a row that went and came back is as old as it was
    as_author(lake, "zoe", "DELETE FROM {lake}.t WHERE id = 2")
    as_author(lake, "zoe", "RESTORE TABLE {lake}.t TO VERSION AS OF 4")
    assert cells(t, where="id = 2") == found


def test_blame_by_cell_of_a_whole_large_table_is_refused(lake: Lake, t: Table) -> None:
    lake.rows("INSERT INTO {lake}.t SELECT id, 'x' FROM range(1000, 2000)")
    with pytest.raises(PySparkException) as caught:
        t.blame(cells=True)
    assert caught.value.getCondition() == "ANABRANCH_PROCEDURE.INVALID_ARGUMENT"
    assert "more than 1000 rows" in str(caught.value)
    assert len(cells(t, where="id >= 1990")) == 20


def test_blame_by_cell_looks_at_no_other_commits_and_no_other_data(lake: Lake, t: Table) -> None:
    lake.rows("ALTER TABLE {lake}.t SET TBLPROPERTIES ('anabranch.write.inline-rows' = '0')")
    as_author(lake, "ada", "UPDATE {lake}.t SET v = 'B' WHERE id = 2")
    kept = set(lake.path.glob("data/*/*"))
    for n in range(3):
        lake.rows(f"INSERT INTO {{lake}}.t VALUES ({n + 10}, 'x')")
        lake.rows(f"UPDATE {{lake}}.t SET v = 'y' WHERE id = {n + 10}")
    for file in set(lake.path.glob("data/*/*")) - kept:
        file.unlink()
    assert cells(t, where="_row_id = 1")[1, "v"] == ("B", "ada", "UPDATE")


def test_a_condition_may_be_the_name_of_a_column(lake: Lake, t: Table) -> None:
    lake.rows("ALTER TABLE {lake}.t ADD COLUMN wrong BOOLEAN")
    lake.rows("UPDATE {lake}.t SET wrong = id > 1")
    assert len(t.row_history(where="wrong").where("change = 'insert'").collect()) == 2
    assert {key[0] for key in cells(t, where="wrong")} == {1, 2}
    t.update("wrong", {"v": "'?'"})
    assert rows(t) == [(1, "a", False), (2, "?", True), (3, "?", True)]
    t.delete("wrong")
    assert rows(t) == [(1, "a", False)]
