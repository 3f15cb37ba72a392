"""Cells of every type merge by their values, and rows that are put together keep them."""

from __future__ import annotations

from typing import Any

import pytest

TYPES = {
    "BOOLEAN": ("true", "false"),
    "TINYINT": ("1Y", "2Y"),
    "BIGINT": ("1L", "9223372036854775807L"),
    "FLOAT": ("CAST(1.5 AS FLOAT)", "CAST('NaN' AS FLOAT)"),
    "DOUBLE": ("CAST('NaN' AS DOUBLE)", "-0.5D"),
    "DECIMAL(38, 10)": ("CAST(1.25 AS DECIMAL(38, 10))", "CAST('12345678901234567890.5' AS DECIMAL(38, 10))"),
    "STRING": ("'a'", "'ä\\n'"),
    "STRING COLLATE UTF8_LCASE": ("'a'", "'A'"),
    "VARCHAR(5)": ("'a'", "'bcdef'"),
    "BINARY": ("X'00'", "X'FF00'"),
    "DATE": ("DATE '1500-01-01'", "DATE '2026-02-28'"),
    "TIMESTAMP": ("TIMESTAMP '1500-01-01 00:00:00.000001'", "TIMESTAMP '2026-10-25 02:30:00'"),
    "TIMESTAMP_NTZ": ("TIMESTAMP_NTZ '1500-01-01 00:00:00.000001'", "TIMESTAMP_NTZ '2026-10-25 02:30:00'"),
    "ARRAY<INT>": ("array(1, NULL)", "array(2)"),
    "ARRAY<DOUBLE>": ("array(CAST('NaN' AS DOUBLE))", "array(CAST('NaN' AS DOUBLE), 0D)"),
    "MAP<STRING, ARRAY<BINARY>>": ("map('k', array(X'01'))", "map('k', array(X'02'), 'l', NULL)"),
    "STRUCT<x: INT, y: STRUCT<z: STRING>>": (
        "named_struct('x', 1, 'y', named_struct('z', 'a'))",
        "named_struct('x', NULL, 'y', NULL)",
    ),
    "VARIANT": ("parse_json('{\"a\": 1}')", "parse_json('[1, 2]')"),
}


@pytest.mark.proves("MRG-5")
@pytest.mark.parametrize("inline", ["100", "0"], ids=["inline", "files"])
def test_cells_of_each_type(lake: Any, inline: str) -> None:
    columns = ", ".join(f"c{i} {t}, d{i} {t}" for i, t in enumerate(TYPES))
    lake.sql(f"CREATE TABLE t (id INT, {columns}) TBLPROPERTIES ('anabranch.write.inline-rows' = '{inline}')")
    first = ", ".join(f"{a} AS c{i}, {a} AS d{i}" for i, (a, _) in enumerate(TYPES.values()))
    lake.sql(f"INSERT INTO t SELECT 1 AS id, {first}")
    lake.sql("CREATE BRANCH dev IN {lake}")
    for i, (a, b) in enumerate(TYPES.values()):
        lake.sql(f"UPDATE t SET c{i} = {b} WHERE id = 1")
        # the same value, written again, is no change of the cell
        lake.sql(f"UPDATE `t@dev` SET d{i} = {b}, c{i} = {a} WHERE id = 1")
    lake.sql("MERGE BRANCH dev IN {lake}")
    both = ", ".join(f"{b} AS c{i}, {b} AS d{i}" for i, (_, b) in enumerate(TYPES.values()))
    wanted = lake.sql(f"SELECT 1 AS id, {both}").selectExpr("to_json(struct(*)) AS r").collect()
    assert lake.sql("SELECT * FROM t").selectExpr("to_json(struct(*)) AS r").collect() == wanted
    lake.sql("CREATE BRANCH other IN {lake}")
    torn = ", ".join(f"c{i} = NULL" for i in range(len(TYPES)))
    lake.sql(f"UPDATE t SET {torn} WHERE id = 1")
    back = ", ".join(f"c{i} = {a}" for i, (a, _) in enumerate(TYPES.values()))
    lake.sql(f"UPDATE `t@other` SET {back} WHERE id = 1")
    review = lake.sql("MERGE BRANCH other IN {lake} DRY RUN").collect()
    found = {r.column: (r.base, r.ours, r.theirs) for r in review if r.kind == "cell"}
    assert sorted(found) == sorted(f"c{i}" for i in range(len(TYPES)))
    assert all(base and ours is None and theirs for base, ours, theirs in found.values())


@pytest.mark.proves("MRG-5", "PART-2")
def test_a_row_put_together_lies_in_the_partition_that_it_moved_to(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT, p STRING, v INT) PARTITIONED BY (p)")
    lake.sql("INSERT INTO t SELECT id, 'a', 0 FROM range(300)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("UPDATE t SET p = 'b' WHERE id < 200")
    lake.sql("UPDATE `t@dev` SET v = 1 WHERE id >= 100")
    lake.sql("MERGE BRANCH dev IN {lake}")
    assert sorted(lake.rows("SELECT p, v, count(*) FROM t GROUP BY p, v")) == [
        ("a", 1, 100),
        ("b", 0, 100),
        ("b", 1, 100),
    ]
    assert lake.rows("SELECT count(*) FROM t WHERE p = 'b'") == [(200,)]
    assert lake.rows("SELECT count(*), count(DISTINCT _row_id) FROM t") == [(300, 300)]
