"""A CHECK means the same to both halves, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import anabranch

pytestmark = pytest.mark.cross

CHECKS = {
    "named": "\"unit of it\" <> ''",
    "backslash": "note <> 'a\\b'",
    "apostrophe": "note <> 'it''s'",
}


def test_quotes_mean_in_each_half_what_they_did_in_the_other(new_lake: Callable[..., Any]) -> None:
    """To Spark, double quotes are those of texts, and backslashes escape."""
    lake = new_lake()
    lake.sql("CREATE NAMESPACE {lake}.db")
    repo = anabranch.open(lake.path)
    rows = {"unit of it": ["mg"], "note": ["a"]}
    here = repo.create_table("db.here", rows, checks=CHECKS)
    for unit, note in (("", "a"), ("g", r"a\b"), ("g", "it's")):
        with pytest.raises(anabranch.errors.WriteCheckViolated):
            here.append({"unit of it": [unit], "note": [note]})
        text = note.replace("\\", "\\\\").replace("'", "''")
        with pytest.raises(Exception, match="CHECK_CONSTRAINT_VIOLATION"):
            lake.sql(f"INSERT INTO {{lake}}.db.here VALUES ('{unit}', '{text}')")
    here.append({"unit of it": ["unit"], "note": ["x"]})
    lake.sql("INSERT INTO {lake}.db.here VALUES ('unit', 'y')")
    assert repo.table("db.here").count() == 3

    lake.sql("CREATE TABLE {lake}.db.there (`a b` STRING, x STRING)")
    lake.sql("ALTER TABLE {lake}.db.there ADD CONSTRAINT c CHECK (`a b` <> \"x\" AND x <> 'l\\\\n')")
    there = repo.table("db.there")
    assert there.append({"a b": ["y", "q"], "x": ["y", "q"]}) == 2
    for bad in ({"a b": ["x"], "x": ["z"]}, {"a b": ["y"], "x": ["l\\n"]}):
        with pytest.raises(anabranch.errors.WriteCheckViolated):
            there.append(bad)
