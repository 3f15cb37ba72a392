"""The script of a user, whose types mypy checks with those of the package."""

from __future__ import annotations

from pathlib import Path

from native.user_script import main


def test_a_script_with_types_runs(tmp_path: Path) -> None:
    found = main(tmp_path / "lake")
    assert found == {"conflicts": 1, "commits": 7, "rows": 3, "problems": 0, "before": 2}
