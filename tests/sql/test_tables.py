"""Tables and namespaces: creating, replacing, dropping, renaming, describing."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_table_is_created_written_and_read(lake: Any) -> None:
    lake.sql("CREATE TABLE t (id BIGINT, name STRING COMMENT 'who') USING anabranch COMMENT 'people'")
    lake.sql("INSERT INTO t VALUES (1, 'Ada'), (2, NULL)")
    assert lake.rows("SELECT * FROM t ORDER BY id") == [(1, "Ada"), (2, None)]
    assert ("name", "string", "who") in lake.rows("DESCRIBE t")
    assert ("Comment", "people", "") in lake.rows("DESCRIBE EXTENDED t")


def test_create_table_as_select_is_one_commit(lake: Any) -> None:
    lake.sql("CREATE TABLE t PARTITIONED BY (k) AS SELECT id, id % 3 AS k FROM range(300)")
    assert lake.rows("SELECT k, count(*) FROM t GROUP BY k ORDER BY k") == [(0, 100), (1, 100), (2, 100)]
    (made, first) = lake.rows("SHOW COMMITS")
    assert made[3] == "CREATE TABLE AS SELECT" and made[6]["rows_inserted"] == 300
    assert first[3] == "CREATE REPOSITORY"


def test_a_failed_create_table_as_select_leaves_no_table_and_no_commit(lake: Any) -> None:
    with pytest.raises(Exception, match="DIVIDE_BY_ZERO"):
        lake.sql("CREATE TABLE t AS SELECT 1 / (id - 299) AS x FROM range(0, 300, 1, 1)")
    assert lake.rows("SHOW TABLES") == []
    assert len(lake.rows("SHOW COMMITS")) == 1
    assert list(lake.path.glob("data/**/*.parquet")) == []


def test_replacing_a_table_keeps_its_id_and_history(lake: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT 1 AS a")
    id_before = lake.rows("DESCRIBE DETAIL t")[0][1]
    lake.sql("CREATE OR REPLACE TABLE t AS SELECT 'x' AS a, 2 AS b")
    assert lake.rows("SELECT * FROM t") == [("x", 2)]
    assert lake.rows("SELECT * FROM t VERSION AS OF 0") == [(1,)]
    assert lake.rows("DESCRIBE DETAIL t")[0][1] == id_before
    lake.sql("REPLACE TABLE t (c INT)")
    assert lake.rows("SELECT * FROM t") == []
    assert [r[0] for r in lake.rows("DESCRIBE HISTORY t")] == [2, 1, 0]


def test_replacing_a_table_that_is_not_there_is_an_error(lake: Any, refused: Any) -> None:
    with refused("TABLE_OR_VIEW_NOT_FOUND"):
        lake.sql("REPLACE TABLE t (c INT)")


def test_a_dropped_table_is_gone_here_and_still_there_before(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT 1 AS a")
    lake.sql("DROP TABLE t")
    with refused("TABLE_OR_VIEW_NOT_FOUND"):
        lake.sql("SELECT * FROM t")
    assert lake.rows("SELECT * FROM `t@main~1`") == [(1,)]
    lake.sql("DROP TABLE IF EXISTS t")


def test_a_name_can_be_used_again_after_a_drop(lake: Any) -> None:
    lake.sql("CREATE TABLE t AS SELECT 1 AS a")
    lake.sql("DROP TABLE t")
    lake.sql("CREATE TABLE t AS SELECT 'new' AS a")
    assert lake.rows("SELECT * FROM t") == [("new",)]


def test_renaming_moves_a_table_with_its_rows_and_history(lake: Any, refused: Any) -> None:
    lake.sql("CREATE NAMESPACE other")
    lake.sql("CREATE TABLE t AS SELECT 1 AS a")
    lake.sql("ALTER TABLE t RENAME TO other.u")
    assert lake.rows("SELECT * FROM other.u") == [(1,)]
    assert [r[3] for r in lake.rows("DESCRIBE HISTORY other.u")] == ["RENAME TABLE", "CREATE TABLE AS SELECT"]
    lake.sql("CREATE TABLE t (x INT)")
    with refused("TABLE_OR_VIEW_ALREADY_EXISTS"):
        lake.sql("ALTER TABLE other.u RENAME TO default.t")
    lake.sql("ALTER TABLE other.u RENAME TO {lake}.other.v")
    assert lake.rows("SELECT * FROM other.v") == [(1,)]


def test_properties_are_set_and_unset(lake: Any) -> None:
    lake.sql("CREATE TABLE t (a INT) TBLPROPERTIES ('owner.team' = 'icu')")
    lake.sql("ALTER TABLE t SET TBLPROPERTIES ('pii' = 'yes')")
    lake.sql("ALTER TABLE t UNSET TBLPROPERTIES ('owner.team')")
    properties = dict(lake.rows("SHOW TBLPROPERTIES t"))
    assert properties["pii"] == "yes" and "owner.team" not in properties


def test_namespaces_nest_and_cascade(lake: Any, refused: Any) -> None:
    lake.sql("CREATE NAMESPACE a COMMENT 'first'")
    lake.sql("CREATE NAMESPACE a.b")
    lake.sql("CREATE TABLE a.b.t (x INT)")
    assert lake.rows("SHOW NAMESPACES IN a") == [("a.b",)]
    with refused("ANABRANCH_NAMESPACE.NOT_EMPTY", "still holds 2"):
        lake.sql("DROP NAMESPACE a")
    with refused("SCHEMA_ALREADY_EXISTS"):
        lake.sql("CREATE NAMESPACE a")
    lake.sql("CREATE NAMESPACE IF NOT EXISTS a")
    lake.sql("ALTER NAMESPACE a SET PROPERTIES ('k' = 'v')")
    assert any("v" in str(row) for row in lake.rows("DESCRIBE NAMESPACE EXTENDED a"))
    lake.sql("DROP NAMESPACE a CASCADE")
    assert ("a",) not in lake.rows("SHOW NAMESPACES")


def test_a_namespace_must_be_there(lake: Any, refused: Any) -> None:
    with refused("SCHEMA_NOT_FOUND"):
        lake.sql("CREATE TABLE absent.t (x INT)")
    with refused("SCHEMA_NOT_FOUND"):
        lake.sql("SHOW TABLES IN absent")


def test_tables_of_one_part_are_in_the_default_namespace(lake: Any) -> None:
    lake.sql("CREATE TABLE {lake}.t (x INT)")
    assert lake.rows("SHOW TABLES IN {lake}.default") == [("default", "t", False)]


def test_what_a_table_cannot_be_is_refused_with_advice(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "format csv", "USING anabranch"):
        lake.sql("CREATE TABLE t (x INT) USING csv")
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "Leave LOCATION out"):
        lake.sql("CREATE TABLE t (x INT) LOCATION '/elsewhere'")
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "partitioned by"):
        lake.sql("CREATE TABLE t (x ARRAY<INT>) PARTITIONED BY (x)")
    with refused("COLUMN_ALREADY_EXISTS"):
        lake.sql("CREATE TABLE t (x INT, X INT)")
    lake.spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        with refused("ANABRANCH_SCHEMA.COLUMN_EXISTS", "column x"):
            lake.sql("CREATE TABLE t (x INT, X INT)")
    finally:
        lake.spark.conf.unset("spark.sql.caseSensitive")
    assert lake.rows("SHOW TABLES") == []


@pytest.mark.proves("NAME-3", "TAB-5")
def test_names_of_tables_have_rules(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_TABLE.INVALID_NAME", "longer than 255"):
        lake.sql(f"CREATE TABLE `{'x' * 256}` (a INT)")
    with refused("ANABRANCH_TABLE.INVALID_NAME", "control"):
        lake.sql("CREATE TABLE `a\tb` (a INT)")
    with refused("ANABRANCH_TABLE.INVALID_NAME", "before '@'"):
        lake.sql("CREATE TABLE `@main` (a INT)")
    lake.sql("CREATE TABLE `Ünïcode and spaces` (a INT)")
    lake.sql("INSERT INTO `Ünïcode and spaces` VALUES (1)")
    assert lake.rows("SELECT * FROM `Ünïcode and spaces`") == [(1,)]


def test_a_procedure_that_is_not_there_names_those_that_are(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_PROCEDURE.NOT_FOUND", "system.diff"):
        lake.sql("CALL {lake}.system.nothing()")


def test_the_arguments_of_a_procedure_are_checked(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_PROCEDURE.NULL_ARGUMENT", "argument from"):
        lake.sql("CALL {lake}.system.diff(from => NULL, to => 'main')")
    with refused("REQUIRED_PARAMETER_NOT_FOUND", "`to`"):
        lake.sql("CALL {lake}.system.diff(from => 'main')")
    with refused("ANABRANCH_REF.NOT_FOUND", "nope"):
        lake.sql("CALL {lake}.system.diff('main', 'nope')")


def test_the_place_of_a_tables_files_is_not_changed(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t (a INT)")
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "can't be chosen"):
        lake.sql("ALTER TABLE t SET LOCATION '/elsewhere'")


def test_the_namespace_that_is_missing_is_the_one_that_is_named(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t (a INT)")
    with refused("SCHEMA_NOT_FOUND", "`absent`"):
        lake.sql("ALTER TABLE t RENAME TO absent.t")
    with refused("SCHEMA_NOT_FOUND", "The schema `a` cannot"):
        lake.sql("CREATE NAMESPACE a.b")


def test_names_may_hold_dots_and_blanks(lake: Any) -> None:
    lake.sql("CREATE NAMESPACE `with.dot`")
    lake.sql("CREATE TABLE `with.dot`.`t.x` (`a.b` INT, `c d` STRING)")
    lake.sql("INSERT INTO `with.dot`.`t.x` VALUES (1, 'q')")
    assert lake.rows("SELECT `c d` FROM `with.dot`.`t.x` WHERE `a.b` = 1") == [("q",)]
    assert lake.rows("SHOW TABLES IN `with.dot`") == [("`with.dot`", "t.x", False)]
    assert [row[0] for row in lake.rows("DESCRIBE HISTORY `with.dot`.`t.x`")] == [1, 0]
    assert lake.rows("SELECT count(*) FROM `with.dot`.`t.x@main~1`") == [(0,)]


@pytest.mark.parametrize(
    ("statement", "condition"),
    [
        ("CREATE TABLE x (a INT, b INT GENERATED ALWAYS AS (a + 1))", "UNSUPPORTED_FEATURE.TABLE_OPERATION"),
        ("CREATE TABLE x (a BIGINT GENERATED ALWAYS AS IDENTITY)", "UNSUPPORTED_FEATURE.TABLE_OPERATION"),
        ("CREATE TABLE x (a INT) CLUSTER BY (a)", "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"),
        ("ALTER TABLE t CLUSTER BY (a)", "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"),
        ("CREATE TABLE x (a INT, s STRUCT<>)", "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"),
        ("CREATE TABLE x AS SELECT array(struct()) AS s", "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"),
        ("ALTER TABLE t DROP COLUMN s.f", "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"),
        (
            "CREATE TABLE x (a INT) CLUSTERED BY (a) SORTED BY (a) INTO 4 BUCKETS",
            "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE",
        ),
        ("CREATE TABLE x AS SELECT NULL AS a", "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"),
        ("DROP TABLE t PURGE", "UNSUPPORTED_FEATURE.PURGE_TABLE"),
    ],
)
def test_what_is_not_there_yet_is_refused_and_not_ignored(
    lake: Any, refused: Any, statement: str, condition: str
) -> None:
    lake.sql("CREATE TABLE t (a INT, s STRUCT<f: INT>)")
    before = lake.rows("SHOW COMMITS")
    with refused(condition, *(["CLUSTER BY is not"] if " CLUSTER BY" in statement else [])):
        lake.sql(statement)
    assert lake.rows("SHOW COMMITS") == before


def test_a_namespace_has_no_place_of_its_own(lake: Any, refused: Any) -> None:
    with refused("ANABRANCH_NAMESPACE.LOCATION", "elsewhere"):
        lake.sql("CREATE NAMESPACE elsewhere LOCATION 'file:///tmp/elsewhere'")
    assert lake.rows("SHOW NAMESPACES") == [("default",)]
    with refused("ANABRANCH_NAMESPACE.LOCATION", "default"):
        lake.sql("ALTER NAMESPACE default SET LOCATION 'file:///tmp/elsewhere'")


def test_a_table_like_another_has_its_columns_and_none_of_its_rows(lake: Any, refused: Any) -> None:
    lake.sql(
        "CREATE TABLE t (id BIGINT NOT NULL COMMENT 'key', day DATE, v VARCHAR(5) DEFAULT 'x', "
        "CONSTRAINT positive CHECK (id > 0)) PARTITIONED BY (months(day)) COMMENT 'readings' "
        "TBLPROPERTIES ('anabranch.write.inline-rows' = '0', 'owner.team' = 'lab')"
    )
    lake.sql("INSERT INTO t (id, day) VALUES (1, DATE'2026-01-01')")
    lake.sql("CREATE TABLE u LIKE t TBLPROPERTIES ('k' = 'v')")
    assert lake.rows("SELECT * FROM u") == []
    made, other = (lake.rows(f"SHOW CREATE TABLE {name}")[0][0].replace(".u ", ".t ") for name in "ut")
    assert made == other.replace("'owner.team' = 'lab'", "'k' = 'v'")
    lake.sql("INSERT INTO u (id, day) VALUES (2, DATE'2026-02-01')")
    assert lake.rows("SELECT id, v FROM u") == [(2, "x")]
    with refused("CHECK_CONSTRAINT_VIOLATION"):
        lake.sql("INSERT INTO u (id, day) VALUES (-2, DATE'2026-02-01')")
    with refused("TABLE_OR_VIEW_ALREADY_EXISTS"):
        lake.sql("CREATE TABLE u LIKE t")
    lake.sql("CREATE TABLE IF NOT EXISTS u LIKE t")
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "place of its files"):
        lake.sql("CREATE TABLE w LIKE t LOCATION 'file:///tmp/w'")
    with refused("ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE", "format orc"):
        lake.sql("CREATE TABLE w LIKE t USING orc")


def test_a_table_may_be_like_one_at_another_ref_or_of_another_catalog(lake: Any) -> None:
    lake.sql("CREATE TABLE t (a INT)")
    lake.sql("CREATE BRANCH dev")
    lake.sql("ALTER TABLE `t@dev` ADD COLUMN b INT")
    lake.sql("CREATE TABLE u LIKE `t@dev`")
    assert lake.sql("SELECT * FROM u").columns == ["a", "b"]
    lake.sql("CREATE TABLE spark_catalog.default.plain (c CHAR(3), d DATE) USING parquet")
    try:
        lake.sql("CREATE TABLE w LIKE spark_catalog.default.plain USING anabranch")
        assert lake.rows("DESCRIBE TABLE w") == [("c", "char(3)", None), ("d", "date", None)]
    finally:
        lake.sql("DROP TABLE spark_catalog.default.plain")
