"""How commits follow one another, drawn: `SHOW COMMITS … GRAPH` and `Catalog.log(graph=True)`."""

from __future__ import annotations

from typing import Any

import pytest

from anabranch import Catalog
from anabranch.graph import CommitGraph, draw

DRAWINGS: list[tuple[str, dict[str, str], list[str]]] = [
    ("a line", {"b": "a", "a": ""}, ["●", "●"]),
    ("a merge", {"m": "ad", "d": "r", "a": "r", "r": ""}, ["●─╮", "│ ●", "● │", "●─╯"]),
    (
        "two branches from one commit",
        {"m": "ab", "b": "r", "a": "rc", "c": "r", "r": ""},
        ["●─╮", "│ ●", "●─┼─╮", "│ │ ●", "●─╯─╯"],
    ),
    ("criss-cross", {"m": "xy", "y": "ba", "x": "ab", "b": "r", "a": "r", "r": ""}, []),
    ("cut off", {"m": "ad", "a": "r"}, ["●", "●"]),
]


@pytest.mark.parametrize(("parents", "lines"), [d[1:] for d in DRAWINGS], ids=[d[0] for d in DRAWINGS])
def test_drawings(spark: Any, parents: dict[str, str], lines: list[str]) -> None:
    found = draw([(id, list(p)) for id, p in parents.items()])
    assert not lines or found == lines
    assert len(found) == len(parents) and all(line.count("●") == 1 for line in found)


def test_both_languages_draw_the_same(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    for branch in ("a", "b"):
        lake.sql(f"CREATE BRANCH {branch}")
    for turn in range(4):
        for n, branch in enumerate(("main", "a", "b")):
            lake.sql(f"INSERT INTO `t@{branch}` VALUES ({turn * 3 + n})")
        source, into = (("a", "main"), ("b", "a"), ("main", "b"), ("b", "main"))[turn]
        lake.sql(f"MERGE BRANCH {source} INTO {into}")
    found = lake.rows("SHOW COMMITS IN {lake} GRAPH")
    assert [r[0] for r in found] == draw([(r[1], r[9]) for r in found])
    assert len({r[1] for r in found}) == len(found) and "●─╮" in [r[0] for r in found]
    assert {r[1] for r in lake.rows("SHOW COMMITS ON b GRAPH LIMIT 3")} <= {r[1] for r in found}
    assert len(lake.rows("SHOW COMMITS ON b GRAPH LIMIT 3")) == 3
    graph = Catalog(lake.spark, lake.name).log(graph=True)
    assert isinstance(graph, CommitGraph) and graph.lines == [r[0] for r in found]
    assert str(graph).splitlines()[0].startswith("●─╮") and "MERGE BRANCH" in str(graph).splitlines()[0]


def test_in_a_notebook_it_is_a_table_in_which_nothing_runs(lake: Any) -> None:
    catalog = Catalog(lake.spark, lake.name)
    with catalog.commit_info(author="<script>alert(1)</script>", message="a & b\nmore of it"):
        lake.sql("CREATE TABLE t (id INT)")
    shown = catalog.log(graph=True)._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "a &amp; b" in shown
    assert shown.count("<tr>") == 3
    assert len(str(catalog.log(graph=True)).splitlines()) == 2, "a commit is one line"
