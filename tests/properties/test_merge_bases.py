"""Merges of branches that have more than one merge base, step by step on a repository and its model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from properties.commits import MAIN, Name
from properties.statements import Statements

if TYPE_CHECKING:
    from conftest import Lake

pytestmark = pytest.mark.proves("MRG-1", "MRG-2", "VEC-1")

T: Name = ("default", "t")
U: Name = ("default", "u")
P: Name = ("default", "p")
Q: Name = ("default", "q")


class Merging(Statements):
    def create(self, branch: str, name: Name) -> None:
        self.create_table(branch, True, name, ["a"], [(1,)], files=False)

    def insert(self, branch: str, name: Name) -> None:
        self.insert_values(branch, True, name, seed=self.model.next_number, count=1)

    def criss_cross(self, ours: str, theirs: str) -> None:
        """Merges each branch's tagged state into the other: neither base is an ancestor of the other."""
        self.merge(theirs, MAIN)
        self.merge(ours, "dev")

    def merges(self, source: str, into: str) -> None:
        """Merges without conflict."""
        plan, facts = self.model.plan_merge(source, into)
        assert facts is not None and not plan.conflicts
        self.merge(source, into)

    def conflicts(self, source: str, into: str, *names: str) -> None:
        assert self.model.plan_merge(source, into)[0].conflicts == set(names)
        self.merge(source, into)

    def tables(self, branch: str) -> list[Name]:
        return self.model.branches[branch].names()


@pytest.fixture
def twin(new_lake: Callable[..., Lake]) -> Iterator[Merging]:
    """With a table t on main, and a branch dev."""
    twin = Merging(new_lake)
    twin.create(MAIN, T)
    twin.create_branch("dev", MAIN)
    yield twin
    twin.close()


def test_of_two_bases_neither_is_picked(twin: Merging) -> None:
    twin.create(MAIN, U)
    twin.insert("dev", T)
    twin.create_tag("v1", MAIN)
    twin.create_tag("v2", "dev")
    twin.criss_cross("v1", "v2")
    twin.insert(MAIN, T)  # against v1 alone, both sides would have changed t
    twin.insert("dev", U)  # against v2 alone, both sides would have made u
    twin.merges("dev", MAIN)
    twin.merges(MAIN, "dev")


def test_bases_that_contradict_each_other_are_no_base(twin: Merging) -> None:
    twin.rename_column(MAIN, True, T, "a", "b")
    twin.rename_column("dev", True, T, "a", "c")
    twin.create_tag("v1", MAIN)
    twin.create_tag("v2", "dev")
    twin.restore(MAIN, True, T, "v2")
    twin.restore("dev", True, T, "v1")
    twin.criss_cross("v1", "v2")
    # against v1 alone dev would have changed nothing, against v2 alone main
    twin.conflicts("dev", MAIN, "default.t")
    twin.restore(MAIN, True, T, "dev")
    twin.merges("dev", MAIN)


def test_rows_that_each_side_gave_up_for_the_others_are_in_neither(twin: Merging) -> None:
    twin.insert(MAIN, T)
    twin.insert("dev", T)
    twin.create_tag("v1", MAIN)
    twin.create_tag("v2", "dev")
    twin.restore(MAIN, True, T, "v2")
    twin.restore("dev", True, T, "v1")
    twin.criss_cross("v1", "v2")
    twin.merges("dev", MAIN)
    assert twin.model.branches[MAIN].named(T).rows().total() == 1


def test_names_may_contradict_each_other_while_contents_do_not(twin: Merging) -> None:
    twin.rename_table(MAIN, T, P)
    twin.rename_table("dev", T, Q)
    twin.insert("dev", Q)
    twin.create_tag("v1", MAIN)
    twin.create_tag("v2", "dev")
    twin.rename_table(MAIN, P, Q)
    twin.rename_table("dev", Q, P)
    twin.criss_cross("v1", "v2")
    twin.insert(MAIN, Q)
    twin.conflicts("dev", MAIN, "default.q")
    twin.rename_table("dev", P, Q)
    twin.merges("dev", MAIN)


def test_tables_of_one_name_in_two_bases_are_two_tables(twin: Merging) -> None:
    twin.create(MAIN, U)
    twin.create("dev", U)
    twin.create_tag("v1", MAIN)
    twin.create_tag("v2", "dev")
    twin.rename_table(MAIN, U, P)
    twin.drop_table("dev", True, U)
    twin.criss_cross("v1", "v2")
    twin.merges("dev", MAIN)
    assert twin.tables(MAIN) == [P, T]


def test_properties_of_a_namespace_contradict_each_other_one_by_one(twin: Merging) -> None:
    twin.set_property(MAIN, "default", "p", "1")
    twin.set_property("dev", "default", "p", "2")
    twin.set_property("dev", "default", "q", "1")
    twin.create_tag("v1", MAIN)
    twin.create_tag("v2", "dev")
    twin.set_property(MAIN, "default", "p", "2")
    twin.set_property("dev", "default", "p", "1")
    twin.criss_cross("v1", "v2")
    twin.set_property(MAIN, "default", "q", "2")
    twin.conflicts("dev", MAIN, "default")
    twin.set_property("dev", "default", "p", "2")
    twin.merges("dev", MAIN)
    assert twin.model.branches[MAIN].namespaces["default"] == {"p": "2", "q": "2"}


def test_three_bases_are_merged_with_what_is_known_of_all_before(twin: Merging) -> None:
    twin.create_branch("other", MAIN)
    twin.create_branch("x", MAIN)
    twin.insert("x", T)
    twin.merge("x", MAIN)
    # in the order of their logs: the second base knows nothing of x, which the first and the third know
    second, third = sorted(["dev", "other"], key=lambda b: twin.model.branches[b].id)
    twin.create(second, U)
    twin.merge("x", third)
    twin.insert(third, T)
    twin.create_branch("left", MAIN)
    twin.create_branch("right", third)
    for side, ref in (("left", second), ("left", third), ("right", MAIN), ("right", second)):
        twin.merge(ref, side)
    twin.insert("left", T)
    twin.merges("right", "left")


def test_merging_back_and_forth_finds_the_last_merge(twin: Merging) -> None:
    for _ in range(3):
        twin.insert("dev", T)
        twin.merges("dev", MAIN)
        twin.insert(MAIN, T)
        twin.merges(MAIN, "dev")
