"""Our statements and no others are ours; their syntax errors point at the word."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def parse(spark: Any) -> Any:
    """The name of the plan that a statement parses to."""

    def name(sql: str) -> str:
        return str(spark._jsparkSession.sessionState().sqlParser().parsePlan(sql).getClass().getSimpleName())

    return name


@pytest.mark.parametrize(
    ("sql", "plan"),
    [
        ("CREATE BRANCH b", "CreateBranch"),
        ("create branch if not exists `feature/x` in lake from main~2;", "CreateBranch"),
        ("CREATE BRANCH feature/a-b FROM 000000-12-ab34cd", "CreateBranch"),
        ("CREATE TAG v1.0 IN lake FROM 'main@{2026-01-01}'", "CreateTag"),
        ("CREATE TAG train-2026-01", "CreateTag"),
        ("DROP BRANCH IF EXISTS b IN lake", "DropBranch"),
        ("DROP TAG v1.0", "DropTag"),
        ("USE BRANCH b IN lake", "UseReference"),
        ("USE TAG v1", "UseReference"),
        ("USE REFERENCE main~1", "UseReference"),
        ("SHOW BRANCHES", "ShowBranches"),
        ("SHOW TAGS IN lake", "ShowTags"),
        ("SHOW COMMITS ON dev IN lake LIMIT 5", "ShowCommits"),
        ("SHOW CURRENT REFERENCE", "ShowCurrentReference"),
        ("RESET BRANCH b TO main~1 IN lake MESSAGE 'why'", "ResetBranch"),
        ("-- a comment\n /* and another */ MERGE BRANCH s INTO b IN lake DRY RUN", "MergeBranchCommand"),
        ('MERGE\nBRANCH s\nMESSAGE "it\'s"', "MergeBranchCommand"),
        ("RESTORE TABLE lake.db.t TO VERSION AS OF 3", "RestoreTableCommand"),
        ("RESTORE db.`t@dev` TO VERSION AS OF main~2 MESSAGE 'm'", "RestoreTableCommand"),
        ("RESTORE t TO TIMESTAMP AS OF current_timestamp() - INTERVAL 1 HOUR", "RestoreTableCommand"),
        ("RESTORE table TO VERSION AS OF 1", "RestoreTableCommand"),
        ("DESCRIBE HISTORY lake.db.t LIMIT 3", "DescribeHistory"),
        ("DESC DETAIL t", "DescribeDetail"),
        ("OPTIMIZE lake.db.`t@dev`", "OptimizeTable"),
        ("optimize table t where a = 1 and b in ('x', 'MESSAGE') message 'm';", "OptimizeTable"),
        ("EXPLAIN OPTIMIZE t", "ExplainCommand"),
        ("EXPLAIN FORMATTED MERGE BRANCH s", "ExplainCommand"),
    ],
)
def test_statements_are_recognised(parse: Any, sql: str, plan: str) -> None:
    assert parse(sql) == plan


@pytest.mark.parametrize(
    "sql",
    [
        "USE branch",
        "USE tag",
        "DESCRIBE history",
        "DESC detail",
        "DESCRIBE history.detail",
        "SELECT * FROM branch",
        "CREATE TABLE branch (tag INT)",
        "DROP TABLE tag",
        "SHOW TABLES",
        "SHOW CURRENT NAMESPACE",
        "MERGE INTO branch USING s ON branch.a = s.a WHEN MATCHED THEN DELETE",
        "RESET spark.sql.shuffle.partitions",
        "EXPLAIN SELECT 1",
        "CREATE OR REPLACE TEMPORARY VIEW branches AS SELECT 1",
    ],
)
def test_what_only_looks_alike_is_sparks(parse: Any, sql: str) -> None:
    assert not parse(sql).startswith(
        ("Create" + "Branch", "Use" + "Reference", "Describe" + "History", "Merge" + "Branch")
    )


@pytest.mark.parametrize(
    ("sql", "line", "column", "words"),
    [
        ("CREATE BRANCH", 1, 13, "expected the name of a branch at the end"),
        ("CREATE BRANCH b FROM", 1, 20, "expected a ref at the end"),
        ("CREATE BRANCH b FORM main", 1, 16, "not expected here near 'FORM'"),
        ("SHOW COMMITS\n  LIMIT many", 2, 8, "expected a limit, a whole number near 'many'"),
        ("MERGE BRANCH s MESSAGE why", 1, 23, "expected a message, a string near 'why'"),
        ("MERGE BRANCH s ON CONFLICT MINE", 1, 27, "expected FAIL, OURS or THEIRS near 'MINE'"),
        ("RESET BRANCH b", 1, 14, "expected TO at the end"),
        ("RESTORE TABLE t VERSION AS OF 1", 1, 16, "expected TO near 'VERSION'"),
        ("RESTORE TABLE t TO 3", 1, 19, "expected VERSION or TIMESTAMP near '3'"),
        ("DESCRIBE HISTORY t LIMIT -1", 1, 25, "whole number near '-'"),
        ("DROP TAG v1 IN", 1, 14, "expected the name of a catalog"),
        ("OPTIMIZE", 1, 8, "expected the name of a table at the end"),
        ("OPTIMIZE t WHERE", 1, 16, "expected a condition at the end"),
        ("OPTIMIZE t\n WHERE a = = 1 MESSAGE 'm'", 2, 7, "expected a condition near 'a'"),
        ("OPTIMIZE t ZORDER BY (a)", 1, 11, "rows can't be ordered by columns yet"),
        ("OPTIMIZE t FULL", 1, 11, "not expected here near 'FULL'"),
        ("USE BRANCH b IN lake now", 1, 21, "not expected here near 'now'"),
    ],
)
def test_a_syntax_error_points_at_the_word(
    spark: Any, refused: Any, sql: str, line: int, column: int, words: str
) -> None:
    with refused("ANABRANCH_SQL.SYNTAX", words, f"(line {line}, pos {column})", "-" * column + "^^^"):
        spark.sql(sql)


def test_a_name_that_can_not_be_points_at_the_word(spark: Any, refused: Any) -> None:
    with refused("ANABRANCH_REF.INVALID_NAME", "a number alone means a table version", "(line 1, pos 14)"):
        spark.sql("CREATE BRANCH 12")
    with refused("ANABRANCH_REF.INVALID_NAME", "it holds ' '", "-----------^^^"):
        spark.sql("CREATE TAG `a b`")


def test_the_usage_is_told(spark: Any, refused: Any) -> None:
    with refused("ANABRANCH_SQL.SYNTAX", "MERGE BRANCH source [INTO branch] [IN catalog]"):
        spark.sql("MERGE BRANCH")


def test_parameters_are_bound(lake: Any, refused: Any) -> None:
    lake.sql("CREATE BRANCH :name FROM :ref", name="feature/x", ref="main")
    lake.spark.sql("CREATE TAG ? FROM ?", args=["v1", "feature/x"])
    assert [r[0] for r in lake.rows("SHOW BRANCHES")] == ["feature/x", "main"]
    assert len(lake.spark.sql("SHOW COMMITS ON ? LIMIT ?", args=["main", 1]).collect()) == 1
    with refused("ANABRANCH_SQL.SYNTAX", "no value for the parameter nope"):
        lake.sql("CREATE BRANCH :nope", other="x")
    with refused("ANABRANCH_SQL.SYNTAX", "a whole number"):
        lake.sql("SHOW COMMITS LIMIT :n", n="many")


def test_a_parameter_is_a_value_and_never_sql(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_REF.INVALID_NAME"):
        lake.sql("CREATE BRANCH :name", name="x; DROP BRANCH main")


def test_session_variables_are_substituted(lake: Any) -> None:
    lake.spark.conf.set("my.branch", "from-a-variable")
    lake.sql("CREATE BRANCH `${my.branch}`")
    assert lake.rows("SHOW BRANCHES")[0][0] == "from-a-variable"


def test_statements_work_in_scripts(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql(
        "BEGIN DECLARE n INT DEFAULT 0; CREATE BRANCH `load`; WHILE n < 2 DO SET n = n + 1; "
        "INSERT INTO `t@load` VALUES (7); END WHILE; IF n = 2 THEN MERGE BRANCH `load` MESSAGE 'it''s done'; END IF; END"
    )
    assert lake.rows("SELECT count(*) FROM t") == [(2,)]
    assert lake.rows("SHOW COMMITS LIMIT 1")[0][4] == "it's done"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE BRANCH b",
        "SHOW COMMITS",
        "MERGE BRANCH main",
        "RESET BRANCH main TO main",
        "DESCRIBE HISTORY t",
    ],
)
def test_explain_shows_and_does_nothing(lake: Any, sql: str) -> None:
    before = lake.rows("SHOW COMMITS")
    assert "Physical Plan" in lake.rows(f"EXPLAIN {sql}")[0][0]
    assert "Logical Plan" in lake.rows(f"EXPLAIN EXTENDED {sql}")[0][0]
    assert lake.rows("SHOW COMMITS") == before and [r[0] for r in lake.rows("SHOW BRANCHES")] == ["main"]


@pytest.mark.parametrize(
    "before", ["\n" * 20_000, " " * 50_000, "-- note\n" * 5_000, "/* a */\n" * 5_000, "/* /* nested */ */ "]
)
def test_whatever_stands_before_a_statement_may_be_long(lake: Any, before: str) -> None:
    assert lake.rows(f"{before}SHOW TAGS") == []
    assert lake.rows(f"{before}SELECT 1") == [(1,)]


@pytest.mark.parametrize("name", ["fix--it", "fix/*it*/"])
def test_a_name_is_not_cut_off_by_a_comment_in_it(lake: Any, refused: Any, name: str) -> None:
    with refused("ANABRANCH_SQL.SYNTAX", "back-quotes", "pos 14"):
        lake.sql(f"CREATE BRANCH {name}")
    assert [row[0] for row in lake.rows("SHOW BRANCHES")] == ["main"]
    lake.sql("CREATE BRANCH `fix--it` -- a comment")
    assert [row[0] for row in lake.rows("SHOW BRANCHES")] == ["fix--it", "main"]


@pytest.mark.parametrize("time", ["1 +", "now(", "'2026-01-01' 'x"])
def test_what_is_no_expression_is_pointed_at_in_the_whole_statement(
    spark: Any, refused: Any, time: str
) -> None:
    with refused(
        "ANABRANCH_SQL.SYNTAX", "expected a time", "line 1, pos 35", "RESTORE TABLE t TO TIMESTAMP AS OF"
    ):
        spark.sql(f"RESTORE TABLE t TO TIMESTAMP AS OF {time} MESSAGE 'm'")


def test_a_catalog_that_is_not_there_is_named(spark: Any, refused: Any) -> None:
    for statement in ("SHOW BRANCHES IN nope", "CREATE TAG v1 IN nope", "MERGE BRANCH dev INTO main IN nope"):
        with refused("ANABRANCH_CATALOG.NOT_FOUND", "catalog nope"):
            spark.sql(statement)
