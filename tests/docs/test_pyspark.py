"""docs/pyspark.md names all methods of Catalog and Table, and what it shows runs as it stands there."""

from __future__ import annotations

import re
from typing import Any

import pytest

import anabranch
from docs.pages import blocks, read

PAGE = "docs/pyspark.md"


def test_the_page_runs(new_lake: Any, spark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = new_lake()
    session, *rest = blocks(PAGE, "python")
    names: dict[str, Any] = {"spark": spark}
    # the session of the tests is there already; all else is as in the text
    exec(re.sub(r"^spark = .*\n", "", session, flags=re.MULTILINE).replace('"lake"', f'"{made.name}"'), names)
    for code in rest:
        exec(re.sub(r"\blake\.clinic", f"{made.name}.clinic", code), names)
    told = capsys.readouterr().out
    assert "clinic.labs changed 1" in told and "p2 was in mmol/L" in told
    values = made.rows("SELECT patient, value FROM {lake}.clinic.labs ORDER BY patient")
    assert values == [("p1", 98.0), ("p2", 5.4)]


@pytest.mark.parametrize("of", [anabranch.Catalog, anabranch.Table])
def test_all_methods_are_named(of: type) -> None:
    methods = {name for name in dir(of) if not name.startswith("_")}
    assert methods - set(re.findall(r"\w+", read(PAGE))) == set()
