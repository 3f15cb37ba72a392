"""The command line: what it prints, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import anabranch
from anabranch.cli.main import app

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a folder of its own; ``run(…, code=4)`` expects that exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANABRANCH_AUTHOR", "ada")
    monkeypatch.delenv("ANABRANCH_REPOSITORY", raising=False)

    def call(*arguments: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == code, done.output
        return (
            json.loads(done.stdout)
            if "--json" in arguments and done.stdout.startswith(("[", "{\n"))
            else done.output
        )

    return call


@pytest.fixture
def lake(run: Run, tmp_path: Path) -> Path:
    """A repository named by anabranch.toml, with clinic.labs in two commits."""
    run("init", str(tmp_path / "lake"))
    (tmp_path / "anabranch.toml").write_text('repository = "lake"\n')
    (tmp_path / "labs.csv").write_text("patient,value,unit\np1,98,mg/dL\np2,5,mmol/L\n")
    run("import", "labs.csv", "clinic.labs", "--mode", "create")
    (tmp_path / "more.ndjson").write_text('{"patient": "p3", "value": 77, "unit": "mg/dL"}\n')
    run("import", "more.ndjson", "clinic.labs", "-m", "third patient")
    return tmp_path / "lake"


def test_a_file_goes_in_and_comes_out(run: Run, lake: Path, tmp_path: Path) -> None:
    assert [
        json.loads(line)["patient"] for line in run("head", "clinic.labs", "-n", "2", "--json").splitlines()
    ] == ["p1", "p2"]
    run("export", "clinic.labs", "out.parquet", "-w", "unit = 'mg/dL'")
    assert pq.read_table("out.parquet").column("patient").to_pylist() == ["p1", "p3"]
    run("export", "clinic.labs", "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == '"p1",98,"mg/dL"'
    run("import", "out.parquet", "clinic.labs", "--mode", "upsert", "--key", "patient")
    run("import", "out.csv", "clinic.labs", "--mode", "overwrite")
    assert "ANABRANCH_CLIENT.FILE" in run("export", "clinic.labs", "out.csv", code=1)
    (tmp_path / "x.txt").write_text("")
    assert "none of .csv" in run("import", "x.txt", "clinic.labs", code=1)


def test_it_is_looked_around(run: Run, lake: Path) -> None:
    assert run("status", "--json")["tables"] == 1
    assert [c["message"] for c in run("log", "--json", "-n", "2")] == ["third patient", "import labs.csv"]
    assert run("show", "--json")["metrics"] == {"rows_inserted": 1}
    assert "third patient" in run("show", "main")
    assert [t["rows"] for t in run("tables", "--json")] == [3]
    assert [c["column"] for c in run("schema", "clinic.labs", "--json")] == ["patient", "value", "unit"]
    assert [v["version"] for v in run("history", "clinic.labs", "--json")] == [1, 0]
    assert [d["change"] for d in run("diff", "main~1", "--json")] == ["changed"]
    assert "p3" in run(
        "sql", "SELECT patient FROM clinic.labs ANTI JOIN clinic.labs AT 'main~1' USING (patient)"
    )
    assert "third patient" in run("blame", "clinic.labs", "-w", "patient = 'p3'")
    for command in ("status", "log", "tables", "history clinic.labs", "schema clinic.labs", "diff main~1"):
        assert run(*command.split()).strip()


def test_rows_and_cells_that_differ_are_shown_and_go_to_files(run: Run, lake: Path, tmp_path: Path) -> None:
    anabranch.open(lake, author="bob").table("clinic.labs").update({"value": "7"}, "patient = 'p2'")
    span = ("diff", "main~2", "main", "clinic.labs")
    rows = [json.loads(line) for line in run(*span, "--rows", "--json").splitlines()]
    assert [(r["_change_type"], r["patient"], r["value"]) for r in rows] == [
        ("update_preimage", "p2", 5),
        ("update_postimage", "p2", 7),
        ("insert", "p3", 77),
    ]
    (cell,) = (json.loads(line) for line in run(*span, "--cells", "--json").splitlines())
    assert cell == {"row_id": 1, "column": "value", "before": "5", "after": "7"}
    assert "value" in run(*span, "--cells") and "update_preimage" in run(*span, "--rows")
    assert run(*span, "--rows", "-o", "rows.parquet", "--json") == {"file": "rows.parquet", "rows": 3}
    assert pq.read_table("rows.parquet").column("patient").to_pylist() == ["p2", "p2", "p3"]
    assert "1 rows in cells.csv" in run(*span, "--cells", "-o", "cells.csv")
    assert (tmp_path / "cells.csv").read_text().splitlines()[1] == '1,"value","5","7"'
    run(*span, "--rows", "-o", "rows.ndjson")
    assert [json.loads(text) for text in (tmp_path / "rows.ndjson").read_text().splitlines()] == rows
    assert "it is there already" in run(*span, "--rows", "-o", "rows.ndjson", code=1)
    assert [c["table"] for c in run(*span, "--json")] == ["clinic.labs"]
    assert run("diff", "main~2", "main", "clinic.nope", "--json") == []
    for wrong in (["--rows", "--cells"], ["-o", "x.csv"]):
        run(*span, *wrong, code=2)
    run("diff", "main~2", "--rows", code=2)
    assert "ANABRANCH_TABLE.NOT_FOUND" in run("diff", "main~2", "main", "clinic.nope", "--rows", code=3)


def test_a_table_that_one_ref_lacks_differs_in_all_rows(run: Run, lake: Path) -> None:
    repo = anabranch.open(lake)
    repo.create_table("clinic.new", {"id": [1, 2]})
    repo.create_tag("with")
    repo.drop_table("clinic.new")
    rows = {
        (found["_change_type"], found["id"])
        for span in (("main~2", "main~1"), ("with", "main"))
        for line in run("diff", *span, "clinic.new", "--rows", "--json").splitlines()
        for found in [json.loads(line)]
    }
    assert rows == {("insert", 1), ("insert", 2), ("delete", 1), ("delete", 2)}
    assert run("diff", "with", "main", "clinic.new", "--cells", "--json") == ""
    repo.rename_table("clinic.labs", "clinic.renamed")
    assert run("diff", "with", "main", "clinic.labs", "--rows", "--json") == ""


def test_what_a_kind_of_file_can_not_hold_leaves_none(run: Run, lake: Path, tmp_path: Path) -> None:
    anabranch.open(lake).create_table("clinic.nested", {"id": [1], "l": [[1, 2]]})
    assert "ANABRANCH_CLIENT.FILE" in run("export", "clinic.nested", "out.csv", code=1)
    assert not (tmp_path / "out.csv").exists()
    run("export", "clinic.nested", "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text()) == {"id": 1, "l": [1, 2]}


def test_cells_are_blamed_files_put_together_and_branches_rebased(run: Run, lake: Path) -> None:
    run("branch", "fix")
    anabranch.open(lake, "fix", author="bob").table("clinic.labs").update({"value": "7"}, "patient = 'p2'")
    run("import", "labs.csv", "clinic.labs", "--mode", "append")
    told = run("rebase", "fix", "main")
    assert "bob" in told and len(told.splitlines()) == 2
    assert run("rebase", "fix", "main", "--json") == []
    cells = [
        json.loads(line)
        for line in run("--ref", "fix", "blame", "clinic.labs", "--cells", "--json").splitlines()
    ]
    assert [(c["column"], c["author"], c["value"]) for c in cells if c["row_id"] == 1] == [
        ("patient", "ada", "p2"),
        ("value", "bob", "7"),
        ("unit", "ada", "mmol/L"),
    ]
    assert "bob" in run("--ref", "fix", "blame", "clinic.labs", "--cells", "-w", "value = 7")
    done = run("optimize", "clinic.labs", "-m", "tidy", "--json")
    assert (done["files_before"], done["files_after"]) == (3, 1)
    assert "nothing had to be done" in run("optimize", "clinic.labs")
    assert run("show", "--json")["message"] == "tidy"
    assert "OPTIMIZE_CONDITION" in run("optimize", "clinic.labs", "-w", "unit LIKE '%L'", code=1)
    anabranch.open(lake).table("clinic.labs").delete("patient = 'p2'")
    anabranch.open(lake, "fix").table("clinic.labs").update({"value": "8"}, "patient = 'p2'")
    assert "ANABRANCH_MERGE.CONFLICT" in run("rebase", "fix", "main", code=4)
    run("rebase", "fix", "main", "--on-conflict", "theirs")


def test_branches_are_made_merged_and_dropped(run: Run, lake: Path) -> None:
    run("branch", "fix")
    run("--ref", "fix", "import", "labs.csv", "clinic.labs")
    assert run("merge", "fix", "--dry-run", "--json")["fast_forward"] is True
    run("import", "labs.csv", "clinic.labs")
    assert run("merge", "fix", "--dry-run", "--json")["conflicts"] == []
    run("restore", "clinic.labs", "1")
    run("reset", "fix", "main")
    run("--ref", "fix", "import", "more.ndjson", "clinic.labs", "-m", "again")
    assert "committed" in run("merge", "fix", "-m", "both")
    graph = run("log", "--graph").splitlines()
    assert "both" in graph[0] and graph[0].startswith("●─╮") and any("│ ●" in line for line in graph)
    run("tag", "v1")
    assert [t["name"] for t in run("tag", "--json")] == ["v1"]
    assert [b["name"] for b in run("branch", "--json")] == ["fix", "main"]
    run("branch", "fix", "-d")
    run("tag", "v1", "-d")
    assert (len(run("branch").splitlines()), len(run("tag").splitlines())) == (2, 1)


def test_conflicts_are_kept_resolved_and_a_merge_undone(run: Run, lake: Path) -> None:
    run("branch", "fix")
    for ref, value in (("fix", "7"), ("main", "8")):
        anabranch.open(lake, ref).table("clinic.labs").update({"value": value}, "patient = 'p1'")
    told = run("merge", "fix", "--dry-run", code=4).splitlines()
    assert told[1].split()[:7] == ["clinic.labs", "cell", "0", "value", "98", "8", "7"]
    assert "ANABRANCH_MERGE.CONFLICT" in run("merge", "fix", code=4)
    assert "kept" in run("merge", "fix", "--keep-conflicts", code=4)
    (kept,) = run("conflicts", "--json")
    assert (kept["column"], kept["base"], kept["ours"], kept["theirs"]) == ("value", "98", "8", "7")
    assert "value" in run("conflicts")
    run("resolve", "mine", code=2)
    assert run("resolve", "ours", "--json") == {"open": 0}
    assert run("resolve", "open", "--column", "value", "--json") == {"open": 1}
    assert run("resolve", "theirs", "--column", "value", "--json") == {"open": 0}
    assert "committed" in run("merge", "--continue", "-m", "as measured")
    assert run("revert", "main", "--parent", "1", "--dry-run", "--json")["conflicts"] == []
    assert "committed" in run("revert", "main", "--parent", "1")
    assert "ANABRANCH_MERGE.CONFLICT" in run("cherry-pick", "fix", code=4)
    assert "committed" in run("cherry-pick", "fix", "--on-conflict", "clinic.labs:value=theirs")
    run("merge", "--abort", "--continue", code=2)
    assert "ANABRANCH_MERGE.NONE_UNFINISHED" in run("merge", "--abort", code=1)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["tables", "nope"], 3, "ANABRANCH_REF.NOT_FOUND"),
        (["head", "clinic.nope"], 3, "ANABRANCH_TABLE.NOT_FOUND"),
        (["-r", "elsewhere", "log"], 3, "ANABRANCH_REPOSITORY.NOT_FOUND"),
        (["-r", "ftp://x/y", "log"], 1, "ANABRANCH_REPOSITORY.INVALID_LOCATION"),
        (["head", "clinic.labs", "-w", "value >"], 1, "ANABRANCH_SQL.FAILED"),
        (["--ref", "main~1", "import", "labs.csv", "clinic.labs"], 1, "ANABRANCH_REF.READ_ONLY"),
        (["log", "--no-such-option"], 2, "No such option"),
    ],
)
def test_what_is_refused_has_a_message_and_an_exit_code(
    run: Run, lake: Path, arguments: list[str], code: int, told: str
) -> None:
    said = run(*arguments, code=code)
    assert told in said and "Traceback" not in said


def test_damage_ends_with_its_own_code(run: Run, lake: Path) -> None:
    assert "nothing is wrong" in run("verify", "--full")
    run("import", "labs.csv", "clinic.big", "--mode", "create")
    repo = anabranch.open(lake)
    repo.table("clinic.big").append({"patient": ["p"] * 1000})
    for file in (lake / "data").rglob("*.parquet"):
        file.unlink()
    assert [f["problem"] for f in run("verify", "--json", code=6)["findings"]] == ["it is gone"]
    assert "ANABRANCH_DATA.FILE_MISSING" in run("head", "clinic.big", code=6)


def test_a_file_in_git_pins_what_is_read(
    run: Run, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = anabranch.open(lake).show("main~1").id
    (tmp_path / "anabranch.toml").write_text(f'repository = "lake"\ncommit = "{commit}"\n')
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert run("status", "--json")["kind"] == "commit"
    assert [t["rows"] for t in run("tables", "--json")] == [2]
    monkeypatch.setenv("ANABRANCH_REF", "main")
    assert [t["rows"] for t in run("tables", "--json")] == [3]
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in ("~/lake", f"file:{lake}", "../" + tmp_path.name + "/lake"):
        (tmp_path / "anabranch.toml").write_text(f'repository = "{place}"\n')
        assert [t["rows"] for t in run("tables", "--json")] == [3]
    (tmp_path / "anabranch.toml").write_text("repository = ")
    assert "can't be read" in run("status", code=1)


def test_no_repository_is_named(run: Run) -> None:
    assert "give one, or ANABRANCH_REPOSITORY, or anabranch.toml" in run("log", code=1)


def test_spark_is_told_how_to_open_it(run: Run, lake: Path) -> None:
    assert re.search("^spark.sql.catalog.lake=io.anabranch", run("spark-conf"), re.MULTILINE)
    assert run("doctor", "--json")["store"] == "keeps the condition of a conditional create"


def test_the_doctor_tells_what_is_wrong_with_the_repository(run: Run, tmp_path: Path) -> None:
    assert "ANABRANCH_REPOSITORY.NOT_FOUND" in run("-r", "lake", "doctor", "--json", code=3)["problem"]
    (tmp_path / "lake").write_text("no folder")
    assert "lake" in run("-r", "lake", "init", code=5)


def test_each_command_has_an_example(run: Run) -> None:
    commands = re.findall(r"^[│ ]+([a-z-]+)  ", run("--help"), re.MULTILINE)
    assert len(set(commands)) >= 20
    for name in (c.name or c.callback.__name__ for c in app.registered_commands if c.callback):
        assert f"anabranch {name}" in run(name, "--help") or name in ("head", "export", "jar"), name
