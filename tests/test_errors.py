"""The error classes: declared once, used, documented, and each shown by a test."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONDITION = re.compile(r"ANABRANCH_[A-Z]+\.[A-Z_]+")
TEMPLATES: dict[str, dict[str, str]] = json.loads(
    (ROOT / "sql" / "core" / "resources" / "anabranch-errors.json").read_text(encoding="utf-8")
)


def conditions_in(folders: list[str], suffixes: list[str]) -> set[str]:
    found: set[str] = set()
    for folder in folders:
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in suffixes and file != Path(__file__):
                found.update(CONDITION.findall(file.read_text(encoding="utf-8")))
    return found


def report(wrong: Iterable[str]) -> None:
    """Fails with all of them, one a line."""
    lines = sorted(wrong)
    assert not lines, "\n" + "\n".join(lines)


def test_templates_are_well_formed() -> None:
    wrong = []
    for condition, template in TEMPLATES.items():
        text = " ".join(template[k] for k in template if k != "sqlState")
        checks = {
            "name": bool(CONDITION.fullmatch(condition)),
            "members": set(template) - {"python"} == {"message", "action", "sqlState"},
            "SQLSTATE": bool(re.fullmatch(r"[0-9A-Z]{5}", template["sqlState"])),
            "placeholder": "<" not in re.sub(r"<[a-zA-Z]+>", "", text),
            "full stop": all(template[k].endswith((".", ">")) for k in template if k != "sqlState"),
        }
        wrong += [f"{condition}: {what}" for what, good in checks.items() if not good]
    report(wrong)


def test_what_to_do_without_spark_is_no_statement_of_spark() -> None:
    """What the Python half and the command line refuse is told in their own words."""
    raised = conditions_in(["python/anabranch/core", "python/anabranch/cli"], [".py"])
    statement = re.compile(r"\b[A-Z]{3,} [A-Z]{2,}\b|\b(SHOW|DROP|SELECT|USE|INTO|GRANT)\b|spark\.")
    told = {c: TEMPLATES[c].get("python") or TEMPLATES[c]["action"] for c in raised}
    assert len(told) > 50
    report(f"{c}: {text}" for c, text in told.items() if statement.search(text))


def test_each_is_declared_once() -> None:
    text = (ROOT / "sql" / "core" / "resources" / "anabranch-errors.json").read_text(encoding="utf-8")
    names = re.findall(r'^\s*"(ANABRANCH_[^"]+)":', text, re.MULTILINE)
    assert sorted(names) == sorted(TEMPLATES)


def test_each_is_used() -> None:
    report(set(TEMPLATES) - conditions_in(["sql", "python"], [".scala", ".py"]))


def test_none_is_undeclared() -> None:
    report(conditions_in(["sql", "python", "tests"], [".scala", ".py"]) - set(TEMPLATES))


def test_each_is_shown_by_a_test() -> None:
    report(set(TEMPLATES) - conditions_in(["tests"], [".scala", ".py", ".json"]))


def test_they_are_documented(generated: Callable[[str, str], None]) -> None:
    generated("docs/errors.md", "\n".join(document()) + "\n")


def document() -> Iterator[str]:
    yield "# Error classes"
    yield ""
    yield "What the repository refuses has a class that stays the same from version to version, so that"
    yield "programs may match on it: `getCondition()` of the exception, in Scala and in Python. *Italics* are"
    yield "filled in."
    area = ""
    for condition, template in sorted(TEMPLATES.items()):
        if condition.split(".")[0] != area:
            area = condition.split(".")[0]
            yield ""
            yield f"## {area}"
            yield ""
            yield "| class | what happened | what to do | SQLSTATE |"
            yield "|---|---|---|---|"
        message, action, python = (
            re.sub(r"<(\w+)>", r"*\1*", template.get(k, "")).replace("|", "\\|")
            for k in ("message", "action", "python")
        )
        without = f"<br>Without Spark: {python}" if python else ""
        yield f"| `{condition}` | {message} | {action}{without} | {template['sqlState']} |"
