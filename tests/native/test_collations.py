"""Text that Spark compares by a collation is not compared by its bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow.compute as pc
import pytest

from anabranch import Repository, Table
from anabranch.core.format.tables import Check, TableMetadata

Refused = Callable[[str], Any]


@pytest.fixture
def table(repo: Repository) -> Table:
    """As Spark would have made it: ``name`` compares without case."""
    repo.create_table("db.t", {"id": [1, 2], "name": ["Ada", "ada"], "surname": ["A", "B"]})

    def change(m: TableMetadata, _: str) -> TableMetadata:
        columns = (replace(c, type="string collate UTF8_LCASE") if c.name == "name" else c for c in m.columns)
        return replace(m, columns=tuple(columns))

    with repo.transaction() as tx:
        tx.work.alter(("db", "t"), change)
    return repo.table("db.t")


TRIES: dict[str, Callable[[Repository, Table], Any]] = {
    "read": lambda repo, t: t.to_arrow(["id"], "NAME = 'ada'"),
    "arrow": lambda repo, t: t.count(pc.field("name") == "ada"),
    "update": lambda repo, t: t.update({"id": 'length("name")'}),
    "delete": lambda repo, t: t.delete("t.name = 'ada'"),
    "upsert": lambda repo, t: t.upsert({"name": ["ADA"], "id": [3]}, "name"),
    "query": lambda repo, t: repo.sql("SELECT count(DISTINCT name) FROM db.t"),
    "query at": lambda repo, t: repo.sql("SELECT id FROM db.t AT 'main' WHERE name = 'ada'"),
}


@pytest.mark.parametrize("way", TRIES)
def test_what_would_compare_it_is_refused(repo: Repository, table: Table, refused: Refused, way: str) -> None:
    with refused("ANABRANCH_SQL.COLLATION") as caught:
        TRIES[way](repo, table)
    assert caught.value.parameters["column"] == "name" and "UTF8_LCASE" in str(caught.value)


def test_what_does_not_is_not(repo: Repository, table: Table) -> None:
    assert table.to_arrow(["name"], "surname = 'B' AND 'name' <> ''")["name"].to_pylist() == ["ada"]
    assert table.count(pc.field("surname") == "A") == 1
    assert repo.sql("SELECT * FROM db.t WHERE id = 1").num_rows == 1
    assert table.update({"name": "'Eve'"}, "id = 2") == 1
    assert table.upsert({"id": [2, 3], "name": ["eve", "Bob"]}, "id")["rows_updated"] == 1


def test_a_check_that_names_it_lets_nobody_write(repo: Repository, table: Table, refused: Refused) -> None:
    with repo.transaction() as tx:
        check = Check("c", "name <> 'bob'")
        tx.work.alter(("db", "t"), lambda m, _: replace(m, constraints=(check,)))
    with refused("ANABRANCH_SQL.COLLATION"):
        repo.table("db.t").append({"name": ["Bob"]})
