"""Views: queries under a name, versioned and merged with the tables."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import AnalysisException


@pytest.fixture
def people(lake: Any) -> Any:
    """Table t with rows (1, 'a'), (2, 'b'), and the view v of the second."""
    lake.sql("CREATE TABLE t (id INT, s STRING)")
    lake.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    lake.sql("CREATE VIEW v COMMENT 'few' AS SELECT id, upper(s) AS name FROM t WHERE id > 1")
    return lake


def test_a_view_shows_what_its_query_finds_now(people: Any) -> None:
    assert people.rows("SELECT * FROM v") == [(2, "B")]
    people.sql("INSERT INTO t VALUES (3, 'c')")
    assert people.rows("SELECT name FROM v ORDER BY id") == [("B",), ("C",)]
    people.sql("CREATE VIEW over (n) AS SELECT count(*) AS c FROM v")
    assert people.rows("SELECT n FROM over") == [(2,)]
    assert people.rows(f"SELECT * FROM {people.name}.default.v JOIN t USING (id) ORDER BY id")[0] == (
        2,
        "B",
        "b",
    )


def test_names_in_it_are_what_they_were_where_it_was_made(people: Any) -> None:
    people.sql("CREATE NAMESPACE other")
    people.sql("CREATE TABLE other.t AS SELECT 9 AS id, 'z' AS s")
    people.sql("USE other")
    try:
        assert people.rows("SELECT * FROM default.v") == [(2, "B")]
    finally:
        people.sql("USE default")


def test_statements_about_views(people: Any) -> None:
    assert [r[1] for r in people.rows("SHOW VIEWS")] == ["v"]
    assert sorted(r[1] for r in people.rows("SHOW TABLES")) == ["t", "v"]
    assert people.rows("DESCRIBE v")[:2] == [("id", "int", None), ("name", "string", None)]
    assert "upper(s)" in people.rows("SHOW CREATE TABLE v")[0][0]
    people.sql("ALTER VIEW v SET TBLPROPERTIES ('owner.team' = 'x')")
    assert ("owner.team", "x") in people.rows("SHOW TBLPROPERTIES v")
    people.sql("ALTER VIEW v AS SELECT 1 AS one")
    assert people.rows("SELECT one FROM v") == [(1,)]
    assert ("owner.team", "x") in people.rows("SHOW TBLPROPERTIES v")
    people.sql("CREATE OR REPLACE VIEW v AS SELECT id FROM t")
    people.sql("CREATE VIEW IF NOT EXISTS v AS SELECT 5 AS five")
    assert people.rows("SELECT * FROM v ORDER BY id") == [(1,), (2,)]
    people.sql("ALTER VIEW v RENAME TO w")
    assert people.rows("SELECT count(*) FROM w") == [(2,)]
    people.sql("DROP VIEW w")
    people.sql("DROP VIEW IF EXISTS w")
    assert people.rows("SHOW VIEWS") == []
    told = [(r[3], r[5]) for r in people.rows("SHOW COMMITS LIMIT 6")]
    assert [t[0] for t in told[:3]] == ["DROP VIEW", "RENAME VIEW", "ALTER VIEW"]


@pytest.mark.proves("VIEW-1")
def test_views_are_on_branches_like_tables(people: Any) -> None:
    people.sql("CREATE BRANCH dev")
    people.sql("USE BRANCH dev")
    people.sql("INSERT INTO t VALUES (7, 'g')")
    people.sql("CREATE OR REPLACE VIEW v AS SELECT id FROM t WHERE id > 5")
    assert people.rows("SELECT * FROM v") == [(7,)]
    people.sql("USE BRANCH main")
    assert people.rows("SELECT * FROM v") == [(2, "B")]
    people.sql("MERGE BRANCH dev")
    assert people.rows("SELECT * FROM v") == [(7,)]
    people.sql("RESTORE TABLE v TO VERSION AS OF 0")
    assert people.rows("SELECT * FROM v ORDER BY id") == [(2, "B"), (7, "G")]
    assert people.rows("DESCRIBE HISTORY v")[0][3] == "RESTORE"


def test_a_view_that_both_sides_changed_is_a_conflict(people: Any, refused: Any) -> None:
    people.sql("CREATE BRANCH dev")
    people.sql("ALTER VIEW v AS SELECT 1 AS ours")
    people.sql("ALTER VIEW v SET TBLPROPERTIES ('a' = '1')")
    people.sql("USE BRANCH dev")
    people.sql("ALTER VIEW v SET TBLPROPERTIES ('b' = '2')")
    people.sql("USE BRANCH main")
    people.sql("MERGE BRANCH dev")
    assert {("a", "1"), ("b", "2")} <= set(people.rows("SHOW TBLPROPERTIES v"))
    people.sql("USE BRANCH dev")
    people.sql("ALTER VIEW v AS SELECT 2 AS theirs")
    people.sql("USE BRANCH main")
    with refused("ANABRANCH_MERGE.CONFLICT", "both sides changed the view"):
        people.sql("MERGE BRANCH dev")
    conflict = people.spark.sql("MERGE BRANCH dev DRY RUN").collect()
    assert "SELECT 1 AS ours" in str(conflict), conflict
    people.sql("MERGE BRANCH dev ON CONFLICT THEIRS")
    assert people.rows("SELECT theirs FROM v") == [(2,)]


def test_a_view_is_read_at_the_ref_in_use(people: Any, refused: Any) -> None:
    people.sql("CREATE TAG then")
    people.sql("CREATE BRANCH dev")
    assert people.rows("SELECT * FROM `v@main`") == [(2, "B")]
    people.sql("CREATE TABLE u (id INT)")
    for ref in ("then", "dev", "main~1"):
        with refused("ANABRANCH_TABLE.VIEW_AT_REF", "'main'", f"'{ref}'", "USE REFERENCE"):
            people.rows(f"SELECT * FROM `v@{ref}`")
    people.sql("INSERT INTO t VALUES (3, 'c')")
    people.sql("USE REFERENCE then")
    try:
        assert people.rows("SELECT * FROM v") == [(2, "B")]
        with refused("ANABRANCH_REF.READ_ONLY"):
            people.sql("CREATE VIEW w AS SELECT 1 AS a")
    finally:
        people.sql("USE BRANCH main")


def test_a_view_has_no_rows_to_change(people: Any, refused: Any) -> None:
    for statement in (
        "INSERT INTO v VALUES (1, 'x')",
        "OPTIMIZE v",
        "CALL {lake}.system.blame(table => 'v')",
    ):
        with refused("ANABRANCH_TABLE.IS_VIEW", "default.v"):
            people.sql(statement)
    for statement in (
        "DELETE FROM v", "UPDATE v SET id = 1", "ALTER TABLE v ADD COLUMN x INT", "DROP TABLE v", "DROP VIEW t",
        "SELECT * FROM v VERSION AS OF 0", "CREATE VIEW t AS SELECT 1 AS a", "CREATE TABLE v (a INT)",
        "CREATE VIEW v AS SELECT 1 AS a", "CREATE OR REPLACE VIEW t AS SELECT 1 AS a",
        "CREATE OR REPLACE TABLE v (a INT)", "ALTER VIEW t RENAME TO w", "ALTER TABLE v RENAME TO w",
    ):  # fmt: skip
        with pytest.raises(AnalysisException):
            people.sql(statement)
    assert people.rows("SELECT * FROM v") == [(2, "B")]
    assert people.rows("SELECT count(*) FROM t") == [(2,)]


def test_a_transaction_has_views_in_it(people: Any) -> None:
    people.sql("START TRANSACTION")
    people.sql("INSERT INTO t VALUES (3, 'c')")
    people.sql("CREATE VIEW w AS SELECT count(*) AS n FROM v")
    assert people.rows("SELECT * FROM w") == [(2,)]
    people.sql("COMMIT")
    assert people.rows("SELECT * FROM w") == [(2,)]


def test_gates_and_grants_look_through_views(people: Any, refused: Any) -> None:
    people.sql("SET spark.anabranch.commit.author = ada")
    try:
        people.sql("GRANT SELECT ON TABLE t TO bob")
        with refused("ANABRANCH_PERMISSION.DENIED", "default.t"):
            people.rows("SELECT * FROM v")
        people.sql("GRANT SELECT ON TABLE t TO PUBLIC")
        people.sql("CREATE GATE few ON BRANCH main AS SELECT * FROM v WHERE name = 'X'")
        with refused("ANABRANCH_GATE.VIOLATED", "few"):
            people.sql("INSERT INTO t VALUES (4, 'x')")
    finally:
        people.sql("RESET spark.anabranch.commit.author")
