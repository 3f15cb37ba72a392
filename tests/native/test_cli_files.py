"""Files on the command line: what goes in comes out, whole, and programs can read what is printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

import anabranch
from anabranch import Repository
from anabranch.cli import settings
from anabranch.cli.main import app

Run = Callable[..., str]


@pytest.fixture
def run(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the repository, in its folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANABRANCH_REPOSITORY", "lake")

    def call(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.stderr

    return call


CSV = """id,zip,text,count,x,day,at,none
1,007,"a ""q"",
b",12345678901234567890,NaN,2026-01-31,12:30,
2,,"",1,,,,
3,10,NA,-2,-inf,1500-01-01,,
"""
ROWS = {
    "id": [1, 2, 3],
    "zip": ["007", None, "10"],
    "text": ['a "q",\nb', "", "NA"],
    "count": [Decimal(12345678901234567890), Decimal(1), Decimal(-2)],
    "day": ["2026-01-31", None, "1500-01-01"],
    "at": ["12:30", None, None],
    "none": [None, None, None],
}


def test_a_csv_file_is_taken_as_it_is_written(run: Run, repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    run("import", "a.csv", "db.t", "--mode", "create")
    rows = repo.table("db.t").to_arrow()
    assert {n: [str(x) if n == "day" and x else x for x in rows[n].to_pylist()] for n in ROWS} == ROWS
    assert str(rows["x"].to_pylist()) == "[nan, None, -inf]"


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
def test_what_is_exported_can_be_imported(run: Run, repo: Repository, tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a.csv").write_text(CSV.replace("NaN", "1.5").replace("-inf", "0.1"))
    run("import", "a.csv", "db.t", "--mode", "create")
    run("export", "db.t", f"out.{suffix}")
    repo.create_table("db.copy", repo.table("db.t").schema)
    run("import", f"out.{suffix}", "db.copy")
    assert repo.table("db.copy").to_arrow().equals(repo.table("db.t").to_arrow())
    assert not list(tmp_path.glob("*.part"))


EVERYTHING = pa.table(
    {
        "f": [float("nan"), float("-inf"), None],
        "n": pa.array([Decimal("1.10"), None, Decimal("-99.99")], pa.decimal128(7, 2)),
        "s": ["two\nlines", "NaN", "\u2028"],
        "d": pa.array([0, None, -700_000], pa.date32()),
        "t": pa.array([1, None, -1], pa.timestamp("us")),
        "z": pa.array([1, None, -1], pa.timestamp("us", "UTC")),
        "b": [b"\x00\xff", None, b""],
        "big": [2**63 - 1, None, -(2**63)],
    }
)
NESTED = pa.table(
    {
        "m": pa.array([[("k", 1.5)], None, []], pa.map_(pa.string(), pa.float64())),
        "l": pa.array([[{"b": b"x", "d": 1}], None, []], pa.list_(pa.struct([("b", pa.binary()), ("d", pa.date32())]))),
    }
)  # fmt: skip


@pytest.mark.parametrize("how", ["hex", "base64"])
@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
def test_what_text_does_not_have_comes_back_too(
    run: Run, repo: Repository, tmp_path: Path, suffix: str, how: str
) -> None:
    rows = EVERYTHING
    for name, column in zip(NESTED.column_names, NESTED.columns, strict=True) if suffix == "ndjson" else ():
        rows = rows.append_column(name, column)
    repo.create_table("db.t", rows)
    repo.create_table("db.copy", rows.schema)
    assert "--binary" in run("export", "db.t", f"out.{suffix}", code=1)
    run("export", "db.t", f"out.{suffix}", "--binary", how)
    run("import", f"out.{suffix}", "db.copy", "--binary", how)
    assert str(repo.table("db.copy").to_arrow().to_pylist()) == str(rows.to_pylist())
    repo.create_table("db.f", {"f": [1.5, float("nan"), None]})
    run("export", "db.f", f"f.{suffix}")
    run("import", f"f.{suffix}", "db.new", "--mode", "create")
    assert str(repo.table("db.new").to_arrow()["f"].to_pylist()) == "[1.5, nan, None]"


def test_a_large_csv_file_has_texts_of_several_lines(run: Run, repo: Repository, tmp_path: Path) -> None:
    """Arrow reads blocks of 1 MB, and took lines in texts for rows."""
    rows = pa.table({"s": [f"{i}\n\nend" + "x" * 90 for i in range(20_000)]})
    repo.create_table("db.t", rows)
    run("export", "db.t", "out.csv")
    run("import", "out.csv", "db.copy", "--mode", "create")
    assert repo.table("db.copy").to_arrow().equals(rows)


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["007", "1e5"], ["007", "1e5"]),
        (["0x10", "1"], ["0x10", "1"]),
        (["123456789012345678.12", "1.5"], [Decimal("123456789012345678.12"), Decimal("1.50")]),
        (["0.30000000000000004", "0.1"], [0.30000000000000004, 0.1]),
        (["1.000000000000000056e-01", "1"], [0.1, 1.0]),
        (["1e400", "1"], ["1e400", "1"]),
        (["1", "", "3"], [1, None, 3]),
        (["1" * 30 + "." + "1" * 30, "1"], ["1" * 30 + "." + "1" * 30, "1"]),
    ],
)
def test_numbers_of_csv_keep_what_is_written(
    run: Run, repo: Repository, tmp_path: Path, texts: list[str], values: list[Any]
) -> None:
    """Of one column, so that a row may be an empty line."""
    (tmp_path / "a.csv").write_text("\n".join(["n", *texts, ""]))
    run("import", "a.csv", "db.t", "--mode", "create")
    assert repo.table("db.t").to_arrow()["n"].to_pylist() == values


def test_rows_get_the_types_of_the_table_that_is_there(run: Run, repo: Repository, tmp_path: Path) -> None:
    types = {"Code": pa.string(), "n": pa.decimal128(10, 2), "t": pa.timestamp("us", "UTC")}
    repo.create_table("db.t", pa.schema(list(types.items())))
    (tmp_path / "a.csv").write_text("code,n,t\n007,1.5,2026-01-31T12:00:00Z\n")
    run("import", "a.csv", "db.t")
    (tmp_path / "a.ndjson").write_text('{"Code": "008", "t": "2026-01-31T12:00:00Z"}\n')
    run("import", "a.ndjson", "db.t")
    rows = repo.table("db.t").to_arrow().to_pylist()
    assert [(r["Code"], r["n"], r["t"].hour) for r in rows] == [
        ("007", Decimal("1.50"), 12),
        ("008", None, 12),
    ]
    (tmp_path / "wrong.csv").write_text("n\nabc\n")
    assert "abc" in run("import", "wrong.csv", "db.t", code=1)
    assert "--key" in run("import", "a.csv", "db.t", "--mode", "upsert", code=2)


def test_long_numbers_of_json_are_kept(run: Run, repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text('{"id": 12345678901234567890}\n{"id": 1}\n')
    run("import", "a.ndjson", "db.t", "--mode", "create")
    assert repo.table("db.t").to_arrow()["id"].to_pylist() == [12345678901234567890, 1]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b"a\nM\xfcller\n"),
        ("a.csv", b""),
        ("a.csv", b"a,b\n1\n"),
        ("a.ndjson", b'{"a": 1}\n{"a": "x"}\n'),
        ("a.ndjson", b'{"a": 12345678901234567890}\n{"a":\n'),
        ("a.parquet", b"PAR1"),
        ("a.txt", b"a"),
    ],
)
def test_a_file_that_is_none_is_refused(run: Run, tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert "ANABRANCH_CLIENT.FILE" in run("import", name, "db.t", "--mode", "create", code=1)


def test_an_export_that_fails_leaves_no_file(run: Run, repo: Repository, tmp_path: Path) -> None:
    repo.create_table("db.t", {"a": [1, 2], "l": [[1], [2]]})
    assert ".csv does not have" in run("export", "db.t", "out.csv", code=1)
    assert "ANABRANCH_CLIENT.FILE" in run("export", "db.t", "nowhere/out.parquet", code=1)
    run("export", "db.t", "out.parquet", "-w", "error('x')", code=1)
    assert [f.name for f in tmp_path.iterdir()] == ["lake"]


def test_json_is_json_whatever_the_values_are_and_when_it_fails(run: Run, repo: Repository) -> None:
    query = "SELECT 1 AS a, 2 AS a, 'nan'::DOUBLE AS n, '-inf'::DOUBLE AS i, DATE 'infinity' AS d, {'x': 'nan'::FLOAT} AS s"
    row = json.loads(run("sql", query, "--json"), parse_constant=pytest.fail)
    assert (row["a"], row["a_1"], row["n"], row["i"], row["s"]) == (1, 2, "NaN", "-Infinity", {"x": "NaN"})
    failed = json.loads(run("head", "db.nope", "--json", code=3))
    assert (failed["error"], failed["parameters"]["table"]) == ("ANABRANCH_TABLE.NOT_FOUND", "db.nope")
    run("branch", "b")
    assert json.loads(run("branch", "-d", "b", "--json")) == {"dropped": "b"}


@pytest.mark.parametrize(
    "wrong", ["nosuch", "head", "head db.t -n x", "diff a b --rows", "import nofile.csv db.t"]
)
def test_wrong_use_is_json_too_where_that_is_asked_for(run: Run, wrong: str) -> None:
    told = json.loads(run(*wrong.split(), "--json", code=2))
    assert told["error"] == "ANABRANCH_CLIENT.USAGE" and "--help" in told["action"]
    assert "Usage:" in run(*wrong.split(), code=2)


def test_settings_that_can_not_be_read_are_told_in_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "anabranch.toml").write_text("[")
    assert json.loads(run("log", "--json", code=1))["error"] == "ANABRANCH_REPOSITORY.INVALID_LOCATION"


def test_tables_are_one_line_a_row_where_nobody_looks_and_harmless_where_somebody_does(
    run: Run, repo: Repository
) -> None:
    repo.create_table("db.t", {"a": ["x" * 300, "\x1b[31mred"]}, message="\x1b]0;title\x07")
    assert run("head", "db.t").splitlines()[1].strip() == "x" * 300
    for printed in (run("head", "db.t"), run("log"), run("log", "--graph")):
        assert "\x1b" not in printed
        assert "\\x1b" in printed


def test_names_without_a_namespace_and_settings_of_wrong_types_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert "default.t" in run("import", "a.csv", "t", "--mode", "create", code=1)
    (tmp_path / "anabranch.toml").write_text("repository = 5\n")
    assert "repository is no text" in run("status", code=1)


def test_spark_gets_the_repository_as_a_uri(run: Run, repo: Repository) -> None:
    assert json.loads(run("spark-conf", "--json"))["spark.sql.catalog.lake.warehouse"] == repo.root


def test_its_version_is_printed(run: Run) -> None:
    assert run("--version").strip() == f"anabranch {anabranch.__version__}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str) -> None:
    asked = {
        "_ANABRANCH_COMPLETE": f"complete_{shell}",
        **{"COMP_WORDS": "anabranch che", "COMP_CWORD": "1"},
        **{"_TYPER_COMPLETE_ARGS": "anabranch che", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }
    program = Path(sys.executable).parent / "anabranch"
    done = subprocess.run(program, env={**os.environ, **asked}, capture_output=True, text=True, timeout=60)
    assert re.findall(r"[\w-]*che[\w-]*", done.stdout) == ["cherry-pick"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_what_can_not_be_printed_is_no_stack_trace(repo: Repository) -> None:
    repo.create_table("db.t", {"s": ["ä😀"] * 20_000})

    def call(*arguments: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "anabranch.cli", "-r", repo.root, "head", "db.t", *arguments]
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(anabranch.__file__).parents[1]),
            "PYTHONUTF8": "0",
        }
        environment |= {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
        return subprocess.run(
            command, stderr=subprocess.PIPE, env=environment, timeout=60, check=False, **how
        )

    table, lines = (call("-n", "1", *more, stdout=subprocess.PIPE) for more in ([], ["--json"]))
    assert b"\\xe4\\U0001f600" in table.stdout, table.stderr
    assert json.loads(lines.stdout) == {"s": "ä😀"}
    with Path("/dev/full").open("wb") as full:
        done = call("-n", "20000", stdout=full)
    assert (done.returncode, b"No space left" in done.stderr, b"Traceback" in done.stderr) == (1, True, False)


def test_an_interrupted_command_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Repository:
        raise KeyboardInterrupt

    monkeypatch.setattr(settings.Settings, "open", interrupted)
    run("log", code=130)


def test_a_command_that_only_looks_loads_no_arrow(run: Run) -> None:
    script = "import sys; from anabranch.cli.main import app; app(['log'], standalone_mode=False)\n"
    script += "print({'pyarrow', 'duckdb', 'pandas', 'polars', 'numpy', 'pyspark'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "set()"


def test_a_log_is_filtered_by_all_that_commits_have(run: Run, repo: Repository) -> None:
    with repo.transaction("first", author="Eve", metadata={"ticket": "17=a"}) as tx:
        tx.create_table("db.t", {"a": [1]})
    repo.table("db.t").append({"a": [2]}, message="second")

    def messages(*filters: str) -> list[str]:
        return [c["message"] for c in json.loads(run("log", "--json", *filters))]

    assert messages("--table", "db.t", "--since", "2020-01-31") == ["second", "first"]
    assert messages("--metadata", "ticket=17=a", "--author", "eve", "--message", "FIRST") == ["first"]
    assert messages("--until", "2020-01-31T12:00:00") == messages("--metadata", "ticket=1") == []
    assert "--since" in run("log", "--since", "yesterday", code=2)
