"""Gates and protections that Spark made hold for the client without Spark, which keeps them as they are."""

from __future__ import annotations

from typing import Any

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
    gated.sql("MERGE BRANCH dev")
    assert repo.table("default.t").to_arrow().num_rows == 1


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
