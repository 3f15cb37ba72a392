"""Gates: queries that must return no row on any state that a branch gets."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Lake

import anabranch
from anabranch import Catalog
from anabranch.results import GateResult

NEGATIVE = "SELECT id, v FROM t WHERE v < 0"


@pytest.fixture
def gated(lake: Any) -> Any:
    """With a table t that may have no negative v on main, and a branch dev where it may."""
    lake.sql("CREATE TABLE t (id INT, v INT)")
    lake.sql("INSERT INTO t VALUES (1, 10), (2, 20)")
    lake.sql(f"CREATE GATE no_negative ON BRANCH 'main' AS {NEGATIVE}")
    lake.sql("CREATE BRANCH dev")
    return lake


def head(lake: Any, branch: str = "main") -> Any:
    return lake.rows(f"SHOW COMMITS ON `{branch}` LIMIT 1")[0]


def passed(lake: Any) -> dict[str, str]:
    """How gates let the last commit of main pass: names, and what was read."""
    import json

    entry = max(lake.path.glob("_anabranch/log/*/*.json"), key=lambda p: p.stat().st_mtime_ns)
    body = json.loads(entry.read_bytes())["commits"][-1]["body"]
    return {name: how["read"] for name, how in body.get("gates", {}).items()}


# ---- what a gate stops


@pytest.mark.proves("POL-3")
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (3, -1)",
        "UPDATE t SET v = -v WHERE id = 2",
        "MERGE INTO t USING (SELECT 2 AS k) ON id = k WHEN MATCHED THEN UPDATE SET v = -2",
        "INSERT OVERWRITE t VALUES (3, -1)",
        "CREATE OR REPLACE TABLE t AS SELECT 1 AS id, -1 AS v",
        "MERGE BRANCH worse",
        "MERGE BRANCH worse SQUASH",
        "CHERRY PICK bad",
        "REVERT good",
        "RESET BRANCH main TO bad",
        "RESTORE TABLE t TO VERSION AS OF 'bad'",
        "ALTER TABLE t DROP COLUMN v",
    ],
)
def test_nothing_for_which_a_gate_returns_rows_is_committed(gated: Any, refused: Any, statement: str) -> None:
    # a commit of main that mends what another branch has: to revert it would bring that back
    gated.sql("INSERT INTO `t@dev` VALUES (3, -1)")
    gated.sql("CREATE TAG bad FROM dev")
    gated.sql("CREATE BRANCH worse FROM dev")
    gated.sql("INSERT INTO `t@worse` VALUES (4, -1)")
    gated.sql("UPDATE `t@dev` SET v = 1 WHERE id = 3")
    gated.sql("MERGE BRANCH dev INTO main")
    gated.sql("CREATE TAG good FROM dev")
    if "good" not in statement:
        gated.sql("DELETE FROM t WHERE id = 3")
    before, rows = head(gated), sorted(gated.rows("SELECT * FROM t"))
    condition = "FAILED" if "DROP COLUMN" in statement else "VIOLATED"
    with refused(f"ANABRANCH_GATE.{condition}", "no_negative", "main"):
        gated.sql(statement)
    assert head(gated) == before and sorted(gated.rows("SELECT * FROM t")) == rows


def test_the_error_shows_some_of_the_rows_that_the_gate_returned(gated: Any, refused: Any) -> None:
    with refused("ANABRANCH_GATE.VIOLATED", "it returned 2:", '{"id":3,"v":-1}', '{"id":4,"v":-2}'):
        gated.sql("INSERT INTO t VALUES (3, -1), (4, -2), (5, 1)")
    with refused("ANABRANCH_GATE.VIOLATED", "more than 20", "…"):
        gated.sql("INSERT INTO t SELECT id, -1 FROM range(30)")


def test_other_branches_are_free_and_patterns_are_kept(gated: Any, refused: Any) -> None:
    gated.sql("INSERT INTO `t@dev` VALUES (3, -1)")
    gated.sql("CREATE GATE released ON BRANCH 'release/*' AS SELECT 1 FROM t HAVING count(*) < 2")
    gated.sql("CREATE BRANCH `release/1` FROM dev")
    gated.sql("DELETE FROM `t@dev` WHERE id < 3")
    with refused("ANABRANCH_GATE.VIOLATED", "released", "release/1"):
        gated.sql("DELETE FROM `t@release/1` WHERE id < 3")
    with refused("ANABRANCH_GATE.VIOLATED", "released", "release/2"):
        gated.sql("CREATE BRANCH `release/2` FROM dev")
    assert [r[0] for r in gated.rows("SHOW BRANCHES")] == ["dev", "main", "release/1"]


def test_a_gate_over_two_tables_sees_both_as_they_would_be(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE patient (id INT)")
    lake.sql("CREATE TABLE visit (patient INT)")
    lake.sql(
        "CREATE GATE known ON BRANCH 'main' AS "
        "SELECT visit.* FROM visit LEFT ANTI JOIN patient ON patient = id"
    )
    with refused("ANABRANCH_GATE.VIOLATED", "known"):
        lake.sql("INSERT INTO visit VALUES (1)")
    lake.sql("INSERT INTO patient VALUES (1), (2)")
    lake.sql("INSERT INTO visit VALUES (1)")
    with refused("ANABRANCH_GATE.VIOLATED", "known"):
        lake.sql("DELETE FROM patient WHERE id = 1")
    lake.sql("DELETE FROM patient WHERE id = 2")


def test_a_gate_sees_a_transaction_as_a_whole(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE patient (id INT)")
    lake.sql("CREATE TABLE visit (patient INT)")
    lake.sql("CREATE GATE known ON BRANCH main AS SELECT patient FROM visit EXCEPT SELECT id FROM patient")
    lake.sql("START TRANSACTION")
    lake.sql("INSERT INTO visit VALUES (1)")
    lake.sql("INSERT INTO patient VALUES (1)")
    lake.sql("COMMIT")
    assert lake.rows("SELECT * FROM visit") == [(1,)]
    lake.sql("START TRANSACTION")
    lake.sql("INSERT INTO visit VALUES (2)")
    with refused("ANABRANCH_GATE.VIOLATED", '{"patient":2}'):
        lake.sql("COMMIT")
    assert lake.rows("SELECT * FROM visit") == [(1,)]


def test_a_dry_run_of_a_merge_tells_what_gates_would_say(gated: Any) -> None:
    gated.sql("CREATE GATE any ON BRANCH main AS SELECT count(*) AS n FROM t HAVING n > 3")
    gated.sql("INSERT INTO `t@dev` VALUES (3, 30)")
    catalog = Catalog(gated.spark, gated.name)
    review = catalog.merge("dev", dry_run=True)
    assert review.gates == (GateResult("any", None, True, None), GateResult("no_negative", None, True, None))
    assert str(review).splitlines()[-1] == "  gate no_negative  passed"
    gated.sql("INSERT INTO `t@dev` VALUES (4, -1)")
    gated.sql("INSERT INTO t VALUES (5, 50)")
    found = {g.gate: g for g in catalog.merge("dev", dry_run=True).gates}
    assert not found["any"].passed and '{"n":5}' in (found["any"].problem or "")
    assert not found["no_negative"].passed and '"v":-1' in (found["no_negative"].problem or "")
    gated.sql("DELETE FROM `t@dev` WHERE id = 4")
    gated.sql("ALTER TABLE t ADD COLUMN w INT")
    gated.sql("UPDATE t SET w = 1 WHERE id = 1")
    gated.sql("UPDATE `t@dev` SET v = 11 WHERE id = 1")
    later = catalog.merge("dev", dry_run=True).gates[0]
    assert later.passed is None and "when it is merged" in (later.problem or "")


# ---- how much it reads


def test_a_gate_that_looks_at_each_row_reads_only_what_changed(gated: Any) -> None:
    gated.sql("ALTER TABLE t SET TBLPROPERTIES ('anabranch.write.inline-rows' = '0')")
    gated.sql("INSERT INTO t SELECT id, 5 FROM range(100, 200)")
    old = list(gated.path.glob("data/*/*.parquet"))
    kept = {f: f.read_bytes() for f in old}
    for f in old:
        f.unlink()
    gated.sql("INSERT INTO t VALUES (7, 7)")
    assert passed(gated) == {"no_negative": "changed"}
    for f, data in kept.items():
        f.write_bytes(data)
    gated.sql("CREATE GATE enough ON BRANCH 'main' AS SELECT count(*) AS n FROM t HAVING n < 50")
    gated.sql("INSERT INTO t VALUES (8, 8)")
    assert passed(gated) == {"no_negative": "changed", "enough": "all"}


def test_a_commit_that_touches_no_table_of_a_gate_runs_none(gated: Any) -> None:
    gated.sql("CREATE TABLE other (v INT)")
    gated.sql("INSERT INTO other VALUES (-1)")
    assert passed(gated) == {}
    gated.sql("ALTER TABLE t SET TBLPROPERTIES ('anabranch.write.inline-rows' = '0')")
    gated.sql("OPTIMIZE t")
    assert passed(gated) == {}


@pytest.mark.proves("POL-4")
def test_what_a_gate_let_pass_is_in_the_commit(gated: Any) -> None:
    gated.sql("INSERT INTO t VALUES (3, 30)")
    assert passed(gated) == {"no_negative": "changed"}
    assert gated.sql("SHOW COMMITS LIMIT 1").first().gates == {"no_negative": "changed"}
    (commit,) = Catalog(gated.spark, gated.name).log(limit=1)
    assert commit == anabranch.open(gated.path).log(limit=1)[0]
    assert commit.gates == {"no_negative": "changed"}
    gated.sql("INSERT INTO `t@dev` VALUES (4, 40)")
    gated.sql("MERGE BRANCH dev")
    assert passed(gated) == {"no_negative": "changed"}
    gated.sql("CREATE GATE late ON BRANCH main AS SELECT * FROM t WHERE id = year(current_date())")
    gated.sql("INSERT INTO t VALUES (5, 30)")
    assert passed(gated)["late"] == "all", "tomorrow other rows may be wrong"


def test_settings_and_views_of_a_session_do_not_change_what_a_gate_says(
    gated: Any, refused: Any, spark: Any
) -> None:
    spark.range(1).createOrReplaceTempView("t")
    try:
        with refused("ANABRANCH_GATE.VIOLATED"):
            gated.sql(f"INSERT INTO {gated.name}.default.t VALUES (3, -1)")
    finally:
        spark.catalog.dropTempView("t")


# ---- making, showing, trying and dropping gates


@pytest.mark.parametrize("place", ["ftp://host/lake", None, "file:///sys/kernel/lake"])
def test_other_catalogs_of_the_session_are_not_opened(
    gated: Any, refused: Any, spark: Any, place: str | None
) -> None:
    """One that can't be opened is in nobody's way."""
    other = "spark.sql.catalog.a_first"
    spark.conf.set(other, "io.anabranch.spark.AnabranchCatalog")
    if place:
        spark.conf.set(f"{other}.warehouse", place)
    try:
        gated.sql("CREATE GATE small ON BRANCH main AS SELECT * FROM t WHERE v > 99")
        with refused("ANABRANCH_GATE.VIOLATED", "small"):
            gated.sql("INSERT INTO t VALUES (3, 100)")
    finally:
        spark.conf.unset(f"{other}.warehouse")
        spark.conf.unset(other)


def test_gates_are_listed_tried_and_dropped(gated: Any, refused: Any) -> None:
    assert gated.rows("SHOW GATES") == [("no_negative", "main", NEGATIVE, ["default.t"])]
    assert gated.rows("SHOW GATES IN {lake}") == gated.rows("SHOW GATES")
    assert gated.rows("RUN GATES") == [("no_negative", "main", True, None)]
    gated.sql("INSERT INTO `t@dev` VALUES (3, -1)")
    gated.sql(f"CREATE OR REPLACE GATE no_negative ON BRANCH 'm*' AS {NEGATIVE}")
    assert gated.rows("RUN GATES ON dev") == []
    with refused("ANABRANCH_GATE.VIOLATED", "dev"):
        gated.sql(f"CREATE OR REPLACE GATE no_negative ON BRANCH '*' MESSAGE 'all' AS {NEGATIVE}")
    gated.sql(f"CREATE GATE IF NOT EXISTS no_negative ON BRANCH 'x' AS {NEGATIVE}")
    with refused("ANABRANCH_GATE.ALREADY_EXISTS", "no_negative"):
        gated.sql(f"CREATE GATE no_negative ON BRANCH 'main' AS {NEGATIVE}")
    assert [r[1] for r in gated.rows("SHOW GATES")] == ["m*"]
    gated.sql("DROP GATE no_negative")
    assert head(gated)[3] == "DROP GATE"
    gated.sql("DROP GATE IF EXISTS no_negative")
    with refused("ANABRANCH_GATE.NOT_FOUND", "no_negative"):
        gated.sql("DROP GATE no_negative")
    gated.sql("INSERT INTO t VALUES (3, -1)")
    with refused("ANABRANCH_GATE.VIOLATED", '{"id":3,"v":-1}'):
        gated.sql(f"CREATE GATE again ON BRANCH 'main' AS {NEGATIVE}")
    assert gated.rows("SHOW GATES") == []


@pytest.mark.parametrize(
    ("query", "condition", "words"),
    [
        ("SELECT * FORM t", "PARSE_SYNTAX_ERROR", ["line 2, pos"]),
        ("DELETE FROM t", "PARSE_SYNTAX_ERROR", ["line 2, pos 0"]),
        ("SELECT nope FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION", []),
        ("SELECT * FROM nowhere", "TABLE_OR_VIEW_NOT_FOUND", []),
        ("SELECT 1", "ANABRANCH_GATE.INVALID", ["no table"]),
        (
            "SELECT *, (SELECT reflect('java.lang.System', 'getenv', 'HOME')) FROM t",
            "ANABRANCH_GATE.INVALID",
            ["methods of Java"],
        ),
        ("SELECT * FROM `t@main`", "ANABRANCH_GATE.INVALID", ["no table"]),
        ("SELECT * FROM t, spark_catalog.default.plain", "ANABRANCH_GATE.INVALID", ["not in the repository"]),
    ],
)
def test_what_can_be_no_gate_is_refused(
    gated: Any, refused: Any, query: str, condition: str, words: list[str]
) -> None:
    gated.sql("CREATE TABLE IF NOT EXISTS spark_catalog.default.plain (c INT) USING parquet")
    before = head(gated)
    try:
        with refused(condition, *words):
            gated.sql(f"CREATE GATE g ON BRANCH 'main' AS\n{query}")
    finally:
        gated.sql("DROP TABLE spark_catalog.default.plain")
    assert head(gated) == before


@pytest.mark.parametrize("name", ["", " ", "a\nb"])
def test_a_gate_has_a_name(gated: Any, refused: Any, name: str) -> None:
    with refused("ANABRANCH_GATE.INVALID_NAME"):
        gated.sql(f"CREATE GATE `{name}` ON BRANCH 'main' AS {NEGATIVE}")
    gated.sql(f"CREATE GATE `näme; 'x'` ON BRANCH 'main' AS {NEGATIVE}")
    gated.sql("DROP GATE no_negative")
    with refused("ANABRANCH_GATE.VIOLATED", "näme; 'x'"):
        gated.sql("INSERT INTO t VALUES (3, -1)")


def test_a_pattern_must_be_one_of_names_of_branches(gated: Any, refused: Any) -> None:
    with refused("ANABRANCH_REF.INVALID_NAME", "a b"):
        gated.sql(f"CREATE GATE g ON BRANCH 'a b' AS {NEGATIVE}")


def test_a_gate_whose_table_would_go_or_that_fails_stops_the_commit(gated: Any, refused: Any) -> None:
    with refused("ANABRANCH_GATE.FAILED", "no_negative", "TABLE_OR_VIEW_NOT_FOUND"):
        gated.sql("DROP TABLE t")
    with refused("ANABRANCH_GATE.FAILED", "no_negative"):
        gated.sql("ALTER TABLE t RENAME TO u")
    gated.sql("CREATE GATE ratio ON BRANCH main AS SELECT * FROM t WHERE 100 / v < 1")
    with refused("ANABRANCH_GATE.FAILED", "ratio", "DIVIDE_BY_ZERO"):
        gated.sql("INSERT INTO t VALUES (3, 0)")
    assert len(gated.rows("SELECT * FROM t")) == 2


def test_a_gate_that_takes_too_long_stops_the_commit(gated: Any, refused: Any, spark: Any) -> None:
    gated.sql(
        "CREATE GATE slow ON BRANCH main AS SELECT count(*) AS n FROM t, range(100000) a, range(100000) b "
        "WHERE t.id = 3 AND hash(a.id, b.id) = 7 HAVING n < 0"
    )
    spark.conf.set("spark.anabranch.gates.timeout", "2s")
    try:
        with refused("ANABRANCH_GATE.TIMEOUT", "slow", "2 seconds"):
            gated.sql("INSERT INTO t VALUES (3, 3)")
    finally:
        spark.conf.unset("spark.anabranch.gates.timeout")
    assert len(gated.rows("SELECT * FROM t")) == 2


@pytest.mark.proves("POL-1")
def test_gates_stay_when_main_is_reset_to_before_they_came(gated: Any, refused: Any) -> None:
    gated.sql("RESET BRANCH main TO main~1")
    assert [r[0] for r in gated.rows("SHOW GATES")] == ["no_negative"]
    with refused("ANABRANCH_GATE.VIOLATED"):
        gated.sql("INSERT INTO t VALUES (3, -1)")
    gated.sql("MERGE BRANCH dev")
    gated.sql("DROP GATE no_negative")
    gated.sql("RESET BRANCH main TO dev")
    assert gated.rows("SHOW GATES") == []


def test_a_lost_race_runs_gates_again_on_what_is_there_now(gated: Any, refused: Any) -> None:
    """The other commit is as right as this one: only both together are wrong."""
    gated.sql("CREATE GATE few ON BRANCH main AS SELECT count(*) AS n FROM t HAVING n > 3")
    gated.sql("START TRANSACTION")
    gated.sql("INSERT INTO t VALUES (3, 1)")
    writer = Lake(gated.spark.newSession(), gated.name, gated.path)
    for key, value in (("", "io.anabranch.spark.AnabranchCatalog"), (".warehouse", gated.uri)):
        writer.spark.conf.set(f"spark.sql.catalog.{gated.name}{key}", value)
    writer.sql("INSERT INTO {lake}.default.t VALUES (4, 1)")
    with refused("ANABRANCH_GATE.VIOLATED", "few"):
        gated.sql("COMMIT")
    assert sorted(r[0] for r in gated.rows("SELECT id FROM t")) == [1, 2, 4]


def test_gates_outlast_checkpoints_and_are_known_to_other_processes(
    gated: Any, refused: Any, new_lake: Any
) -> None:
    for n in range(110):
        gated.sql(
            f"CREATE TABLE IF NOT EXISTS many{n % 2} (a INT)" if n < 2 else f"INSERT INTO many0 VALUES ({n})"
        )
    gated.spark._jvm.io.anabranch.test.ColdStart.forget(gated.uri)
    other = new_lake(path=gated.path)
    with refused("ANABRANCH_GATE.VIOLATED"):
        other.sql("INSERT INTO {lake}.default.t VALUES (3, -1)")


# ---- views


def test_a_gate_on_a_view_is_run_when_the_view_is_another_one_or_reads_another_table(
    lake: Any, refused: Any
) -> None:
    for table in ("t", "u"):
        lake.sql(f"CREATE TABLE {table} (v INT)")
    lake.sql("INSERT INTO t VALUES (-5)")
    lake.sql("CREATE NAMESPACE {lake}.n")
    lake.sql("CREATE VIEW {lake}.n.bad AS SELECT * FROM {lake}.default.t WHERE v < -9")
    lake.sql("CREATE GATE none_bad ON BRANCH 'main' AS SELECT * FROM {lake}.n.bad b")
    assert lake.rows("SHOW GATES")[0][3] == ["default.t", "n.bad"]
    with refused("ANABRANCH_GATE.VIOLATED", '{"v":-5}'):
        lake.sql("ALTER VIEW {lake}.n.bad AS SELECT * FROM {lake}.default.t WHERE v < 0")
    with refused("ANABRANCH_GATE.FAILED", "none_bad"):
        lake.sql("DROP VIEW {lake}.n.bad")
    lake.sql("ALTER VIEW {lake}.n.bad AS SELECT * FROM {lake}.default.u WHERE v < 0")
    with refused("ANABRANCH_GATE.VIOLATED", '{"v":-1}'):
        lake.sql("INSERT INTO u VALUES (-1)")
    with pytest.raises(anabranch.errors.GateNoEngine):
        anabranch.open(lake.path).table("default.u").append([{"v": 1}])
