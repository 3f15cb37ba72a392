"""Every requirement of SPEC.md is proved by a vector or a test that names it."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ID = re.compile(r"[A-Z]+-\d+")
# At the start of a paragraph, a list item, a table row; elsewhere it is a reference.
REQUIREMENT = re.compile(r"^\s*(?:[-*|]\s*|\d+\.\s+)?(?:\*\*)?\[([A-Z]+-\d+)\]", re.MULTILINE)


def required() -> list[str]:
    return REQUIREMENT.findall((ROOT / "SPEC.md").read_text(encoding="utf-8"))


def named_by_vectors(value: Any) -> Iterator[str]:
    """The ids under every "proves", however deep."""
    if isinstance(value, dict):
        yield from value.get("proves", [])
        for member in value.values():
            yield from named_by_vectors(member)
    elif isinstance(value, list):
        for item in value:
            yield from named_by_vectors(item)


def named_by_tests(source: str) -> Iterator[str]:
    """The ids in ``pytest.mark.proves("…")``, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "proves":
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))


def proved() -> dict[str, str]:
    """Id -> a file that names it."""
    found: dict[str, str] = {}
    for file in sorted((ROOT / "tests").rglob("*.json")):
        for id in named_by_vectors(json.loads(file.read_text(encoding="utf-8"))):
            found.setdefault(id, file.name)
    for file in sorted((ROOT / "tests").rglob("*.py")):
        for id in named_by_tests(file.read_text(encoding="utf-8")):
            found.setdefault(id, file.name)
    return found


def test_ids_are_unique() -> None:
    assert [id for id, times in Counter(required()).items() if times > 1] == []


def test_every_requirement_is_proved() -> None:
    missing = sorted(
        set(required()) - set(proved()), key=lambda id: (id.split("-")[0], int(id.split("-")[1]))
    )
    assert not missing, "no vector and no test names " + ", ".join(missing)


def test_every_proof_has_its_requirement() -> None:
    known = set(required())
    unknown = {id: file for id, file in proved().items() if id not in known}
    assert unknown == {}, "these ids are not in SPEC.md"


def test_how_names_are_found() -> None:
    text = "see [LOG-1]\n- [LOG-2] A writer MUST.\n**[REF-10]** MUST\n| [DV-1] | MUST |\n  2. [LOG-3] MUST"
    assert REQUIREMENT.findall(text) == ["LOG-2", "REF-10", "DV-1", "LOG-3"]
    assert list(named_by_tests('@pytest.mark.proves("A-1", "B-2")\ndef test(): pass')) == ["A-1", "B-2"]
    vectors = {"proves": ["A-1"], "cases": [{"proves": ["A-2"]}]}
    assert list(named_by_vectors(vectors)) == ["A-1", "A-2"]
