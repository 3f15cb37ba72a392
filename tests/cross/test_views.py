"""Views of Spark, and the client without Spark, which keeps and merges them."""

from __future__ import annotations

from typing import Any

import pytest

import anabranch
from anabranch import errors


@pytest.mark.proves("VIEW-1")
def test_the_client_without_spark_knows_views_from_tables(new_lake: Any) -> None:
    lake = new_lake()
    lake.sql("CREATE TABLE {lake}.default.t (id INT)")
    lake.sql("USE {lake}.default")
    lake.sql("CREATE VIEW v AS SELECT id FROM t")
    repo = anabranch.open(lake.uri)
    assert repo.tables() == ["default.t"]
    assert repo.views() == {"default.v": "SELECT id FROM t"}
    for look in (
        lambda: repo.table("default.v"),
        lambda: repo.sql('SELECT * FROM "default".v'),
        lambda: repo.drop_table("default.v"),
        lambda: repo.rename_table("default.v", "default.w"),
    ):
        with pytest.raises(errors.TableIsView, match=r"default\.v is a view"):
            look()
    with pytest.raises(errors.TableAlreadyExists):
        repo.create_table("default.v", {"id": [1]})
    assert [f for f in repo.verify(full=True) if f.problem] == []


def test_both_halves_merge_views_alike(new_lake: Any) -> None:
    lake = new_lake()
    lake.sql("CREATE TABLE {lake}.default.t (id INT)")
    lake.sql("USE {lake}.default")
    lake.sql("CREATE VIEW v AS SELECT id FROM t")
    lake.sql("CREATE BRANCH dev")
    lake.sql("ALTER VIEW v SET TBLPROPERTIES ('ours' = '1')")
    lake.sql("USE BRANCH dev")
    lake.sql("ALTER VIEW v AS SELECT id + 1 AS next FROM t")
    lake.sql("CREATE VIEW w AS SELECT * FROM v")
    lake.sql("USE BRANCH main")
    repo = anabranch.open(lake.uri)
    assert repo.merge("dev").conflicts == ()
    for n in range(101):
        repo.table("default.t").append({"id": [n]})
    lake.spark._jvm.io.anabranch.test.ColdStart.forget(lake.uri)
    assert lake.rows("SELECT max(next) FROM w") == [(101,)]
    assert ("ours", "1") in lake.rows("SHOW TBLPROPERTIES v")
    lake.sql("ALTER VIEW v AS SELECT 1 AS one")
    lake.sql("USE BRANCH dev")
    lake.sql("ALTER VIEW v AS SELECT 2 AS two")
    lake.sql("USE BRANCH main")
    (native,) = repo.merge("dev", dry_run=True).conflicts
    (row,) = lake.rows("MERGE BRANCH dev DRY RUN")[-1:]
    assert native.detail == "both sides changed the view"
    assert (native.ours, native.theirs) == ("SELECT 1 AS one", "SELECT 2 AS two")
    for told in ("both sides changed the view", "SELECT 1 AS one", "SELECT 2 AS two"):
        assert told in str(row)
