"""Which part may know which, and how long a file or a function may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = [
    "store",
    "format",
    "log",
    "transaction",
    "operations",
    "repository",
]  # each may know those before it
FOLDERS = ["sql", "python", "tests", "benchmarks", "examples"]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70

COMMENT = re.compile(r'"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*[\s\S]*?\*/')
LAYER_IMPORT = re.compile(r"io\.anabranch\.core\.(\{[^}]*\}|\w+)")
SCALA_DEFINITION = re.compile(
    r"( *)(?:(?:private|protected)(?:\[\w+\])? |override |final |implicit |lazy )*def "
)


def report(wrong: Iterable[str]) -> None:
    """Fails with all of them, one a line."""
    lines = sorted(wrong)
    assert not lines, "\n" + "\n".join(lines)


def sources(*suffixes: str) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (f for f in sorted((ROOT / folder).rglob("*")) if f.suffix in suffixes)


def code(file: Path) -> str:
    """A Scala source without comments and strings."""
    return COMMENT.sub(lambda m: '""' if m.group().startswith('"') else " ", file.read_text(encoding="utf-8"))


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def layers_named(text: str) -> set[str]:
    """The layers of the core that a source imports, or names in full."""
    found: set[str] = set()
    for match in LAYER_IMPORT.findall(text):
        found.update(re.findall(r"\w+", match))
    return found & set(LAYERS)


def test_core_layers_point_one_way() -> None:
    wrong = []
    for file in sorted((ROOT / "sql" / "core").rglob("*.scala")):
        layer = file.relative_to(ROOT / "sql" / "core").parts[0]
        allowed = set(LAYERS[: LAYERS.index(layer) + 1]) if layer in LAYERS else set()
        wrong += [f"{name(file)} knows {other}" for other in sorted(layers_named(code(file)) - allowed)]
    report(wrong)


def python_layers_named(text: str) -> set[str]:
    """The layers of the Python core that a source imports."""
    return set(re.findall(r"anabranch\.core\.(\w+)", text)) & set(LAYERS)


def test_python_layers_point_one_way() -> None:
    wrong = []
    for file in sorted((ROOT / "python" / "anabranch").rglob("*.py")):
        parts = file.relative_to(ROOT / "python" / "anabranch").parts
        if parts[0] == "core" and len(parts) > 2:
            allowed = set(LAYERS[: LAYERS.index(parts[1]) + 1])
        else:  # what stands above the core knows the repository, as users do
            allowed = {"repository"}
        found = python_layers_named(file.read_text(encoding="utf-8"))
        wrong += [f"{name(file)} knows {other}" for other in sorted(found - allowed)]
    report(wrong)


def test_the_native_half_never_knows_spark() -> None:
    for folder in ("core", "cli"):
        sources = sorted((ROOT / "python" / "anabranch" / folder).rglob("*.py"))
        report(
            name(f)
            for f in sources
            if re.search(r"(import|from) pyspark|anabranch\.(catalog|table)\b", f.read_text())
        )


def test_core_has_no_other_folders() -> None:
    folders = {f.name for f in (ROOT / "sql" / "core").iterdir() if f.is_dir()}
    assert folders - {*LAYERS, "resources"} == set()
    python = {f.name for f in (ROOT / "python" / "anabranch" / "core").iterdir() if f.is_dir()}
    assert python - {*LAYERS, "__pycache__"} == set()


def test_core_never_knows_spark() -> None:
    core = sorted((ROOT / "sql" / "core").rglob("*.scala"))
    report(name(f) for f in core if re.search(r"org\.apache\.spark|io\.anabranch\.spark", code(f)))


def test_packages_follow_folders() -> None:
    wrong = []
    for half in ("core", "spark"):
        for file in sorted((ROOT / "sql" / half).rglob("*.scala")):
            parts = file.relative_to(ROOT / "sql").parent.parts
            package = re.search(r"^package (\S+)", code(file), re.MULTILINE)
            found = package.group(1) if package else ""
            # Only a bridge may stand in Spark's own packages, where Spark shows more of itself.
            bridge = parts[:2] == ("spark", "bridge") and found.startswith("org.apache.spark.sql")
            if not bridge and found != ".".join(["io.anabranch", *parts]):
                wrong.append(f"{name(file)} is in package {found}")
    report(wrong)


def test_files_are_short() -> None:
    lengths = {name(f): len(f.read_text(encoding="utf-8").splitlines()) for f in sources(".scala", ".py")}
    report(f"{file} has {n} lines" for file, n in lengths.items() if n > MAX_FILE_LINES)


def test_functions_are_short() -> None:
    wrong: list[str] = []
    for file in sources(".scala", ".py"):
        if name(file).startswith("tests/"):
            continue
        text = file.read_text(encoding="utf-8")
        functions = python_functions(text) if file.suffix == ".py" else scala_functions(text)
        wrong += [f"{name(file)}:{line} has {n} lines" for line, n in functions if n > MAX_FUNCTION_LINES]
    report(wrong)


def python_functions(text: str) -> Iterator[tuple[int, int]]:
    """Line and length of each function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def scala_functions(text: str) -> Iterator[tuple[int, int]]:
    """Line and length of each ``def``, which ends where something else begins at its own column."""
    lines = text.splitlines()
    for start, line in enumerate(lines):
        definition = SCALA_DEFINITION.match(line)
        if definition is None:
            continue
        column, end = len(definition.group(1)), start
        for at in range(start + 1, len(lines)):
            body = lines[at].lstrip()
            indent = len(lines[at]) - len(body)
            if body and (indent < column or (indent == column and body[0] not in "})]")):
                break
            end = at if body else end
        yield start + 1, end - start + 1


def test_how_sources_are_read() -> None:
    assert layers_named("import io.anabranch.core.{format, log}\nio.anabranch.core.store.X") == {
        "format",
        "log",
        "store",
    }
    scala = """object A {
  def a: Int = 1

  private def b(
      x: Int
  ): Int = {
    x
  }
  val c = 1
}
"""
    assert list(scala_functions(scala)) == [(2, 1), (4, 5)]
