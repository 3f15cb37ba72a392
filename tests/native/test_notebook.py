"""SQL in the cells of a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from anabranch import Repository
from anabranch.errors import ClientUsage, RefNotFound, SqlFailed


@pytest.fixture
def shell(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A shell in a folder whose anabranch.toml names the repository; db.t has rows 1 and 2, at the tag v1 only 1."""
    table = repo.create_table("db.t", {"id": [1]})
    repo.create_tag("v1")
    table.append({"id": [2]})
    (tmp_path / "anabranch.toml").write_text('repository = "lake"\n')
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "anabranch")
    yield shell
    shell.history_manager.end_session()


def test_a_cell_is_a_query_and_its_rows_are_a_frame(shell: Any) -> None:
    found = shell.run_cell_magic("sql", "", "SELECT id\nFROM db.t ORDER BY id")
    assert found.to_dict("list") == {"id": [1, 2]}
    assert "<table" in found._repr_html_()
    line = shell.run_line_magic("sql", "SELECT count(*) AS n FROM db.t AT 'v1'")
    assert line.to_dict("list") == {"n": [1]}


def test_it_is_run_at_a_ref_and_on_a_repository_that_are_named(shell: Any, tmp_path: Path) -> None:
    query = "SELECT id FROM db.t"
    assert len(shell.run_cell_magic("sql", "--ref v1", query)) == 1
    (tmp_path / "anabranch.toml").unlink()
    for named in ("-r lake --ref v1", "--ref=v1 --repository=lake"):
        assert len(shell.run_cell_magic("sql", named, query)) == 1
    assert len(shell.run_line_magic("sql", f"-r lake --ref v1 {query}")) == 1


def test_variables_of_the_notebook_are_parameters(shell: Any) -> None:
    shell.user_ns.update(least=2, text="it's")
    found = shell.run_cell_magic("sql", "", "SELECT id, $text AS t FROM db.t WHERE id >= $least")
    assert found.to_dict("list") == {"id": [2], "t": ["it's"]}


def test_rows_go_to_a_variable(shell: Any) -> None:
    assert shell.run_cell_magic("sql", "mine <<", "SELECT id FROM db.t ORDER BY id") is None
    assert shell.user_ns["mine"].to_pydict() == {"id": [1, 2]}


def test_what_can_not_be_run_is_an_error(shell: Any) -> None:
    for line, cell in (("", " "), ("--nope", "SELECT 1"), ("-r lake", "\n")):
        with pytest.raises(ClientUsage, match=r"%%sql \[--repository"):
            shell.run_cell_magic("sql", line, cell)
    with pytest.raises(SqlFailed):
        shell.run_cell_magic("sql", "", "SELEC 1")
    with pytest.raises(RefNotFound):
        shell.run_cell_magic("sql", "--ref nope", "SELECT 1")
