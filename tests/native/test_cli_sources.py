"""Where `anabranch import` takes rows from: packed files, folders, patterns, standard input."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from anabranch import Repository
from anabranch.cli.main import app

Run = Callable[..., str]


@pytest.fixture
def run(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Loads into the table ``db.t``, which is made; what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANABRANCH_REPOSITORY", "lake")

    def call(*files: str, code: int = 0, mode: str = "create", input: bytes = b"") -> str:
        done = CliRunner().invoke(app, ["import", *files, "db.t", "--mode", mode], input=input)
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.stderr

    return call


def rows(repo: Repository) -> list[dict[str, object]]:
    return repo.table("db.t").to_arrow().to_pylist()


CSV, NDJSON = b"id,zip\n1,007\n2,\n", b'{"id": 1, "zip": "007"}\n{"id": 2, "zip": null}\n'
BOTH = [{"id": 1, "zip": "007"}, {"id": 2, "zip": None}]


@pytest.mark.parametrize(
    ("name", "data"), [("a.csv.gz", CSV), ("a.NDJSON.gz", NDJSON), ("a.jsonl.gz", NDJSON)]
)
def test_packed_files_are_unpacked(
    run: Run, repo: Repository, tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(gzip.compress(data[:9]) + gzip.compress(data[9:]))
    run(name)
    assert rows(repo) == BOTH


@pytest.mark.parametrize("damage", [b"", CSV, gzip.compress(CSV)[:-9], gzip.compress(CSV)[:-2] + b"xx"])
def test_what_is_not_packed_or_cut_is_refused(run: Run, tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "a.csv.gz").write_bytes(damage)
    assert "ANABRANCH_CLIENT.FILE" in run("a.csv.gz", code=1)


@pytest.mark.parametrize(("kind", "data"), [("csv", CSV), ("csv", gzip.compress(CSV)), ("ndjson", NDJSON)])
def test_standard_input_is_read(run: Run, repo: Repository, kind: str, data: bytes) -> None:
    run("-", "--format", kind, input=data)
    assert rows(repo) == BOTH
    assert repo.log(limit=1)[0].message == "import standard input"
    assert "--format" in run("-", code=1, input=data)


def test_parquet_comes_from_standard_input_too(run: Run, repo: Repository, tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist(BOTH), tmp_path / "a.parquet")
    run("-", "--format", "parquet", input=(tmp_path / "a.parquet").read_bytes())
    assert rows(repo) == BOTH


@pytest.mark.parametrize("given", [["in"], ["in/*.csv", "in/b"], ["in/a.csv", "in/b/c.csv"]])
def test_folders_and_patterns_are_one_commit(
    run: Run, repo: Repository, tmp_path: Path, given: list[str]
) -> None:
    (tmp_path / "in/b/_temporary").mkdir(parents=True)
    (tmp_path / "in/a.csv").write_bytes(CSV)
    (tmp_path / "in/b/c.csv").write_bytes(b"zip,id,x\nnone,3,2.5\n")
    for name in ("in/_SUCCESS", "in/.a.csv.crc", "in/b/_temporary/d.csv"):
        (tmp_path / name).write_bytes(b"no rows")
    before = len(repo.log())
    run(*given)
    assert rows(repo) == [*({**row, "x": None} for row in BOTH), {"id": 3, "zip": "none", "x": 2.5}]
    assert len(repo.log()) == before + 1
    run(*given, mode="overwrite")
    assert len(rows(repo)) == 3


def test_a_column_of_several_csv_files_has_one_type(run: Run, repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("code,n,empty,day\n10,,,2026-01-31\n")
    (tmp_path / "b.csv").write_text("code,n,empty,day\n007,1,,x\n")
    (tmp_path / "c.csv").write_text("code,n,empty,day\n1e3,2.5,,\n")
    run("a.csv", "b.csv", "c.csv")
    told = {f.name: str(f.type) for f in repo.table("db.t").schema}
    assert told == {"code": "string", "n": "double", "empty": "string", "day": "string"}
    assert repo.table("db.t").to_arrow()["code"].to_pylist() == ["10", "007", "1e3"]
    assert repo.table("db.t").to_arrow()["day"].to_pylist() == ["2026-01-31", "x", None]


def test_folders_of_parquet_have_the_columns_of_all_files(run: Run, repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    parquet.write_table(pa.table({"id": pa.array([1], pa.int32())}), tmp_path / "in/a.parquet")
    parquet.write_table(pa.table({"id": [2**40], "x": ["a"]}), tmp_path / "in/b.parquet")
    run("in")
    assert rows(repo) == [{"id": 1, "x": None}, {"id": 2**40, "x": "a"}]


def test_what_would_lose_values_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in/year=2026").mkdir(parents=True)
    (tmp_path / "in/year=2026/a.csv").write_bytes(CSV)
    assert "year=2026" in run("in", code=1)
    (tmp_path / "b.ndjson").write_bytes(NDJSON)
    assert "of one kind" in run("in/*/a.csv", "b.ndjson", code=1)
    (tmp_path / "notes.txt").write_text("x")
    assert "notes.txt" in run("*.txt", code=1)
    (tmp_path / "none").mkdir()
    assert "no file" in run("none", code=1)
    assert "*.nope" in run("*.nope", code=2)


def test_a_damaged_file_among_others_leaves_nothing_behind(
    run: Run, repo: Repository, tmp_path: Path
) -> None:
    parquet.write_table(pa.table({"id": list(range(1000))}), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(data[:40] + bytes(2000) + data[2040:])
    assert "b.parquet" in run("a.parquet", "b.parquet", code=1)
    assert not repo.tables()
