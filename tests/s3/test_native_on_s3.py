"""The native client on S3: what its operations cost in requests, and what becomes of answers that get lost."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

import anabranch
from anabranch import Repository
from s3 import server


@pytest.fixture
def opened(proxy: server.Proxy) -> Callable[[], Repository]:
    """Opens one new repository in the bucket, as a process of its own would."""
    location = f"s3://{server.BUCKET}/{uuid.uuid4().hex}"
    options = {
        "endpoint": proxy.endpoint,
        "access_key_id": server.ACCESS_KEY,
        "secret_access_key": server.SECRET_KEY,
        "region": "us-east-1",
        "allow_http": True,
    }
    anabranch.init(location, storage_options=options, author="ada").create_namespace("db")
    proxy.reset()
    return lambda: anabranch.open(location, storage_options=options, author="ada")


def test_a_commit_is_one_put_and_looking_is_one_get(
    opened: Callable[[], Repository], proxy: server.Proxy
) -> None:
    repo = opened()
    repo.create_table("db.t", {"id": [1]})
    proxy.reset()
    repo.table("db.t").append({"id": [2]})
    assert proxy.kinds()["PUT 200"] == 1
    proxy.reset()
    repo.table("db.t").count()
    assert dict(proxy.kinds()) == {"GET 404": 1}
    proxy.reset()
    repo.table("db.t").append(pa.table({"id": range(1000)}))
    assert proxy.kinds()["PUT 200"] == 2, "the data file, and the commit"


def test_a_cold_open_takes_few_requests(opened: Callable[[], Repository], proxy: server.Proxy) -> None:
    writer = opened()
    writer.create_table("db.t", {"id": [0]})
    for i in range(5):
        writer.table("db.t").append({"id": [i]})
    proxy.reset()
    repo = opened()
    kinds = proxy.kinds()
    assert sum(kinds.values()) <= 12, dict(kinds)
    assert repo.table("db.t").count() == 6
    assert proxy.kinds()["PUT 200"] == 0


def test_an_answer_to_a_commit_that_got_lost_is_found_again(
    opened: Callable[[], Repository], proxy: server.Proxy
) -> None:
    repo = opened()
    repo.create_table("db.t", {"id": [1]})
    proxy.lose_responses = 1
    repo.table("db.t").append({"id": [2]})
    assert sorted(opened().table("db.t").to_arrow().column("id").to_pylist()) == [1, 2]
    assert len(repo.table("db.t").history()) == 2


def test_rows_branches_and_deletions_are_as_on_disk(opened: Callable[[], Repository]) -> None:
    repo = opened()
    repo.create_table("db.t", pa.table({"id": range(5000), "s": ["x"] * 5000}))
    repo.create_branch("a/b c".replace(" ", "-"))
    repo.table("db.t", "a/b-c").delete("id % 2 = 0")
    repo.table("db.t", "a/b-c").upsert({"id": [1, 9000], "s": ["one", "new"]}, on="id")
    again = opened()
    assert [b.name for b in again.branches()] == ["a/b-c", "main"]
    assert again.table("db.t", "a/b-c").count() == 2501
    assert again.sql("SELECT s FROM db.t AT 'a/b-c' WHERE id = 1").to_pylist() == [{"s": "one"}]
    again.merge("a/b-c")
    assert opened().table("db.t").count("s = 'x'") == 2499
    assert [f for f in again.verify(full=True) if f.problem] == []


def test_no_credentials_are_told_in_one_line(proxy: server.Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {
        "endpoint": proxy.endpoint,
        "access_key_id": "wrong",
        "secret_access_key": "wrong",
    }
    options |= {"region": "us-east-1", "allow_http": True}
    with pytest.raises(anabranch.errors.RepositoryNoPermission) as caught:
        anabranch.open(f"s3://{server.BUCKET}/{uuid.uuid4().hex}", storage_options=options)
    assert "\n" not in str(caught.value)


def test_a_vacuum_goes_by_the_clock_of_the_store(
    opened: Callable[[], Repository], proxy: server.Proxy
) -> None:
    repo = opened()
    t = repo.create_table("db.t", {"id": list(range(1000))})
    repo.create_tag("v0")
    t.overwrite({"id": list(range(2000))})
    t.overwrite({"id": list(range(3000))})
    expired = repo.show().id
    t.append({"id": [1]})
    time.sleep(1.1)  # the store tells seconds
    repo.expire(timedelta(0))
    proxy.reset()
    # the log, its newest entry, tags; merges; heads of branches; what is there; and what time it is
    assert opened().vacuum() == []
    assert sum(proxy.kinds().values()) <= 45, dict(proxy.kinds())
    gone = repo.vacuum(timedelta(0), force=True)
    assert len(gone) == 1, "the second; the third is there, and a tag names the first"
    reader = opened()
    proxy.reset()
    with pytest.raises(anabranch.errors.RefExpired):
        reader.table("db.t", expired)
    assert reader.table("db.t").to_arrow().num_rows == 3001
    assert reader.table("db.t", "v0").to_arrow().num_rows == 1000
    assert sum(proxy.kinds().values()) <= 20, dict(proxy.kinds())
    assert [f for f in repo.verify(full=True) if f.problem] == []
