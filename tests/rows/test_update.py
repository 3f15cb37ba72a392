"""UPDATE: what it assigns, which rows it finds, and what must stay as it was."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import PySparkException

from rows.tables import FILES, counts, create, lineage_of, no_commit, operations, table

UPDATES: dict[str, tuple[str, list[tuple[Any, ...]], int]] = {
    "without WHERE all rows": ("SET a = 0", [(1, 0, "x"), (2, 0, "y"), (3, 0, None)], 3),
    "all assignments see the old row": (
        "SET id = a, a = id WHERE id = 2",
        [(1, 10, "x"), (3, None, None), (20, 2, "y")],
        1,
    ),
    "a condition that is NULL is not true": (
        "SET b = 'hit' WHERE a > 0",
        [(1, 10, "hit"), (2, 20, "hit"), (3, None, None)],
        2,
    ),
    "NOT of NULL is not true either": (
        "SET b = 'hit' WHERE NOT a > 15",
        [(1, 10, "hit"), (2, 20, "y"), (3, None, None)],
        1,
    ),
    "IS NULL finds NULL": ("SET a = 30 WHERE a IS NULL", [(1, 10, "x"), (2, 20, "y"), (3, 30, None)], 1),
    "a value can become NULL": (
        "SET b = NULL, a = NULL WHERE id = 1",
        [(1, None, None), (2, 20, "y"), (3, None, None)],
        1,
    ),
    "the same value is an update": (
        "SET a = a WHERE id IN (1, 2)",
        [(1, 10, "x"), (2, 20, "y"), (3, None, None)],
        2,
    ),
    "an alias names the table": (
        "AS u SET u.a = u.a + u.id WHERE u.id < 3",
        [(1, 11, "x"), (2, 22, "y"), (3, None, None)],
        2,
    ),
    "an expression of several columns": (
        "SET b = concat(coalesce(b, '-'), id), a = CASE WHEN a > 10 THEN -a ELSE a END",
        [(1, 10, "x1"), (2, -20, "y2"), (3, None, "-3")],
        3,
    ),
    "IN a subquery": (
        "SET a = 0 WHERE id IN (SELECT id FROM other)",
        [(1, 10, "x"), (2, 0, "y"), (3, 0, None)],
        2,
    ),
    "NOT IN a subquery": (
        "SET a = 0 WHERE id NOT IN (SELECT id FROM other)",
        [(1, 0, "x"), (2, 20, "y"), (3, None, None)],
        1,
    ),
    "NOT IN with a NULL finds nothing but what is FALSE": (
        "SET a = 0 WHERE id = 1 OR id NOT IN (SELECT CAST(NULL AS INT))",
        [(1, 0, "x"), (2, 20, "y"), (3, None, None)],
        1,
    ),
    "EXISTS, correlated": (
        "SET a = 0 WHERE EXISTS (SELECT 1 FROM other o WHERE o.id = t.id AND o.a > 100)",
        [(1, 10, "x"), (2, 20, "y"), (3, 0, None)],
        1,
    ),
    "a scalar subquery in the condition": (
        "SET b = 'max' WHERE id = (SELECT max(id) FROM other)",
        [(1, 10, "x"), (2, 20, "y"), (3, None, "max")],
        1,
    ),
    "a subquery on the table itself": (
        "SET a = -1 WHERE a < (SELECT max(a) FROM t)",
        [(1, -1, "x"), (2, 20, "y"), (3, None, None)],
        1,
    ),
    "a scalar subquery as the value": (
        "SET a = (SELECT max(a) FROM other) WHERE id = 1",
        [(1, 300, "x"), (2, 20, "y"), (3, None, None)],
        1,
    ),
    "a correlated subquery as the value": (
        "SET a = (SELECT max(o.a) FROM other o WHERE o.id = t.id)",
        [(1, None, "x"), (2, 22, "y"), (3, 300, None)],
        3,
    ),
}


@pytest.fixture
def three(lake: Any) -> Any:
    create(lake, "id INT, a INT, b STRING", "(1, 10, 'x'), (2, 20, 'y'), (3, NULL, NULL)")
    lake.sql("CREATE TABLE other AS SELECT * FROM VALUES (2, 22), (3, 300) AS (id, a)")
    return lake


@pytest.mark.both_modes
def test_an_update_does_what_it_says(three: Any) -> None:
    for meaning, (statement, rows, updated) in UPDATES.items():
        before = lineage_of(three, "(id, a, b)")
        three.sql(f"UPDATE t {statement}")
        assert table(three) == rows, meaning
        assert counts(three) == (0, updated, 0), meaning
        after = lineage_of(three, "(id, a, b)")
        assert {i for i, _ in after.values()} == {i for i, _ in before.values()}, meaning
        assert len(set(after.values()) & set(before.values())) == 3 - updated, meaning
        three.sql("RESTORE TABLE t TO VERSION AS OF 1")


def test_an_updated_row_keeps_its_id_and_the_others_keep_all(three: Any) -> None:
    before = lineage_of(three)
    three.sql("UPDATE t SET a = 1 WHERE id = 2")
    three.sql("UPDATE t SET a = 2 WHERE id = 2")
    after = lineage_of(three)
    assert (after[1], after[3]) == (before[1], before[3])
    assert after[2][0] == before[2][0]
    assert after[2][1] > before[2][1]
    assert three.rows("SELECT a, _row_id FROM t VERSION AS OF 2 WHERE id = 2") == [(1, before[2][0])]


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(FILES, id="files"),
        pytest.param("", id="inline"),
    ],
)
@pytest.mark.parametrize("column", ["_row_id", "_row_commit"])
def test_rows_are_found_by_their_lineage(lake: Any, column: str, tail: str) -> None:
    create(lake, "id INT, a INT", "(1, 10)", tail)
    lake.sql("INSERT INTO t VALUES (2, 20)")
    before = lineage_of(lake)
    lake.sql(f"UPDATE t SET a = 0 WHERE {column} = {before[2][column == '_row_commit']}")
    assert table(lake) == [(1, 10), (2, 0)]
    assert {k: i for k, (i, _) in lineage_of(lake).items()} == {k: i for k, (i, _) in before.items()}


# ---- nested fields, defaults, types


def test_a_nested_field_is_assigned_alone(lake: Any) -> None:
    create(
        lake,
        "id INT, s STRUCT<a: INT, n: STRUCT<x: INT, y: STRING>>, l ARRAY<STRUCT<p: INT, q: INT>>, m MAP<STRING, INT>",
        "(1, named_struct('a', 1, 'n', named_struct('x', 2, 'y', 'z')), array(named_struct('p', 7, 'q', 8)), map('k', 1)), (2, NULL, NULL, NULL)",
    )
    lake.sql("UPDATE t SET s.a = s.a + 10, s.n.y = upper(s.n.y) WHERE id = 1")
    wanted = ('{"a":11,"n":{"x":2,"y":"Z"}}', '[{"p":7,"q":8}]', '{"k":1}')
    assert lake.rows("SELECT to_json(s), to_json(l), to_json(m) FROM t WHERE id = 1") == [wanted]
    assert lake.rows("SELECT s, l, m FROM t WHERE id = 2") == [(None, None, None)]
    lake.sql(
        "UPDATE t SET l = transform(l, e -> named_struct('p', e.p + 1, 'q', e.q)), m = map_concat(m, map('j', 2)) WHERE l IS NOT NULL"
    )
    assert lake.rows("SELECT to_json(l), m['j'] FROM t WHERE id = 1") == [('[{"p":8,"q":8}]', 2)]


def test_a_field_of_a_struct_that_is_null_makes_a_struct(lake: Any) -> None:
    create(lake, "id INT, s STRUCT<a: INT, b: INT>", "(1, NULL)")
    lake.sql("UPDATE t SET s.a = 1")
    assert lake.rows("SELECT s.a, s.b FROM t") == [(1, None)]


def test_default_is_the_columns_default(lake: Any) -> None:
    create(lake, "id INT, a INT DEFAULT 42, b STRING", "(1, 1, 'x'), (2, 2, 'y')")
    lake.sql("UPDATE t SET a = DEFAULT, b = DEFAULT WHERE id = 1")
    assert table(lake) == [(1, 42, None), (2, 2, "y")]
    lake.sql("ALTER TABLE t ALTER COLUMN a SET DEFAULT 7")
    lake.sql("UPDATE t SET a = DEFAULT WHERE id = 2")
    assert table(lake) == [(1, 42, None), (2, 7, "y")]


VALUES = [
    ("BOOLEAN", "true", "false"),
    ("BIGINT", "9223372036854775807", "-9223372036854775808"),
    ("DOUBLE", "double('NaN')", "double('-Infinity')"),
    ("FLOAT", "float('NaN')", "float('1e-45')"),
    ("DECIMAL(38, 10)", "-12345678901234567890.0123456789BD", "0BD"),
    ("STRING", "''", "'\\u00e9😀'"),
    ("STRING COLLATE UTF8_LCASE", "'Ada'", "'Bob'"),
    ("VARCHAR(4)", "'abcd'", "''"),
    ("CHAR(3)", "'abc'", "'x  '"),
    ("BINARY", "X'00FF'", "X''"),
    ("DATE", "DATE '0001-01-01'", "DATE '9999-12-31'"),
    ("TIMESTAMP", "TIMESTAMP '1582-10-04 00:00:00.000001'", "TIMESTAMP '2024-03-10 02:30:00'"),
    ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ '9999-12-31 23:59:59.999999'", "TIMESTAMP_NTZ '0001-01-01 00:00:00'"),
    ("ARRAY<DOUBLE>", "array(double('NaN'), NULL)", "array()"),
    (
        "STRUCT<a: INT, b: STRING>",
        "named_struct('a', CAST(NULL AS INT), 'b', 'x')",
        "named_struct('a', 1, 'b', 'y')",
    ),
]


def test_a_value_of_any_type_is_found_and_replaced(lake: Any) -> None:
    columns = ", ".join(f"c{i} {kind}" for i, (kind, *_) in enumerate(VALUES))
    create(
        lake,
        f"id INT, {columns}",
        f"(1, {', '.join(old for _, old, _ in VALUES)}), (2{', NULL' * len(VALUES)})",
    )
    for i, (kind, old, new) in enumerate(VALUES):
        lake.sql(f"UPDATE t SET c{i} = {new} WHERE c{i} = {old}")
        assert counts(lake) == (0, 1, 0), kind
    found = ", ".join(f"c{i} = {new}" for i, (*_, new) in enumerate(VALUES))
    assert lake.rows(f"SELECT {found} FROM t WHERE id = 1") == [(True,) * len(VALUES)]


def test_minus_zero_is_found_as_zero_and_comes_back_with_its_sign(lake: Any) -> None:
    create(lake, "id INT, d DOUBLE", "(1, 0.0D), (2, -0.0D), (3, double('NaN'))")
    lake.sql("UPDATE t SET id = id + 10 WHERE d = 0.0D")
    assert table(lake, "id, CAST(d AS STRING)") == [(3, "NaN"), (11, "0.0"), (12, "-0.0")]
    lake.sql("UPDATE t SET d = -0.0D WHERE d > 1e300D")
    assert table(lake, "id, CAST(d AS STRING)") == [(3, "-0.0"), (11, "0.0"), (12, "-0.0")], (
        "NaN is above all"
    )


def test_variants_and_maps_can_be_replaced(lake: Any) -> None:
    create(
        lake,
        "id INT, v VARIANT, m MAP<INT, STRING>",
        """(1, parse_json('{"a": 1}'), map(1, 'x')), (2, NULL, NULL)""",
    )
    lake.sql("UPDATE t SET v = parse_json('[true]') WHERE variant_get(v, '$.a', 'INT') = 1")
    lake.sql("UPDATE t SET m = map(2, NULL) WHERE m[1] = 'x'")
    assert table(lake, "id, to_json(v), m") == [(1, "[true]", {2: None}), (2, None, None)]


def test_collated_strings_are_found_as_their_collation_says(lake: Any) -> None:
    create(lake, "id INT, name STRING COLLATE UTF8_LCASE", "(1, 'Ada'), (2, 'ADA'), (3, 'bob')")
    lake.sql("UPDATE t SET id = -id WHERE name = 'ada'")
    assert table(lake) == [(-2, "ADA"), (-1, "Ada"), (3, "bob")]


# ---- partitions


@pytest.mark.parametrize(
    ("column", "transform", "old", "new"),
    [
        ("p STRING", "p", "'a'", "'b'"),
        ("p BIGINT", "bucket(4, p)", "1", "77"),
        ("p DATE", "days(p)", "DATE '2024-02-29'", "DATE '1969-12-31'"),
        ("p DOUBLE", "p", "0.0D", "double('NaN')"),
    ],
)
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
    lake.sql(f"UPDATE t SET p = {new} WHERE id <> 2")
    assert lake.rows(f"SELECT id FROM t WHERE p = {new} ORDER BY id") == [(1,), (3,)]
    assert lake.rows(f"SELECT id FROM t WHERE p = {old}") == [(2,)]
    after = lineage_of(lake)
    assert ({k: i for k, (i, _) in after.items()}, after[2]) == (
        {k: i for k, (i, _) in before.items()},
        before[2],
    )
    lake.sql(f"UPDATE t SET p = NULL WHERE p = {new}")
    assert lake.rows("SELECT id FROM t WHERE p IS NULL ORDER BY id") == [(1,), (3,)]


def test_a_table_that_is_partitioned_anew_updates_files_of_both(lake: Any) -> None:
    create(lake, "id INT, p STRING, q INT", "(1, 'a', 1), (2, 'b', 2)", f"PARTITIONED BY (p) {FILES}")
    lake.sql("INSERT OVERWRITE t PARTITION (p = 'b') SELECT 3, 3")
    lake.sql("UPDATE t SET p = 'c', q = q + 1 WHERE p IN ('a', 'b')")
    assert lake.rows("SELECT id, q FROM t WHERE p = 'c' ORDER BY id") == [(1, 2), (3, 4)]


# ---- branches, columns that changed, scripts and parameters


def test_an_update_on_a_branch_leaves_main(three: Any) -> None:
    three.sql("CREATE BRANCH dev IN {lake}")
    three.sql("UPDATE `t@dev` SET a = (SELECT max(a) FROM `other@main`) WHERE id = 1")
    assert table(three, "a", "`t@dev` WHERE id = 1") == [(300,)]
    assert table(three, "a", "t WHERE id = 1") == [(10,)]
    assert operations(three) == ["CREATE TABLE", "INSERT"]
    three.sql("MERGE BRANCH dev INTO main IN {lake}")
    assert lineage_of(three) == lineage_of(three, of="`t@dev`")


def test_an_update_goes_by_the_columns_that_the_table_has_now(three: Any, reused: set[str]) -> None:
    three.sql("ALTER TABLE t ADD COLUMN c INT DEFAULT 5")
    three.sql("UPDATE t SET a = c WHERE c = 5 AND id = 3")
    three.sql("ALTER TABLE t RENAME COLUMN b TO name")
    three.sql("UPDATE t SET name = 'n', c = c + 1 WHERE name IS NULL")
    assert table(three) == [(1, 10, "x", 5), (2, 20, "y", 5), (3, 5, "n", 6)]
    three.sql("ALTER TABLE t DROP COLUMN name")
    three.sql("ALTER TABLE t ADD COLUMN b INT FIRST")
    reused |= {"b"}
    three.sql("UPDATE t SET b = id WHERE b IS NULL AND id > 1")
    assert three.rows("SELECT * FROM t ORDER BY id") == [(None, 1, 10, 5), (2, 2, 20, 5), (3, 3, 5, 6)]
    three.sql("ALTER TABLE t ALTER COLUMN id TYPE BIGINT")
    three.sql(f"UPDATE t SET id = {1 << 40} WHERE id = 1")
    assert three.rows("SELECT id, a FROM t WHERE b IS NULL") == [(1 << 40, 10)]


def test_statements_take_parameters_and_stand_in_scripts(three: Any) -> None:
    three.sql("UPDATE t SET a = :a, b = upper(:b) WHERE id = :id", a=7, b="p", id=1)
    three.sql(
        "BEGIN UPDATE t SET a = 8 WHERE id = 2; IF (SELECT max(a) FROM t) = 8 THEN UPDATE t SET b = 'yes' WHERE id = 3; END IF; END"
    )
    assert table(three) == [(1, 7, "P"), (2, 8, "y"), (3, None, "yes")]


# ---- what must not happen


def test_an_update_that_finds_no_row_makes_no_commit(three: Any) -> None:
    for condition in (
        "id = 99",
        "false",
        "CAST(NULL AS BOOLEAN)",
        "a > 20",
        "id IN (SELECT id FROM other WHERE false)",
    ):
        with no_commit(three):
            three.sql(f"UPDATE t SET a = 0 WHERE {condition}")
    three.sql("TRUNCATE TABLE t")
    with no_commit(three):
        three.sql("UPDATE t SET a = 0")


def test_explain_does_not_write(three: Any) -> None:
    with no_commit(three):
        for mode in ("", "EXTENDED", "FORMATTED", "COST", "CODEGEN"):
            assert three.rows(f"EXPLAIN {mode} UPDATE t SET a = 0")
    assert table(three, "a") == [(None,), (10,), (20,)]


SENSELESS = [
    ("SET nope = 1", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    ("SET a = nope", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    ("SET a.b = 1", "INVALID_EXTRACT_BASE_FIELD_TYPE"),
    ("SET a = 1, a = 2", "DATATYPE_MISMATCH.INVALID_ROW_LEVEL_OPERATION_ASSIGNMENTS"),
    ("SET a = 'x'", "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST"),
    ("SET a = 3000000000", "CAST_OVERFLOW_IN_TABLE_INSERT"),
    ("SET a = id % 0", "REMAINDER_BY_ZERO"),
]


def test_what_makes_no_sense_is_refused(three: Any, refused: Any) -> None:
    before = table(three)
    for statement, condition in SENSELESS:
        with no_commit(three), refused(condition):
            three.sql(f"UPDATE t {statement}")
    assert table(three) == before


@pytest.mark.parametrize("column", ["_row_id", "_row_commit", "_row_place"])
def test_hidden_columns_can_not_be_assigned(three: Any, refused: Any, column: str) -> None:
    with no_commit(three), refused("ANABRANCH_WRITE.HIDDEN_COLUMN"):
        three.sql(f"UPDATE t SET {column} = 1")


def test_a_scalar_subquery_of_several_rows_fails(three: Any) -> None:
    with no_commit(three), pytest.raises(Exception, match="SCALAR_SUBQUERY_TOO_MANY_ROWS"):
        three.sql("UPDATE t SET a = (SELECT a FROM other)")


def test_null_does_not_get_past_not_null(lake: Any, refused: Any) -> None:
    create(lake, "id INT NOT NULL, a INT", "(1, 1)")
    with no_commit(lake), refused("NOT_NULL_ASSERT_VIOLATION"):
        lake.sql("UPDATE t SET id = nullif(a, 1)")
    assert table(lake) == [(1, 1)]


def test_only_a_branch_can_be_changed(three: Any) -> None:
    three.sql("CREATE TAG v1 IN {lake}")
    for at in ["v1", "main~1", "nowhere"]:
        with no_commit(three), pytest.raises(Exception, match="ANABRANCH_REF"):
            three.sql(f"UPDATE `t@{at}` SET a = 0")


@pytest.mark.parametrize("name", ["_row_id", "_row_commit", "_row_place"])
def test_a_column_can_not_have_the_name_of_a_hidden_one(new_lake: Any, name: str) -> None:
    (other := new_lake()).sql("CREATE TABLE {lake}.default.t (id INT)")  # lineage can't be checked there
    with pytest.raises(PySparkException):
        other.sql(f"ALTER TABLE {{lake}}.default.t ADD COLUMN {name} INT")
    with pytest.raises(PySparkException):
        other.sql(f"CREATE TABLE {{lake}}.default.u ({name} INT)")
