"""Going back in histories with a turn in them, step by step on a repository and its model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from properties.commits import MAIN, Name
from properties.statements import Statements

if TYPE_CHECKING:
    from conftest import Lake

T: Name = ("default", "t")
U: Name = ("default", "u")


@pytest.fixture
def twin(new_lake: Callable[..., Lake]) -> Iterator[Statements]:
    """With a table t of two versions on main."""
    twin = Statements(new_lake)
    twin.create_table(MAIN, False, T, ["a", "b"], [(1, 2)], files=True)
    twin.insert_values(MAIN, False, T, seed=3, count=2)
    yield twin
    twin.close()


def test_another_table_of_the_same_name_is_not_restored(twin: Statements) -> None:
    twin.create_tag("v1", MAIN)
    twin.drop_table(MAIN, False, T)
    twin.create_table(MAIN, False, T, ["a"], [(7,)], files=False)
    twin.read_ref("v1", T)
    twin.read_version(MAIN, T, 1)
    twin.restore(MAIN, False, T, "v1")
    twin.restore(MAIN, False, T, 0)
    twin.history(MAIN, T)


def test_a_table_comes_back_under_the_name_that_it_has_now(twin: Statements) -> None:
    twin.rename_table(MAIN, T, U)
    twin.restore(MAIN, True, U, 0)
    twin.restore(MAIN, True, U, "main~2")
    twin.history(MAIN, U)


@pytest.mark.proves("ROW-3")
def test_a_state_of_another_branch_is_restored(twin: Statements) -> None:
    twin.create_branch("dev", MAIN)
    twin.add_column("dev", True, T, "c", 5)
    twin.insert_values("dev", True, T, seed=1, count=1)
    twin.restore(MAIN, False, T, "dev")
    twin.merge("dev", MAIN)  # nothing is left to take
    twin.drop_column("dev", True, T, "c")
    twin.merge("dev", MAIN)


@pytest.mark.proves("COL-1", "COL-2", "COL-3")
def test_old_values_do_not_show_in_a_column_that_a_restore_took_away(twin: Statements) -> None:
    twin.add_column(MAIN, False, T, "c", 5)
    twin.insert_values(MAIN, False, T, seed=4, count=1)
    twin.restore(MAIN, False, T, 1)
    twin.add_column(MAIN, False, T, "c", None)
    twin.restore(MAIN, False, T, 3)
    twin.drop_column(MAIN, False, T, "c")
    twin.rename_column(MAIN, False, T, "b", "c")


@pytest.mark.proves("COL-1")
def test_a_restore_that_takes_a_column_away_changes_the_table(twin: Statements) -> None:
    twin.create_branch("dev", MAIN)
    twin.add_column("dev", True, T, "c", None)
    twin.restore("dev", True, T, 1)  # the name c stays taken
    twin.insert_values(MAIN, True, T, seed=1, count=1)
    assert twin.model.plan_merge("dev", MAIN)[0].changes == {("default.t", "changed")}
    twin.merge("dev", MAIN)


@pytest.mark.proves("TIME-1", "LOG-5", "LOG-6")
def test_the_past_goes_through_forks_and_resets(twin: Statements) -> None:
    twin.create_branch("dev", "main~1")
    twin.insert_values("dev", True, T, seed=6, count=1)
    twin.reset(MAIN, "dev")
    twin.insert_values(MAIN, True, T, seed=8, count=1)
    twin.reset(MAIN, "main~1")
    twin.again()
    twin.insert_values(MAIN, True, T, seed=9, count=1)
    twin.history(MAIN, T)
    for version in range(4):
        twin.read_version(MAIN, T, version)
    for commit in twin.model.commits:
        twin.read_time(MAIN, T, commit.millis)
        twin.read_time("dev", T, commit.millis - 1)
    for back in range(7):
        twin.read_ref(f"main~{back}", T)


@pytest.mark.proves("REF-1", "REF-2")
def test_names_are_used_again(twin: Statements) -> None:
    for seed in range(2):
        twin.create_branch("dev", MAIN)
        twin.create_tag("v1", "dev")
        twin.insert_values("dev", True, T, seed=seed, count=1)
        twin.read_ref("v1", T)
        twin.again()
        twin.drop_branch("dev")
        twin.drop_tag("v1")
        twin.read_ref("dev", T)
        twin.read_ref("v1", T)
    twin.create_tag("dev", MAIN)  # and a branch's name for a tag
    twin.read_ref("dev", T)
