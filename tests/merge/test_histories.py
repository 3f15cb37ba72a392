"""Random histories of branches that change and merge one table, on a repository and on a model in plain Python.

`pytest --histories 100` runs as many, and others each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from pyspark.errors import PySparkException

from merge.model import Repository, Row, merge

BRANCHES = ("main", "dev", "third")
HISTORIES = 4
STEPS = 22


def difference(before: Any, after: Any) -> tuple[int, int, int]:
    """Rows added, changed and removed."""
    changed = sum(before[k].version != after[k].version for k in before.keys() & after.keys())
    return len(after.keys() - before.keys()), changed, len(before.keys() - after.keys())


class History:
    """One history: statements that follow from numbers."""

    refusal: type[Exception] = PySparkException

    def __init__(self, lake: Any, number: int) -> None:
        self.lake, self.random = lake, Random(number)
        self.model = Repository()
        self.next_key = 0
        self.ids: dict[int, int] = {}
        """Row ids by key."""
        self.counted = 0
        """Merges of which the numbers of rows were told."""
        self.log = [f"history {number}"]
        files = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')" if number % 2 else ""
        self.sql(f"CREATE TABLE t (k INT, a INT, b INT) {files}")
        self.insert("main", 4)
        self.check("main")
        for branch in BRANCHES[1:]:
            self.sql(f"CREATE BRANCH {branch} IN {{lake}}")
            self.model.branches[branch] = self.model.branches["main"]

    def sql(self, text: str) -> list[Any]:
        self.log.append(text)
        return self.lake.sql(text).collect()

    def told(self) -> str:
        return "\n".join(self.log)

    def insert(self, branch: str, count: int) -> None:
        keys = list(range(self.next_key, self.next_key + count))
        self.next_key += count
        new = {k: Row(self.model.next, (k, self.random.randrange(3), 0)) for k in keys}
        values = ", ".join(str(r.cells) for r in new.values())
        self.sql(f"INSERT INTO `t@{branch}` VALUES {values}")
        self.model.commit(branch, {**self.model.branches[branch].rows, **new})
        self.ids |= {k: i for k, i in self.lake.rows(f"SELECT k, _row_id FROM `t@{branch}`")}

    def change(self, branch: str) -> None:
        rows = self.model.branches[branch].rows
        if not rows:
            return
        keys = self.random.sample(sorted(rows), min(len(rows), self.random.randint(1, 2)))
        column, value = self.random.choice([1, 2]), self.random.randrange(3)
        where = f"k IN ({', '.join(map(str, keys))})"
        self.sql(f"UPDATE `t@{branch}` SET {'kab'[column]} = {value} WHERE {where}")
        new = {k: list(rows[k].cells) for k in keys}
        for cells in new.values():
            cells[column] = value
        number = self.model.next
        self.model.commit(branch, {**rows, **{k: Row(number, tuple(c)) for k, c in new.items()}})

    def delete(self, branch: str) -> None:
        rows = self.model.branches[branch].rows
        if not rows:
            return
        key = self.random.choice(sorted(rows))
        self.sql(f"DELETE FROM `t@{branch}` WHERE k = {key}")
        self.model.commit(branch, {k: r for k, r in rows.items() if k != key})

    def optimize(self, branch: str) -> None:
        if self.sql(f"OPTIMIZE `t@{branch}`")[0].commit:
            self.model.commit(branch, dict(self.model.branches[branch].rows))

    def merge(self, source: str, into: str) -> None:
        plan, theirs = self.model.plan(source, into), self.model.branches[source]
        statement = f"MERGE BRANCH {source} INTO {into} IN {{lake}}"
        if plan is None:
            assert self.sql(f"{statement} DRY RUN") == [], self.told()
        elif self.random.random() < 0.2:
            if (rows := self.combine(f"{statement} SQUASH", plan, into, theirs.rows)) is not None:
                self.model.commit(into, rows)
        else:
            rows = self.combine(statement, plan, into, theirs.rows)
            self.model.commit(into, self.model.branches[into].rows if rows is None else rows, theirs)

    def pick(self, branch: str) -> None:
        """A commit of any branch is done here, or undone."""
        known = [c for c in self.model.commits if c.id and len(c.parents) == 1]
        commit, undo = self.random.choice(known), self.random.random() < 0.4
        plan = self.model.pick(commit, branch, undo)
        verb = f"REVERT `{commit.id}` ON" if undo else f"CHERRY PICK `{commit.id}` INTO"
        theirs = commit.parents[0].rows if undo else commit.rows
        rows = self.combine(f"{verb} {branch} IN {{lake}}", plan, branch, theirs)
        if rows is not None:
            self.model.commit(branch, rows)

    def rebase(self, branch: str, onto: str) -> None:
        """Each commit is replayed as it would be picked; a conflict in one of them stops it all."""
        line, before = self.model.line(branch, onto), self.model.branches[branch]
        if line is None:
            assert self.sql(f"REBASE BRANCH {branch} ONTO {onto} IN {{lake}}") == []
            return
        side, statement = None, f"REBASE BRANCH {branch} ONTO {onto} IN {{lake}}"
        self.model.branches[branch] = self.model.branches[onto]
        if any(conflicts for _, conflicts in self.replayed(branch, line, None)):
            self.model.branches[branch] = before
            with pytest.raises(self.refusal, match=r"ANABRANCH_MERGE\.CONFLICT"):
                self.sql(statement)
            self.check(branch)
            side = self.random.choice(["OURS", "THEIRS"])
            statement += f" ON CONFLICT {side}"
        self.sql(statement)
        self.model.branches[branch] = self.model.branches[onto]
        self.model.commit(branch, self.model.branches[onto].rows)
        self.model.branches[branch].opens = True
        list(self.replayed(branch, line, side))

    def replayed(self, branch: str, line: Any, side: str | None) -> Iterator[Any]:
        for commit in line:
            now = self.model.branches[branch].rows
            rows, conflicts = merge(commit.parents[0].rows, now, commit.rows, self.model.next)
            if conflicts and side is None:
                yield rows, conflicts
                return
            if conflicts:
                rows = self.decided(rows, conflicts, now, commit.rows, side or "")
            if rows != now:
                self.model.commit(branch, rows)
            yield rows, conflicts

    def combine(self, statement: str, plan: Any, into: str, theirs: Any) -> dict[int, Row] | None:
        """First as a dry run, which must foresee what happens; then conflicts are decided for one side. None if
        nothing changed."""
        rows, conflicts = plan
        review = self.sql(f"{statement} DRY RUN")
        told = {(r.row_id, r.column) for r in review if r.change == "conflict"}
        counts = [(r.rows_added, r.rows_changed, r.rows_removed) for r in review if r.change == "changed"]
        if counts and counts[0][0] is not None:
            self.counted += 1
            assert counts == [difference(self.model.branches[into].rows, rows)], self.told()
        assert told == {(self.ids[k], None if c is None else "kab"[c]) for k, c in conflicts}, self.told()
        if conflicts:
            side = self.random.choice(["OURS", "THEIRS"])
            statement = f"{statement} ON CONFLICT {side}"
            rows = self.decided(rows, conflicts, self.model.branches[into].rows, theirs, side)
        self.sql(statement)
        return None if rows == self.model.branches[into].rows else rows

    def decided(self, rows: Any, conflicts: Any, ours: Any, theirs: Any, side: str) -> dict[int, Row]:
        winner = ours if side == "OURS" else theirs
        number = self.model.next
        merged = dict(rows)
        for key, column in conflicts:
            if column is None:
                merged.pop(key)
                if key in winner:
                    merged[key] = winner[key]
            else:
                cells = list(merged[key].cells)
                cells[column] = winner[key].cells[column]
                merged[key] = Row(number, tuple(cells))
        for key in {k for k, c in conflicts if c is not None}:
            same = next((s[key] for s in (ours, theirs) if s[key].cells == merged[key].cells), None)
            merged[key] = same or merged[key]
        return merged

    def step(self) -> None:
        branch = self.random.choice(BRANCHES)
        match self.random.choices(
            ["change", "insert", "delete", "optimize", "pick", "rebase", "merge"], [9, 2, 2, 2, 3, 2, 6]
        )[0]:
            case "insert":
                self.insert(branch, self.random.randint(1, 2))
            case "change":
                self.change(branch)
            case "delete":
                self.delete(branch)
            case "optimize":
                self.optimize(branch)
            case "pick":
                self.pick(branch)
            case "rebase":
                self.rebase(branch, self.random.choice([b for b in BRANCHES if b != branch]))
            case _:
                self.merge(self.random.choice([b for b in BRANCHES if b != branch]), branch)
        self.check(branch)

    def check(self, branch: str) -> None:
        head = self.model.branches[branch]
        head.id = head.id or self.lake.rows(f"SHOW COMMITS ON {branch} IN {{lake}} LIMIT 1")[0][0]
        found = {k: (k, a, b) for k, a, b in self.lake.rows(f"SELECT k, a, b FROM `t@{branch}`")}
        wanted = {k: r.cells for k, r in self.model.branches[branch].rows.items()}
        assert found == wanted, self.told()


@pytest.mark.slow
@pytest.mark.proves("MRG-1", "MRG-5", "MRG-7", "ROW-1", "ROW-3", "ROW-5")
def test_random_histories_merge_as_the_model_says(lake: Any, request: pytest.FixtureRequest) -> None:
    asked = request.config.getoption("--histories")
    counted = 0
    for number in range(asked or HISTORIES):
        seed = Random().getrandbits(32) if asked else number
        lake.sql("USE BRANCH main IN {lake}")
        lake.sql("DROP TABLE IF EXISTS t")
        for branch in BRANCHES[1:]:
            lake.sql(f"DROP BRANCH IF EXISTS {branch} IN {{lake}}")
        history = History(lake, seed)
        for _ in range(STEPS):
            history.step()
        counted += history.counted
    assert counted >= (asked or HISTORIES) // 2
