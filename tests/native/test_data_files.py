"""What stands in a Parquet file, and the bounds that its entry has of it."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anabranch import Repository, Table
from anabranch.core.format.values import Value
from anabranch.core.operations.scan import numbered_files
from native.test_writing import EVERY_TYPE

FILES = {"anabranch.write.inline-rows": "0"}


def bounds(table: Table) -> dict[str, tuple[Any, Any, Any]]:
    """Of the columns of a table of one file."""
    (file,) = numbered_files(table._state)
    return {
        c.name: tuple(file.stats[c.physical])
        for c in table._state.metadata.columns
        if c.physical in file.stats
    }


@pytest.mark.proves("STAT-1", "STAT-2")
def test_bounds_of_each_type_are_those_of_its_rows(repo: Repository) -> None:
    found = bounds(repo.create_table("db.t", EVERY_TYPE, properties=FILES))
    day = int(dt.datetime(2026, 1, 31, 1, 2, 3, tzinfo=dt.timezone.utc).timestamp()) * 10**6 + 4
    first = int(dt.datetime(1960, 1, 1, tzinfo=dt.timezone.utc).timestamp()) * 10**6
    expected = {
        "bool": ("bool", False, True),
        "byte": ("whole", -128, 1),
        "short": ("whole", -5, 1),
        "integer": ("whole", -5, 1),
        "long": ("whole", -5, 2**62),
        "float": ("floating", 1.5, float("inf")),
        "double": ("floating", -0.0, 1.5),
        "decimal": ("decimal", Decimal("-99999999.99"), Decimal("1.20")),
        "big": ("decimal", Decimal(0), Decimal(10) ** 30),
        "string": ("text", "ä", "😀" * 31 + "😁"),
        "binary": ("bytes", b"", b"\x00\xff"),
        "date": ("whole", -1, 20484),
        "timestamp": ("whole", first, day),
        "ntz": ("whole", first, day),
    }
    assert found == {name: (Value(k, low), Value(k, high), 1) for name, (k, low, high) in expected.items()}
    assert [str(found["decimal"][1].value), str(found["big"][0].value)] == ["1.20", "0.0000"]


def test_bounds_reach_as_far_as_values_do(repo: Repository) -> None:
    """Python's own dates end with the year 9999, and its decimals have 28 digits unless told otherwise."""
    most = 10**38 - 1
    rows = pa.table(
        {
            "ts": pa.array([-(2**62), 2**62]).cast(pa.timestamp("us", "UTC")),
            "day": pa.array([-5_000_000, 2**31 - 1], pa.int32()).cast(pa.date32()),
            "big": pa.array([Decimal(f"-{most}E-10"), Decimal(f"{most}E-10")], pa.decimal128(38, 10)),
        }
    )
    found = bounds(repo.create_table("db.t", rows, properties=FILES))
    assert [v.value for v in found["ts"][:2]] == [-(2**62), 2**62]
    assert [v.value for v in found["day"][:2]] == [-5_000_000, 2**31 - 1]
    assert [v.value for v in found["big"][:2]] == [Decimal(f"-{most}E-10"), Decimal(f"{most}E-10")]


def test_bounds_are_those_of_all_row_groups(repo: Repository) -> None:
    rows = pa.table({"id": pa.array(range(300_000, 0, -1)), "s": [f"{i:06}" for i in range(300_000, 0, -1)]})
    table = repo.create_table("db.t", rows)
    found = bounds(table)
    assert found["id"] == (Value("whole", 1), Value("whole", 300_000), 0)
    assert found["s"] == (Value("text", "000001"), Value("text", "300000"), 0)


def test_bounds_of_text_come_from_the_file_and_are_cut(repo: Repository) -> None:
    long = "é" * 5000
    rows = pa.table({"a": ["b", None, long], "b": ["x" * 40, "y", None], "c": pa.nulls(3, pa.string())})
    table = repo.create_table("db.t", rows, properties=FILES)
    found = bounds(table)
    assert found["b"] == (Value("text", "x" * 32), Value("text", "y"), 1)
    assert found["c"] == (None, None, 3)
    assert found["a"] == (None, None, 1), (
        "Parquet has no bounds of more than 4 kB: what is not known is absent"
    )
    assert table.to_arrow(where=f"a = '{long}'").num_rows == 1


def encodings(table: Table, folder: Path) -> dict[str, set[str]]:
    """Of the pages of each column of a table of one file."""
    (file,) = numbered_files(table._state)
    (path,) = folder.rglob(file.id)
    group = pq.read_metadata(path).row_group(0)
    names = {c.physical: c.name for c in table._state.metadata.columns}
    columns = [group.column(i) for i in range(group.num_columns)]
    return {names[c.path_in_schema]: set(c.encodings) for c in columns}


def test_numbers_are_told_by_what_they_repeat_or_by_their_differences(
    repo: Repository, tmp_path: Path
) -> None:
    """A dictionary of numbers that don't repeat takes time, and then more bytes than the numbers."""
    n, chance = 130_000, random.Random(7)
    rows = pa.table(
        {
            "id": range(n),
            "order": [i // 4 for i in range(n)],
            "hash": [chance.randint(-(2**63), 2**63 - 1) for _ in range(n)],
            "few": pa.array([chance.choice([-(2**31), 7, 2**31 - 1, None]) for _ in range(n)], pa.int32()),
            "price": [Decimal(chance.randint(0, 10**15)).scaleb(-2) for _ in range(n)],
            "state": [chance.choice(["new", "paid", "sent"]) for _ in range(n)],
            "comment": [f"{chance.random()}" for _ in range(n)],
        }
    )
    table = repo.create_table("db.t", rows)
    found = encodings(table, tmp_path)
    delta = {name for name, used in found.items() if "DELTA_BINARY_PACKED" in used}
    dictionary = {name for name, used in found.items() if "RLE_DICTIONARY" in used}
    assert (delta, dictionary) == ({"id", "order", "hash", "price"}, {"few", "state"})
    assert table.to_arrow().equals(rows)
    assert table.to_arrow(where=f"hash = {rows['hash'][77]} AND id = 77").num_rows == 1
