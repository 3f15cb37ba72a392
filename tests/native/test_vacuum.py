"""VACUUM deletes what no state needs that was not given up, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from obstore.store import MemoryStore

import anabranch
from anabranch import Repository, errors
from anabranch.core.store.objects import ObstoreStore
from native.aging import IN_FILES, Clock, aged, data, files, ids, now, other, overwrite, vacuumed
from native.rules import ruled

Refused = Callable[..., Any]
WEEK = timedelta(days=7)


@pytest.fixture
def t(repo: Repository) -> str:
    repo.create_table("db.t", {"id": [0]}, properties=IN_FILES)
    return "db.t"


@pytest.mark.proves("VAC-1")
def test_what_only_expired_states_need_goes(repo: Repository, t: str) -> None:
    first = files(repo)
    second = overwrite(repo, 1)
    assert vacuumed(repo) == set(), "states that were not given up need everything"
    time = now()
    third = overwrite(repo, 2)
    fourth = overwrite(repo, 3)
    repo.expire(time)
    told = repo.vacuum(timedelta(0), force=True, dry_run=True)
    assert data(repo) == first | second | third | fourth
    assert repo.vacuum(timedelta(0), force=True) == told
    (only,) = told
    assert {only.path} == first and only.size > 100 and now() - only.modified < timedelta(minutes=1)
    assert data(repo) == second | third | fourth
    assert [ids(repo, f"main~{n}") for n in (1, 2, 3)] == [[3], [2], [1]]
    assert [f for f in repo.verify(full=True) if f.problem] == []
    assert vacuumed(repo) == set()


@pytest.mark.proves("VAC-3")
def test_what_was_deleted_stays_known(repo: Repository, t: str) -> None:
    assert repo.store.folder is not None
    overwrite(repo, 1)
    repo.expire(now())
    told = repo.vacuum(timedelta(0), force=True)
    (record,) = (repo.store.folder / "_anabranch" / "vacuums").iterdir()
    assert record.name == "999999999999.json"
    written = json.loads(record.read_text())
    assert (written["author"], written["grace"], len(written["txn"])) == ("ada", 0, 32)
    assert [(o["path"], o["size"]) for o in written["objects"]] == [(o.path, o.size) for o in told]
    assert repo.vacuum(timedelta(0), force=True) == []
    overwrite(repo, 2)
    repo.expire(now())
    other(repo).vacuum(timedelta(0), force=True)
    names = sorted(p.name for p in record.parent.iterdir())
    assert names == ["999999999998.json", "999999999999.json"]


def test_a_shorter_grace_is_forced(repo: Repository, refused: Refused) -> None:
    with refused("ANABRANCH_VACUUM.GRACE_TOO_SHORT") as caught:
        repo.vacuum(timedelta(hours=1))
    assert caught.value.parameters == {"grace": "1", "smallest": "168"}
    with refused("ANABRANCH_VACUUM.GRACE_TOO_SHORT"):
        repo.vacuum(timedelta(hours=-1), force=True)
    assert repo.vacuum(timedelta(days=7)) == repo.vacuum(timedelta(hours=1), force=True) == []


@pytest.mark.proves("VAC-2")
def test_what_is_young_stays(repo: Repository, t: str) -> None:
    first = files(repo)
    overwrite(repo, 1)
    repo.expire(now())
    aged(repo, timedelta(days=6, hours=23))
    assert repo.vacuum() == []
    aged(repo, timedelta(hours=2))
    assert {o.path for o in repo.vacuum()} == first


@pytest.mark.proves("VAC-2")
def test_an_expiry_counts_when_all_who_did_not_know_it_are_too_late(repo: Repository, t: str) -> None:
    first = files(repo)
    overwrite(repo, 1)
    aged(repo, timedelta(days=30))
    repo.expire(now())
    aged(repo, timedelta(hours=83))
    assert repo.vacuum() == []
    aged(repo, timedelta(hours=2))
    # one that replaces it has not been known for long, and gives up more
    overwrite(repo, 2)
    repo.expire(now())
    assert {o.path for o in repo.vacuum()} == first


@pytest.mark.proves("VAC-2", "TXN-7")
def test_a_restore_that_began_before_an_expiry_finds_its_files(repo: Repository, t: str) -> None:
    old = repo.show().id
    overwrite(repo, 1)
    aged(repo, timedelta(days=30))
    clock = Clock()
    slow = other(repo, clock)
    with slow.transaction() as tx:
        tx.table("db.t").restore(old)
        repo.expire(now())
        clock.asleep = timedelta(hours=71)
        aged(repo, timedelta(hours=71))
        repo.vacuum()
    aged(repo, timedelta(days=60))
    repo.vacuum()
    assert ids(repo) == [0]


@pytest.mark.proves("VAC-2")
def test_the_clock_of_a_writer_does_not_matter(repo: Repository, t: str) -> None:
    """A commit whose time is long past makes the state before over at once, and a branch of it may be on its way."""
    clock = Clock()
    clock.ahead = timedelta(days=-20)
    first = files(repo)
    aged(repo, timedelta(days=30))
    repo.expire(now())
    aged(repo, timedelta(days=30))
    past = other(repo, clock)
    past.create_branch("b")
    overwrite(past, 1, "b")
    assert first <= data(repo)
    repo.drop_branch("b")
    repo.vacuum()
    assert first <= data(repo)


def test_files_of_commits_that_failed_go(repo: Repository, t: str) -> None:
    with pytest.raises(RuntimeError), repo.transaction() as tx:
        tx.table("db.t").append({"id": [1]})
        tx.create_table("db.never", {"id": [1]}, properties=IN_FILES)
        raise RuntimeError("changed my mind")
    orphans = data(repo) - files(repo)
    assert len(orphans) == 2
    assert vacuumed(repo, table="db.t") == {p for p in orphans if repo.table("db.t").id in p}
    assert data(repo) - files(repo) == vacuumed(repo)


@pytest.mark.proves("VAC-1")
def test_what_was_left_half_written_goes_and_what_is_not_ours_stays(repo: Repository, t: str) -> None:
    assert repo.store.folder is not None
    folder = repo.store.folder / "data" / repo.table("db.t").id
    half = folder / f"{'a' * 32}.parquet#1"
    hidden = folder / f".{'a' * 32}.parquet.77-1.tmp"
    kept = [folder / "README", folder / "part-0.parquet", repo.store.folder / "data" / f"{'b' * 32}.parquet"]
    kept.append(repo.store.folder / "_anabranch" / "manifests" / f"{'c' * 32}.parquet")
    for path in (half, hidden, *kept):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    names = {p.relative_to(repo.store.folder).as_posix() for p in (half, hidden)}
    assert vacuumed(repo) == names
    assert not half.exists() and all(p.exists() for p in kept)


@pytest.mark.proves("VAC-1")
def test_states_of_dropped_branches_and_tables_are_states(repo: Repository, t: str) -> None:
    repo.create_branch("b")
    on_branch = overwrite(repo, 1, "b")
    last = repo.show("b").id
    repo.expire(now())
    repo.drop_branch("b")
    repo.drop_table("db.t")
    assert vacuumed(repo) == set()
    assert ids(repo, last) == [1]
    repo.expire(now(), "b")
    assert vacuumed(repo) == on_branch
    assert ids(repo, "main~2") == [0]
    repo.expire(now())
    assert len(vacuumed(repo)) == 1 and data(repo) == set()


def test_one_table_alone(repo: Repository, t: str) -> None:
    repo.create_table("db.u", {"id": [0]}, properties=IN_FILES)
    first = files(repo)
    overwrite(repo, 1)
    repo.table("db.u").overwrite({"id": [1]})
    repo.expire(now())
    assert vacuumed(repo, table="db.t") == first
    with pytest.raises(errors.TableNotFound):
        repo.vacuum(table="db.none")
    assert len(vacuumed(repo)) == 1


def scattered(repo: Repository, name: str, remainder: int) -> None:
    """Deletes so many rows here and there that their vector is an object."""
    repo.table(name).delete(f"id % 3 = {remainder} AND hash(id) % 2 = 0")


def test_deletion_vectors_go_when_no_state_has_them(repo: Repository) -> None:
    for name in ("db.t", "db.u"):
        repo.create_table(name, pa.table({"id": range(60_000)}), properties=IN_FILES)
        scattered(repo, name, 0)
    first = {n: files(repo, n) for n in ("db.t", "db.u")}
    repo.create_branch("b")
    for name in first:
        scattered(repo, name, 1)
    assert vacuumed(repo) == set(), "what was written was committed"
    assert all(len(files(repo, n) & first[n]) == 1 for n in first), "one file, and two vectors"
    repo.expire(now())
    assert vacuumed(repo) == set(), "the branch has the first ones"
    count = repo.table("db.t", "b").to_arrow(["id"]).num_rows
    assert 0 < count < 60_000
    repo.drop_branch("b")
    repo.expire(now())
    gone = {n: first[n] - files(repo, n) for n in first}
    assert vacuumed(repo, table="db.t") == gone["db.t"]
    assert vacuumed(repo) == gone["db.u"]
    assert [f for f in repo.verify(full=True) if f.problem] == []


@pytest.mark.proves("VAC-2")
def test_a_tag_holds_its_files_and_for_a_while_after_it_was_dropped(repo: Repository, t: str) -> None:
    first = files(repo)
    repo.create_tag("v0")
    overwrite(repo, 1)
    repo.expire(now())
    aged(repo, timedelta(days=30))
    assert repo.vacuum() == []
    clock = Clock()
    with other(repo, clock).transaction() as tx:
        tx.table("db.t").restore("v0")
        repo.drop_tag("v0")
        assert repo.vacuum() == []
        clock.asleep = timedelta(hours=71)
        aged(repo, timedelta(hours=71))
        assert repo.vacuum() == []
    assert ids(repo) == [0]
    overwrite(repo, 2)
    repo.expire(now())
    aged(repo, timedelta(days=30))
    assert first <= {o.path for o in repo.vacuum()}


def test_files_that_stand_on_lists_stay(repo: Repository) -> None:
    rows = {"id": list(range(120))}
    repo.create_table("db.t", {"id": [500]}, partition_by="id", properties=IN_FILES)
    repo.table("db.t").append(rows)
    assert repo.store.names("_anabranch/manifests") != []
    many = files(repo)
    overwrite(repo, 1)
    assert vacuumed(repo) == set()
    repo.expire(now())
    assert vacuumed(repo) == many


def damaged(repo: Repository) -> None:
    assert repo.store.folder is not None
    (repo.store.folder / "_anabranch" / "log" / "000000" / "999999999997.json").unlink()


def headless(repo: Repository) -> None:
    assert repo.store.folder is not None
    log = repo.store.folder / "_anabranch" / "log"
    (branch,) = (p for p in log.iterdir() if p.name != "000000")
    (branch / "999999999999.json").unlink()


def ruled_by_others(repo: Repository) -> None:
    ruled(repo, "hold:x", kind="hold", branches="some-other-branch")


@pytest.mark.proves("VAC-1")
@pytest.mark.parametrize("harm", [damaged, headless, ruled_by_others])
def test_what_can_not_be_told_keeps_everything(
    repo: Repository, t: str, harm: Callable[[Repository], None]
) -> None:
    repo.create_branch("b")
    overwrite(repo, 1, "b")
    overwrite(repo, 1)
    repo.expire(now(), "main")
    harm(repo)
    before = data(repo)
    with pytest.raises(errors.AnabranchError) as caught:
        other(repo).vacuum(timedelta(0), force=True)
    assert caught.value.condition in ("ANABRANCH_LOG.ENTRY_MISSING", "ANABRANCH_REPOSITORY.UNKNOWN_FEATURE")
    assert data(repo) == before


@pytest.mark.proves("VAC-1")
def test_a_log_that_no_branch_got_counts(repo: Repository, t: str) -> None:
    """As that of a rebase which is going on."""
    state = repo.refs.head("main")
    made = repo._branches.opened("b", state, "REBASE BRANCH", repo.context())  # type: ignore[arg-type]
    first = files(repo)
    overwrite(repo, 1)
    repo.expire(now())
    assert vacuumed(repo) == set()
    assert repo.table("db.t", str(made.id)).to_arrow().num_rows == 1
    assert first <= data(repo)


@pytest.fixture
def remote() -> Repository:
    """A repository on a store that lists in order."""
    return anabranch.init(ObstoreStore(MemoryStore(), "memory:///lake"), author="ada")


def test_other_stores_than_folders(remote: Repository) -> None:
    remote.create_namespace("db")
    t = remote.create_table("db.t", {"id": [0]}, properties=IN_FILES)
    remote.create_tag("v0")
    t.overwrite({"id": [1]})
    t.overwrite({"id": [2]})
    remote.expire(now())
    assert remote.vacuum() == []
    (gone,) = remote.vacuum(timedelta(0), force=True)
    assert remote.store.read(gone.path) is None
    assert (ids(remote), ids(remote, "v0")) == ([2], [0])
    with pytest.raises(errors.RefExpired):
        ids(remote, "main~2")
    assert len(remote.store.names("_anabranch/vacuums")) == 1
    assert remote.store.names("_anabranch/probes") == []


@pytest.mark.proves("VAC-3")
def test_many_files_are_several_records(
    repo: Repository, t: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("anabranch.core.repository.vacuum.MAX_OBJECTS", 2)
    for i in range(5):
        overwrite(repo, i)
    repo.expire(now())
    assert len(vacuumed(repo)) == 5
    assert len(repo.store.names("_anabranch/vacuums")) == 3
