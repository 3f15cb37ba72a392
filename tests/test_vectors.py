"""The vectors: JSON in, JSON out, the same for every implementation of the format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "vectors"


def cases() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.json")):
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
            yield pytest.param(case, id=f"{file.stem}: {case['name']}")


@pytest.mark.parametrize("case", list(cases()))
def test_vector(core: Callable[[str, Any], Any], case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(Exception) as caught:
            core(case["function"], case["input"])
        assert getattr(caught.value, "condition", caught.value) == case["error"]
        told = getattr(caught.value, "parameters", {})
        assert {name: told.get(name) for name in case.get("parameters", {})} == case.get("parameters", {})
    else:
        assert core(case["function"], case["input"]) == case["output"]
