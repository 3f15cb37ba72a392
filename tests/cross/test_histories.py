"""Random histories in which Spark and the native client take turns; a plain dictionary says what must be there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import anabranch

pytestmark = pytest.mark.cross

Lakes = Callable[..., Any]
ids = st.integers(0, 30)
steps = st.lists(
    st.tuples(
        st.sampled_from(["spark", "native"]),
        st.sampled_from(["append", "delete", "update", "upsert", "restore", "optimize"]),
        ids,
        ids,
    ),
    min_size=4,
    max_size=10,
)


def by_spark(lake: Any, what: str, low: int, high: int, text: str) -> None:
    rows = f"SELECT id, '{text}' AS s FROM range({low}, {high + 1})"
    match what:
        case "append":
            lake.sql(f"INSERT INTO {{lake}}.db.t {rows}")
        case "delete":
            lake.sql(f"DELETE FROM {{lake}}.db.t WHERE id BETWEEN {low} AND {high}")
        case "update":
            lake.sql(f"UPDATE {{lake}}.db.t SET s = concat(s, '{text}') WHERE id BETWEEN {low} AND {high}")
        case "upsert":
            lake.sql(
                f"MERGE INTO {{lake}}.db.t t USING ({rows}) n ON t.id = n.id"
                " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
            )
        case "optimize":
            lake.sql("OPTIMIZE {lake}.db.t")


def by_native(lake: Any, what: str, low: int, high: int, text: str) -> None:
    table = anabranch.open(lake.path).table("db.t")
    rows = {"id": list(range(low, high + 1)), "s": [text] * (high + 1 - low)}
    match what:
        case "append":
            table.append(rows)
        case "delete":
            table.delete("id BETWEEN ? AND ?", [low, high])
        case "update":
            table.update(
                {"s": "s || $text"}, "id BETWEEN $low AND $high", {"text": text, "low": low, "high": high}
            )
        case "upsert":
            table.upsert(rows, on="id")
        case "optimize":
            table.optimize()


def expected(rows: list[tuple[int, str]], what: str, low: int, high: int, text: str) -> list[tuple[int, str]]:
    touched = range(low, high + 1)
    fresh = [(i, text) for i in touched]
    match what:
        case "append":
            return rows + fresh
        case "delete":
            return [r for r in rows if r[0] not in touched]
        case "update":
            return [(i, s + text) if i in touched else (i, s) for i, s in rows]
        case "optimize":
            return rows
        case _:
            there = {i for i, _ in rows}
            return [(i, text) if i in touched else (i, s) for i, s in rows] + [
                r for r in fresh if r[0] not in there
            ]


@pytest.mark.proves("ROW-1", "DV-4", "TAB-2")
@given(
    steps=steps,
    inline=st.sampled_from(["100", "0"]),
    mode=st.sampled_from(["merge-on-read", "copy-on-write"]),
)
def test_both_halves_take_turns(new_lake: Lakes, steps: list[Any], inline: str, mode: str) -> None:
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    lake.sql(
        "CREATE TABLE {lake}.db.t (id BIGINT, s STRING) TBLPROPERTIES "
        f"('anabranch.write.inline-rows' = '{inline}', 'anabranch.write.mode' = '{mode}')"
    )
    rows: list[tuple[int, str]] = []
    past: dict[int, list[tuple[int, str]]] = {0: []}
    seen: dict[tuple[int, int], tuple[int, str]] = {}
    for number, (who, what, a, b) in enumerate(steps):
        low, high = min(a, b), max(a, b)
        if what == "restore":
            version = a % (max(past) + 1)
            if who == "spark":
                lake.sql(f"RESTORE TABLE {{lake}}.db.t TO VERSION AS OF {version}")
            else:
                anabranch.open(lake.path).table("db.t").restore(version)
            rows = past[version]
        else:
            (by_spark if who == "spark" else by_native)(lake, what, low, high, f"{number}")
            rows = expected(rows, what, low, high, f"{number}")
        table = anabranch.open(lake.path).table("db.t")
        past[table.version] = rows
        native = table.to_arrow(["id", "s", "_row_id", "_row_commit"]).to_pylist()
        assert sorted((r["id"], r["s"]) for r in native) == sorted(rows)
        for r in native:  # the same row id and commit mean the same content, for ever
            assert seen.setdefault((r["_row_id"], r["_row_commit"]), (r["id"], r["s"])) == (r["id"], r["s"])
        spark = lake.rows("SELECT id, s, _row_id, _row_commit FROM {lake}.db.t")
        assert sorted(spark) == sorted(tuple(r.values()) for r in native)
    blamed = lake.rows("CALL {lake}.system.blame(table => 'db.t')")
    native = anabranch.open(lake.path).table("db.t").blame(cells=True).drop_columns(["time"]).to_pylist()
    assert [(*r[:4], *r[5:]) for r in blamed] == [tuple(r.values()) for r in native]
    assert [f for f in anabranch.open(lake.path).verify(full=True) if f.problem] == []
