"""Gates and protections that Spark made hold for the client without Spark, which keeps them as they are."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

import anabranch
from anabranch import errors


@pytest.fixture
def gated(new_lake: Any) -> Any:
    lake = new_lake()
    lake.sql("CREATE TABLE {lake}.default.t (id INT, v INT)")
    lake.sql("CREATE TABLE {lake}.default.free (id INT)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("USE {lake}.default")
    lake.sql("CREATE GATE g ON BRANCH 'm*n' AS SELECT * FROM t WHERE v < 0")
    return lake


@pytest.mark.proves("POL-3")
def test_what_a_gate_has_to_let_pass_is_left_to_spark(gated: Any) -> None:
    repo = anabranch.open(gated.uri, author="ada")
    row = {"id": [1], "v": [1]}
    with pytest.raises(errors.GateNoEngine, match="'g' of 'main'") as caught:
        repo.table("default.t").append(row)
    assert caught.value.condition == "ANABRANCH_GATE.NO_ENGINE"
    repo.table("default.free").append({"id": [1]})
    repo.table("default.t", ref="dev").append(row)
    with pytest.raises(errors.GateNoEngine):
        repo.merge("dev")
    with pytest.raises(errors.GateNoEngine):
        repo.reset_branch("main", "dev")
    head = repo.show().id
    with pytest.raises(errors.GateNoEngine):
        repo.rebase("main", "dev")
    assert repo.show().id == head == anabranch.open(gated.uri).show().id
    gated.sql("MERGE BRANCH dev")
    assert repo.table("default.t").to_arrow().num_rows == 1
    gated.sql("INSERT INTO t VALUES (2, 2)")
    assert repo.table("default.t").optimize().commit is not None, "it changes no row"


@pytest.mark.proves("POL-1")
def test_policies_outlast_a_reset_and_a_checkpoint_of_python(gated: Any) -> None:
    repo = anabranch.open(gated.uri, author="ada")
    repo.reset_branch("main", "main~1")
    for n in range(102):
        repo.table("default.free").append({"id": [n]})
    gated.spark._jvm.io.anabranch.test.ColdStart.forget(gated.uri)
    assert [r[0] for r in gated.rows("SHOW GATES")] == ["g"]
    gated.sql("DROP GATE g")
    anabranch.open(gated.uri, author="ada").table("default.t").append({"id": [1], "v": [-1]})


@pytest.mark.proves("POL-2")
def test_protected_branches_are_protected_from_python_too(gated: Any) -> None:
    gated.sql("PROTECT BRANCH '*' FOR ada")
    ada, eve = (anabranch.open(gated.uri, author=who) for who in ("ada", "eve"))
    for repo in (ada, eve):
        with pytest.raises(errors.RefProtected, match=r"branches '\*' are protected"):
            repo.table("default.free").append({"id": [1]})
        with pytest.raises(errors.RefProtected):
            repo.reset_branch("main", "dev")
        with pytest.raises(errors.RefProtected):
            repo.rebase("dev", "main")
        with pytest.raises(errors.RefProtected):
            repo.drop_branch("dev")
    with pytest.raises(errors.RefProtected):
        eve.create_branch("mine")
    ada.create_branch("mine")
    gated.sql("SET spark.anabranch.commit.author = ada")
    try:
        gated.sql("UNPROTECT BRANCH '*'")
    finally:
        gated.sql("RESET spark.anabranch.commit.author")
    eve.table("default.free", ref="mine").append({"id": [1]})
    gated.sql("PROTECT BRANCH main FOR ada")
    with pytest.raises(errors.RefProtected):
        eve.merge("mine")
    ada.merge("mine")
    assert eve.table("default.free").to_arrow().num_rows == 1


@pytest.fixture
def granted(new_lake: Any) -> Any:
    lake = new_lake()
    lake.sql(
        "CREATE TABLE {lake}.default.t (id INT, v STRING) TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
    )
    lake.sql("INSERT INTO {lake}.default.t VALUES (1, 'a')")
    lake.sql("CREATE TABLE {lake}.default.free (id INT)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("UPDATE {lake}.default.`t@dev` SET v = 'theirs'")
    lake.sql("UPDATE {lake}.default.t SET v = 'ours'")
    lake.sql("USE {lake}.default")
    return lake


@pytest.mark.proves("POL-6")
def test_rows_are_shown_to_those_only_who_were_granted_to_see_them(granted: Any) -> None:
    granted.sql("GRANT SELECT ON TABLE t TO ada")
    granted.sql("GRANT SELECT ON BRANCH 'dev' TO bob")
    ada, eve = (anabranch.open(granted.uri, author=who) for who in ("ada", "eve"))
    assert ada.table("default.t").to_arrow().num_rows == 1
    with pytest.raises(errors.PermissionDenied, match=r"eve may not read: .* default.t is granted to ada"):
        eve.table("default.t").to_arrow()
    t = eve.table("default.t")
    for look in (
        lambda: t.to_batches(),
        lambda: t.dataset(),
        lambda: t.to_polars(),
        lambda: t.to_duckdb(),
        lambda: t.blame(),
        lambda: t.blame(cells=True),
        lambda: t.optimize("id = 1"),
        lambda: t.changes(0),
        lambda: t.cell_changes(0),
        lambda: t.row_history(0),
        lambda: t.at(0).to_pandas(),
        lambda: t.delete("v = 'ours'"),
        lambda: t.update({"v": "'x'"}, "id = 1"),
        lambda: t.upsert({"id": [1], "v": ["x"]}, "id"),
        lambda: eve.sql('SELECT * FROM "default".t'),
        lambda: eve.sql("SELECT * FROM \"default\".t AT 'main~2'"),
        lambda: eve.merge("dev", dry_run=True),
    ):
        with pytest.raises(errors.PermissionDenied, match="granted to ada"):
            look()  # type: ignore[no-untyped-call]
    assert len(ada.merge("dev", dry_run=True).conflicts) == 1
    assert eve.table("default.free").to_arrow().num_rows == 0
    for repo in (ada, anabranch.open(granted.uri, "dev", author="ada")):
        with pytest.raises(errors.PermissionDenied, match="branch dev is granted to bob"):
            repo.table("default.free", ref="dev").to_arrow()


@pytest.mark.proves("POL-5")
def test_tables_and_branches_are_changed_by_those_only_who_were_granted_to(granted: Any) -> None:
    granted.sql("GRANT MODIFY ON TABLE t TO ada")
    granted.sql("GRANT MODIFY ON BRANCH 'dev*' TO bob")
    ada, eve = (anabranch.open(granted.uri, author=who) for who in ("ada", "eve"))
    t = eve.table("default.t")
    for act in (
        lambda: t.append({"id": [2]}),
        lambda: t.delete("true"),
        lambda: t.add_column("w", pa.int64()),
        lambda: eve.rename_table("default.t", "default.u"),
        lambda: eve.rename_table("default.free", "default.t"),
        lambda: eve.drop_table("default.t"),
        lambda: eve.reset_branch("main", "main~3"),
        lambda: eve.cherry_pick("dev", on_conflict="theirs"),
    ):
        with pytest.raises((errors.PermissionDenied, errors.TableAlreadyExists)):
            act()  # type: ignore[no-untyped-call]
    for act in (
        lambda: eve.create_branch("dev2"),
        lambda: eve.drop_branch("dev"),
        lambda: eve.table("default.free", ref="dev").append({"id": [1]}),
    ):
        with pytest.raises(errors.PermissionDenied, match=r"branch dev2? is granted to bob"):
            act()  # type: ignore[no-untyped-call]
    ada.table("default.t").append({"id": [2]})
    eve.table("default.free").append({"id": [1]})
    assert granted.rows("SELECT count(*) FROM t") == [(2,)]
