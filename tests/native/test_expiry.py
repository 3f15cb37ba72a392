"""Data of old states is given up: who may not read or use it any more, and what stays."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

import anabranch
from anabranch import Repository
from native.aging import IN_FILES, Clock, ids, now, other
from native.rules import ruled

Refused = Callable[..., Any]


@dataclass
class Past:
    """A table with a past that was given up up to a time."""

    repo: Repository
    old: str  # a commit that was over by then
    tagged: str  # as `old`, but that a tag names it
    time: datetime  # when `old` was the newest commit
    left: str  # the last commit that was not


@pytest.fixture
def past(repo: Repository) -> Past:
    t = repo.create_table("db.t", {"id": [0]}, properties=IN_FILES)
    tagged = repo.show().id
    repo.create_tag("v0")
    t.append({"id": [1]})
    old, time = repo.show().id, now()
    t.update({"id": "id + 10"}, "id = 1")
    left = repo.show().id
    repo.expire(now(), message="a year is enough")
    return Past(repo, old, tagged, time, left)


USES: dict[str, Callable[[Past], Any]] = {
    "open": lambda p: anabranch.open(p.repo.store, p.old),
    "open an ancestor": lambda p: anabranch.open(p.repo.store, "main~2"),
    "table": lambda p: p.repo.table("db.t", p.old),
    "tables": lambda p: p.repo.tables(p.old),
    "at a ref": lambda p: p.repo.table("db.t").at(p.old[:9]),
    "at a version": lambda p: p.repo.table("db.t").at(1),
    "at a time": lambda p: p.repo.table("db.t").at(p.time),
    "a ref at a time": lambda p: p.repo.table("db.t", f"main@{{{p.time.isoformat()}}}"),
    "rows at": lambda p: p.repo.table("db.t").to_arrow(ref=p.old),
    "sql": lambda p: p.repo.sql("SELECT * FROM db.t AT ?", [p.old]),
    "diff from": lambda p: p.repo.diff(p.old),
    "diff to": lambda p: p.repo.diff("main", p.old),
    "changes": lambda p: p.repo.table("db.t").changes(1),
    "cell changes": lambda p: p.repo.table("db.t").cell_changes(p.old),
    "restore a version": lambda p: p.repo.table("db.t").restore(1),
    "restore a ref": lambda p: p.repo.table("db.t").restore(p.old),
    "restore a time": lambda p: p.repo.table("db.t").restore(p.time),
    "branch": lambda p: p.repo.create_branch("b", p.old),
    "tag": lambda p: p.repo.create_tag("t", p.old),
    "reset": lambda p: p.repo.reset_branch("main", p.old),
    "merge": lambda p: p.repo.merge(p.old, "v"),
    "cherry-pick": lambda p: p.repo.cherry_pick(p.old),
    "revert": lambda p: p.repo.revert(p.old),
    "revert what came after it": lambda p: p.repo.revert(p.left),
    "rebase onto": lambda p: p.repo.rebase("main", p.old),
}


@pytest.mark.proves("EXP-2")
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_was_given_up_is_refused_in_words_that_tell_who_did_it(
    past: Past, refused: Refused, use: Callable[[Past], Any]
) -> None:
    past.repo.create_branch("v", "v0")
    before = [b.commit for b in past.repo.branches()], past.repo.tags()
    with refused("ANABRANCH_REF.EXPIRED") as caught:
        use(past)
    told = caught.value
    assert past.old.startswith(told.parameters["commit"])
    assert (told.parameters["author"], told.parameters["branches"]) == ("ada", "*")
    assert "given up: ada expired what was over on branches '*' by 20" in told.reason
    assert ([b.commit for b in past.repo.branches()], past.repo.tags()) == before


@pytest.mark.proves("EXP-2")
def test_the_history_stays(past: Past) -> None:
    repo = past.repo
    assert [c.operation for c in repo.log()] == [
        "EXPIRE",
        "UPDATE",
        "INSERT",
        "CREATE TABLE AS SELECT",
        "CREATE NAMESPACE",
        "CREATE REPOSITORY",
    ]
    assert repo.show().message == "a year is enough"
    assert repo.log(past.old)[0].id == repo.show(past.old).id == past.old
    assert repo.show(past.old).metrics["rows_inserted"] == 1
    assert [v.version for v in repo.table("db.t").history()] == [2, 1, 0]
    assert [f for f in repo.verify(full=True) if f.problem] == []


@pytest.mark.proves("EXP-1")
def test_heads_and_what_tags_name_stay_however_old(past: Past, refused: Refused) -> None:
    repo = past.repo
    assert (ids(repo), ids(repo, past.left), ids(repo, "v0"), ids(repo, past.tagged)) == (
        [0, 11],
        [0, 11],
        [0],
        [0],
    )
    repo.create_branch("b", "v0")
    repo.expire(now())
    assert ids(repo, "b") == [0]
    repo.table("db.t", "b").restore("v0")
    repo.drop_tag("v0")
    with refused("ANABRANCH_REF.EXPIRED"):
        ids(other(repo), past.tagged)


@pytest.mark.proves("EXP-1")
def test_a_branch_that_was_dropped_is_over_then(repo: Repository, refused: Refused) -> None:
    repo.create_table("db.t", {"id": [0]})
    repo.create_branch("b")
    repo.table("db.t", "b").append({"id": [1]})
    last = repo.show("b").id
    early = now()
    repo.drop_branch("b")
    repo.expire(early)
    assert ids(repo, last) == [0, 1]
    repo.expire(now())
    with refused("ANABRANCH_REF.EXPIRED"):
        ids(repo, last)


@pytest.mark.proves("EXP-1")
def test_only_branches_that_a_pattern_names_lose_states(repo: Repository, refused: Refused) -> None:
    repo.create_table("db.t", {"id": [0]})
    commits = {}
    for branch in ("main", "ci/1", "ci/2"):
        if branch != "main":
            repo.create_branch(branch)
        repo.table("db.t", branch).append({"id": [1]})
        commits[branch] = repo.show(branch).id
        repo.table("db.t", branch).append({"id": [2]})
    done = repo.expire(now(), "ci/*")
    # of each, the entry that opened it and the first that wrote
    assert (done.branches, done.author, done.expired_commits) == ("ci/*", "ada", 4)
    assert ids(repo, commits["main"]) == [0, 1]
    for branch in ("ci/1", "ci/2"):
        with refused("ANABRANCH_REF.EXPIRED"):
            ids(repo, commits[branch])
    # a log keeps the name under which it was opened
    repo.reset_branch("ci/1", "main")
    with refused("ANABRANCH_REF.EXPIRED"):
        ids(repo, commits["ci/1"])


@pytest.mark.proves("EXP-3")
def test_what_was_given_up_does_not_come_back(repo: Repository, refused: Refused) -> None:
    repo.create_table("db.t", {"id": [0]})
    first = repo.expire(timedelta(minutes=1))
    assert first.expired_commits == 0 and first.before < first.time
    with refused("ANABRANCH_EXPIRY.EARLIER_THAN_BEFORE"):
        repo.expire(timedelta(minutes=2))
    with refused("ANABRANCH_EXPIRY.LATER_THAN_NOW"):
        repo.expire(now() + timedelta(minutes=1))
    with refused("ANABRANCH_EXPIRY.LATER_THAN_NOW"):
        repo.expire(timedelta(minutes=-1))
    head = repo.show().id
    assert other(repo).expire(first.before) == first, "the same once more changes nothing"
    assert repo.show().id == head
    later = other(repo).expire(now())
    assert (later.author, later.expired_commits) == ("bob", len(repo.log()) - 2)
    repo.expire(timedelta(days=400_000), "b*")


@pytest.mark.parametrize("pattern", ["", "a b", "x~1", "../x"])
def test_a_pattern_is_one_that_a_branch_may_match(repo: Repository, refused: Refused, pattern: str) -> None:
    with refused("ANABRANCH_REF.INVALID_NAME"):
        repo.expire(timedelta(0), pattern)


@pytest.mark.proves("EXP-2")
def test_a_version_is_there_as_long_as_it_was_the_newest(repo: Repository, refused: Refused) -> None:
    t = repo.create_table("db.t", {"id": [0]})
    t.append({"id": [1]})
    repo.create_table("db.u", {"id": [0]})
    repo.create_namespace("x")
    middle = now()
    t.append({"id": [2]})
    repo.create_namespace("y")
    repo.expire(middle)
    t = repo.table("db.t")
    assert t.at(1).to_arrow(["id"]).num_rows == 2, "it was the newest when the time came"
    with refused("ANABRANCH_REF.EXPIRED"):
        t.at(0)
    repo.expire(now())
    t = repo.table("db.t")
    assert t.at(2).to_arrow(["id"]).num_rows == 3, "it is the newest still"


@pytest.mark.proves("EXP-2")
def test_others_know_after_a_minute(repo: Repository, refused: Refused) -> None:
    repo.create_table("db.t", {"id": [0]})
    repo.table("db.t").append({"id": [1]})
    old = repo.show("main~1").id
    clock = Clock()
    reader = other(repo, clock)
    held = reader.table("db.t", old)
    repo.expire(now())
    dataset, lazy, relation = held.dataset(), held.scan_polars(), held.to_duckdb()
    assert held.to_arrow().num_rows == dataset.to_table().num_rows == lazy.collect().height == 1
    clock.ahead = timedelta(seconds=61)
    for read in (held.to_arrow, held.dataset, dataset.to_table, lambda: reader.table("db.t", old)):
        with refused("ANABRANCH_REF.EXPIRED"):
            read()
    for query in (lazy.collect, relation.fetchall):
        with pytest.raises(Exception, match="was given up: ada"):  # of theirs
            query()
    assert held.count() == 1, "which the log tells"


def test_a_table_on_its_way_to_another_process_is_given_up_as_well(past: Past, refused: Refused) -> None:
    packed = pickle.dumps(past.repo.table("db.t", "v0"))
    assert pickle.loads(packed).to_arrow().num_rows == 1
    past.repo.drop_tag("v0")
    there = pickle.loads(packed)
    with refused("ANABRANCH_REF.EXPIRED"):
        there.to_arrow()


class Recording:
    """A store that tells what it was asked for."""

    def __init__(self, store: Any) -> None:
        self.inner = store
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found):
            return found

        def call(path: str, *more: Any) -> Any:
            self.asked.append(f"{name} {path}")
            return found(path, *more)

        return call


def test_reading_takes_no_more_requests_where_nothing_expires(repo: Repository) -> None:
    repo.create_table("db.t", {"id": [0]}, properties=IN_FILES)
    repo.table("db.t").append({"id": [1]})
    old = repo.show("main~1").id
    store = Recording(repo.store)
    reader = anabranch.open(store, "main")
    cold = len(store.asked)
    store.asked.clear()
    reader.table("db.t", old).to_arrow()
    assert store.asked == [], "the log is known, and files are read as files"
    reader.table("db.t").at(0).to_arrow()
    assert store.asked == ["read _anabranch/log/000000/999999999995.json"], "whether main has moved"
    assert cold <= 10
    # an expiry that is about others costs nothing, and one that is about it is asked about once in a minute
    repo.expire(timedelta(0), "dev*")
    reader = anabranch.open(store, "main")
    store.asked.clear()
    reader.table("db.t", old).to_arrow()
    assert store.asked == []
    repo.create_tag("v0", old)
    repo.expire(now())
    reader = anabranch.open(store, "main")
    store.asked.clear()
    reader.table("db.t", old).to_arrow()
    first = len(store.asked)
    assert 0 < first <= 6
    reader.table("db.t", old).to_arrow()
    assert len(store.asked) == first


def test_versions_of_rows_are_told_as_far_as_they_can_be_read(repo: Repository, refused: Refused) -> None:
    t = repo.create_table("db.t", {"id": [0, 1, 2, 3], "a": list("abcd"), "b": [0] * 4}, properties=IN_FILES)
    t.update({"a": "a || '1'"}, "id IN (1, 2)")
    t.update({"a": "a || '2'", "b": 5}, "id = 2")
    t.delete("id = 3")
    repo.create_namespace("x")
    middle = now()
    t.update({"b": 7}, "id = 2")
    repo.expire(middle)
    t = repo.table("db.t")
    by_id = {r["id"]: r["_row_id"] for r in t.to_arrow(["id", "_row_id"]).to_pylist()}
    told = {id: [(v.change, v.row["a"], v.row["b"]) for v in t.row_history(by_id[id])] for id in by_id}
    assert told == {
        0: [("insert", "a", 0)],
        1: [("unknown", "b1", 0)],
        2: [("update", "c12", 7), ("unknown", "c12", 5)],
    }
    cells = t.blame(cells=True).to_pylist()
    operations = {(c["row_id"], c["column"]): c["operation"] for c in cells}
    assert operations == {
        **{(by_id[0], c): "CREATE TABLE AS SELECT" for c in ("id", "a", "b")},
        **{(by_id[1], c): None for c in ("id", "a", "b")},
        **{(by_id[2], c): None for c in ("id", "a")},
        (by_id[2], "b"): "UPDATE",
    }
    assert {c["commit"] is None for c in cells if c["operation"] is None} == {True}
    with refused("ANABRANCH_REF.EXPIRED"):
        t.row_history(3)


@pytest.mark.proves("EXP-2")
def test_merges_read_their_bases_which_nobody_else_may(repo: Repository, refused: Refused) -> None:
    rows = [{"id": i, "a": f"a{i}"} for i in range(3)]
    repo.create_table("db.t", rows, properties=IN_FILES)
    base = repo.show().id
    repo.create_branch("dev")
    repo.table("db.t", "dev").update({"a": "'theirs'"}, "id = 1")
    repo.create_tag("theirs", "dev")
    repo.table("db.t").update({"a": "'ours'"}, "id = 2")
    repo.expire(now())
    with refused("ANABRANCH_REF.EXPIRED"):
        repo.table("db.t", base)
    with refused("ANABRANCH_REF.EXPIRED"):
        repo.merge("theirs")
    with refused("ANABRANCH_REF.EXPIRED"):
        repo.rebase("dev", "main")
    repo.merge("dev")
    assert [r["a"] for r in repo.table("db.t").to_arrow().sort_by("id").to_pylist()] == [
        "a0",
        "theirs",
        "ours",
    ]


RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "ANABRANCH_REF.PROTECTED": (
        "protection:main",
        {"kind": "protection", "branches": "main", "principals": ["ada"]},
    ),
    "ANABRANCH_PERMISSION.DENIED": (
        "grant:MANAGE:*",
        {"kind": "grant", "branches": "*", "privilege": "MANAGE", "principals": ["ada"], "owner": "ada"},
    ),
}


@pytest.mark.parametrize("condition", RULES)
def test_who_may_change_rules_may_expire(repo: Repository, refused: Refused, condition: str) -> None:
    name, written = RULES[condition]
    ruled(repo, name, **written)
    repo.create_branch("b")
    with refused(condition):
        other(repo).expire(timedelta(0), "dev")
    assert repo.expire(timedelta(0), "dev").author == "ada"
