"""SQL in the cells of a notebook that has a session of Spark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell


@pytest.fixture
def shell(lake: Any) -> Iterator[Any]:
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "anabranch")
    yield shell
    shell.history_manager.end_session()


def test_a_cell_is_any_statement_of_spark(lake: Any, shell: Any) -> None:
    def cell(statement: str, line: str = "--spark") -> Any:
        return shell.run_cell_magic("sql", line, statement)

    cell("CREATE TABLE t AS\nSELECT id FROM range(3)")
    assert cell("CREATE BRANCH dev").name.tolist() == ["dev"]
    cell("DELETE FROM `t@dev` WHERE id = 0;")
    assert cell("SELECT id FROM `t@dev` ORDER BY id").to_dict("list") == {"id": [1, 2]}
    shell.user_ns["least"] = 2
    assert cell("SELECT id FROM t WHERE id >= :least").to_dict("list") == {"id": [2]}
    assert cell("SELECT id FROM t", "--spark mine <<") is None
    assert shell.user_ns["mine"].count() == 3


def test_of_many_rows_the_first_are_shown_and_that_is_said(
    lake: Any, shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = shell.run_cell_magic("sql", "--spark", "SELECT id FROM range(1001)")
    assert len(shown) == 1000 and "The first 1000 rows" in capsys.readouterr().out
    assert len(shell.run_cell_magic("sql", "--spark", "SELECT id FROM range(1000)")) == 1000
    assert capsys.readouterr().out == ""
