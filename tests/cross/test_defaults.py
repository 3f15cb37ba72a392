"""A default means the same to both halves, and in every time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

import anabranch

pytestmark = pytest.mark.cross

DEFAULTS: dict[str, tuple[str, str, Any]] = {
    "large": ("DOUBLE", "1.7976931348623157E308", 1.7976931348623157e308),
    "small": ("DOUBLE", "1E-20", 1e-20),
    "real": ("FLOAT", "1.5", 1.5),
    "long_decimal": (
        "DECIMAL(38, 10)",
        "9999999999999999999999999999.9999999999",
        Decimal("9999999999999999999999999999.9999999999"),
    ),
    "rounded": ("DECIMAL(5, 1)", "1.55", Decimal("1.6")),
    "apostrophe": ("STRING", '"it\'s"', "it's"),
    "backslash": ("STRING", r"'a\\b\n'", "a\\b\n"),
    "letters": ("STRING", "'\\u00e9é'", "éé"),
    "bytes": ("BINARY", "X'00FF'", b"\x00\xff"),
    "list": ("ARRAY<STRING>", "array('a, b', \"it's\", NULL)", ["a, b", "it's", None]),
    "empty": ("ARRAY<INT>", "array()", []),
    "map": ("MAP<STRING, INT>", "map('a', 1, ')', 2)", [("a", 1), (")", 2)]),
    "struct": ("STRUCT<a: INT, b: ARRAY<INT>>", "named_struct('a', 1, 'b', array(2))", {"a": 1, "b": [2]}),
    "nothing": ("STRUCT<a: INT>", "NULL", None),
    "time": ("TIMESTAMP", "TIMESTAMP'2024-01-01 00:00:00'", datetime(2024, 1, 1, 5, tzinfo=timezone.utc)),
    "times": (
        "ARRAY<TIMESTAMP>",
        "array(TIMESTAMP'2024-01-01 00:00:00')",
        [datetime(2024, 1, 1, 5, tzinfo=timezone.utc)],
    ),
    "zoned": (
        "TIMESTAMP",
        "TIMESTAMP'2024-01-01 00:00:00+01:00'",
        datetime(2023, 12, 31, 23, tzinfo=timezone.utc),
    ),
    "local": ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ'2024-01-01 00:00:00'", datetime(2024, 1, 1)),
}


@pytest.fixture
def with_defaults(new_lake: Callable[..., Any]) -> Any:
    """db.t with a row from before its columns, which were added in New York."""
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    lake.sql("CREATE TABLE {lake}.db.t (id INT) TBLPROPERTIES ('anabranch.write.inline-rows' = '0')")
    lake.sql("INSERT INTO {lake}.db.t VALUES (1)")
    lake.spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        for name, (kind, default, _) in DEFAULTS.items():
            lake.sql(f"ALTER TABLE {{lake}}.db.t ADD COLUMN `{name}` {kind} DEFAULT {default}")
    finally:
        lake.spark.conf.set("spark.sql.session.timeZone", "UTC")
    return lake


@pytest.mark.proves("COL-3", "ROW-1")
def test_rows_from_before_a_column_have_one_value_for_both_halves_in_all_time_zones(
    with_defaults: Any,
) -> None:
    meant = {name: value for name, (_, _, value) in DEFAULTS.items()}
    table = anabranch.open(with_defaults.path).table("db.t")
    assert table.to_arrow(list(DEFAULTS)).to_pylist() == [meant]
    as_text = "SELECT to_json(struct(* EXCEPT (id))) FROM {lake}.db.t"
    before = with_defaults.rows(as_text)
    (row,) = with_defaults.sql("SELECT * EXCEPT (id) FROM {lake}.db.t").toArrow().to_pylist()
    assert row == meant
    with_defaults.spark.conf.set("spark.sql.session.timeZone", "Asia/Kolkata")
    try:
        moment = "SELECT unix_micros(time), unix_micros(times[0]) FROM {lake}.db.t"
        assert with_defaults.rows(moment) == [(1704085200000000, 1704085200000000)]
    finally:
        with_defaults.spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert with_defaults.rows(as_text) == before


def test_new_rows_get_the_default_as_it_is_written(with_defaults: Any) -> None:
    table = anabranch.open(with_defaults.path).table("db.t")
    session = {"time", "times"}  # what the session of who inserts makes of them
    table.append({"id": [2]})
    (row,) = table.to_arrow([n for n in DEFAULTS if n not in session], "id = 2").to_pylist()
    assert row == {name: value for name, (_, _, value) in DEFAULTS.items() if name not in session}


def test_a_default_that_only_spark_knows_is_refused_by_its_text(new_lake: Callable[..., Any]) -> None:
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    lake.sql("CREATE TABLE {lake}.db.t (id INT, who STRING DEFAULT current_user())")
    table = anabranch.open(lake.path).table("db.t")
    with pytest.raises(anabranch.errors.SqlFailed, match="the default current_user"):
        table.append({"id": [1]})
    table.append({"id": [1], "who": ["ada"]})
    assert table.count() == 1
