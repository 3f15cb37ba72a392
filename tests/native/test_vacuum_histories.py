"""Random histories, of which a part is given up and vacuumed: what is left is what was there, and no more."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import combinations
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import anabranch
from anabranch import Repository, errors
from anabranch.core.format.commits import Entry
from anabranch.core.format.names import CommitId, Position
from native.aging import IN_FILES, data, vacuumed

Rows = list[tuple[object, ...]]
TABLES = ("db.t", "db.u")
STEPS = [
    *["append"] * 2,
    *["update"] * 3,
    *["delete"] * 2,
    *["overwrite"] * 3,
    *["optimize"] * 2,
    "restore",
    "drop table",
    *["branch"] * 2,
    "drop branch",
    "reset",
    "tag",
    "drop tag",
    *["merge"] * 3,
    "merge an old head",
    "cherry-pick",
    "transaction",
    "keep a merge",
    "expire",
]


def begun(path: Path) -> Repository:
    """A repository with two tables, and two branches besides main."""
    repo = anabranch.init(path, author="ada")
    repo.create_namespace("db")
    for name in TABLES:
        rows = pa.table({"id": range(20), "a": [0] * 20, "b": [0] * 20})
        repo.create_table(name, rows, properties=IN_FILES)
    for branch in ("b0", "b1"):
        repo.create_branch(branch)
    return repo


@dataclass
class History:
    """Does things at random; each may be refused, as long as that is in words."""

    repo: Repository
    random: Random
    done: list[str] = field(default_factory=list)

    def branch(self) -> str:
        return self.random.choice([b.name for b in self.repo.branches()])

    def other(self, branch: str) -> str:
        return self.random.choice([b.name for b in self.repo.branches() if b.name != branch] or ["none"])

    def commit(self) -> str:
        return str(self.random.choice(list(logged(self.repo))).id)

    def name(self) -> str:
        return self.random.choice(TABLES)

    def rows(self) -> dict[str, list[int]]:
        start = self.random.randrange(30)
        return {"id": list(range(start, start + 3)), "a": [self.random.randrange(9)] * 3, "b": [0] * 3}

    def step(self, what: str) -> None:
        branch, name = self.branch(), self.name()
        self.done.append(f"{what} {branch} {name}")
        try:
            self._step(what, branch, name)
        except errors.AnabranchError as e:
            self.done[-1] += f": {e.condition}"

    def _step(self, what: str, branch: str, name: str) -> None:
        repo, random = self.repo, self.random
        low = random.randrange(30)
        match what:
            case "append":
                repo.table(name, branch).append(self.rows())
            case "update":
                column = random.choice("ab")
                repo.table(name, branch).update({column: str(random.randrange(99))}, f"id % 7 = {low % 7}")
            case "delete":
                repo.table(name, branch).delete(f"id % 5 = {low % 5}")
            case "overwrite":
                repo.table(name, branch).overwrite(self.rows())
            case "optimize":
                repo.table(name, branch).optimize()
            case "restore":
                repo.table(name, branch).restore(self.commit())
            case "drop table":
                if low < 5:
                    with repo.transaction(branch=branch) as tx:
                        tx.drop_table(name)
            case "branch":
                repo.create_branch(f"b{low % 4}", self.commit() if low < 10 else branch)
            case "drop branch":
                repo.drop_branch(self.other("main"))
            case "reset":
                repo.reset_branch(branch, self.commit())
            case "tag":
                repo.create_tag(f"t{low}", self.commit())
            case "drop tag":
                repo.drop_tag(random.choice([t.name for t in repo.tags()] or ["none"]))
            case "merge":
                repo.merge(self.other(branch), branch, on_conflict=random.choice(["ours", "theirs"]))
            case "merge an old head":
                repo.merge(f"{self.other(branch)}~1", branch, on_conflict="theirs")
            case "cherry-pick":
                repo.cherry_pick(self.commit(), branch, on_conflict="theirs")
            case "transaction":
                with repo.transaction(branch=branch) as tx:
                    for t in tx.tables():
                        tx.table(t).append(self.rows())
            case "keep a merge":
                repo.merge(self.other(branch), branch, keep_conflicts=True)
            case "expire":
                repo.expire(self.time(), random.choice(["b*", "main", "*"]))

    def time(self) -> datetime:
        entry = self.random.choice(sorted(logged(self.repo), key=lambda e: e.commit.time)[-12:])
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=entry.commit.time)


def logged(repo: Repository) -> Iterator[Entry]:
    """All commits of all logs."""
    for folder in repo.store.folders("_anabranch/log"):
        at = Position(int(folder.rsplit("/", 1)[-1], 16), 0)
        while (entry := repo.states.log.find(at)) is not None:
            yield entry
            at = at._replace(seq=at.seq + 1)


def content(repo: Repository, id: CommitId) -> dict[str, Rows]:
    found = {}
    for name in repo.tables(str(id)):
        rows = repo.table(name, str(id)).to_arrow(["id", "a", "b", "_row_id", "_row_commit"])
        found[name] = sorted(tuple(r.values()) for r in rows.to_pylist())
    return found


def ancestors(repo: Repository, id: CommitId) -> set[Position]:
    return {e.id.position for e in repo.past.ancestors(id.position)}


class Left:
    """Which commits are left, as one would look for them by hand."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        head = repo.refs.head("main")
        assert head is not None
        self.policies = head.policies.values()
        self.entries = {e.id.position: e for e in logged(repo)}
        self.tagged = {t.commit for t in repo.tags()}

    def is_left(self, e: Entry) -> bool:
        at = e.id.position
        branch = self.entries[Position(at.ordinal, 0)].commit.branch or "main"
        after = self.entries.get(Position(at.ordinal, at.seq + 1))
        end = e if e.commit.closing else after
        over = [
            p
            for p in self.policies
            if p.expiry and p.applies_to(branch) and end is not None and end.commit.time <= p.expiry.before
        ]
        return not over or str(e.id) in self.tagged

    def bases(self, ids: set[CommitId]) -> set[CommitId]:
        """The bases of any two, and of any two of these, and so on."""
        known = {e.id: ancestors(self.repo, e.id) for e in self.entries.values()}
        waiting, seen, found = [*combinations(sorted(ids), 2)], set(), set[CommitId]()
        while waiting:
            pair = waiting.pop()
            if pair not in seen:
                seen.add(pair)
                common = {self.entries[p].id for p in known[pair[0]] & known[pair[1]]}
                best = {c for c in common if not any(c.position in known[o] for o in common - {c})}
                found |= best
                waiting += combinations(sorted(found), 2)
        return found


def needed(repo: Repository, ids: set[CommitId]) -> set[str]:
    found = set()
    for id in ids:
        for t in repo.states.at(id).tables.values():
            for f in t.files.files.values():
                found |= {f"data/{t.id}/{f.id}"} if not f.is_inline else set()
                if f.deletions and f.deletions.object:
                    found.add(f"_anabranch/dv/{f.deletions.object}.bin")
    return found


@pytest.mark.proves("EXP-1", "VAC-1")
@pytest.mark.parametrize("vectors", ["in commits", "objects"])
@given(st.integers(0, 2**32), st.lists(st.sampled_from(STEPS), min_size=10, max_size=40))
def test_what_is_left_reads_as_before_and_nothing_else_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vectors: str, seed: int, steps: list[str]
) -> None:
    small = 4096 if vectors == "in commits" else 0
    monkeypatch.setattr("anabranch.core.log.vectors.MAX_INLINE_VECTOR", small)
    repo = begun(tmp_path / uuid.uuid4().hex)
    history = History(repo, Random(seed))
    for step in steps:
        history.step(step)
    note("\n".join(history.done))
    contents = {e.id: content(repo, e.id) for e in logged(repo) if Left(repo).is_left(e)}
    repo.expire(max(history.time(), *expired_before(repo)), "*")

    left = Left(repo)
    ids = {e.id for e in left.entries.values() if left.is_left(e)}
    told = repo.vacuum(timedelta(0), force=True, dry_run=True)
    assert vacuumed(repo) == {o.path for o in told}
    for e in left.entries.values():
        if e.id in ids and e.commit.operation != "EXPIRE":
            assert content(repo, e.id) == contents[e.id], e.id
        elif e.id not in ids:
            with pytest.raises(errors.RefExpired):
                repo.table("db.t", str(e.id))
    heads = {b.name: s.id for b in repo.branches() if (s := repo.refs.head(b.name))}
    merging = {m.commit for b in heads if (m := repo._merges.find(b)) is not None}
    bases = left.bases({*heads.values(), *merging})
    assert needed(repo, ids | merging) <= data(repo) <= needed(repo, ids | merging | bases)
    assert [f for f in repo.verify(full=True) if f.problem] == []
    for one, other in combinations(heads, 2):
        repo.merge(one, other, dry_run=True)
    for branch in heads:
        if repo.conflicts(branch):
            repo.resolve("theirs", branch=branch)


def expired_before(repo: Repository) -> list[datetime]:
    head = repo.refs.head("main")
    assert head is not None
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    found = [p.expiry.before for n, p in head.policies.items() if p.expiry and n == "expiry:*"]
    return [epoch, *(epoch + timedelta(milliseconds=b) for b in found)]
