"""Random histories of statements, on a repository and on a model of it in plain Python.

After each statement the log, the names and the rows of the branch that it touched are compared, and one
commit or tag of the past; at the end all refs and commits that there ever were, by a catalog that reads all
from disk. `pytest --histories 1000` runs as many histories, and others each time. A failure tells the
history's number and its statements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from properties.commits import MAIN, Name, Values
from properties.statements import Statements

if TYPE_CHECKING:
    from conftest import Lake

T = TypeVar("T")
STEPS = 20
HISTORIES = 8  # without --histories, and then the same each time

SPACES = ("default", "s")
TABLES = tuple((space, table) for space in SPACES for table in ("t", "u"))
COLUMNS = ("a", "b", "c")
BRANCHES = (MAIN, "dev", "feature/x", "other")
TAGS = ("v1", "v2")


class Histories(RuleBasedStateMachine):
    """Each step is one statement that follows from numbers: so statements of all kinds come as often as they
    should, and what they are about is mostly there. A failing history is made shorter by leaving steps out
    (number 0); the others stay what they are."""

    def __init__(self, new_lake: Callable[..., Lake], history: int) -> None:
        super().__init__()
        self.new_lake, self.history = new_lake, history
        self.seen: Counter[int] = Counter()
        self.started = False

    def start(self) -> None:
        note(f"history {self.history}")
        self.started = True
        self.twin = Statements(self.new_lake)
        self.model = self.twin.model
        self.twin.create_table(MAIN, False, ("default", "t"), ["a", "b"], [(1, 2), (3, None)], False)
        self.twin.create_branch("dev", MAIN)
        self.twin.again()  # so that there are two catalogs to turn between

    def teardown(self) -> None:
        if self.started:
            self.twin.close()

    @rule(seed=st.integers(0, 2**63 - 1))
    def step(self, seed: int) -> None:
        if seed == 0:
            return
        if not self.started:
            self.start()
        # Hypothesis likes to draw a number twice
        self.random = Random(f"{self.history} {seed} {self.seen[seed]}")
        self.seen[seed] += 1
        steps = {
            self.insert: 16,
            self.copy: 10,
            self.merge: 24,
            self.create_table: 8,
            self.alter: 12,
            self.move: 5,
            self.drop_table: 3,
            self.namespace: 6,
            self.create_branch: 9,
            self.drop_branch: 2,
            self.reset: 5,
            self.tag: 4,
            self.restore: 8,
            self.look_back: 10,
            self.write_to_the_past: 2,
            self.twin.again: 4,
            self.twin.turn: 12,
        }
        self.random.choices(list(steps), list(steps.values()))[0]()

    # ---- what there is to choose from

    def often(self, chance: float) -> bool:
        return self.random.random() < chance

    def one(self, there: Sequence[T], any: Sequence[T], chance: float = 0.9) -> T:
        """One that is there, mostly; else one that may not be."""
        return self.random.choice(there if there and self.often(chance) else any)

    def branch(self) -> str:
        return self.random.choice(sorted(self.model.branches))

    def table(self, branch: str) -> Name:
        return self.one(self.model.branches[branch].names(), TABLES, 0.95)

    def ref(self) -> str:
        """A branch, a tag, a commit, or an ancestor of one."""
        kinds = [
            sorted(self.model.branches),
            sorted(self.model.tags) or BRANCHES,
            [c.id for c in self.model.commits],
            ["nowhere", "000000-999"],
        ]
        ref = self.random.choice(self.random.choices(kinds, [5, 2, 4, 0.5])[0])
        return f"{ref}~{self.random.randrange(4)}" if self.often(0.3) else ref

    def at(self) -> bool:
        return self.often(0.5)

    # ---- statements

    def create_table(self) -> None:
        branch = self.branch()
        free = [name for name in TABLES if name not in self.model.branches[branch].names()]
        width = self.random.randrange(4)
        rows: list[Values] = [(self.random.randrange(4), self.random.choice([None, 7])) for _ in range(width)]
        files, query = self.often(0.3), self.often(0.5)
        name = self.one(free, TABLES, 0.8)
        self.twin.create_table(branch, self.at(), name, ["a", "b"], rows if query else None, files)

    def insert(self) -> None:
        branch = self.branch()
        seed, count = self.random.randrange(11), self.random.randint(1, 3)
        self.twin.insert_values(branch, self.at(), self.table(branch), seed, count)

    def copy(self) -> None:
        branch, ref = self.branch(), self.ref()
        name, overwrite = self.table(branch), self.often(0.5)
        other = self.one([name], TABLES, 0.5)
        self.twin.insert_select(branch, self.at(), name, ref, other, overwrite)

    def alter(self) -> None:
        branch = self.branch()
        name = self.table(branch)
        there = [
            c.name for t in self.model.branches[branch].tables.values() if t.name == name for c in t.columns
        ]
        free = [c for c in COLUMNS if c not in there]
        match self.random.randrange(5):
            case 0 | 1:
                column = self.one(free, COLUMNS)
                self.twin.add_column(branch, self.at(), name, column, self.random.choice([None, 5]))
            case 2 | 3:
                column, to = self.one(there, COLUMNS), self.one(free, COLUMNS)
                self.twin.rename_column(branch, self.at(), name, column, to)
            case _:
                self.twin.drop_column(branch, self.at(), name, self.one(there, COLUMNS))

    def move(self) -> None:
        branch = self.branch()
        self.twin.rename_table(branch, self.table(branch), self.random.choice(TABLES))

    def drop_table(self) -> None:
        branch = self.branch()
        self.twin.drop_table(branch, self.at(), self.table(branch))

    def namespace(self) -> None:
        branch = self.branch()
        there = sorted(self.model.branches[branch].namespaces)
        match self.random.randrange(6):
            case 0 | 1:
                self.twin.create_namespace(branch, self.one([s for s in SPACES if s not in there], SPACES))
            case 2 | 3 | 4:
                key, value = self.random.choice("pq"), self.random.choice("01")
                self.twin.set_property(branch, self.one(there, SPACES), key, value)
            case _:
                self.twin.drop_namespace(branch, self.one(there, SPACES), cascade=self.often(0.5))

    def create_branch(self) -> None:
        free = [b for b in BRANCHES if b not in self.model.branches]
        self.twin.create_branch(self.one(free, BRANCHES), self.ref())

    def drop_branch(self) -> None:
        self.twin.drop_branch(self.random.choice(BRANCHES))

    def reset(self) -> None:
        self.twin.reset(self.one(sorted(self.model.branches), BRANCHES), self.ref())

    def tag(self) -> None:
        if self.often(0.25):
            self.twin.drop_tag(self.random.choice(TAGS))
        else:
            self.twin.create_tag(self.random.choice(TAGS), self.ref())

    def merge(self) -> None:
        """Mostly of two branches that have gone apart."""
        into = self.branch()
        others = sorted(b for b in self.model.branches if b != into)
        source = self.random.choice(others) if others and self.often(0.8) else self.ref()
        self.twin.merge(source, into)

    def restore(self) -> None:
        branch = self.branch()
        to: int | str = self.random.randrange(4) if self.often(0.5) else self.ref()
        self.twin.restore(branch, self.at(), self.table(branch), to)

    def look_back(self) -> None:
        branch = self.branch()
        name = self.table(branch)
        match self.random.randrange(4):
            case 0:
                self.twin.history(branch, name)
            case 1:
                self.twin.read_version(branch, name, self.random.randrange(5))
            case 2:
                self.twin.read_ref(self.ref(), name)
            case _:
                millis = self.random.choice(self.model.commits).millis - self.random.randrange(2)
                self.twin.read_time(branch, name, millis)

    def write_to_the_past(self) -> None:
        commit = self.random.choice(self.model.commits)
        self.twin.write_to_the_past(commit.id, self.one(commit.names(), TABLES))


@pytest.mark.slow
@pytest.mark.proves("LOG-1", "TAB-1", "TAB-5", "REF-1", "REF-2", "VEC-1", "MRG-1", "MRG-2", "MRG-3", "TIME-1")
def test_random_histories_read_as_the_model_says(
    new_lake: Callable[..., Lake], request: pytest.FixtureRequest
) -> None:
    asked = request.config.getoption("--histories")
    # the first of the two examples of each run is that of no steps at all
    profile = settings(settings.get_profile("anabranch"), stateful_step_count=STEPS, max_examples=2)
    for number in range(asked or HISTORIES):
        history = Random().getrandbits(32) if asked else number
        machine: Any = partial(Histories, new_lake, history)
        run_state_machine_as_test(machine, settings=profile)
