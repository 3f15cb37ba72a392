"""What may be given as rows, and what becomes of values: all of them are written, or an error tells which can't be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import numpy
import pandas
import polars
import pyarrow as pa
import pytest

from anabranch import Repository

Refused = Callable[[str], Any]


class Odd(pa.ExtensionType):  # type: ignore[misc]
    """A type that somebody else has made."""

    def __init__(self) -> None:
        super().__init__(pa.int64(), "odd")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> Odd:
        return cls()


POINT = pa.struct([("x", pa.int64()), ("y", pa.string())])


def written(repo: Repository, rows: Any, type: pa.DataType | None = None, **more: Any) -> list[Any]:
    """The values of the column ``v``, in a new table or in one that has it with a type."""
    if type is None:
        table = repo.create_table("db.t", rows)
    else:
        table = repo.create_table("db.t", pa.schema([("v", type)]))
        table.append(rows, **more)
    return list(table.to_arrow().column("v").to_pylist())


def test_columns_of_dicts_are_those_of_all_rows_and_not_of_the_first(repo: Repository) -> None:
    table = repo.create_table("db.t", [{"a": 1}, {"b": 2}, {}])
    assert table.to_arrow().to_pydict() == {"a": [1, None, None], "b": [None, 2, None]}
    assert table.append([{}, {}]) == 2


def test_batches_tables_rows_and_datasets_come_from_lists_and_generators(repo: Repository) -> None:
    table = repo.create_table("db.t", (pa.record_batch({"v": [i]}) for i in range(2)))
    table.append([pa.table({"v": [2]}), pa.table({"v": [3]})])
    table.append({"v": i} for i in range(4, 6))
    table.append(table.dataset())
    table.append(table.at(1))
    assert sorted(table.to_arrow().column("v").to_pylist()) == [
        0,
        0,
        0,
        1,
        1,
        1,
        2,
        2,
        2,
        3,
        3,
        3,
        4,
        4,
        5,
        5,
    ]


def test_levels_of_an_index_that_have_names_are_columns(repo: Repository) -> None:
    frame = pandas.DataFrame({"v": [1, 2, 3]}).set_index(
        pandas.MultiIndex.from_tuples([("a", 1), ("b", 2), ("c", 3)], names=["k", None])
    )
    table = repo.create_table("db.t", frame[frame.v > 1])
    assert table.to_arrow().to_pydict() == {"k": ["b", "c"], "v": [2, 3]}
    table.append(pandas.DataFrame({"k": ["d"], "v": [4]}).set_index("k", drop=False))
    assert table.count() == 3


@pytest.mark.parametrize(
    ("given", "type", "stored"),
    [
        (pa.array([12345, None], pa.int64()), pa.decimal128(10, 2), [Decimal("12345.00"), None]),
        ([1, Decimal("2.5")], pa.decimal128(10, 2), [Decimal("1.00"), Decimal("2.50")]),
        ([2**100], pa.decimal128(38, 0), [Decimal(2**100)]),
        ([{"k": 1}, [("k", 2)], None], pa.map_(pa.string(), pa.int64()), [[("k", 1)], [("k", 2)], None]),
        ([[None], None, []], pa.list_(POINT), [[None], None, []]),
        ([{"Y": "a", "X": 1}], POINT, [{"x": 1, "y": "a"}]),
        (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), pa.list_(pa.int64()), [[1, 2], None]),
        (
            pa.array([[0], [1], None, []], pa.list_view(pa.int8())).slice(1),
            pa.list_(pa.int64()),
            [[1], None, []],
        ),
        (
            pa.array([[("k", 1)], None, [("l", 2), ("m", 3)]], pa.map_(pa.string(), pa.int8())).slice(1),
            pa.map_(pa.string(), pa.int64()),
            [None, [("l", 2), ("m", 3)]],
        ),
        (
            pa.array([{"x": 1}, None, {"x": 2}], pa.struct([("x", pa.int8())])).slice(1),
            POINT,
            [None, {"x": 2, "y": None}],
        ),
        (pa.RunEndEncodedArray.from_arrays([2, 3], ["a", None]), pa.string(), ["a", "a", None]),
        (pa.array([None], pa.time64("us")), pa.int64(), [None]),
    ],
)
def test_values_that_the_type_of_the_column_holds_are_taken(
    repo: Repository, given: Any, type: pa.DataType, stored: list[Any]
) -> None:
    values = {"v": given} if isinstance(given, list) else pa.table({"v": given})
    assert written(repo, values, type) == stored


@pytest.mark.parametrize(
    ("given", "type", "column", "row", "reason"),
    [
        ([1, "x"], pa.int64(), "v", 1, "Could not convert 'x'"),
        ([1, 10**12], pa.decimal128(10, 2), "v", 1, "it does not fit decimal(10,2)"),
        ([0.1, 1e300], pa.float32(), "v", 1, "it does not fit float"),
        (pa.array([1, 2**60], pa.timestamp("s")), pa.timestamp("us"), "v", 1, "it does not fit"),
        ([{"x": 1}, {"x": 1, "z": 5}], POINT, "v", 0, "it has no field z"),
        ([None, {"x": "1"}], POINT, "v.x", 1, "string is not long"),
        ([{"x": 1.0}, {"x": 1.5}], POINT, "v.x", 1, "it does not fit long"),
        ([[1], None, [2, 300]], pa.list_(pa.int8()), "v[]", 2, "it does not fit byte"),
        ([[], [{"x": 1}, {"x": 2.5}]], pa.list_(POINT), "v[].x", 1, "it does not fit long"),
        (
            pa.array([[("k", 1.0)], [("k", 1.5)]], pa.map_(pa.string(), pa.float64())),
            pa.map_(pa.string(), pa.int64()),
            "v.value",
            1,
            "it does not fit long",
        ),
        (
            [[{"z": {}}]],
            pa.list_(pa.struct([("m", pa.map_(pa.string(), POINT))])),
            "v",
            0,
            "it has no field z",
        ),
        ([{"k": {"z": 1}}], pa.map_(pa.string(), POINT), "v", 0, "it has no field z"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_field_and_row_and_never_cut(
    repo: Repository,
    refused: Refused,
    given: Any,
    type: pa.DataType,
    column: str,
    row: int,
    reason: str,
) -> None:
    values = {"v": given} if isinstance(given, list) else pa.table({"v": given})
    with refused("ANABRANCH_WRITE.VALUE") as caught:
        written(repo, values, type)
    told = caught.value.parameters
    assert (told["column"], told["row"]) == (column, str(row))
    assert reason in told["reason"]
    assert repo.table("db.t").count() == 0


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        ({"v": [1, "x"]}, 1),
        ({"u": [1], "v": [1, 2]}, 1),
        ([{"v": 1}, {"v": 2}, {"v": "x"}], 2),
        (pandas.DataFrame({"u": [1, 2], "v": [1, b"x"]}), 1),
        (polars.DataFrame({"v": polars.Series([1], dtype=polars.Int128)}), 0),
    ],
    ids=["columns", "lengths", "rows", "pandas", "polars"],
)
def test_columns_of_several_types_are_refused_with_column_and_row(
    repo: Repository, refused: Refused, rows: Any, row: int
) -> None:
    with refused("ANABRANCH_WRITE.VALUE") as caught:
        repo.create_table("db.t", rows)
    assert (caught.value.parameters["column"], caught.value.parameters["row"]) == ("v", str(row))


@pytest.mark.parametrize(
    ("rows", "column", "type"),
    [
        ({"v": [None]}, "v", "null"),
        ({"v": [dt.time(1)]}, "v", "time64[us]"),
        ({"v": [{"a": [dt.timedelta(1)]}]}, "v.a[]", "duration[us]"),
        (pandas.DataFrame({"v": [pandas.Timedelta("1s")]}, dtype="m8[ns]"), "v", "duration[ns]"),
        (polars.DataFrame({"v": polars.Series([object()], dtype=polars.Object)}), "v", "Object"),
        (pa.table({"v": pa.array([{}], pa.struct([]))}), "v", "struct<>"),
        (pa.table({"v": pa.ExtensionArray.from_storage(Odd(), pa.array([1]))}), "v", "extension<odd<Odd>>"),
        (duckdb.sql("SELECT INTERVAL 1 DAY AS v"), "v", "month_day_nano_interval"),
        (pa.table({"v": pa.array([Decimal(1)], pa.decimal256(50, 0))}), "v", "decimal256(50, 0)"),
    ],
)
def test_a_type_that_tables_do_not_have_is_named_with_its_column(
    repo: Repository, refused: Refused, rows: Any, column: str, type: str
) -> None:
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_TYPE") as caught:
        repo.create_table("db.t", rows)
    assert caught.value.parameters == {"column": f"the column {column}", "type": type}
    assert ("schema" in caught.value.action) == (type == "null")


@pytest.mark.parametrize(
    "rows", ["abc", None, 5, numpy.zeros(2), polars.Series("v", [1]), [(1,)], {"v": "abc"}, {"v": 5}]
)
def test_what_has_no_rows_is_refused(repo: Repository, rows: Any) -> None:
    with pytest.raises(TypeError):
        repo.create_table("db.t", rows)


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("ANABRANCH_SCHEMA.COLUMN_EXISTS", ["a", "A"]),
        ("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", [""]),
        ("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", ["a\0b"]),
    ],
)
def test_names_of_columns_and_of_fields_are_there_and_differ_in_more_than_case(
    repo: Repository, refused: Refused, condition: str, names: list[str]
) -> None:
    columns = [pa.array([i]) for i, _ in enumerate(names)]
    with refused(condition):
        repo.create_table("db.t", pa.table(columns, names))
    nested = pa.array([[pa.StructArray.from_arrays(columns, names)[0]]])
    with refused(condition):
        repo.create_table("db.t", pa.table({"v": nested}))


def test_a_column_can_not_have_the_name_of_a_hidden_one_in_any_case(
    repo: Repository, refused: Refused
) -> None:
    with refused("ANABRANCH_SCHEMA.RESERVED_NAME"):
        repo.create_table("db.t", {"_ROW_ID": [1]})


def test_a_decimal_of_negative_scale_is_one_of_more_digits(repo: Repository) -> None:
    table = repo.create_table("db.t", pa.table({"v": pa.array([Decimal(1200)], pa.decimal128(2, -2))}))
    assert table.to_arrow().to_pylist() == [{"v": Decimal(1200)}]
    assert table.schema.field("v").type == pa.decimal128(4, 0)


def test_fields_grow_with_rows_that_have_more_of_them(repo: Repository, refused: Refused) -> None:
    table = repo.create_table("db.t", {"v": [[{"x": 1}]]}, properties={"anabranch.write.inline-rows": "0"})
    more = pa.table(
        {
            "v": pa.array(
                [[{"x": 2**40, "a.b": "new", "m": [("k", {"y": 1.5})]}]],
                pa.list_(
                    pa.struct(
                        [
                            ("x", pa.int64()),
                            ("a.b", pa.string()),
                            ("m", pa.map_(pa.string(), pa.struct([("y", pa.float64())]))),
                        ]
                    )
                ),
            )
        }
    )
    with refused("ANABRANCH_WRITE.VALUE"):
        table.append(more)
    table.append(more, evolve=True)
    assert table.to_arrow(where="len(v) = 1").column("v").to_pylist() == [
        [{"x": 1, "a.b": None, "m": None}],
        [{"x": 2**40, "a.b": "new", "m": [("k", {"y": 1.5})]}],
    ]
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_TYPE"):
        table.append({"v": [None], "what": [None]}, evolve=True)


def test_keys_of_an_upsert_are_compared_as_the_table_has_them(repo: Repository, refused: Refused) -> None:
    table = repo.create_table("db.t", {"k": [Decimal("1.50"), Decimal("2.50")], "v": [1, 2]})
    done = table.upsert(
        {"K": pa.array(["1.5", "3"]).cast(pa.float64()), "v": pa.array([10, 30], pa.int8())}, "k"
    )
    assert (done["rows_updated"], done["rows_inserted"]) == (1, 1)
    with refused("ANABRANCH_WRITE.VALUE") as caught:
        table.upsert({"k": [Decimal("9.00"), Decimal("1.50")], "v": [1, 1.5]}, "k")
    assert caught.value.parameters["row"] == "1"
    with refused("ANABRANCH_WRITE.VALUE"):
        table.merge({"k": ["1.50"]}, "k", matched="delete", not_matched=None)


def test_new_values_are_sql_or_what_python_has(repo: Repository, refused: Refused) -> None:
    day = dt.date(2026, 1, 31)
    table = repo.create_table(
        "db.t", {"id": [1, 2], "d": [day, day], "s": ["a", "b"], "n": [Decimal("1.10")] * 2}
    )
    values = {"d": dt.date(2026, 2, 1), "s": None, "n": Decimal("2.50")}
    assert table.update(values, "id = 1") == 1
    assert table.to_arrow(where="id = 1").to_pylist() == [{"id": 1, **values}]
    table.update({"n": 7, "s": duckdb.ConstantExpression("it's")}, "id = 2")
    assert table.to_arrow(["n", "s"], "id = 2").to_pylist() == [{"n": Decimal("7.00"), "s": "it's"}]
    assert table.update({"id": numpy.int64(3)}, "id = 2") == 1
    with pytest.raises(TypeError, match="a new value is"):
        table.update({"id": [1]})
    for values in ({"id": "1", "ID": "2"}, {}, {"id": "unnest([1, 2])"}):
        with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"):
            table.update(values)
    assert sorted(table.to_arrow()["id"].to_pylist()) == [1, 3]


def test_keys_that_are_equal_are_one_key(repo: Repository, refused: Refused) -> None:
    table = repo.create_table("db.t", {"f": [0.0], "l": [[1]], "v": [1]})
    with refused("ANABRANCH_WRITE.DUPLICATE_KEY"):
        table.upsert({"f": [0.0, -0.0], "v": [2, 3]}, "f")
    assert table.upsert({"f": [-0.0], "v": [2]}, "f")["rows_updated"] == 1
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"):
        table.upsert({"l": [[1]], "v": [2]}, "l")


def test_what_no_table_can_be_made_of_is_refused_at_once(repo: Repository, refused: Refused) -> None:
    rows = {"a": [1]}
    with refused("ANABRANCH_SQL.FAILED"):
        repo.create_table("db.t", pa.schema([("a", pa.int64())]), checks={"c": "nope > 1"})
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"):
        repo.create_table("db.t", rows, partition_by=["a", "A"])
    with pytest.raises(TypeError, match="a table property is a str"):
        repo.create_table("db.t", rows, properties={"n": 5})
    table = repo.create_table("db.t", rows)
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"):
        table.rename_column("a", "")
    with pytest.raises(TypeError, match="a table property is a str"):
        table.set_properties({"n": 5})


def test_pandas_gets_all_digits_of_whole_numbers_beside_null(repo: Repository) -> None:
    frame = repo.create_table("db.t", {"long": [2**60 + 1, None], "short": [1, None]}).to_pandas()
    assert frame["long"].tolist() == [2**60 + 1, pandas.NA]
    assert str(frame["short"].dtype) == "float64"
