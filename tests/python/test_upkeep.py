"""`Catalog.expire`, `Catalog.vacuum` and `Table.vacuum`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import PySparkException

from anabranch import Catalog, Table

if TYPE_CHECKING:
    from conftest import Lake


@pytest.fixture
def lake(new_lake: Callable[..., Lake]) -> Lake:
    """A table of one file, which has replaced another one."""
    lake = new_lake()
    lake.rows("CREATE TABLE {lake}.t TBLPROPERTIES ('anabranch.write.inline-rows' = '0') AS SELECT 1 AS id")
    lake.rows("INSERT OVERWRITE {lake}.t VALUES (2)")
    time.sleep(0.01)
    return lake


@pytest.fixture
def catalog(lake: Lake) -> Catalog:
    return Catalog(lake.spark, lake.name)


def test_what_is_older_than_a_time_or_a_while(lake: Lake, catalog: Catalog) -> None:
    assert catalog.expire(timedelta(days=30)).expired_commits == 0
    now = datetime.now(timezone.utc)
    with lake.by("ada"):
        done = catalog.expire(timedelta(0), "ma*")
    assert (done.branches, done.author) == ("ma*", "ada") and done.expired_commits >= 2
    assert done.before <= done.time and abs(done.before - now) < timedelta(minutes=1)
    local = now.astimezone().replace(tzinfo=None)
    assert catalog.expire(local, "b").before == now.replace(microsecond=now.microsecond // 1000 * 1000)
    with pytest.raises(PySparkException) as caught:
        catalog.expire(timedelta(days=-1))
    assert caught.value.getCondition() == "ANABRANCH_EXPIRY.LATER_THAN_NOW"


def test_a_vacuum_tells_what_it_deletes(lake: Lake, catalog: Catalog) -> None:
    catalog.expire(timedelta(0))
    assert catalog.vacuum() == []
    with pytest.raises(PySparkException) as caught:
        catalog.vacuum("default.t", retain_hours=1)
    assert caught.value.getCondition() == "ANABRANCH_VACUUM.GRACE_TOO_SHORT"
    lake.spark.conf.set("spark.anabranch.vacuum.check-grace", "false")
    try:
        (told,) = catalog.vacuum(retain_hours=0, dry_run=True)
        assert (lake.path / told.path).stat().st_size == told.size
        assert abs(datetime.now(timezone.utc) - told.modified) < timedelta(minutes=1)
        table = Table.forName(lake.spark, f"{lake.name}.default.t")
        assert [r.path for r in table.vacuum(0).collect()] == [told.path]
        assert not (lake.path / told.path).exists()
        assert catalog.vacuum("default.t", 0) == []
    finally:
        lake.spark.conf.unset("spark.anabranch.vacuum.check-grace")
    assert table.toDF().collect()[0].id == 2
