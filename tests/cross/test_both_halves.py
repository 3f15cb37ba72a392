"""Tables that Spark and the native client write in turns, each reading what the other wrote."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

import anabranch

pytestmark = pytest.mark.cross

Lakes = Callable[..., Any]

COLUMNS = {
    "BOOLEAN": [True, None],
    "TINYINT": [1, None],
    "SMALLINT": [-5, None],
    "INT": [7, None],
    "BIGINT": [2**62, None],
    "FLOAT": [1.5, None],
    "DOUBLE": [-0.25, None],
    "DECIMAL(10, 2)": [Decimal("1.20"), None],
    "DECIMAL(38, 4)": [Decimal(10) ** 30, None],
    "STRING": ["ä😀", None],
    "BINARY": [b"\x00\xff", None],
    "DATE": [dt.date(1960, 1, 31), None],
    "TIMESTAMP_NTZ": [dt.datetime(2026, 1, 31, 1, 2, 3, 4), None],
    "ARRAY<INT>": [[1, None], None],
    "STRUCT<a: INT, b: STRING>": [{"a": 1, "b": None}, None],
    "MAP<STRING, INT>": [[("k", 1)], None],
}


@pytest.mark.parametrize("inline", ["100", "0"])
def test_every_type_crosses_in_both_directions(new_lake: Lakes, inline: str) -> None:
    lake = new_lake()
    names = [f"c{i}" for i in range(len(COLUMNS))]
    fields = ", ".join(f"{n} {t}" for n, t in zip(names, COLUMNS, strict=True))
    lake.sql("CREATE NAMESPACE {lake}.db")
    lake.sql(
        f"CREATE TABLE {{lake}}.db.t ({fields}) TBLPROPERTIES ('anabranch.write.inline-rows' = '{inline}')"
    )
    table = anabranch.open(lake.path).table("db.t")
    rows = pa.Table.from_pydict(dict(zip(names, COLUMNS.values(), strict=True)), schema=table.schema)
    table.append(rows)
    assert table.to_arrow().equals(rows)
    lake.sql("INSERT INTO {lake}.db.t SELECT * FROM {lake}.db.t")
    twice = anabranch.open(lake.path).table("db.t").to_arrow()
    assert twice.slice(0, 2).equals(rows) and sorted(map(str, twice.slice(2).to_pylist())) == sorted(
        map(str, rows.to_pylist())
    )
    counted = "SELECT count(*), count(DISTINCT c9), max(c7), max(c8), max(c11), max(c12), max(c14.a) FROM {lake}.db.t"
    expected = (
        4,
        1,
        Decimal("1.20"),
        Decimal(10) ** 30,
        dt.date(1960, 1, 31),
        COLUMNS["TIMESTAMP_NTZ"][0],
        1,
    )
    assert lake.rows(counted) == [expected]
    before = sorted(map(str, lake.rows("SELECT *, _row_id, _row_commit FROM {lake}.db.t")))
    assert anabranch.open(lake.path).table("db.t").optimize().files_after == 1
    assert sorted(map(str, lake.rows("SELECT *, _row_id, _row_commit FROM {lake}.db.t"))) == before
    assert lake.rows(counted) == [expected]


def same(lake: Any, columns: str = "id, s, _row_id, _row_commit") -> list[tuple[Any, ...]]:
    """The rows of db.t, on which both agree."""
    spark = sorted(lake.rows(f"SELECT {columns} FROM {{lake}}.db.t"), key=str)
    native = anabranch.open(lake.path).table("db.t").to_arrow(columns.split(", "))
    assert sorted((tuple(row.values()) for row in native.to_pylist()), key=str) == spark
    return spark


@pytest.mark.proves("ROW-1", "ROW-4", "DV-4")
@pytest.mark.parametrize("inline", ["100", "0"])
def test_both_change_rows_that_the_other_wrote(new_lake: Lakes, inline: str) -> None:
    lake = new_lake()
    repo = anabranch.init(lake.path, author="native")
    repo.create_namespace("db")
    properties = {"anabranch.write.inline-rows": inline}
    repo.create_table(
        "db.t", {"id": list(range(20)), "s": list("abcdefghijklmnopqrst")}, properties=properties
    )
    assert len(same(lake)) == 20
    lake.sql("DELETE FROM {lake}.db.t WHERE id % 5 = 0")
    repo.table("db.t").delete("id % 5 = 1")
    assert [row[0] for row in same(lake, "id")] == sorted((i for i in range(20) if i % 5 > 1), key=str)
    repo.table("db.t").update({"s": "upper(s)"}, "id < 10")
    lake.sql("UPDATE {lake}.db.t SET s = concat(s, '!') WHERE id BETWEEN 5 AND 14")
    repo.table("db.t").upsert({"id": [2, 100], "s": ["two", "new"]}, on="id")
    lake.sql(
        "MERGE INTO {lake}.db.t t USING (SELECT 100 AS id, 'x' AS s UNION ALL SELECT 101, 'y') n ON t.id = n.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    rows = {row[0]: row[1:] for row in same(lake)}
    assert (rows[2][:2], rows[7][:2], rows[100][0], rows[101][0]) == (("two", 2), ("H!", 7), "x", "y")
    assert len({row[1] for row in rows.values()}) == len(rows)


def test_schema_partitions_branches_and_tags_cross(new_lake: Lakes) -> None:
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    lake.sql(
        "CREATE TABLE {lake}.db.t (id BIGINT, s STRING, day DATE) PARTITIONED BY (months(day), bucket(4, id))"
    )
    lake.sql("INSERT INTO {lake}.db.t SELECT id, 's', DATE'2026-01-01' + CAST(id AS INT) FROM range(200)")
    repo = anabranch.open(lake.path)
    table = repo.table("db.t")
    table.append(pa.table({"id": range(200, 400), "s": ["p"] * 200, "day": [dt.date(2026, 7, 1)] * 200}))
    table.rename_column("s", "text")
    table.add_column("n", pa.int32())
    lake.sql("ALTER TABLE {lake}.db.t ADD COLUMN m INT DEFAULT 7")
    lake.sql("ALTER TABLE {lake}.db.t ALTER COLUMN n TYPE BIGINT")
    assert len(same(lake, "id, text, day, n, m, _row_id")) == 400
    assert lake.rows("SELECT count(*) FROM {lake}.db.t WHERE day = DATE'2026-07-01' AND id = 250") == [(1,)]
    assert (
        anabranch.open(lake.path).table("db.t").count("day = DATE '2026-07-01' AND id = 250 AND m = 7") == 1
    )
    repo.create_tag("v1")
    lake.sql("CREATE BRANCH fix IN {lake} FROM 'v1'")
    anabranch.open(lake.path, "fix").table("db.t").delete("id >= 10")
    assert lake.rows("SELECT count(*) FROM {lake}.db.`t@fix`") == [(10,)]
    lake.sql("MERGE BRANCH fix IN {lake}")
    assert repo.table("db.t").count() == 10
    lake.sql("RESTORE TABLE {lake}.db.t TO VERSION AS OF 'v1'")
    assert repo.table("db.t").count() == 400
    assert repo.show().id == lake.rows("SHOW COMMITS IN {lake} LIMIT 1")[0][0]


def test_a_check_of_one_half_holds_in_the_other(new_lake: Lakes) -> None:
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    lake.sql("CREATE TABLE {lake}.db.t (id INT, s STRING, CONSTRAINT few CHECK (id < 10))")
    table = anabranch.open(lake.path).table("db.t")
    with pytest.raises(anabranch.errors.WriteCheckViolated):
        table.append({"id": [11]})
    table.append({"id": [9]})
    with pytest.raises(Exception, match="CHECK_CONSTRAINT_VIOLATION"):
        lake.sql("INSERT INTO {lake}.db.t VALUES (12, 'x')")
    assert same(lake, "id") == [(9,)]


def test_what_spark_merged_by_rows_reads_the_same(new_lake: Lakes) -> None:
    lake = new_lake()
    repo = anabranch.init(lake.path)
    repo.create_namespace("db")
    properties = {"anabranch.write.inline-rows": "0"}
    repo.create_table("db.t", {"id": list(range(10)), "s": ["a"] * 10, "n": [0] * 10}, properties=properties)
    repo.create_branch("b")
    anabranch.open(lake.path, "b").table("db.t").update({"s": "'theirs'"}, "id < 4")
    repo.table("db.t").update({"n": "7"}, "id BETWEEN 2 AND 6")
    repo.table("db.t").append({"id": [100], "s": ["ours"]})
    assert repo.merge("b", dry_run=True).conflicts == ()
    lake.sql("MERGE BRANCH b IN {lake}")
    rows = same(lake, "id, s, n, _row_id, _row_commit")
    assert {row[0]: row[1:3] for row in rows if row[0] in (0, 2, 5, 100)} == {
        0: ("theirs", 0),
        2: ("theirs", 7),
        5: ("a", 7),
        100: ("ours", None),
    }
    repo.table("db.t").delete("id = 2")
    assert len(same(lake)) == 10
    assert [f for f in repo.verify(full=True) if f.problem] == []


def test_what_spark_compacted_keeps_its_rows_and_is_changed_again(new_lake: Lakes) -> None:
    lake = new_lake()
    repo = anabranch.init(lake.path)
    repo.create_namespace("db")
    repo.create_table("db.t", {"id": [0], "s": ["a"]}, properties={"anabranch.write.inline-rows": "0"})
    for i in range(1, 8):
        repo.table("db.t").append({"id": [i, 10 + i], "s": ["a", "b"]})
    repo.table("db.t").update({"s": "'changed'"}, "id IN (3, 12)")
    repo.table("db.t").delete("id = 5")
    before = same(lake)
    lake.sql("OPTIMIZE {lake}.db.t")
    assert same(lake) == before
    assert repo.table("db.t").changes(0).num_rows == len(before) - 1
    repo.table("db.t").update({"s": "'again'"}, "id = 12")
    repo.table("db.t").delete("id = 13")
    assert {row[0]: row[1] for row in same(lake)}[12] == "again"
    assert [v.row["s"] for v in repo.table("db.t").row_history(dict_of(before)[12])] == [
        "again",
        "changed",
        "b",
    ]
    assert [f for f in repo.verify(full=True) if f.problem] == []


def dict_of(rows: list[tuple[Any, ...]]) -> dict[int, int]:
    """Row ids by id."""
    return {row[0]: row[2] for row in rows}


def test_columns_of_types_that_only_spark_has_are_left_out_by_who_does_not_name_them(new_lake: Lakes) -> None:
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    lake.sql("CREATE TABLE {lake}.db.t (id INT, v VARIANT)")
    lake.sql("INSERT INTO {lake}.db.t VALUES (1, parse_json('[1]')), (2, NULL)")
    repo = anabranch.open(lake.path)
    table = repo.table("db.t")
    assert table.to_arrow(["id", "_row_id"], "id > 1").to_pylist() == [{"id": 2, "_row_id": 1}]
    assert table.delete("id = 1") == 1
    assert repo.table("db.t").count() == 1
    for read in (
        table.to_arrow,
        lambda: repo.sql("SELECT * FROM db.t"),
        lambda: table.update({"id": "id + 1"}),
        lambda: table.append([{"id": 3}]),
    ):
        with pytest.raises(anabranch.errors.SchemaUnsupportedType, match="variant"):
            read()
    assert lake.rows("SELECT id FROM {lake}.db.t") == [(2,)]


def test_odd_values_of_the_native_client_are_found_by_spark(new_lake: Lakes) -> None:
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    rows = pa.table(
        {
            "id": [1, 2, 3],
            "f": pa.array([0.1, math.nan, None], pa.float32()),
            "d": [-0.0, math.nan, None],
            "s": [{"x": 1.5, "a.b": "q"}, {"x": math.nan, "a.b": "r"}, None],
            "unsigned": pa.array([2**64 - 1, None, 0], pa.uint64()),
            "hundreds": pa.array([Decimal(100), None, Decimal(-5000)], pa.decimal128(5, -2)),
            "old": [dt.date(1500, 1, 1), None, dt.date(1, 1, 1)],
            "seconds": pa.array([dt.datetime(1500, 1, 1), None, dt.datetime(2026, 1, 1)], pa.timestamp("s")),
            "text": ["a\0b", "ü😀" * 50, ""],
            "odd `name`": pa.RunEndEncodedArray.from_arrays([2, 3], ["x", "y"]),
        }
    )
    table = anabranch.open(lake.path).create_table(
        "db.t", rows, properties={"anabranch.write.inline-rows": "0"}
    )
    found = {
        "f > 1": [2],
        "d = 'NaN'": [2],
        "d = 0": [1],
        "NOT d > 1": [1],
        "s.x > 2": [2],
        "s.`a.b` = 'q'": [1],
        "unsigned = 18446744073709551615": [1],
        "hundreds < 0": [3],
        "old < DATE '1400-01-01'": [3],
        "seconds < TIMESTAMP_NTZ '1600-01-01'": [1],
        "text LIKE 'ü%'": [2],
        "length(text) = 3": [1],
        "`odd ``name``` = 'x'": [1, 2],
    }
    arrays = ", ".join(f"sort_array(collect_list(IF({condition}, id, NULL)))" for condition in found)
    pruned = " UNION ALL ".join(
        f"SELECT {i}, sort_array(collect_list(id)) FROM {{lake}}.db.t WHERE {condition}"
        for i, condition in enumerate(found)
    )
    assert list(lake.rows(f"SELECT {arrays} FROM {{lake}}.db.t")[0]) == list(found.values())
    assert [ids for _, ids in sorted(map(tuple, lake.rows(pruned)))] == list(found.values())
    table.append({"id": [4], "s": [{"x": 2.5, "new": [1]}]}, evolve=True)
    assert lake.rows("SELECT id, s.new FROM {lake}.db.t WHERE s.new IS NOT NULL") == [(4, [1])]


def test_spark_reads_numbers_that_the_native_client_packed_by_their_differences(new_lake: Lakes) -> None:
    """Of all types that are whole numbers in Parquet, from end to end, with NULLs; and after they are widened."""
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    repo = anabranch.open(lake.path)

    def spread(bits: int) -> list[int | None]:
        """500 of them, of which few are the same."""
        return [
            None if i % 7 == 3 else i * (2**bits // 500 or 1) % 2**bits - 2 ** (bits - 1) for i in range(500)
        ]

    def decimals(bits: int, t: pa.DataType) -> pa.Array:
        return pa.array([None if x is None else Decimal(x).scaleb(-t.scale) for x in spread(bits)], t)

    columns = {f"i{bits}": pa.array(spread(bits), getattr(pa, f"int{bits}")()) for bits in (8, 16, 32, 64)}
    columns |= {"small": decimals(29, pa.decimal128(9, 0)), "price": decimals(59, pa.decimal128(18, 2))}
    columns["day"] = pa.array(spread(22), pa.int32()).cast(pa.date32())
    columns["at"] = pa.array(spread(56)).cast(pa.timestamp("us", "UTC"))
    repo.create_table("db.t", pa.table({"id": range(500)} | columns))
    # of days and times their numbers: Python's end with the year 9999
    select = "SELECT id, i8, i16, i32, i64, small, price, unix_date(day), unix_micros(at) FROM {lake}.db.t ORDER BY id"
    plain = columns | {"day": columns["day"].cast(pa.int32()), "at": columns["at"].cast(pa.int64())}
    expected = [(i, *row.values()) for i, row in enumerate(pa.table(plain).to_pylist())]
    assert lake.rows(select) == expected
    for name, wider in (("i8", "SMALLINT"), ("i16", "INT"), ("i32", "BIGINT"), ("small", "DECIMAL(12, 0)")):
        lake.sql(f"ALTER TABLE {{lake}}.db.t ALTER COLUMN {name} TYPE {wider}")
    assert lake.rows(select) == expected
    native = anabranch.open(lake.path).table("db.t").to_arrow(["id", "i8", "i16", "i32", "i64", "small"])
    assert [tuple(row.values()) for row in native.to_pylist()] == [row[:6] for row in expected]


def test_old_dates_of_the_native_client_are_not_taken_for_those_of_another_calendar(
    new_lake: Lakes, spark: Any
) -> None:
    """Files say which calendar they use only where Spark wrote them; ours have one, whatever a session sets."""
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    days = [dt.date(1, 1, 3), dt.date(1500, 2, 28), dt.date(1582, 10, 4)]
    anabranch.open(lake.path).create_table(
        "db.t", {"day": days * 100}, properties={"anabranch.write.inline-rows": "0"}
    )
    for mode in ("LEGACY", "EXCEPTION", "CORRECTED"):
        spark.conf.set("spark.sql.parquet.datetimeRebaseModeInRead", mode)
        try:
            assert lake.rows("SELECT DISTINCT day FROM {lake}.db.t ORDER BY 1") == [(d,) for d in days]
        finally:
            spark.conf.unset("spark.sql.parquet.datetimeRebaseModeInRead")
