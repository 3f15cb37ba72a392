"""`Catalog` and rules about branches: gates in SQL and in Python, protected branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from anabranch import Catalog
from anabranch.grants import Grant
from anabranch.policies import Gate, ProtectedBranches
from anabranch.results import GateResult

if TYPE_CHECKING:
    from conftest import Lake


@pytest.fixture
def lake(new_lake: Callable[..., Lake]) -> Lake:
    lake = new_lake()
    lake.sql("CREATE TABLE {lake}.t (id INT, v INT)")
    lake.sql("INSERT INTO {lake}.t VALUES (1, 10)")
    lake.sql("CREATE TABLE {lake}.limits (most INT)")
    lake.sql("INSERT INTO {lake}.limits VALUES (100)")
    return lake


@pytest.fixture
def catalog(lake: Lake) -> Catalog:
    return Catalog(lake.spark, lake.name)


def refused(act: Callable[[], Any], condition: str, *words: str) -> None:
    with pytest.raises(PySparkException) as caught:
        act()
    assert caught.value.getCondition() == condition, str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_gate_in_sql(lake: Lake, catalog: Catalog) -> None:
    query = "SELECT * FROM t WHERE v < 0"
    catalog.create_gate("positive", "main", query, message="from now on")
    assert catalog.gates() == [Gate("positive", "main", query, ("default.t",))]
    refused(lambda: lake.sql("INSERT INTO {lake}.t VALUES (2, -1)"), "ANABRANCH_GATE.VIOLATED")
    assert catalog.run_gates() == [GateResult("positive", "main", True, None)]
    assert catalog.log(limit=1)[0].message == "from now on"
    refused(lambda: catalog.create_gate("positive", "main", query), "ANABRANCH_GATE.ALREADY_EXISTS")
    catalog.create_gate("positive", "*", query, if_not_exists=True)
    catalog.create_gate("positive", "m*", query, replace=True)
    assert catalog.gates()[0].branches == "m*"
    catalog.drop_gate("positive")
    catalog.drop_gate("positive", if_exists=True)
    lake.sql("INSERT INTO {lake}.t VALUES (2, -1)")


def test_a_gate_may_be_a_function_of_tables(lake: Lake, catalog: Catalog) -> None:
    def too_much(t: Any, limits: Any) -> Any:
        return t.join(limits, t.v > limits.most)

    catalog.create_gate("too_much", "main", too_much, tables=["t", f"{lake.name}.default.limits"])
    (gate,) = catalog.gates()
    assert gate.query.endswith("too_much") and gate.tables == ("default.t", "default.limits")
    refused(
        lambda: lake.sql("INSERT INTO {lake}.t VALUES (2, 101)"),
        "ANABRANCH_GATE.VIOLATED",
        "too_much",
        '"v":101',
    )
    lake.sql("INSERT INTO {lake}.t VALUES (2, 100)")
    refused(lambda: lake.sql("UPDATE {lake}.limits SET most = 99"), "ANABRANCH_GATE.VIOLATED")


def test_a_function_that_fails_or_is_not_known_lets_nothing_pass(lake: Lake, catalog: Catalog) -> None:
    catalog.create_gate("g", "main", lambda t: t.where("v < 0"), tables="t")
    catalog.register_gate("g", lambda t: t.where("nope"))
    refused(lambda: lake.sql("INSERT INTO {lake}.t VALUES (2, 1)"), "ANABRANCH_GATE.FAILED", "'g'", "`nope`")
    catalog.register_gate("g", lambda t: t.no_such_method())
    refused(lambda: lake.sql("INSERT INTO {lake}.t VALUES (2, 1)"), "ANABRANCH_GATE.FAILED", "no_such_method")
    catalog.drop_gate("g")
    catalog.create_gate("h", "main", lambda t: t.where("v < 0"), tables="t")
    lake.spark._jvm.io.anabranch.spark.gates.PythonGates.forget(lake.uri, "h")
    refused(lambda: lake.sql("INSERT INTO {lake}.t VALUES (2, 1)"), "ANABRANCH_GATE.NOT_REGISTERED", "'h'")
    catalog.register_gate("h", lambda t: t.where("v < 0"))
    lake.sql("INSERT INTO {lake}.t VALUES (2, 1)")


def test_a_function_needs_tables_and_a_query_has_them(catalog: Catalog) -> None:
    with pytest.raises(TypeError, match="tables="):
        catalog.create_gate("g", "main", lambda t: t)
    with pytest.raises(TypeError, match="tables="):
        catalog.create_gate("g", "main", "SELECT * FROM t WHERE v < 0", tables="t")


def test_branches_are_protected(lake: Lake, catalog: Catalog) -> None:
    catalog.protect_branch("release/*", ["ada", "O'Brien"], message="now")
    catalog.protect_branch("frozen")
    assert catalog.protected_branches() == [
        ProtectedBranches("frozen", ()),
        ProtectedBranches("release/*", ("ada", "O'Brien")),
    ]
    refused(lambda: catalog.create_branch("release/1"), "ANABRANCH_REF.PROTECTED")
    refused(lambda: catalog.unprotect_branch("release/*"), "ANABRANCH_REF.PROTECTED")
    with catalog.commit_info(author="O'Brien"):
        catalog.unprotect_branch("release/*")
    catalog.create_branch("release/1")


def test_grants(lake: Lake, catalog: Catalog) -> None:
    me = catalog.log(limit=1)[0].author
    catalog.grant("SELECT", "bob", table="t", message="ticket 7")
    assert catalog.log(limit=1)[0].message == "ticket 7"
    catalog.grant(["select", "MODIFY"], ["ada", me], table="limits", branches="m*")
    catalog.grant("MANAGE", ["admin", me], branches="*")
    assert catalog.grants() == [
        Grant("MANAGE", "*", None, ("admin", me), me),
        Grant("MODIFY", "m*", "default.limits", ("ada", me), me),
        Grant("SELECT", "m*", "default.limits", ("ada", me), me),
        Grant("SELECT", "*", "default.t", ("bob",), me),
    ]
    refused(lambda: lake.rows("SELECT * FROM {lake}.t"), "ANABRANCH_PERMISSION.DENIED", "bob")
    catalog.revoke("SELECT", "bob", table="t")
    refused(lambda: lake.rows("SELECT * FROM {lake}.t"), "ANABRANCH_PERMISSION.DENIED", "nobody")
    catalog.grant("ALL PRIVILEGES", "PUBLIC", table="t")
    assert lake.rows("SELECT * FROM {lake}.t") == [(1, 10)]
    refused(lambda: catalog.revoke("SELECT", "eve", table="t"), "ANABRANCH_PERMISSION.NOT_GRANTED")
    catalog.revoke("MANAGE", me, branches="*")
    refused(lambda: catalog.revoke("MANAGE", "admin", branches="*"), "ANABRANCH_PERMISSION.DENIED", me)


def test_grants_that_say_too_little(catalog: Catalog) -> None:
    with pytest.raises(TypeError, match="on a table, or on branches"):
        catalog.grant("SELECT", "ada")
    with pytest.raises(ValueError, match="'EVERYTHING' is no privilege; there are SELECT"):
        catalog.revoke("EVERYTHING", "ada", table="t")
