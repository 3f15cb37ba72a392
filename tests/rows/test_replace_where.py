"""INSERT INTO … REPLACE WHERE: rows in the place of those for which a condition is true, wherever they stand."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as F

from rows.tables import FILES, counts, lineage_of, no_commit, operations, table

ROWS = "(1, 10, 'a'), (2, 20, 'b'), (3, NULL, 'a'), (4, 40, NULL)"
ALL = {1, 2, 3, 4}
CONDITIONS = {
    "id > 2": {3, 4},
    "v > 15": {2, 4},
    "v IS NULL": {3},
    "v <> 10": {2, 4},
    "NOT (v > 15)": {1},
    "p = 'a' AND id = 1": {1},
    "p = 'a' OR v = 40": {1, 3, 4},
    "p LIKE 'a%' AND v IN (10, NULL)": {1},
    "upper(p) = 'A'": {1, 3},
    "abs(id) = 2": {2},
    "id % 2 = 0": {2, 4},
    "id * 10 = v": {1, 2, 4},
    "id = 77": set(),
}


@pytest.fixture(params=[f"PARTITIONED BY (p) {FILES}", "PARTITIONED BY (p)", FILES])
def rows(lake: Any, request: pytest.FixtureRequest) -> Any:
    lake.sql(f"CREATE TABLE t (id INT, v INT, p STRING) {request.param}")
    lake.sql(f"INSERT INTO t SELECT /*+ COALESCE(1) */ * FROM VALUES {ROWS}")
    return lake


@pytest.mark.both_modes
def test_the_rows_for_which_a_condition_is_true_are_replaced(rows: Any) -> None:
    rows.sql("CREATE TABLE other (a INT)")
    for condition, gone in CONDITIONS.items():
        before = lineage_of(rows)
        rows.sql(f"INSERT INTO t REPLACE WHERE {condition} VALUES (9, 90, 'a'), (8, NULL, 'new')")
        after = lineage_of(rows)
        assert set(after) == (ALL - gone) | {8, 9}, condition
        assert {k: v for k, v in after.items() if k in ALL} == {k: before[k] for k in ALL - gone}
        assert counts(rows) == (2, 0, len(gone)) and operations(rows)[-1] == "OVERWRITE", condition
        rows.sql("RESTORE TABLE t TO VERSION AS OF 1")


def test_the_new_rows_may_come_from_those_that_go(rows: Any) -> None:
    rows.sql("INSERT INTO t REPLACE WHERE id > 2 SELECT id * 10, v, p FROM t WHERE id > 2")
    assert table(rows) == [(1, 10, "a"), (2, 20, "b"), (30, None, "a"), (40, 40, None)]
    changed = rows.rows("SELECT id, _change_type FROM t CHANGES FROM VERSION 2 ORDER BY 1")
    assert changed == [(3, "delete"), (4, "delete"), (30, "insert"), (40, "insert")]


def test_text_is_compared_as_its_type_says(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t (c CHAR(3), k STRING COLLATE UTF8_LCASE) {FILES}")
    lake.sql("INSERT INTO t VALUES ('a', 'Xy'), ('b', 'z'), ('c', 'y')")
    lake.sql("INSERT INTO t REPLACE WHERE c = 'a' VALUES ('d', 'n')")
    lake.sql("INSERT INTO t REPLACE WHERE k = 'Z' VALUES ('e', 'm')")
    assert table(lake) == [("c  ", "y"), ("d  ", "n"), ("e  ", "m")]


def test_it_stands_in_a_transaction(rows: Any) -> None:
    rows.sql("START TRANSACTION")
    rows.sql("INSERT INTO t VALUES (5, 50, 'a')")
    rows.sql("INSERT INTO t REPLACE WHERE v >= 20 AND id <> 2 VALUES (6, 60, 'q'), (7, 70, 'q')")
    rows.sql("INSERT INTO t REPLACE WHERE id = 6 VALUES (8, 80, 'q')")
    rows.sql("COMMIT")
    assert [r[0] for r in table(rows)] == [1, 2, 3, 7, 8]


def test_it_writes_to_the_branch_that_an_option_names(rows: Any, spark: Any) -> None:
    rows.sql("CREATE BRANCH dev")
    rows.sql("DELETE FROM t")
    new = spark.createDataFrame([(9, 9, "n")], "id INT, v INT, p STRING")
    new.writeTo("t").option("branch", "dev").overwrite(F.col("id") < 3)
    assert [r[0] for r in table(rows, of="`t@dev`")] == [3, 4, 9] and table(rows) == []


@pytest.mark.both_modes
def test_a_row_that_a_constraint_forbids_changes_nothing(rows: Any, refused: Any) -> None:
    rows.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)")
    with no_commit(rows), refused("CHECK_CONSTRAINT_VIOLATION"):
        rows.sql("INSERT INTO t REPLACE WHERE id = 1 VALUES (-1, 1, 'a')")
    assert len(table(rows)) == 4


def test_a_write_that_does_not_know_its_condition_replaces_whole_partitions_only(
    lake: Any, spark: Any, refused: Any
) -> None:
    """As in a session without the extension, which tells it."""
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1), (2)")
    jvm, gateway = spark._jvm, spark._sc._gateway
    connector = jvm.org.apache.spark.sql.connector
    name = connector.catalog.Identifier.of(gateway.new_array(jvm.String, 1), "t")
    name.namespace()[0] = "default"
    state = spark._jsparkSession.sessionState()
    found = state.catalogManager().catalog(lake.name).loadTable(name)
    options = jvm.org.apache.spark.sql.util.CaseInsensitiveStringMap.empty()
    info = connector.write.LogicalWriteInfoImpl(
        "q", found.schema(), options, jvm.java.util.Optional.empty(), jvm.java.util.Optional.empty()
    )
    expressions = connector.expressions
    sides = gateway.new_array(expressions.Expression, 2)
    sides[0], sides[1] = expressions.Expressions.column("id"), expressions.Expressions.literal(1)
    predicates = gateway.new_array(expressions.filter.Predicate, 1)
    predicates[0] = expressions.filter.Predicate("=", sides)
    with refused("ANABRANCH_WRITE.OVERWRITE_CONDITION", "id = 1"):
        found.newWriteBuilder(info).overwrite(predicates).build().toBatch()
