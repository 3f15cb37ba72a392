"""MERGE INTO: every clause, every kind of source, and what must stay as it was."""

from __future__ import annotations

from typing import Any

import pytest

from rows.tables import BOTH, counts, create, lineage_of, no_commit, table

SOURCE = "(SELECT * FROM VALUES (2, 200, 'two'), (3, NULL, 'three'), (4, 400, 'four') AS (id, a, b))"
ROW_1, ROW_2, ROW_3 = (1, 10, "x"), (2, 20, "y"), (3, 30, "z")

CLAUSES: dict[str, tuple[str, list[tuple[Any, ...]], tuple[int, int, int]]] = {
    "UPDATE SET * and INSERT * take columns by name": (
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        [ROW_1, (2, 200, "two"), (3, None, "three"), (4, 400, "four")],
        (1, 2, 0),
    ),
    "UPDATE of one column leaves the others": (
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.a",
        [ROW_1, (2, 200, "y"), (3, None, "z")],
        (0, 2, 0),
    ),
    "all assignments see the old row": (
        "ON t.id = s.id AND s.id = 2 WHEN MATCHED THEN UPDATE SET id = t.a, t.a = t.id, b = concat(t.b, s.b)",
        [ROW_1, ROW_3, (20, 2, "ytwo")],
        (0, 1, 0),
    ),
    "a matched row can be deleted": (
        "ON t.id = s.id WHEN MATCHED THEN DELETE",
        [ROW_1],
        (0, 0, 2),
    ),
    "the first clause whose condition is true decides": (
        "ON t.id = s.id WHEN MATCHED AND s.a > 100 THEN UPDATE SET b = 'first' "
        "WHEN MATCHED AND t.id = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET b = 'last'",
        [ROW_1, (2, 20, "first"), (3, 30, "last")],
        (0, 2, 0),
    ),
    "a condition that is NULL is not true": (
        "ON t.id = s.id WHEN MATCHED AND s.a > 0 THEN DELETE",
        [ROW_1, ROW_3],
        (0, 0, 1),
    ),
    "NOT MATCHED BY TARGET is NOT MATCHED": (
        "ON t.id = s.id WHEN NOT MATCHED BY TARGET AND s.a = 400 THEN INSERT *",
        [ROW_1, ROW_2, ROW_3, (4, 400, "four")],
        (1, 0, 0),
    ),
    "columns that INSERT does not name are NULL": (
        "ON t.id = s.id WHEN NOT MATCHED THEN INSERT (b, id) VALUES (upper(s.b), s.id + 1)",
        [ROW_1, ROW_2, ROW_3, (5, None, "FOUR")],
        (1, 0, 0),
    ),
    "of several INSERTs the first whose condition is true counts": (
        "ON t.id = s.id AND t.id = 2 WHEN NOT MATCHED AND s.a IS NULL THEN INSERT (id) VALUES (30) "
        "WHEN NOT MATCHED AND s.id = 5 THEN INSERT (id) VALUES (50) WHEN NOT MATCHED THEN INSERT (id) VALUES (40)",
        [ROW_1, ROW_2, ROW_3, (30, None, None), (40, None, None)],
        (2, 0, 0),
    ),
    "NOT MATCHED BY SOURCE deletes what the source lacks": (
        "ON t.id = s.id WHEN NOT MATCHED BY SOURCE THEN DELETE",
        [ROW_2, ROW_3],
        (0, 0, 1),
    ),
    "NOT MATCHED BY SOURCE updates what the source lacks": (
        "ON t.id = s.id AND s.id = 3 WHEN NOT MATCHED BY SOURCE AND t.id = 1 THEN DELETE "
        "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET a = t.a + 1, b = 'gone'",
        [(2, 21, "gone"), ROW_3],
        (0, 1, 1),
    ),
    "all clauses in one statement": (
        "ON t.id = s.id WHEN MATCHED AND s.a IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET a = s.a "
        "WHEN NOT MATCHED THEN INSERT * WHEN NOT MATCHED BY SOURCE THEN UPDATE SET b = 'alone'",
        [(1, 10, "alone"), (2, 200, "y"), (4, 400, "four")],
        (1, 2, 1),
    ),
    "ON can say FALSE: a replacement": (
        "ON FALSE WHEN NOT MATCHED THEN INSERT * WHEN NOT MATCHED BY SOURCE THEN DELETE",
        [(2, 200, "two"), (3, None, "three"), (4, 400, "four")],
        (3, 0, 3),
    ),
    "ON can look at the target alone": (
        "ON t.id = s.id AND t.a > 20 WHEN MATCHED THEN UPDATE SET b = 'hit' WHEN NOT MATCHED AND s.id = 2 THEN INSERT *",
        [ROW_1, (2, 20, "y"), (2, 200, "two"), (3, 30, "hit")],
        (1, 1, 0),
    ),
    "ON need not be an equality": (
        "ON t.id > s.id WHEN MATCHED THEN UPDATE SET a = s.a",
        [ROW_1, ROW_2, (3, 200, "z")],
        (0, 1, 0),
    ),
    "an update to what stands there already is an update": (
        "ON t.id = s.id AND t.id = 2 WHEN MATCHED THEN UPDATE SET a = 20",
        [ROW_1, ROW_2, ROW_3],
        (0, 1, 0),
    ),
}


@pytest.mark.both_modes
def test_a_merge_does_what_it_says(lake: Any) -> None:
    create(lake, "id INT, a INT, b STRING", "(1, 10, 'x'), (2, 20, 'y'), (3, 30, 'z')")
    before = lineage_of(lake, "(id, a, b)")
    for meaning, (clauses, rows, changes) in CLAUSES.items():
        lake.sql(f"MERGE INTO t USING {SOURCE} s {clauses}")
        assert sorted(lake.rows("SELECT * FROM t"), key=str) == sorted(rows, key=str), meaning
        assert counts(lake) == changes, meaning
        after = lineage_of(lake, "(id, a, b)")
        assert len(before.items() & after.items()) == 3 - changes[1] - changes[2], meaning
        lake.sql("RESTORE TABLE t TO VERSION AS OF 1")


@pytest.mark.both_modes
def test_rows_that_stand_in_commits_merge_as_those_in_files(lake: Any) -> None:
    clauses = "all clauses in one statement"
    create(lake, "id INT, a INT, b STRING", "(1, 10, 'x'), (2, 20, 'y'), (3, 30, 'z')", tail="")
    lake.sql(f"MERGE INTO t USING {SOURCE} s {CLAUSES[clauses][0]}")
    assert table(lake) == CLAUSES[clauses][1]
    assert counts(lake) == CLAUSES[clauses][2]
    assert not list(lake.path.glob("data/**/*.parquet"))


def test_a_row_keeps_its_id_through_merges_and_tells_the_last_commit(lake: Any) -> None:
    create(lake, "id INT, a INT", "(1, 1), (2, 2)")
    before = lineage_of(lake)
    for n in range(3):
        lake.sql(
            f"MERGE INTO t USING (SELECT 1 AS id, {n} AS a) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET *"
        )
    after = lineage_of(lake)
    assert after[2] == before[2]
    assert after[1][0] == before[1][0]
    assert after[1][1] > before[1][1]
    assert table(lake) == [(1, 2), (2, 2)]


# ---- sources


SOURCES = [
    "(SELECT * FROM VALUES (2, 22), (3, 33) AS v (id, a)) s",
    "(SELECT id + 0 AS id, a FROM other) s",
    "other AS s",
    "`other@dev` s",
    "(SELECT * FROM other VERSION AS OF 0) s",
    "merge_source s",
    "(WITH c AS (SELECT * FROM other) SELECT * FROM c) s",
    "(SELECT id, max(a) AS a FROM (SELECT * FROM other UNION ALL SELECT id, 0 FROM other) GROUP BY id) s",
]


def test_anything_that_has_rows_can_be_the_source(two: Any) -> None:
    two.sql("CREATE TABLE other AS SELECT * FROM VALUES (2, 22), (3, 33) AS (id, a)")
    two.sql("CREATE OR REPLACE TEMPORARY VIEW merge_source AS SELECT * FROM other")
    two.sql("CREATE BRANCH dev IN {lake}")
    for source in SOURCES:
        two.sql(f"MERGE INTO t USING {source} ON t.id = s.id {BOTH}")
        assert table(two) == [(1, 10), (2, 22), (3, 33)], source
        two.sql("RESTORE TABLE t TO VERSION AS OF 1")
    two.sql("DROP VIEW merge_source")


@pytest.mark.parametrize(
    "more", ["", "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)", "WHEN NOT MATCHED BY SOURCE THEN DELETE"]
)
def test_a_source_may_be_random_and_each_row_of_it_is_drawn_once(two: Any, more: str) -> None:
    random = "(SELECT id, rand() AS r FROM range(1, 3) WHERE rand() < 2)"
    two.sql(
        f"MERGE INTO t USING {random} s ON t.id = s.id WHEN MATCHED AND s.r < 0.5 THEN UPDATE SET a = CAST(s.r * 1000 AS INT) "
        f"WHEN MATCHED THEN UPDATE SET a = CAST(s.r * -1000 AS INT) {more}"
    )
    assert [a < 0 for a in (r[1] for r in table(two))] == [abs(r[1]) >= 500 for r in table(two)]
    assert counts(two) == (0, 2, 0)


@pytest.mark.parametrize("whole_stage", ["true", "false"])
def test_values_may_be_random_and_each_row_draws_its_own(lake: Any, whole_stage: str) -> None:
    create(lake, "id INT, key STRING NOT NULL", "(1, 'a'), (2, 'b')")
    lake.spark.conf.set("spark.sql.codegen.wholeStage", whole_stage)
    try:
        for ids, clauses in (
            (
                "(2), (3), (4)",
                "WHEN MATCHED THEN UPDATE SET key = uuid() WHEN NOT MATCHED THEN INSERT (id, key) VALUES (s.id, uuid()) "
                "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET key = upper(uuid())",
            ),
            (
                "(2), (5), (6)",
                "WHEN NOT MATCHED AND s.id = 5 THEN INSERT (id, key) VALUES (5, uuid()) "
                "WHEN NOT MATCHED THEN INSERT (id, key) VALUES (s.id, uuid())",
            ),
        ):
            lake.sql(f"MERGE INTO t USING (SELECT * FROM VALUES {ids} AS v (id)) s ON t.id = s.id {clauses}")
    finally:
        lake.spark.conf.unset("spark.sql.codegen.wholeStage")
    keys = dict(table(lake))
    assert set(keys) == {1, 2, 3, 4, 5, 6}
    assert [len(key) for key in keys.values()] == [36] * 6
    assert len(set(keys.values())) == 6
    assert keys[1] == keys[1].upper()


def test_a_table_can_be_merged_into_itself(two: Any) -> None:
    two.sql(
        "MERGE INTO t USING t AS s ON t.id = s.id + 1 WHEN MATCHED THEN UPDATE SET a = s.a "
        "WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id + 1, s.a) WHEN NOT MATCHED BY SOURCE THEN DELETE"
    )
    assert table(two) == [(2, 10), (3, 20)]
    assert counts(two) == (1, 1, 1)


def test_an_older_version_of_the_table_can_be_the_source(two: Any) -> None:
    two.sql("DELETE FROM t WHERE id = 1")
    two.sql("UPDATE t SET a = 0")
    two.sql(
        "MERGE INTO t USING (SELECT * FROM t VERSION AS OF 1) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    assert table(two) == [(1, 10), (2, 20)]


def test_an_empty_source_and_an_empty_target_work(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT, a INT)")
    every = "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT * WHEN NOT MATCHED BY SOURCE THEN DELETE"
    lake.sql(
        f"MERGE INTO t USING (SELECT * FROM VALUES (1, 1), (1, 1) AS v (id, a)) s ON t.id = s.id {every}"
    )
    assert table(lake) == [(1, 1), (1, 1)]
    lake.sql(f"MERGE INTO t USING (SELECT 1 AS id, 1 AS a WHERE rand() > 2) s ON t.id = s.id {every}")
    assert table(lake) == []
    assert counts(lake) == (0, 0, 2)


# ---- one source row for one target row

TWICE = "(SELECT * FROM VALUES (2, 1), (2, 2), (9, 9), (9, 9) AS v (id, a)) s"


def test_a_row_that_two_source_rows_match_fails_the_statement(two: Any, refused: Any) -> None:
    for clause in [
        "WHEN MATCHED THEN UPDATE SET *",
        "WHEN MATCHED AND s.a = 1 THEN UPDATE SET * WHEN MATCHED AND s.a = 2 THEN DELETE",
        "WHEN MATCHED AND s.a > 0 THEN DELETE",
        "WHEN MATCHED THEN UPDATE SET a = 7 WHEN NOT MATCHED THEN INSERT *",
    ]:
        with no_commit(two), refused("MERGE_CARDINALITY_VIOLATION", "s.id = 2"):
            two.sql(f"MERGE INTO t USING {TWICE} ON t.id = s.id {clause}")
        assert table(two) == [(1, 10), (2, 20)]


@pytest.mark.parametrize("codegen", ["true", "false"])
@pytest.mark.parametrize(
    ("source", "condition", "shown"),
    [
        ("SELECT 2 AS id, 5 AS n UNION ALL SELECT 2, 6", "t.id = s.id AND s.n > 0", "has s.id = 2."),
        ("SELECT 'x' AS k, 2 AS id UNION ALL SELECT 'x', 2", "t.id = s.id AND s.k = 'x'", "has s.id = 2."),
        ("SELECT 1 AS one UNION ALL SELECT 1", "t.id = s.one + 1", "has (s.one + 1) = 2."),
        ("SELECT 1 AS n UNION ALL SELECT 2", "t.id > s.n", None),
    ],
)
def test_the_error_for_two_source_rows_of_one_row_names_the_key(
    two: Any, refused: Any, source: str, condition: str, shown: str | None, codegen: str
) -> None:
    two.sql("INSERT INTO t VALUES (3, 30)")
    two.spark.conf.set("spark.sql.codegen.wholeStage", codegen)
    two.spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK" if codegen == "true" else "NO_CODEGEN")
    try:
        with refused("MERGE_CARDINALITY_VIOLATION", *([shown] if shown else [])):
            two.sql(f"MERGE INTO t USING ({source}) s ON {condition} WHEN MATCHED THEN UPDATE SET a = 0")
    finally:
        two.spark.conf.unset("spark.sql.codegen.wholeStage")
        two.spark.conf.unset("spark.sql.codegen.factoryMode")
    assert table(two) == [(1, 10), (2, 20), (3, 30)]


def test_a_failed_merge_leaves_no_data_file(two: Any, refused: Any) -> None:
    before = sorted(two.path.glob("data/**/*.parquet"))
    with refused("MERGE_CARDINALITY_VIOLATION"):
        two.sql(
            f"MERGE INTO t USING {TWICE} ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )
    assert sorted(two.path.glob("data/**/*.parquet")) == before


def test_a_plain_delete_takes_a_row_once_however_many_match_it(two: Any) -> None:
    two.sql(f"MERGE INTO t USING {TWICE} ON t.id = s.id WHEN MATCHED THEN DELETE")
    assert table(two) == [(1, 10)]
    assert counts(two) == (0, 0, 1)


def test_source_rows_that_match_nothing_are_inserted_each(two: Any) -> None:
    two.sql(f"MERGE INTO t USING {TWICE} ON t.id = s.id WHEN NOT MATCHED THEN INSERT *")
    assert table(two) == [(1, 10), (2, 20), (9, 9), (9, 9)]


# ---- keys


KEYS = [
    ("DOUBLE", "double('NaN')"),
    ("FLOAT", "float('NaN')"),
    ("DOUBLE", "-0.0D"),
    ("STRING", "''"),
    ("BINARY", "X'00FF'"),
    ("DECIMAL(38, 10)", "-12345678901234567890.0123456789BD"),
    ("TIMESTAMP", "TIMESTAMP '1582-10-04 00:00:00.000001'"),
    ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ '9999-12-31 23:59:59.999999'"),
    ("DATE", "DATE '0001-01-01'"),
    ("BOOLEAN", "false"),
    ("STRUCT<a: INT, b: STRING>", "named_struct('a', CAST(NULL AS INT), 'b', 'x')"),
    ("ARRAY<INT>", "array(1, NULL)"),
]


def test_a_key_of_any_type_finds_its_row_and_null_equals_nothing(lake: Any) -> None:
    columns = ", ".join(f"k{i} {kind}" for i, (kind, _) in enumerate(KEYS))
    create(lake, f"n INT, {columns}", f"(0, {', '.join(key for _, key in KEYS)}), (0{', NULL' * len(KEYS)})")
    for i, (kind, key) in enumerate(KEYS):
        source = f"(SELECT {key} AS k UNION ALL SELECT NULL)"
        lake.sql(f"MERGE INTO t USING {source} s ON t.k{i} = s.k WHEN MATCHED THEN UPDATE SET n = t.n + 1")
        assert (counts(lake), table(lake, "n")) == ((0, 1, 0), [(0,), (i + 1,)]), kind
    both = f"(SELECT {', '.join(f'{key} AS k{i}' for i, (_, key) in enumerate(KEYS))} UNION ALL SELECT NULL{', NULL' * (len(KEYS) - 1)})"
    on = " AND ".join(f"t.k{i} <=> s.k{i}" for i in range(len(KEYS)))
    lake.sql(f"MERGE INTO t USING {both} s ON {on} WHEN MATCHED THEN UPDATE SET n = -1")
    assert table(lake, "n") == [(-1,), (-1,)], "<=> finds NULL too"


def test_zero_and_minus_zero_are_one_key_and_keep_their_sign(lake: Any) -> None:
    create(lake, "k DOUBLE, n INT", "(0.0D, 1), (-0.0D, 2)")
    lake.sql(
        "MERGE INTO t USING (SELECT -0.0D AS k) s ON t.k = s.k WHEN MATCHED THEN UPDATE SET n = t.n + 10"
    )
    assert lake.rows("SELECT CAST(k AS STRING), n FROM t ORDER BY n") == [("0.0", 11), ("-0.0", 12)]


def test_char_is_padded_and_varchar_is_checked(lake: Any, refused: Any) -> None:
    create(lake, "k CHAR(4), v VARCHAR(3)", "('ab', 'x')")
    lake.sql("CREATE TABLE other (k CHAR(3), v STRING)")
    lake.sql("INSERT INTO other VALUES ('ab', 'yz'), ('c', 'w')")
    lake.sql(f"MERGE INTO t USING other s ON t.k = s.k {BOTH}")
    assert table(lake) == [("ab  ", "yz"), ("c   ", "w")]
    with no_commit(lake), refused("EXCEED_LIMIT_LENGTH"):
        lake.sql("MERGE INTO t USING (SELECT 'long' AS v) s ON true WHEN MATCHED THEN UPDATE SET v = s.v")
    with no_commit(lake), refused("EXCEED_LIMIT_LENGTH"):
        lake.sql(
            "MERGE INTO t USING (SELECT 'toolong' AS k, 'x' AS v) s ON false WHEN NOT MATCHED THEN INSERT *"
        )


def test_collated_keys_match_as_their_collation_says(lake: Any) -> None:
    create(lake, "k STRING COLLATE UTF8_LCASE, n INT", "('Ada', 1), ('bob', 2)")
    lake.sql(
        "MERGE INTO t USING (SELECT 'ADA' COLLATE UTF8_LCASE AS k, 10 AS n) s ON t.k = s.k "
        "WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT *"
    )
    assert table(lake) == [("Ada", 10), ("bob", 2)]


# ---- subqueries


def test_subqueries_stand_in_assignments_and_insert_values(two: Any) -> None:
    two.sql("CREATE TABLE other AS SELECT * FROM VALUES (2, 22), (3, 3) AS (id, a)")
    two.sql(
        "MERGE INTO t USING other s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = (SELECT max(a) + 1 FROM other) "
        "WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, (SELECT min(a) FROM t))"
    )
    assert table(two) == [(1, 10), (2, 23), (3, 10)]


def test_subqueries_in_conditions_are_refused_by_spark(two: Any, refused: Any) -> None:
    two.sql("CREATE TABLE other (id INT, a INT)")
    for clauses in [
        "ON t.id IN (SELECT id FROM other) AND t.id = s.id WHEN MATCHED THEN DELETE",
        "ON t.id = s.id WHEN MATCHED AND EXISTS (SELECT 1 FROM other o WHERE o.id = t.id) THEN DELETE",
        "ON t.id = s.id WHEN NOT MATCHED AND s.id > (SELECT max(id) FROM other) THEN INSERT *",
    ]:
        with no_commit(two), refused("UNSUPPORTED_MERGE_CONDITION.SUBQUERY"):
            two.sql(f"MERGE INTO t USING other s {clauses}")
