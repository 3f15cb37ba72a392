"""MERGE and INSERT WITH SCHEMA EVOLUTION: columns that come with the rows that need them."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as F

from rows.tables import BOTH, counts, create, no_commit, operations, table


def test_schema_evolution_adds_the_columns_of_the_source(two: Any) -> None:
    two.sql(
        f"MERGE WITH SCHEMA EVOLUTION INTO t USING (SELECT * FROM VALUES (2, 22, 'n'), (3, 33, 'm') AS v (id, a, c)) s ON t.id = s.id {BOTH}"
    )
    assert table(two) == [(1, 10, None), (2, 22, "n"), (3, 33, "m")]
    assert two.rows("SELECT * FROM t VERSION AS OF 1 ORDER BY id") == [(1, 10), (2, 20)]


EVOLVING = (
    "MERGE WITH SCHEMA EVOLUTION INTO t USING (SELECT * FROM VALUES (2, 22, 'n'), (3, 33, 'm') AS v (id, a, c)) s "
    f"ON t.id = s.id {BOTH}"
)


@pytest.mark.both_modes
@pytest.mark.proves("TXN-6")
@pytest.mark.parametrize(
    ("clauses", "rows", "changed"),
    [
        (BOTH, [(1, 10, None), (2, 22, "n"), (3, 33, "m")], (1, 1, 0)),
        ("WHEN NOT MATCHED THEN INSERT *", [(1, 10, None), (2, 20, None), (3, 33, "m")], (1, 0, 0)),
        ("WHEN MATCHED THEN UPDATE SET *", [(1, 10, None), (2, 22, "n")], (0, 1, 0)),
    ],
)
def test_columns_and_rows_of_schema_evolution_are_one_commit(
    two: Any, clauses: str, rows: list[Any], changed: tuple[int, int, int]
) -> None:
    two.sql(EVOLVING.replace(BOTH, clauses))
    assert operations(two) == ["CREATE TABLE", "INSERT", "MERGE"]
    assert table(two) == rows
    assert counts(two) == changed
    two.sql("INSERT INTO t VALUES (9, 9, 'z')")
    two.sql("UPDATE t SET c = 'y' WHERE id = 9")
    assert table(two)[-1] == (9, 9, "y")


@pytest.mark.parametrize(
    ("rows", "condition"),
    [
        ("(2, 22, 'n'), (2, 23, 'm')", "MERGE_CARDINALITY_VIOLATION"),
        ("(2, -1, 'n')", "CHECK_CONSTRAINT_VIOLATION"),
    ],
)
def test_a_merge_that_fails_leaves_no_columns_behind(
    two: Any, refused: Any, rows: str, condition: str
) -> None:
    two.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)")
    with no_commit(two), refused(condition):
        two.sql(
            f"MERGE WITH SCHEMA EVOLUTION INTO t USING (SELECT * FROM VALUES {rows} AS v (id, a, c)) s "
            f"ON t.id = s.id {BOTH}"
        )
    assert table(two) == [(1, 10), (2, 20)]
    two.sql("ALTER TABLE t ADD COLUMN c INT")
    assert table(two) == [(1, 10, None), (2, 20, None)]


def test_columns_come_where_no_row_does(two: Any) -> None:
    two.sql(EVOLVING.replace(BOTH, "WHEN MATCHED AND s.a < 0 THEN UPDATE SET *"))
    assert operations(two)[-1] == "MERGE"
    assert table(two) == [(1, 10, None), (2, 20, None)]


@pytest.mark.parametrize("source", ["SELECT 5 AS id, 50 AS a, 'q' AS c", "SELECT id, a, 'q' AS c FROM t"])
def test_inserts_may_bring_columns_along(two: Any, source: str) -> None:
    before, new = table(two), two.rows(source)
    two.sql(f"INSERT WITH SCHEMA EVOLUTION INTO t BY NAME {source}")
    assert operations(two) == ["CREATE TABLE", "INSERT", "INSERT"]
    assert table(two) == sorted([*((*r, None) for r in before), *new], key=str)


def test_writers_of_dataframes_bring_columns_along_with_an_option(two: Any, spark: Any, refused: Any) -> None:
    """Delta's and Iceberg's name of it: Python has no other."""
    name = f"{two.name}.default.t"
    more = spark.createDataFrame([("n", 30, 3)], "c STRING, a INT, id INT")
    with no_commit(two), refused("INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS"):
        more.writeTo(name).option("mergeSchema", "false").append()
    more.writeTo(name).option("mergeSchema", "true").append()
    assert table(two) == [(1, 10, None), (2, 20, None), (3, 30, "n")]
    other = spark.createDataFrame([("n", 40, 4)], "d STRING, a INT, id INT")
    other.write.mode("append").option("mergeschema", True).saveAsTable(name)
    wide = spark.createDataFrame([(5, 50, "m", "l", 1.5)], "id INT, a INT, c STRING, d STRING, e DOUBLE")
    wide.write.option("mergeSchema", "true").insertInto(name)
    assert table(two)[-2:] == [(4, 40, None, "n", None), (5, 50, "m", "l", 1.5)]
    assert operations(two) == ["CREATE TABLE", "INSERT", "INSERT", "INSERT", "INSERT"]
    wide.withColumnRenamed("e", "f").writeTo(name).option("mergeSchema", "true").overwritePartitions()
    assert table(two, "id, e, f") == [(5, None, 1.5)]


def test_a_table_that_is_cached_evolves(two: Any) -> None:
    two.sql("CACHE TABLE t")
    try:
        assert table(two) == [(1, 10), (2, 20)]
        two.sql(EVOLVING)
        assert table(two) == [(1, 10, None), (2, 22, "n"), (3, 33, "m")]
    finally:
        two.sql("UNCACHE TABLE IF EXISTS t")


def test_a_statement_that_is_made_of_text_may_alter_a_table(two: Any) -> None:
    """Spark runs it while it resolves names, as it does schema evolution."""
    two.sql("EXECUTE IMMEDIATE 'ALTER TABLE t ADD COLUMN c INT'")
    assert operations(two)[-1] == "ALTER TABLE"
    two.sql(f"EXECUTE IMMEDIATE '{EVOLVING.replace(', c)', ', d)').replace(chr(39), chr(39) * 2)}'")
    assert operations(two)[-1] == "MERGE"
    assert table(two, "id, a, c, d") == [(1, 10, None, None), (2, 22, None, "n"), (3, 33, None, "m")]


def test_schema_evolution_adds_nested_fields(lake: Any, reused: set[str]) -> None:
    reused |= {"s"}
    create(lake, "id INT, s STRUCT<a: INT>", "(1, named_struct('a', 1)), (2, named_struct('a', 2))")
    lake.sql(
        "MERGE WITH SCHEMA EVOLUTION INTO t USING (SELECT 1 AS id, named_struct('a', 5, 'b', 'new') AS s) u "
        f"ON t.id = u.id {BOTH}"
    )
    assert table(lake, "id, s.a, s.b") == [(1, 5, "new"), (2, 2, None)]


def test_schema_evolution_widens_and_never_narrows(lake: Any) -> None:
    create(lake, "id BIGINT, a INT", "(1, 1)")
    big = 1 << 40
    lake.sql(f"MERGE WITH SCHEMA EVOLUTION INTO t USING (SELECT 1 AS id, {big} AS a) s ON t.id = s.id {BOTH}")
    types = dict(r[:2] for r in lake.rows("DESCRIBE t") if r[0] in ("id", "a"))
    assert types == {"id": "bigint", "a": "bigint"}, "an INT in the source leaves a BIGINT"
    assert table(lake) == [(1, big)]


@pytest.mark.parametrize("source", ["SELECT 1 AS id", "SELECT 1 AS id, 5 AS a", "SELECT 1 AS id, 5S AS a"])
def test_schema_evolution_without_anything_to_evolve_is_a_plain_merge(two: Any, source: str) -> None:
    before = two.rows("DESCRIBE t")
    two.sql(f"MERGE WITH SCHEMA EVOLUTION INTO t USING ({source}) s ON t.id = s.id WHEN MATCHED THEN DELETE")
    assert two.rows("DESCRIBE t") == before
    assert operations(two)[-1] == "MERGE" and operations(two).count("ALTER TABLE") == 0


def test_explain_with_schema_evolution_does_not_add_the_column(two: Any) -> None:
    with no_commit(two):
        for mode in ("", "EXTENDED", "FORMATTED"):
            text = two.rows(f"EXPLAIN {mode} {EVOLVING}")
            assert "error" not in str(text).lower()
    assert [r[0] for r in two.rows("DESCRIBE t")][:2] == ["id", "a"]
    assert table(two) == [(1, 10), (2, 20)]


def test_dataframes_can_be_merged_with_schema_evolution(two: Any, spark: Any) -> None:
    source = spark.createDataFrame([(2, 22, "x")], "id INT, a INT, c STRING").alias("s")
    merge = source.mergeInto(f"{two.name}.default.t", F.expr("t.id = s.id")).whenMatched().updateAll()
    merge.withSchemaEvolution().merge()
    assert table(two) == [(1, 10, None), (2, 22, "x")]


def test_a_merge_that_fails_adds_no_columns_to_a_transaction(two: Any, refused: Any) -> None:
    two.sql("START TRANSACTION")
    with refused("MERGE_CARDINALITY_VIOLATION"):
        two.sql(EVOLVING.replace("(3, 33, 'm')", "(2, 33, 'm')"))
    assert table(two) == [(1, 10), (2, 20)]
    two.sql(EVOLVING)
    assert table(two) == [(1, 10, None), (2, 22, "n"), (3, 33, "m")]
    two.sql("COMMIT")
    assert operations(two)[2:] == ["TRANSACTION"]
    assert table(two) == [(1, 10, None), (2, 22, "n"), (3, 33, "m")]
