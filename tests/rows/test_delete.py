"""DELETE: which rows it finds, and what must stay as it was."""

from __future__ import annotations

from typing import Any

import pytest

from rows.tables import FILES, counts, create, lineage_of, no_commit, operations, table

DELETES: dict[str, tuple[str, list[int]]] = {
    "one row of a file": ("WHERE id = 2", [1, 3, 4]),
    "a condition that is NULL is not true": ("WHERE a > 10", [1, 3, 4]),
    "NOT of NULL is not true either": ("WHERE NOT a > 10", [2, 3]),
    "IS NULL finds NULL": ("WHERE a IS NULL", [1, 2, 4]),
    "<=> finds NULL": ("WHERE a <=> NULL OR id = 4", [1, 2]),
    "IN a list": ("WHERE id IN (1, 3, 99)", [2, 4]),
    "a comparison that is NULL or true for all rows": ("WHERE (a <> 10.5) IS NULL OR id = 99", [1, 2, 4]),
    "LIKE": ("WHERE b LIKE '%y%'", [1, 3, 4]),
    "an alias names the table": ("AS d WHERE d.id BETWEEN 2 AND 3", [1, 4]),
    "a function that no file can be skipped by": ("WHERE pmod(hash(id) * 0 + id, 2) = 0", [1, 3]),
    "IN a subquery": ("WHERE id IN (SELECT id FROM other)", [1, 4]),
    "NOT IN a subquery": ("WHERE id NOT IN (SELECT id FROM other)", [2, 3]),
    "EXISTS, correlated": ("WHERE EXISTS (SELECT 1 FROM other o WHERE o.id = t.id AND o.a > t.a)", [1, 3, 4]),
    "NOT EXISTS": ("WHERE NOT EXISTS (SELECT 1 FROM other o WHERE o.id = t.id)", [2, 3]),
    "a scalar subquery": ("WHERE id = (SELECT max(id) FROM other)", [1, 2, 4]),
    "a correlated scalar subquery": ("WHERE a < (SELECT max(o.a) FROM other o WHERE o.id = t.id)", [1, 3, 4]),
    "a subquery on the table itself": ("WHERE a = (SELECT min(a) FROM t)", [2, 3]),
    "a pair IN a subquery": ("WHERE (id, id) IN (SELECT id, id FROM other)", [1, 4]),
    "all rows": ("", []),
    "all rows, by a condition": ("WHERE true", []),
}


@pytest.fixture
def four(lake: Any) -> Any:
    create(lake, "id INT, a INT, b STRING", "(1, 10, 'x'), (2, 20, 'yy'), (3, NULL, NULL), (4, 10, '')")
    lake.sql("CREATE TABLE other AS SELECT * FROM VALUES (2, 22), (3, 300) AS (id, a)")
    return lake


@pytest.mark.both_modes
def test_a_delete_does_what_it_says(four: Any) -> None:
    whole = lineage_of(four)
    for meaning, (condition, left) in DELETES.items():
        four.sql(f"DELETE FROM t {condition}")
        assert lineage_of(four) == {i: whole[i] for i in left}, meaning
        assert counts(four) == (0, 0, 4 - len(left)), meaning
        four.sql("RESTORE TABLE t TO VERSION AS OF 1")
        assert lineage_of(four) == whole, "a row comes back as what it was"


@pytest.mark.both_modes
@pytest.mark.parametrize("tail", [FILES, ""], ids=["files", "inline"])
def test_rows_go_one_by_one_until_none_is_left(lake: Any, tail: str) -> None:
    create(lake, "id INT", "(0), (1), (2), (3)", tail)
    for gone in (2, 0, 3, 1):
        lake.sql("DELETE FROM t WHERE id = :id", id=gone)
        assert counts(lake) == (0, 0, 1)
        with no_commit(lake):
            lake.sql("DELETE FROM t WHERE id = :id", id=gone)
    assert table(lake) == []
    lake.sql("INSERT INTO t VALUES (2)")
    assert table(lake) == [(2,)]
    assert lake.rows("SELECT id FROM t VERSION AS OF 2 ORDER BY id") == [(0,), (1,), (3,)]


def test_a_delete_masks_rows_and_writes_no_data_file(four: Any) -> None:
    four.sql("ALTER TABLE t SET TBLPROPERTIES ('anabranch.write.mode' = 'merge-on-read')")
    before = sorted(four.path.glob("data/**/*.parquet"))
    four.sql("DELETE FROM t WHERE id = 2")
    assert sorted(four.path.glob("data/**/*.parquet")) == before


def test_counts_and_bounds_forget_what_is_deleted(four: Any) -> None:
    four.sql("DELETE FROM t WHERE id IN (1, 4) OR a = 20")
    assert four.rows("SELECT count(*), count(a), min(id), max(id), max(a), max(b) FROM t") == [
        (1, 0, 3, 3, None, None)
    ]
    four.sql("DELETE FROM t")
    assert four.rows("SELECT count(*), min(id) FROM t") == [(0, None)]
    assert four.rows("SELECT count(*) FROM t VERSION AS OF 1") == [(4,)]


def test_a_delete_after_an_update_takes_the_new_row(four: Any) -> None:
    four.sql("UPDATE t SET id = 20 WHERE id = 2")
    with no_commit(four):
        four.sql("DELETE FROM t WHERE id = 2")
    four.sql("DELETE FROM t WHERE id = 20")
    assert table(four, "id") == [(1,), (3,), (4,)]


def test_a_row_is_found_by_its_lineage(four: Any) -> None:
    whole = lineage_of(four)
    four.sql("UPDATE t SET a = 0 WHERE id = 4")
    four.sql(f"DELETE FROM t WHERE _row_id = {whole[1][0]}")
    four.sql(f"DELETE FROM t WHERE _row_commit > {whole[4][1]}")
    assert table(four, "id") == [(2,), (3,)]


VALUES = [
    ("BOOLEAN", "true"),
    ("DOUBLE", "double('NaN')"),
    ("FLOAT", "-0.0F"),
    ("DECIMAL(38, 10)", "-12345678901234567890.0123456789BD"),
    ("STRING", "''"),
    ("CHAR(3)", "'x'"),
    ("VARCHAR(4)", "'abcd'"),
    ("BINARY", "X''"),
    ("DATE", "DATE '0001-01-01'"),
    ("TIMESTAMP", "TIMESTAMP '1582-10-04 00:00:00.000001'"),
    ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ '9999-12-31 23:59:59.999999'"),
    ("ARRAY<INT>", "array(1, NULL)"),
    ("STRUCT<a: INT, b: STRING>", "named_struct('a', CAST(NULL AS INT), 'b', 'x')"),
]


def test_a_value_of_any_type_finds_its_row(lake: Any) -> None:
    columns = ", ".join(f"c{i} {kind}" for i, (kind, _) in enumerate(VALUES))
    rows = (
        "(" + ", ".join([str(n), *(value if n == i else "NULL" for i, (_, value) in enumerate(VALUES))]) + ")"
        for n in range(len(VALUES))
    )
    create(lake, f"id INT, {columns}", ", ".join(rows))
    for i, (kind, value) in enumerate(VALUES):
        lake.sql(f"DELETE FROM t WHERE c{i} = {value}")
        assert table(lake, "id") == [(n,) for n in range(i + 1, len(VALUES))], kind


def test_nan_and_zeros_compare_as_in_spark(lake: Any) -> None:
    create(lake, "id INT, d DOUBLE", "(1, 0.0D), (2, -0.0D), (3, double('NaN')), (4, 1.0D)")
    lake.sql("DELETE FROM t WHERE d > 1.0D")
    assert table(lake, "id") == [(1,), (2,), (4,)]
    lake.sql("DELETE FROM t WHERE d >= 0.0D AND d < 1.0D")
    assert table(lake, "id") == [(4,)]


def test_collated_strings_are_found_as_their_collation_says(lake: Any) -> None:
    create(lake, "id INT, name STRING COLLATE UTF8_LCASE", "(1, 'Ada'), (2, 'ADA'), (3, 'bob')")
    lake.sql("DELETE FROM t WHERE name = 'aDa'")
    assert table(lake) == [(3, "bob")]


def test_elements_fields_and_variants_can_be_asked_for(lake: Any) -> None:
    create(
        lake,
        "id INT, s STRUCT<a: INT>, l ARRAY<INT>, m MAP<STRING, INT>, v VARIANT",
        "(1, named_struct('a', 1), NULL, NULL, NULL), (2, NULL, array(2), NULL, NULL), (3, NULL, NULL, map('k', 3), NULL), "
        "(4, NULL, NULL, NULL, parse_json('4')), (5, named_struct('a', NULL), array(), map(), parse_json('null'))",
    )
    for condition in ("s.a = 1", "array_contains(l, 2)", "m['k'] = 3", "try_variant_get(v, '$', 'INT') = 4"):
        lake.sql(f"DELETE FROM t WHERE {condition}")
        assert counts(lake) == (0, 0, 1), condition
    assert table(lake, "id") == [(5,)]


@pytest.mark.parametrize(
    ("column", "transform", "one", "other"),
    [
        ("p STRING", "p", "'a'", "'b'"),
        ("p BIGINT", "bucket(4, p)", "1", "77"),
        ("p DATE", "days(p)", "DATE '2024-02-29'", "DATE '1969-12-31'"),
        ("p TIMESTAMP", "months(p)", "TIMESTAMP '1969-12-31 23:59:59'", "TIMESTAMP '1970-01-01'"),
    ],
)
def test_whole_partitions_and_rows_of_them_go(
    lake: Any, column: str, transform: str, one: str, other: str
) -> None:
    values = f"(1, {one}), (2, {one}), (3, {other}), (4, {other}), (5, NULL)"
    create(lake, f"id INT, {column}", values, f"PARTITIONED BY ({transform}) {FILES}")
    lake.sql(f"DELETE FROM t WHERE p = {one}")
    assert (table(lake, "id"), counts(lake)) == ([(3,), (4,), (5,)], (0, 0, 2))
    lake.sql(f"DELETE FROM t WHERE p = {other} AND id = 3")
    assert (table(lake, "id"), counts(lake)) == ([(4,), (5,)], (0, 0, 1))
    lake.sql("DELETE FROM t WHERE p IS NULL")
    assert table(lake, "id") == [(4,)]
    assert lake.rows(f"SELECT id FROM t WHERE p = {other}") == [(4,)]


def test_a_delete_on_a_branch_leaves_main(four: Any) -> None:
    four.sql("CREATE BRANCH dev IN {lake}")
    four.sql("DELETE FROM `t@dev` WHERE id IN (SELECT id FROM `other@main`)")
    assert table(four, "id", "`t@dev`") == [(1,), (4,)]
    assert table(four, "id") == [(1,), (2,), (3,), (4,)]
    assert operations(four) == ["CREATE TABLE", "INSERT"]
    four.sql("MERGE BRANCH dev INTO main IN {lake}")
    assert lineage_of(four) == lineage_of(four, of="`t@dev`")


def test_a_delete_goes_by_the_columns_that_the_table_has_now(four: Any, reused: set[str]) -> None:
    four.sql("ALTER TABLE t ADD COLUMN c INT DEFAULT 5")
    four.sql("INSERT INTO t VALUES (5, 5, 'n', 6)")
    four.sql("DELETE FROM t WHERE c = 5 AND id = 1")
    four.sql("ALTER TABLE t RENAME COLUMN a TO z")
    four.sql("ALTER TABLE t RENAME COLUMN c TO a")
    four.sql("DELETE FROM t WHERE a = 6")
    assert table(four) == [(2, 20, "yy", 5), (3, None, None, 5), (4, 10, "", 5)]
    four.sql("ALTER TABLE t DROP COLUMN b")
    four.sql("ALTER TABLE t ADD COLUMN b INT")
    reused |= {"a", "b"}
    with no_commit(four):
        four.sql("DELETE FROM t WHERE b IS NOT NULL")
    four.sql("DELETE FROM t WHERE b IS NULL AND z = 20")
    assert table(four) == [(3, None, 5, None), (4, 10, 5, None)]


def test_statements_take_parameters_and_stand_in_scripts(four: Any) -> None:
    four.sql("DELETE FROM t WHERE id = :id OR b = :b", id=1, b="yy")
    four.sql("BEGIN DECLARE n INT DEFAULT 3; DELETE FROM t WHERE id = n; END")
    assert table(four, "id") == [(4,)]


def test_a_delete_that_finds_no_row_makes_no_commit(four: Any) -> None:
    for condition in (
        "id = 99",
        "false",
        "CAST(NULL AS BOOLEAN)",
        "a > 20",
        "id IN (SELECT id FROM other WHERE false)",
    ):
        with no_commit(four):
            four.sql(f"DELETE FROM t WHERE {condition}")
    four.sql("TRUNCATE TABLE t")
    with no_commit(four):
        four.sql("DELETE FROM t WHERE id > 0")


def test_a_delete_of_all_rows_of_an_empty_table_makes_no_commit(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    with no_commit(lake):
        lake.sql("DELETE FROM t")


def test_explain_does_not_write(four: Any) -> None:
    with no_commit(four):
        for condition in ("", "WHERE id = 1", "WHERE id IN (SELECT id FROM other)"):
            for mode in ("", "EXTENDED", "FORMATTED"):
                assert four.rows(f"EXPLAIN {mode} DELETE FROM t {condition}")
    assert len(table(four)) == 4


SENSELESS = [
    ("DELETE FROM t WHERE nope = 1", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    ("DELETE FROM t WHERE b = 1", "CAST_INVALID_INPUT"),
    ("DELETE FROM t WHERE id / 0 = 1", "DIVIDE_BY_ZERO"),
    ("DELETE FROM t WHERE a", "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN"),
    ("DELETE FROM nowhere", "TABLE_OR_VIEW_NOT_FOUND"),
]


def test_what_makes_no_sense_is_refused(four: Any, refused: Any) -> None:
    for statement, condition in SENSELESS:
        with no_commit(four), refused(condition):
            four.sql(statement)
    assert len(table(four)) == 4


def test_a_scalar_subquery_of_several_rows_fails(four: Any) -> None:
    with no_commit(four), pytest.raises(Exception, match="SCALAR_SUBQUERY_TOO_MANY_ROWS"):
        four.sql("DELETE FROM t WHERE id = (SELECT id FROM other)")


def test_only_a_branch_can_be_changed(four: Any) -> None:
    four.sql("CREATE TAG v1 IN {lake}")
    for ref in ["`t@v1`", "`t@main~1`", "`t@nowhere`"]:
        for condition in ("", "WHERE id = 1"):
            with no_commit(four), pytest.raises(Exception, match="ANABRANCH_REF"):
                four.sql(f"DELETE FROM {ref} {condition}")
