"""Many tables in one commit, and writers that meet each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest

import anabranch
from anabranch import Repository
from anabranch.core.store.objects import Lost, Unknown

Refused = Callable[[str], Any]


@pytest.fixture
def table(repo: Repository) -> str:
    repo.create_table("db.t", {"id": list(range(10)), "s": list("abcdefghij")})
    return "db.t"


def other(repo: Repository) -> Repository:
    """Another process on the same repository."""
    return anabranch.open(repo.store, author="bob")


def ids(repo: Repository, name: str) -> list[int]:
    return sorted(repo.table(name).to_arrow().column("id").to_pylist())


def test_many_tables_are_one_commit(repo: Repository, table: str) -> None:
    before = len(repo.log())
    with repo.transaction("both", metadata={"ticket": "D-1"}) as tx:
        tx.create_table("db.u", {"id": [1, 2]})
        tx.table(table).delete("id > 5")
        tx.table(table).append({"id": [100], "s": ["z"]})
    assert len(repo.log()) == before + 1
    commit = repo.show()
    assert (commit.id, commit.message, commit.operation) == (tx.commit, "both", "TRANSACTION")
    assert (commit.tables, commit.metadata) == (("db.t", "db.u"), {"ticket": "D-1"})
    assert (ids(repo, table), ids(repo, "db.u")) == ([0, 1, 2, 3, 4, 5, 100], [1, 2])


def test_a_transaction_reads_what_it_has_written_and_nobody_else_does(repo: Repository, table: str) -> None:
    with repo.transaction() as tx:
        mine = tx.table(table)
        mine.append({"id": [50], "s": ["new"]})
        mine.update({"s": "s || '!'"}, "id IN (1, 50)")
        mine.delete("id = 2")
        assert mine.to_arrow(where="id IN (1, 2, 50)").to_pydict() == {"id": [1, 50], "s": ["b!", "new!"]}
        assert tx.table(table).count() == 10
        assert repo.table(table).count() == 10 and 50 not in ids(repo, table)
    rows = repo.table(table).to_arrow(["id", "_row_id", "_row_commit"], "id IN (1, 50)").to_pylist()
    assert rows[0] == {"id": 1, "_row_id": 1, "_row_commit": 3}
    assert rows[1]["_row_id"] >= 10 and rows[1]["_row_commit"] == 3


def test_what_is_written_after_a_restore_is_in_the_commit_too(repo: Repository, table: str) -> None:
    repo.table(table).delete("id < 5")
    with repo.transaction() as tx:
        tx.table(table).restore(0)
        tx.table(table).append({"id": [100], "s": ["new"]})
        tx.table(table).delete("id IN (1, 7)")
        tx.table(table).update({"s": "'x'"}, "id = 0")
        assert tx.table(table).count() == 9
    assert ids(repo, table) == [0, 2, 3, 4, 5, 6, 8, 9, 100]
    kept = repo.table(table).to_arrow(["id", "s", "_row_id"], "id IN (0, 2)").to_pylist()
    assert sorted(tuple(r.values()) for r in kept) == [(0, "x", 0), (2, "c", 2)]
    with repo.transaction() as tx:
        tx.table(table).restore(0)
        tx.table(table).overwrite({"id": [7], "s": ["only"]})
    assert ids(repo, table) == [7]
    assert [f for f in repo.verify(full=True) if f.problem] == []


def test_an_exception_leaves_nothing_behind(repo: Repository, table: str) -> None:
    before = repo.show().id
    with pytest.raises(RuntimeError), repo.transaction() as tx:
        tx.table(table).delete("true")
        raise RuntimeError
    assert repo.show().id == before


@pytest.mark.proves("TXN-1", "TXN-2")
def test_appends_and_other_tables_meet_without_conflict(repo: Repository, table: str) -> None:
    repo.create_table("db.u", {"id": [1]})
    with repo.transaction() as tx:
        tx.table(table).append({"id": [100]})
        other(repo).table(table).append({"id": [200]})
        other(repo).table("db.u").delete("true")
    assert ids(repo, table) == [*range(10), 100, 200]
    rows = repo.table(table).to_arrow(["id", "_row_id"], "id >= 100").to_pydict()
    assert dict(zip(rows["id"], rows["_row_id"], strict=True)) == {200: 10, 100: 11}


@pytest.mark.proves("DV-4")
def test_writers_of_different_rows_of_a_file_unite_their_deletions(repo: Repository, table: str) -> None:
    with repo.transaction() as tx:
        tx.table(table).delete("id = 1")
        other(repo).table(table).delete("id = 2")
        other(repo).table(table).update({"s": "'x'"}, "id = 3")
    assert ids(repo, table) == [0, 3, 4, 5, 6, 7, 8, 9]


def test_the_same_row_twice_is_a_conflict_that_names_it(
    repo: Repository, table: str, refused: Refused
) -> None:
    with refused("ANABRANCH_COMMIT.CONFLICT") as caught, repo.transaction() as tx:
        tx.table(table).update({"s": "'mine'"}, "id = 3")
        other(repo).table(table).update({"s": "'theirs'"}, "id = 3")
    told = caught.value.parameters
    assert ("_row_id 3" in told["reason"], told["operation"], told["author"]) == (True, "UPDATE", "bob")
    assert repo.table(table).to_arrow(["s"], "id = 3").to_pylist() == [{"s": "theirs"}]


@pytest.mark.parametrize(
    "theirs",
    [
        lambda t: t.overwrite({"id": [1]}),
        lambda t: t.restore(0),
    ],
    ids=["overwrite", "restore"],
)
def test_what_needs_the_table_as_it_was_read(
    repo: Repository, table: str, theirs: Any, refused: Refused
) -> None:
    repo.table(table).append({"id": [77]})
    with refused("ANABRANCH_COMMIT.CONFLICT"), repo.transaction() as tx:
        theirs(tx.table(table))
        other(repo).table(table).append({"id": [78]})


@pytest.mark.proves("TXN-2", "TXN-6")
def test_columns_need_the_columns_and_properties_as_they_were_read_and_no_rows(
    repo: Repository, table: str, refused: Refused
) -> None:
    with repo.transaction() as tx:
        tx.table(table).add_column("x", pa.int32())
        tx.table(table).append({"id": [77], "y": [1.5]}, evolve=True)
        tx.table(table).update({"x": "7"}, "id = 3")
        other(repo).table(table).append({"id": [78]})
        other(repo).table(table).delete("id = 4")
        other(repo).table(table).optimize()
    found = {r["id"]: (r["x"], r["y"]) for r in repo.table(table).to_arrow().to_pylist()}
    assert found == {i: (None, None) for i in range(10) if i != 4} | {
        3: (7, None),
        77: (None, 1.5),
        78: (None,) * 2,
    }
    for theirs in (
        lambda t: t.set_properties({"comment": "theirs"}),
        lambda t: t.rename_column("s", "u"),
    ):
        with refused("ANABRANCH_COMMIT.CONFLICT"), repo.transaction() as tx:
            tx.table(table).set_properties({"comment": "mine"})
            theirs(other(repo).table(table))
    assert repo.table(table).schema.names == ["id", "u", "x", "y"]


def test_a_table_that_was_dropped_or_made_meanwhile(repo: Repository, table: str, refused: Refused) -> None:
    with refused("ANABRANCH_COMMIT.CONFLICT"), repo.transaction() as tx:
        tx.table(table).append({"id": [1]})
        other(repo).drop_table(table)
    with refused("ANABRANCH_TABLE.ALREADY_EXISTS"), repo.transaction() as tx:
        tx.create_table("db.u", {"id": [1]})
        other(repo).create_table("db.u", {"id": [2]})


@pytest.mark.proves("TXN-5")
def test_two_who_read_what_the_other_writes_have_no_order(
    repo: Repository, table: str, refused: Refused
) -> None:
    repo.create_table("db.u", {"id": [1]})

    def copy(tx: Any, source: str, target: str) -> None:
        tx.table(target).append({"id": [tx.table(source).count("true") + 1000]})

    with refused("ANABRANCH_COMMIT.CONFLICT"), repo.transaction() as tx:
        copy(tx, table, "db.u")
        with other(repo).transaction() as rival:
            copy(rival, "db.u", table)


@pytest.mark.proves("TXN-5")
def test_who_is_not_read_by_those_whom_it_did_not_see_comes_first(repo: Repository, table: str) -> None:
    with repo.transaction() as tx:
        tx.table(table).delete("id < 100")
        other(repo).table(table).append({"id": [50]})
    assert ids(repo, table) == [50]


@pytest.mark.proves("TXN-5")
def test_what_was_read_is_tried_on_new_rows_where_bounds_do_not_tell(
    repo: Repository, table: str, refused: Refused
) -> None:
    """Each reads the table that it writes, so only what the later one would have read decides."""
    with repo.transaction() as tx:
        tx.table(table).update({"s": "s || $more"}, "id IN (3, $last)", {"more": "!", "last": 7})
        other(repo).table(table).update({"s": "'x'"}, "id IN (2, 8)")
    with repo.transaction() as tx:
        tx.table(table).upsert({"id": [1, 9], "s": ["u", "u"]}, on="id")
        other(repo).table(table).upsert({"id": [0, 5, 40], "s": ["v", "v", "v"]}, on="id")
    found = {r["id"]: r["s"] for r in repo.table(table).to_arrow().to_pylist()}
    changed = {0: "v", 1: "u", 2: "x", 3: "d!", 5: "v", 7: "h!", 8: "x", 9: "u", 40: "v"}
    assert found == dict(enumerate("abcdefghij")) | changed
    late: list[tuple[Any, Any]] = [
        (lambda t: t.update({"s": "'late'"}, "s = 'new' OR id = 3"), lambda t: t.update({"s": "'new'"}, "id = 8")),
        (lambda t: t.delete("id > (SELECT max(id) - 2 FROM t)"), lambda t: t.update({"s": "'y'"}, "id = 2")),
        (lambda t: t.upsert({"id": [77], "s": ["mine"]}, on="id"), lambda t: t.upsert({"id": [77], "s": ["b"]}, "id")),
        (lambda t: t.update({"s": "(SELECT max(s) FROM t)"}, "id = 4"), lambda t: t.update({"s": "'z'"}, "id = 5")),
        (
            lambda t: t.merge({"id": [6, 78], "s": ["kept", "new"]}, on="id", matched=None),
            lambda t: t.delete("id = 6 AND s = 'g'"),
        ),
    ]  # fmt: skip
    for mine, theirs in late:
        with refused("ANABRANCH_COMMIT.CONFLICT") as caught, repo.transaction() as tx:
            mine(tx.table(table))
            theirs(other(repo).table(table))
        assert "would have been read" in str(caught.value)


def test_names_of_namespaces_and_tables_are_checked(repo: Repository, table: str, refused: Refused) -> None:
    with refused("ANABRANCH_NAMESPACE.NOT_FOUND"):
        repo.create_table("nowhere.t", {"id": [1]})
    with refused("ANABRANCH_NAMESPACE.ALREADY_EXISTS"):
        repo.create_namespace("db")
    with refused("ANABRANCH_NAMESPACE.NOT_EMPTY"):
        repo.drop_namespace("db")
    with refused("ANABRANCH_TABLE.ALREADY_EXISTS"):
        repo.create_table(table, {"id": [1]})
    with refused("ANABRANCH_TABLE.INVALID_NAME"):
        repo.create_table("db.a@b", {"id": [1]})
    repo.create_namespace("db.inner")
    repo.rename_table(table, "db.inner.t")
    assert repo.tables() == ["db.inner.t"]
    repo.drop_table("db.inner.t")
    repo.drop_namespace("db.inner")
    assert (repo.tables(), repo.namespaces()) == ([], ["db", "default"])


def test_threads_that_share_a_transaction_lose_nothing(repo: Repository, table: str) -> None:
    with repo.transaction() as tx, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: tx.table(table).append({"id": [100 + n]}), range(40)))
        list(pool.map(lambda n: tx.create_table(f"db.made{n}", {"id": [n]}), range(8)))
    assert (repo.table(table).count(), len(repo.tables())) == (50, 9)


def test_writers_in_many_threads_lose_nothing(repo: Repository, table: str) -> None:
    def write(n: int) -> None:
        for i in range(5):
            repo.table(table).append({"id": [1000 + n * 100 + i]})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(ids(repo, table)) == 40
    assert len(set(repo.table(table).to_arrow(["_row_id"]).column("_row_id").to_pylist())) == 40


class Doubtful:
    """A store whose creates may be answered by 'unknown', after they took effect or not."""

    def __init__(self, inner: Any, effect: bool) -> None:
        self._inner = inner
        self._effect = effect
        self.armed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create(self, path: str, data: bytes) -> Any:
        if not self.armed or "/log/" not in path:
            return self._inner.create(path, data)
        self.armed = False
        if self._effect:
            self._inner.create(path, data)
        return Unknown(TimeoutError("no answer"))


@pytest.mark.proves("OBJ-4")
def test_an_answer_that_got_lost_is_settled_by_reading_back(
    repo: Repository, table: str, refused: Refused
) -> None:
    store = Doubtful(repo.store, effect=True)
    writer = anabranch.open(store)
    writer.table(table).append({"id": [70]})
    store.armed = True
    writer.table(table).append({"id": [71]})
    assert ids(repo, table)[-2:] == [70, 71]
    lost = Doubtful(repo.store, effect=False)
    writer = anabranch.open(lost)
    lost.armed = True
    with refused("ANABRANCH_COMMIT.OUTCOME_UNKNOWN"):
        writer.create_namespace("x")
    assert isinstance(repo.store.create("_anabranch/repository.json", b""), Lost)


@pytest.mark.proves("CHK-1", "LOG-7")
def test_checkpoints_change_nothing_but_the_way(repo: Repository, table: str) -> None:
    for i in range(260):
        repo.table(table).append({"id": [1000 + i]})
    assert repo.store.folder is not None
    expected = ids(repo, table)
    assert ids(other(repo), table) == expected
    folder = repo.store.folder / "_anabranch" / "checkpoints" / "000000"
    (checkpoint,) = folder.iterdir()
    checkpoint.write_bytes(checkpoint.read_bytes()[:-20])
    assert ids(other(repo), table) == expected
    assert repo.table(table).at(3).count() == 13
