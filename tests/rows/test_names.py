"""What names mean in UPDATE and MERGE besides columns: variables, and the hidden columns of the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.sql import functions as F

from rows.tables import create, lineage_of, no_commit, table


@pytest.fixture
def three(lake: Any) -> Iterator[Any]:
    create(lake, "id INT, a INT, l ARRAY<INT>", "(1, 10, array(1, 2)), (2, 20, NULL), (3, NULL, NULL)")
    names = ["v", "id", "e", "s"]
    for name in names:
        lake.sql(f"DECLARE OR REPLACE VARIABLE {name} INT DEFAULT 7")
    yield lake
    for name in names:
        lake.sql(f"DROP TEMPORARY VARIABLE {name}")


def test_variables_stand_in_assignments_and_conditions(three: Any) -> None:
    three.sql("BEGIN DECLARE n INT DEFAULT 3; UPDATE t SET a = n WHERE id < n; END")
    assert table(three, "id, a") == [(1, 3), (2, 3), (3, None)]
    three.sql("UPDATE t AS u SET u.a = v + session.v + system.session.v WHERE u.id = v - 6")
    assert table(three, "id, a") == [(1, 21), (2, 3), (3, None)]
    three.sql("DECLARE OR REPLACE VARIABLE s STRUCT<n: INT> DEFAULT named_struct('n', 2)")
    three.sql("UPDATE t SET a = (SELECT max(a) + v FROM t) WHERE id = s.n")
    three.sql("DELETE FROM t WHERE id = s.n + 1")
    assert table(three, "id, a") == [(1, 21), (2, 28)]


def test_a_name_that_is_a_column_means_the_column(three: Any) -> None:
    three.sql("UPDATE t SET a = id WHERE id = 1")
    three.sql("UPDATE t SET a = session.id WHERE id = 2")
    assert table(three, "id, a") == [(1, 1), (2, 7), (3, None)]
    three.sql("UPDATE t SET l = transform(l, e -> e + v) WHERE id = 1")
    three.sql("UPDATE t SET l = transform(l, (x, i) -> x + i + e) WHERE id = 1")
    assert table(three, "l", "t WHERE id = 1") == [([15, 17],)]


def test_variables_stand_in_all_clauses_of_a_merge(three: Any) -> None:
    three.sql(
        "MERGE INTO t USING (SELECT * FROM VALUES (1, 5), (9, 6) AS w (id, k)) s ON t.id = s.id AND s.k < v "
        "WHEN MATCHED AND v = 7 THEN UPDATE SET a = v + s.k "
        "WHEN NOT MATCHED AND s.k < v THEN INSERT (id, a) VALUES (s.id, v) "
        "WHEN NOT MATCHED BY SOURCE AND t.id + 4 = v THEN DELETE "
        "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET a = -v"
    )
    assert table(three, "id, a") == [(1, 12), (2, -7), (9, 7)]


def test_a_merge_sees_a_variable_where_the_side_has_no_such_column(three: Any) -> None:
    three.sql(
        "MERGE INTO t USING (SELECT 9 AS k) s ON t.id = s.k WHEN NOT MATCHED THEN INSERT (id, a) VALUES (k, id)"
    )
    assert table(three, "id, a")[-1] == (9, 7), "rows that are inserted have no columns of the target"
    three.sql("MERGE INTO t USING (SELECT 9 AS k) s ON id = k WHEN MATCHED THEN UPDATE SET a = id")
    assert table(three, "id, a")[-1] == (9, 9)


def test_a_name_that_means_nothing_or_is_assigned_is_no_variable(three: Any, refused: Any) -> None:
    for statement in ["UPDATE t SET a = nope", "UPDATE t SET v = 1", "UPDATE t SET a = session.nope"]:
        with no_commit(three), refused("UNRESOLVED_COLUMN.WITH_SUGGESTION"):
            three.sql(statement)


# ---- hidden columns

BY_ID = "(SELECT * FROM VALUES ({}L, 100), (-1L, 200) AS w (r, a)) s"


@pytest.mark.both_modes
def test_a_merge_finds_rows_by_their_lineage(three: Any) -> None:
    before = lineage_of(three)
    row, commit = before[2]
    three.sql(
        f"MERGE INTO t AS x USING {BY_ID.format(row)} ON x._row_id = s.r AND x._row_commit = {commit} "
        "WHEN MATCHED AND x._row_id >= 0 THEN UPDATE SET a = s.a + x._row_id "
        "WHEN NOT MATCHED THEN INSERT (id, a) VALUES (9, s.a) "
        f"WHEN NOT MATCHED BY SOURCE AND x._row_id = {before[3][0]} THEN DELETE"
    )
    assert table(three, "id, a") == [(1, 10), (2, 100 + row), (9, 200)]
    after = lineage_of(three)
    assert (after[1], after[2][0]) == (before[1], row)


def test_without_a_qualifier_it_is_the_targets_unless_the_source_has_one(three: Any, refused: Any) -> None:
    row = lineage_of(three)[1][0]
    three.sql(f"MERGE INTO t USING {BY_ID.format(row)} ON _row_id = r WHEN MATCHED THEN DELETE")
    assert table(three, "id") == [(2,), (3,)]
    with no_commit(three), refused("AMBIGUOUS_REFERENCE"):
        three.sql("MERGE INTO t USING t AS s ON _row_id = s.id WHEN MATCHED THEN DELETE")


def test_source_and_target_may_both_be_asked(three: Any) -> None:
    three.sql(
        "MERGE INTO t USING t AS s ON t._row_id = s._row_id AND t._row_commit = s._row_commit "
        "WHEN MATCHED THEN UPDATE SET a = s.id"
    )
    assert table(three, "id, a") == [(1, 1), (2, 2), (3, 3)]


def test_a_merge_that_only_inserts_asks_which_rows_are_there(three: Any) -> None:
    row = lineage_of(three)[1][0]
    three.sql(
        f"MERGE INTO t USING {BY_ID.format(row)} ON t._row_id = s.r WHEN NOT MATCHED THEN INSERT (id, a) VALUES (9, s.a)"
    )
    assert table(three, "id, a") == [(1, 10), (2, 20), (3, None), (9, 200)]


def test_rows_are_found_by_lineage_while_columns_come(three: Any) -> None:
    row = lineage_of(three)[1][0]
    three.sql(
        f"MERGE WITH SCHEMA EVOLUTION INTO t USING (SELECT {row}L AS r, 5 AS more) s ON t._row_id = s.r "
        "WHEN MATCHED THEN UPDATE SET more = s.more"
    )
    assert table(three, "id, more") == [(1, 5), (2, None), (3, None)]


def test_data_frames_merge_by_lineage(three: Any) -> None:
    row = lineage_of(three)[3][0]
    source = three.sql(f"SELECT {row}L AS r").alias("s")
    source.mergeInto("t", F.col("t._row_id") == F.col("s.r")).whenMatched().update({"a": F.lit(5)}).merge()
    assert table(three, "id, a")[-1] == (3, 5)


def test_two_source_rows_of_one_row_are_an_error_here_too(three: Any, refused: Any) -> None:
    row = lineage_of(three)[1][0]
    with no_commit(three), refused("MERGE_CARDINALITY_VIOLATION"):
        three.sql(
            f"MERGE INTO t USING (SELECT {row}L AS r UNION ALL SELECT {row}L) s ON t._row_id = s.r "
            "WHEN MATCHED THEN UPDATE SET a = 0"
        )
