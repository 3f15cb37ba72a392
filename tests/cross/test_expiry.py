"""Data that one half gives up is refused by the other, and what one half deletes is nothing that the other needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from native.aging import aged, data, now

import anabranch
from anabranch import Repository, errors

pytestmark = pytest.mark.cross

Lakes = Callable[..., Any]
FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"


@pytest.fixture
def lake(new_lake: Lakes) -> Any:
    """Versions 0 to 4 of a table by both halves, of which 1 has a tag; a branch that has the first two."""
    made = new_lake()
    made.sql(f"CREATE TABLE {{lake}}.default.t {FILES} AS SELECT id FROM range(60000)")
    made.sql("DELETE FROM {lake}.default.t WHERE id % 3 = 0 AND hash(id) % 2 = 0")
    made.sql("CREATE TAG v1 IN {lake}")
    made.sql("CREATE BRANCH b IN {lake}")
    native = anabranch.open(made.path, author="ada").table("default.t")
    native.delete("id % 3 = 1 AND hash(id) % 2 = 0")
    made.sql("INSERT OVERWRITE {lake}.default.t SELECT id FROM range(10)")
    native.append({"id": [100]})
    return made


def sums(repo: Repository, *refs: str) -> list[int]:
    return [sum(repo.table("default.t", r).to_arrow(["id"]).column("id").to_pylist()) for r in refs]


def told_by_spark(lake: Any, *refs: str) -> list[int]:
    return [lake.rows(f"SELECT sum(id) FROM {{lake}}.default.t VERSION AS OF '{r}'")[0][0] for r in refs]


def timestamp(time: datetime) -> str:
    return f"TIMESTAMP '{time:%Y-%m-%d %H:%M:%S.%f}Z'"


LEFT = ("main", "v1", "b")


def test_what_was_expired_without_spark_is_refused_by_spark(
    lake: Any, new_lake: Lakes, refused: Callable[..., Any]
) -> None:
    repo = anabranch.open(lake.path, author="ada")
    before = sums(repo, *LEFT)
    old, there = repo.show("main~2").id, data(repo)
    assert repo.expire(now()).expired_commits > 3
    deleted = {o.path for o in repo.vacuum(timedelta(0), force=True)}
    assert deleted < there and any("/dv/" in path for path in deleted)
    spark = new_lake(path=lake.path)
    for point in ("VERSION AS OF 2", f"VERSION AS OF '{old}'", "VERSION AS OF 'main~2'"):
        with refused("ANABRANCH_REF.EXPIRED", "ada", "'*'"):
            spark.rows(f"SELECT * FROM {{lake}}.default.t {point}")
    for statement in (
        f"CREATE BRANCH x IN {{lake}} FROM '{old}'",
        f"CREATE TAG x IN {{lake}} FROM '{old}'",
        f"RESET BRANCH b TO '{old}' IN {{lake}}",
        f"RESTORE TABLE {{lake}}.default.t TO VERSION AS OF '{old}'",
        f"CHERRY PICK '{old}' INTO b IN {{lake}}",
    ):
        with refused("ANABRANCH_REF.EXPIRED"):
            spark.sql(statement)
    assert told_by_spark(spark, *LEFT) == before
    assert spark.rows("SELECT count(*) FROM {lake}.default.t VERSION AS OF 1")
    spark.sql("MERGE BRANCH b INTO main IN {lake}")
    assert len(spark.rows("DESCRIBE HISTORY {lake}.default.t")) >= 5
    assert [f for f in repo.verify(full=True) if f.problem] == []


def test_what_was_expired_by_spark_is_refused_without(lake: Any) -> None:
    repo = anabranch.open(lake.path, author="ada")
    before = sums(repo, *LEFT)
    old, there, time = repo.show("main~2").id, data(repo), now()
    with lake.by("eve"):
        (told,) = lake.rows(f"CALL {{lake}}.system.expire(older_than => {timestamp(time)})")
    assert (told[0], told[2]) == ("*", "eve") and told[4] > 3
    dry = lake.rows("VACUUM IN {lake} RETAIN 168 HOURS DRY RUN")
    assert dry == [] and data(repo) == there
    with pytest.raises(errors.RefExpired, match="eve expired what was over on branches '\\*'"):
        anabranch.open(lake.path).table("default.t", old)
    aged(repo, timedelta(days=8))
    mine = {o.path for o in repo.vacuum(dry_run=True)}
    dry = lake.rows("VACUUM IN {lake} DRY RUN")
    assert {r[0] for r in dry} == mine and data(repo) == there
    assert {r[0] for r in lake.rows("VACUUM IN {lake}")} == mine
    assert data(repo) == there - mine
    repo = anabranch.open(lake.path)
    assert sums(repo, *LEFT) == told_by_spark(lake, *LEFT) == before
    assert repo.table("default.t").at(1).to_arrow().num_rows > 50_000
    assert [f for f in repo.verify(full=True) if f.problem] == []
    assert repo.vacuum() == []


def test_both_count_the_same(lake: Any) -> None:
    repo, time = anabranch.open(lake.path, author="ada"), now()
    dry = repo.expire(time, "main", dry_run=True)
    (told,) = lake.rows(f"CALL {{lake}}.system.expire(older_than => {timestamp(time)}, branches => 'main')")
    assert (told[0], told[4]) == ("main", dry.expired_commits)
    again = anabranch.open(lake.path).expire(dry.before, "main")
    assert again.expired_commits == dry.expired_commits
    with pytest.raises(errors.ExpiryEarlierThanBefore):
        anabranch.open(lake.path).expire(timedelta(days=1), "main")
