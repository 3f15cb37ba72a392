"""MERGE INTO: types, schema evolution, partitions, branches, and what must not happen."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as F

from rows.tables import BOTH, FILES, counts, create, lineage_of, no_commit, operations, table

# ---- nested fields, defaults, all types


def test_a_nested_field_is_assigned_alone(lake: Any) -> None:
    create(
        lake,
        "id INT, s STRUCT<a: INT, n: STRUCT<x: INT, y: STRING>>, l ARRAY<STRUCT<p: INT>>",
        "(1, named_struct('a', 1, 'n', named_struct('x', 2, 'y', 'z')), array(named_struct('p', 7))), (2, NULL, NULL)",
    )
    lake.sql(
        "MERGE INTO t USING (SELECT 1 AS id, 5 AS v) u ON t.id = u.id WHEN MATCHED THEN UPDATE SET s.n.x = u.v, s.a = t.s.n.x"
    )
    assert lake.rows("SELECT s.a, s.n.x, s.n.y, l[0].p FROM t WHERE id = 1") == [(2, 5, "z", 7)]
    assert lake.rows("SELECT s, l FROM t WHERE id = 2") == [(None, None)]


def test_defaults_count_in_every_clause(lake: Any) -> None:
    create(lake, "id INT, a INT DEFAULT 42, b STRING DEFAULT 'd'", "(1, 1, 'x'), (2, 2, 'y'), (3, 3, 'z')")
    lake.sql(
        "MERGE INTO t USING (SELECT * FROM VALUES (2), (4), (5) AS v (id)) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = DEFAULT "
        "WHEN NOT MATCHED AND s.id = 4 THEN INSERT (id) VALUES (s.id) WHEN NOT MATCHED THEN INSERT (id, a, b) VALUES (s.id, 0, DEFAULT) "
        "WHEN NOT MATCHED BY SOURCE AND t.id = 3 THEN UPDATE SET b = DEFAULT"
    )
    assert table(lake) == [(1, 1, "x"), (2, 42, "y"), (3, 3, "d"), (4, 42, "d"), (5, 0, "d")]


def test_a_value_that_does_not_fit_fails_and_null_does_not_get_past_not_null(lake: Any, refused: Any) -> None:
    create(lake, "id TINYINT NOT NULL, d DECIMAL(4, 2)", "(1, 1.25)")
    with no_commit(lake), refused("CAST_OVERFLOW_IN_TABLE_INSERT"):
        lake.sql("MERGE INTO t USING (SELECT 1000 AS n) s ON true WHEN MATCHED THEN UPDATE SET id = s.n")
    with no_commit(lake), refused("CAST_OVERFLOW_IN_TABLE_INSERT"):
        lake.sql("MERGE INTO t USING (SELECT 123.456BD AS n) s ON true WHEN MATCHED THEN UPDATE SET d = s.n")
    with no_commit(lake), refused("NOT_NULL_ASSERT_VIOLATION"):
        lake.sql(
            "MERGE INTO t USING (SELECT CAST(NULL AS TINYINT) AS n) s ON true WHEN MATCHED THEN UPDATE SET id = s.n"
        )
    assert lake.rows("SELECT id, CAST(d AS STRING) FROM t") == [(1, "1.25")]


def test_every_type_goes_through_update_and_insert(lake: Any) -> None:
    columns = {
        "b": ("BOOLEAN", "true"),
        "y": ("TINYINT", "-128Y"),
        "h": ("SMALLINT", "32767S"),
        "l": ("BIGINT", "-9223372036854775808"),
        "f": ("FLOAT", "float('-Infinity')"),
        "d": ("DOUBLE", "double('NaN')"),
        "m": ("DECIMAL(38, 18)", "12345678901234567890.123456789012345678BD"),
        "s": ("STRING", "'a\\u0000é😀'"),
        "x": ("BINARY", "X'00FF'"),
        "dt": ("DATE", "DATE '-0044-03-15'"),
        "ts": ("TIMESTAMP", "TIMESTAMP '1900-01-01 00:00:00.123456'"),
        "tn": ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ '2024-02-29 12:00:00'"),
        "a": (
            "ARRAY<STRUCT<p: INT, q: ARRAY<STRING>>>",
            "array(named_struct('p', 1, 'q', array('u', NULL)), NULL)",
        ),
        "mp": ("MAP<STRING, DECIMAL(5, 2)>", "map('k', 1.50BD, 'n', NULL)"),
        "st": (
            "STRUCT<i: INT, j: STRUCT<k: DATE>>",
            "named_struct('i', 1, 'j', named_struct('k', DATE '2020-01-01'))",
        ),
        "ym": ("INTERVAL YEAR TO MONTH", "INTERVAL '1-2' YEAR TO MONTH"),
        "ds": ("INTERVAL DAY TO SECOND", "INTERVAL '1 02:03:04.5' DAY TO SECOND"),
    }
    create(
        lake,
        "id INT, " + ", ".join(f"{n} {t}" for n, (t, _) in columns.items()),
        "(1" + ", NULL" * len(columns) + ")",
    )
    source = ", ".join(f"CAST({v} AS {t}) AS {n}" for n, (t, v) in columns.items())
    lake.sql(
        f"MERGE INTO t USING (SELECT explode(array(1, 2)) AS id, {source}) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    for name, (kind, value) in columns.items():
        text = "to_json(named_struct('v', {}))"
        assert (
            lake.rows(f"SELECT {text.format(name)}, {text.format(f'CAST({value} AS {kind})')} FROM t")
            == [lake.rows(f"SELECT {text.format(f'CAST({value} AS {kind})')}")[0] * 2] * 2
        ), name


def test_variants_go_through_a_merge(lake: Any) -> None:
    create(lake, "id INT, v VARIANT", """(1, parse_json('{"a": [1, 2.5, null]}')), (2, NULL)""")
    lake.sql(
        """MERGE INTO t USING (SELECT explode(array(2, 3)) AS id, parse_json('{"b": "x"}') AS v) s ON t.id = s.id
        WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"""
    )
    assert table(lake, "id, to_json(v)") == [(1, '{"a":[1,2.5,null]}'), (2, '{"b":"x"}'), (3, '{"b":"x"}')]


# ---- columns of the source


def test_without_schema_evolution_more_columns_in_the_source_are_left_out(two: Any) -> None:
    two.sql(f"MERGE INTO t USING (SELECT * FROM VALUES (2, 22, 'n') AS v (id, a, c)) s ON t.id = s.id {BOTH}")
    assert table(two) == [(1, 10), (2, 22)]


@pytest.mark.parametrize("clause", ["WHEN MATCHED THEN UPDATE SET *", "WHEN NOT MATCHED THEN INSERT *"])
def test_a_star_for_which_the_source_lacks_a_column_is_refused(two: Any, refused: Any, clause: str) -> None:
    with no_commit(two), refused("UNRESOLVED_COLUMN.WITH_SUGGESTION", "`a`"):
        two.sql(f"MERGE INTO t USING (SELECT 2 AS id, 5 AS b) s ON t.id = s.id {clause}")
    assert table(two) == [(1, 10), (2, 20)]


# ---- partitions

PARTITIONS = [
    ("p INT", "p", "1", "2"),
    ("p STRING", "p", "'a'", "'b'"),
    ("p BIGINT", "bucket(4, p)", "1", "77"),
    ("p DATE", "days(p)", "DATE '2024-02-29'", "DATE '1969-12-31'"),
    ("p TIMESTAMP", "hours(p)", "TIMESTAMP '1969-12-31 23:59:59'", "TIMESTAMP '2024-01-01'"),
    ("p DOUBLE", "p", "double('NaN')", "-0.0D"),
    ("p STRING", "truncate(2, p)", "'abc'", "'abd'"),
]


@pytest.mark.parametrize(("column", "transform", "old", "new"), PARTITIONS)
def test_a_row_that_changes_its_partition_moves_and_is_found(
    lake: Any, column: str, transform: str, old: str, new: str
) -> None:
    create(
        lake,
        f"id INT, {column}",
        f"(1, {old}), (2, {old}), (3, NULL)",
        f"PARTITIONED BY ({transform}) {FILES}",
    )
    before = lineage_of(lake)
    lake.sql(
        f"MERGE INTO t USING (SELECT explode(array(1, 3, 4)) AS id, {new} AS p) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET p = s.p WHEN NOT MATCHED THEN INSERT *"
    )
    assert lake.rows(f"SELECT id FROM t WHERE p = {new} ORDER BY id") == [(1,), (3,), (4,)]
    assert lake.rows(f"SELECT id FROM t WHERE p = {old} ORDER BY id") == [(2,)]
    assert lake.rows("SELECT id FROM t WHERE p IS NULL") == []
    after = lineage_of(lake)
    assert (after[1][0], after[2]) == (before[1][0], before[2])
    lake.sql(f"MERGE INTO t USING (SELECT {new} AS p) s ON t.p = s.p WHEN MATCHED THEN DELETE")
    assert table(lake, "id") == [(2,)]


# ---- branches, columns that changed, scripts and parameters


def test_a_merge_into_a_branch_leaves_main(two: Any) -> None:
    two.sql("CREATE BRANCH dev IN {lake}")
    two.sql(
        "MERGE INTO `t@dev` t USING `t@main` s ON t.id = s.id AND t.id = 1 WHEN MATCHED THEN UPDATE SET a = s.a + 1 WHEN NOT MATCHED BY SOURCE THEN DELETE"
    )
    assert table(two, of="`t@dev`") == [(1, 11)]
    assert table(two) == [(1, 10), (2, 20)]
    assert counts(two, "`t@dev`") == (0, 1, 1)
    two.sql("MERGE BRANCH dev INTO main IN {lake}")
    assert table(two) == [(1, 11)]


def test_a_merge_goes_by_the_columns_that_the_table_has_now(two: Any, reused: set[str]) -> None:
    two.sql("ALTER TABLE t ADD COLUMN c INT DEFAULT 5")
    two.sql("ALTER TABLE t RENAME COLUMN a TO b")
    two.sql(
        "MERGE INTO t USING (SELECT * FROM VALUES (1, 100), (3, 300) AS v (id, b)) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT (id, b) VALUES (s.id, s.b)"
    )
    assert table(two) == [(1, 100, 5), (2, 20, 5), (3, 300, 5)]
    two.sql("ALTER TABLE t DROP COLUMN b")
    two.sql("ALTER TABLE t ADD COLUMN a STRING")
    reused |= {"a"}
    two.sql(
        "MERGE INTO t USING (SELECT * FROM VALUES (1, 'x', 0) AS v (id, a, c)) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET *"
    )
    assert table(two) == [(1, 0, "x"), (2, 5, None), (3, 5, None)]


def test_statements_take_parameters_and_stand_in_scripts(two: Any) -> None:
    two.sql(
        "MERGE INTO t USING (SELECT :id AS id, :a AS a) s ON t.id = s.id WHEN MATCHED AND t.a < :limit THEN UPDATE SET a = :a",
        id=1,
        a=5,
        limit=11,
    )
    assert table(two) == [(1, 5), (2, 20)]
    two.sql(
        "BEGIN DECLARE n INT DEFAULT 3; WHILE n > 0 DO "
        "MERGE INTO t USING (SELECT n AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = t.a + s.id "
        "WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, 0); SET n = n - 1; END WHILE; END"
    )
    assert table(two) == [(1, 6), (2, 22), (3, 0)]
    assert operations(two) == ["CREATE TABLE", "INSERT", *["MERGE"] * 4]


def test_dataframes_can_be_merged(two: Any, spark: Any) -> None:
    source = spark.createDataFrame([(2, 22), (3, 33)], "id INT, a INT").alias("s")
    (
        source.mergeInto("t", F.expr("t.id = s.id"))
        .whenMatched(F.expr("s.a > 100"))
        .delete()
        .whenMatched()
        .updateAll()
        .whenNotMatched()
        .insertAll()
        .whenNotMatchedBySource()
        .update({"a": F.lit(0)})
        .merge()
    )
    assert table(two) == [(1, 0), (2, 22), (3, 33)]
    assert counts(two) == (1, 2, 0)


# ---- what must not happen


def test_a_merge_that_changes_no_row_makes_no_commit(two: Any) -> None:
    for clauses in [
        "ON t.id = s.id AND s.id = 99 WHEN MATCHED THEN UPDATE SET *",
        "ON t.id = s.id WHEN MATCHED AND false THEN DELETE",
        "ON t.id = s.id WHEN NOT MATCHED AND s.id > 99 THEN INSERT *",
        "ON t.id >= 0 AND s.id = 1 WHEN NOT MATCHED BY SOURCE AND t.a > 99 THEN DELETE",
    ]:
        with no_commit(two):
            two.sql(f"MERGE INTO t USING (SELECT * FROM VALUES (1, 1), (3, 3) AS v (id, a)) s {clauses}")
        assert table(two) == [(1, 10), (2, 20)]


def test_explain_does_not_write(two: Any) -> None:
    with no_commit(two):
        for mode in ("", "EXTENDED", "FORMATTED", "COST", "CODEGEN"):
            text = two.rows(
                f"EXPLAIN {mode} MERGE INTO t USING (SELECT 1 AS id, 1 AS a) s ON t.id = s.id {BOTH}"
            )
            assert "error" not in str(text).lower()
    assert table(two) == [(1, 10), (2, 20)]


SENSELESS = [
    ("ON t.id = s.id WHEN MATCHED THEN UPDATE SET nope = 1", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    ("ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.nope", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    (
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = 1, a = 2",
        "DATATYPE_MISMATCH.INVALID_ROW_LEVEL_OPERATION_ASSIGNMENTS",
    ),
    (
        "ON t.id = s.id AND rand() > 2 WHEN MATCHED THEN DELETE",
        "UNSUPPORTED_MERGE_CONDITION.NON_DETERMINISTIC",
    ),
    (
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = 'x'",
        "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST",
    ),
]


def refuse_all(two: Any, refused: Any, statements: list[tuple[str, str]]) -> None:
    for clauses, condition in statements:
        with no_commit(two), refused(condition):
            two.sql(f"MERGE INTO t USING (SELECT * FROM VALUES (1, 1), (3, 3) AS v (id, a)) s {clauses}")
    assert table(two) == [(1, 10), (2, 20)]


def test_what_makes_no_sense_is_refused(two: Any, refused: Any) -> None:
    refuse_all(two, refused, SENSELESS)


@pytest.mark.parametrize(
    "clauses",
    [
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET _row_id = 1",
        "ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, _row_commit) VALUES (1, 1)",
    ],
)
def test_hidden_columns_can_not_be_assigned(two: Any, refused: Any, clauses: str) -> None:
    refuse_all(two, refused, [(clauses, "ANABRANCH_WRITE.HIDDEN_COLUMN")])


def test_the_past_can_not_be_changed(two: Any) -> None:
    two.sql("CREATE TAG v1 IN {lake}")
    for ref in ["`t@v1`", "`t@main~1`", "t VERSION AS OF 0"]:
        with no_commit(two), pytest.raises(Exception, match=r"ANABRANCH_|PARSE_SYNTAX_ERROR|UNSUPPORTED"):
            two.sql(
                f"MERGE INTO {ref} AS t USING (SELECT * FROM VALUES (1, 1) AS v (id, a)) s ON t.id = s.id WHEN MATCHED THEN DELETE"
            )
