"""GRANT and REVOKE: who may read and change tables and branches, and who may say so."""

from __future__ import annotations

from typing import Any

import pytest

DENIED = "ANABRANCH_PERMISSION.DENIED"


@pytest.fixture
def tables(lake: Any) -> Any:
    """Tables t and u with a row each, and a branch dev that has one more in t."""
    for name in ("t", "u"):
        lake.sql(f"CREATE TABLE {name} (id INT)")
        lake.sql(f"INSERT INTO {name} VALUES (1)")
    lake.sql("CREATE BRANCH dev")
    lake.sql("INSERT INTO `t@dev` VALUES (2)")
    return lake


def grant(lake: Any, what: str) -> None:
    with lake.by("ada"):
        lake.sql(what)


@pytest.mark.proves("POL-5")
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM t",
        "SELECT count(*) FROM t",
        "SELECT * FROM t VERSION AS OF 0",
        "SELECT * FROM t VERSION AS OF 'dev'",
        "SELECT * FROM `t@dev`",
        "SELECT * FROM `t@main~1`",
        "SELECT * FROM `t@then`",
        "INSERT INTO u SELECT * FROM t",
        "CREATE TABLE copy AS SELECT * FROM t",
        "DELETE FROM u WHERE id IN (SELECT id FROM t)",
        "UPDATE t SET id = id + 1",
        "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE",
        "SELECT * FROM t CHANGES FROM VERSION 0",
        "CALL {lake}.system.changes(table => 't', from_version => 0)",
        "CALL {lake}.system.row_history(table => 't', where => 'id = 1')",
        "CALL {lake}.system.blame(table => 't')",
        "CALL {lake}.system.row_commits(table => 't')",
    ],
)
def test_rows_of_a_table_are_shown_to_those_only_who_may_select_from_it(
    tables: Any, refused: Any, statement: str
) -> None:
    tables.sql("CREATE TAG then")
    grant(tables, "GRANT SELECT ON TABLE t TO bob, 'carol'")
    with tables.by("eve"), refused(DENIED, "eve may not read: SELECT on table default.t", "bob, carol"):
        tables.rows(statement)
    with tables.by("carol"):
        tables.rows(statement)


def test_who_may_not_read_a_table_may_still_add_to_it_and_see_what_it_is(tables: Any) -> None:
    grant(tables, "GRANT SELECT ON t TO bob")
    with tables.by("eve"):
        tables.sql("INSERT INTO t VALUES (3)")
        assert tables.rows("DESCRIBE t")
        assert tables.rows("SHOW TABLES")
        tables.sql("MERGE BRANCH dev")
    with tables.by("bob"):
        assert tables.rows("SELECT * FROM t ORDER BY id") == [(1,), (2,), (3,)]


def test_a_grant_follows_its_table_and_stays_with_its_name(tables: Any, refused: Any) -> None:
    grant(tables, "GRANT SELECT ON TABLE t TO bob")
    with tables.by("eve"):
        tables.sql("ALTER TABLE t RENAME TO other")
        with refused(DENIED, "default.other"):
            tables.rows("SELECT * FROM other")
        tables.sql("CREATE TABLE t (id INT)")
        with refused(DENIED, "default.t"):
            tables.rows("SELECT * FROM t")
    with tables.by("bob"):
        assert tables.rows("SELECT * FROM other") == [(1,)]


def test_reading_can_be_granted_by_branch(tables: Any, refused: Any) -> None:
    tables.sql("CREATE TAG then FROM dev")
    grant(tables, "GRANT SELECT ON BRANCH 'd*' TO bob")
    with tables.by("eve"):
        assert tables.rows("SELECT * FROM u") == [(1,)]
        for ref in ("dev", "then", "branch:dev"):
            with refused(DENIED, "branch dev"):
                tables.rows(f"SELECT * FROM `u@{ref}`")
        assert tables.rows("SELECT * FROM `u@dev~2`") == [(1,)], "it is one of main"
    grant(tables, "REVOKE SELECT ON BRANCH 'd*' FROM bob")
    with tables.by("bob"), refused(DENIED, "granted to nobody"):
        tables.rows("SELECT * FROM `u@dev`")


def test_a_grant_on_a_table_can_be_held_to_branches(tables: Any, refused: Any) -> None:
    grant(tables, "GRANT SELECT, MODIFY ON TABLE t ON BRANCH 'dev' TO bob")
    with tables.by("eve"):
        assert tables.rows("SELECT * FROM t") == [(1,)]
        tables.sql("INSERT INTO t VALUES (4)")
        with refused(DENIED, "default.t"):
            tables.rows("SELECT * FROM `t@dev`")
        with refused(DENIED, "MODIFY"):
            tables.sql("INSERT INTO `t@dev` VALUES (4)")


@pytest.mark.proves("POL-5")
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (3)",
        "INSERT OVERWRITE t VALUES (3)",
        "DELETE FROM t",
        "DELETE FROM t WHERE id = 1",
        "UPDATE t SET id = 7",
        "MERGE INTO t USING u ON false WHEN NOT MATCHED THEN INSERT *",
        "TRUNCATE TABLE t",
        "ALTER TABLE t ADD COLUMN v INT",
        "ALTER TABLE t RENAME TO other",
        "ALTER TABLE u RENAME TO q",
        "DROP TABLE t",
        "CREATE OR REPLACE TABLE t (a INT)",
        "CREATE OR REPLACE TABLE t AS SELECT 1 AS a",
        "RESTORE TABLE t TO VERSION AS OF 0",
        "OPTIMIZE t",
        "MERGE BRANCH dev",
        "CHERRY PICK dev",
        "REVERT main~2",
        "RESET BRANCH main TO dev",
    ],
)
def test_a_table_is_changed_by_those_only_who_may_modify_it(
    tables: Any, refused: Any, statement: str
) -> None:
    tables.sql("INSERT INTO t VALUES (5)")
    grant(tables, "GRANT MODIFY ON TABLE t TO bob")
    grant(tables, "GRANT MODIFY ON TABLE u TO bob")
    before = tables.rows("SHOW COMMITS")
    with tables.by("eve"), refused(DENIED, "eve may not", "MODIFY on table default.", "bob"):
        tables.sql(statement)
    assert tables.rows("SHOW COMMITS") == before
    with tables.by("bob"):
        tables.sql(statement)
    assert tables.rows("SHOW COMMITS") != before


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (3)",
        "CREATE TABLE x (a INT)",
        "CREATE NAMESPACE n",
        "MERGE BRANCH dev",
        "RESET BRANCH main TO dev",
        "DROP BRANCH dev",
        "CREATE BRANCH dev2",
    ],
)
def test_a_branch_is_changed_by_those_only_who_may_modify_it(
    tables: Any, refused: Any, statement: str
) -> None:
    for pattern in ("main", "dev*"):
        grant(tables, f"GRANT MODIFY ON BRANCH '{pattern}' IN {tables.name} TO bob")
    with tables.by("eve"), refused(DENIED, "eve may not", "MODIFY on branch"):
        tables.sql(statement)
    with tables.by("bob"):
        tables.sql(statement)


def test_grants_of_one_privilege_add_up(tables: Any, refused: Any) -> None:
    grant(tables, "GRANT MODIFY ON BRANCH '*' TO etl")
    grant(tables, "GRANT MODIFY ON BRANCH 'dev' TO bob")
    with tables.by("bob"):
        tables.sql("INSERT INTO `t@dev` VALUES (3)")
        with refused(DENIED, "branch main", "etl"):
            tables.sql("INSERT INTO t VALUES (3)")
    with tables.by("etl"):
        tables.sql("MERGE BRANCH dev")


def test_what_is_revoked_from_the_last_is_nobodys_and_public_is_everybody(tables: Any, refused: Any) -> None:
    grant(tables, "GRANT ALL PRIVILEGES ON TABLE t TO bob MESSAGE 'ticket 7'")
    assert tables.rows("SHOW GRANTS") == [
        ("MODIFY", "*", "default.t", ["bob"], "ada"),
        ("SELECT", "*", "default.t", ["bob"], "ada"),
    ]
    assert tables.rows("SHOW COMMITS LIMIT 1")[0][2:5] == ("ada", "GRANT", "ticket 7")
    grant(tables, "REVOKE ALL PRIVILEGES ON TABLE t FROM bob")
    with tables.by("bob"):
        with refused(DENIED, "granted to nobody"):
            tables.rows("SELECT * FROM t")
        with refused(DENIED, "granted to nobody"):
            tables.sql("DELETE FROM t")
    grant(tables, "GRANT SELECT ON TABLE t TO public")
    with tables.by("eve"):
        assert tables.rows("SELECT * FROM t") == [(1,)]
    grant(tables, "REVOKE SELECT ON TABLE t FROM PUBLIC")
    grant(tables, "REVOKE SELECT ON TABLE u FROM PUBLIC")
    with tables.by("eve"):
        for name in ("t", "u"):
            with refused(DENIED, "granted to nobody"):
                tables.rows(f"SELECT * FROM {name}")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("MODIFY ON BRANCH 'rel/*'", "MODIFY ON BRANCH 'rel/1'"),
        ("MODIFY ON BRANCH 'rel/*'", "MODIFY ON BRANCH '*'"),
        ("MODIFY ON BRANCH 'rel/*'", "MODIFY ON BRANCH '*1'"),
        ("SELECT ON TABLE t", "SELECT ON TABLE t ON BRANCH 'dev'"),
    ],
)
def test_nobody_adds_to_what_another_has_granted_by_other_words_for_the_same_branches(
    tables: Any, refused: Any, first: str, second: str
) -> None:
    grant(tables, f"GRANT {first} TO bob")
    with tables.by("eve"):
        with refused("ANABRANCH_PERMISSION.NOT_OWNER", "eve", "first granted by ada"):
            tables.sql(f"GRANT {second} TO eve")
        for other in ("SELECT ON TABLE u", "SELECT ON BRANCH 'rel/*'"):
            tables.sql(f"GRANT {other} TO eve")
    grant(tables, f"GRANT {second} TO eve")


def test_who_manages_some_branches_alone_grants_what_is_about_these_and_others(
    tables: Any, refused: Any
) -> None:
    grant(tables, "GRANT MANAGE ON BRANCH 'rel/*' TO ada")
    grant(tables, "GRANT MODIFY ON BRANCH 'rel/*' TO bob")
    with tables.by("eve"):
        with refused(DENIED, "eve", "MANAGE", "rel/*"):
            tables.sql("GRANT MODIFY ON BRANCH '*' TO eve")
        tables.sql("GRANT MODIFY ON BRANCH 'dev/*' TO eve")


def test_a_grant_is_changed_by_who_made_it(tables: Any, refused: Any) -> None:
    grant(tables, "GRANT MODIFY ON BRANCH main TO bob")
    for statement in ("GRANT MODIFY ON BRANCH main TO eve", "REVOKE MODIFY ON BRANCH main FROM bob"):
        with tables.by("eve"), refused("ANABRANCH_PERMISSION.NOT_OWNER", "eve", "first granted by ada"):
            tables.sql(statement)
    grant(tables, "GRANT MODIFY ON BRANCH main TO eve")
    with tables.by("eve"):
        tables.sql("INSERT INTO t VALUES (6)")


def test_where_managers_are_named_they_alone_change_rules(tables: Any, refused: Any) -> None:
    grant(tables, "GRANT SELECT ON TABLE t TO bob")
    with tables.by("root"):
        tables.sql("GRANT MANAGE ON BRANCH '*' TO root, carol")
    for statement in (
        "GRANT SELECT ON TABLE t TO ada",
        "REVOKE SELECT ON TABLE t FROM bob",
        "GRANT MANAGE ON BRANCH '*' TO ada",
        "GRANT MODIFY ON BRANCH 'dev' TO ada",
        "CREATE GATE g ON BRANCH 'dev' AS SELECT * FROM t WHERE id > 5",
        "PROTECT BRANCH dev",
    ):
        with tables.by("ada"), refused(DENIED, "ada may not", "MANAGE", "carol, root"):
            tables.sql(statement)
    with tables.by("carol"):
        tables.sql("REVOKE SELECT ON TABLE t FROM bob")
        tables.sql("REVOKE MANAGE ON BRANCH '*' FROM root")
        with refused("ANABRANCH_PERMISSION.LAST_MANAGER", "'*'"):
            tables.sql("REVOKE MANAGE ON BRANCH '*' FROM carol")
    assert tables.rows("SHOW GRANTS")[0] == ("MANAGE", "*", None, ["carol"], "root")


def test_a_transaction_is_held_to_grants_when_it_is_committed(tables: Any, refused: Any) -> None:
    grant(tables, "GRANT MODIFY ON TABLE t TO bob")
    with tables.by("eve"):
        tables.sql("START TRANSACTION")
        tables.sql("INSERT INTO u VALUES (9)")
        tables.sql("INSERT INTO t VALUES (9)")
        with refused(DENIED, "default.t"):
            tables.sql("COMMIT")
    assert tables.rows("SELECT * FROM u") == [(1,)]
    tables.sql("START TRANSACTION")
    with refused("ANABRANCH_TRANSACTION.REFUSED", "GRANT"):
        tables.sql("GRANT SELECT ON TABLE t TO bob")
    tables.sql("ROLLBACK")


def test_a_gate_reads_with_the_rights_of_who_commits(tables: Any, refused: Any) -> None:
    tables.sql("CREATE GATE known ON BRANCH main AS SELECT * FROM t WHERE id NOT IN (SELECT id FROM u)")
    grant(tables, "GRANT SELECT ON TABLE u TO bob")
    with tables.by("eve"), refused("ANABRANCH_GATE.FAILED", "eve may not read"):
        tables.sql("INSERT INTO t VALUES (1)")
    with tables.by("bob"):
        tables.sql("INSERT INTO t VALUES (1)")


def test_a_merge_compares_rows_for_those_only_who_may_read_them(tables: Any, refused: Any) -> None:
    tables.sql("ALTER TABLE t ADD COLUMN v STRING")
    tables.sql("CREATE BRANCH a")
    tables.sql("UPDATE `t@a` SET v = 'theirs'")
    tables.sql("UPDATE t SET v = 'ours'")
    grant(tables, "GRANT SELECT ON TABLE t TO bob")
    with tables.by("eve"), refused(DENIED, "default.t"):
        tables.rows("MERGE BRANCH a DRY RUN")
    with tables.by("bob"):
        assert "theirs" in str(tables.rows("MERGE BRANCH a DRY RUN"))


def test_what_was_not_granted_can_not_be_revoked(tables: Any, refused: Any) -> None:
    for statement, who in (
        ("REVOKE SELECT ON TABLE t FROM eve", "everybody"),
        ("REVOKE MODIFY ON BRANCH main FROM eve", "everybody"),
    ):
        with refused("ANABRANCH_PERMISSION.NOT_GRANTED", "eve", who):
            tables.sql(statement)
    grant(tables, "GRANT SELECT ON TABLE t TO bob")
    with tables.by("ada"), refused("ANABRANCH_PERMISSION.NOT_GRANTED", "eve", "bob"):
        tables.sql("REVOKE SELECT ON TABLE t FROM eve")


@pytest.mark.parametrize("name", ["", " bob", "a\\nb", "a\\u200bb", "x" * 256])
def test_principals_with_characters_that_nobody_sees_are_refused(
    tables: Any, refused: Any, name: str
) -> None:
    for statement in (f"GRANT SELECT ON TABLE t TO '{name}'", f"PROTECT BRANCH main FOR '{name}'"):
        with refused("ANABRANCH_PERMISSION.INVALID_PRINCIPAL"):
            tables.sql(statement)
    assert tables.rows("SHOW GRANTS") == []


@pytest.mark.parametrize(
    "name", ["O''Brien", "名前", "CORP\\\\user", "arn:aws:iam::1:role/x", 'say "x"', "a, b"]
)
def test_principals_may_have_any_others(tables: Any, refused: Any, name: str) -> None:
    plain = name.replace("''", "'").replace("\\\\", "\\")
    grant(tables, f"GRANT SELECT ON TABLE t TO '{name}'")
    assert tables.rows("SHOW GRANTS") == [("SELECT", "*", "default.t", [plain], "ada")]
    with tables.by(plain):
        assert tables.rows("SELECT * FROM t") == [(1,)]
    with tables.by("eve"), refused(DENIED):
        tables.rows("SELECT * FROM t")


def test_what_can_not_be_granted(tables: Any, refused: Any) -> None:
    with refused("ANABRANCH_SQL.SYNTAX", "MANAGE is granted ON BRANCH only"):
        tables.sql("GRANT MANAGE ON TABLE t TO bob")
    with refused("ANABRANCH_SQL.SYNTAX", "expected SELECT, MODIFY, MANAGE"):
        tables.sql("GRANT EVERYTHING ON TABLE t TO bob")
    with refused("ANABRANCH_SQL.SYNTAX", "expected TO"):
        tables.sql("GRANT SELECT ON TABLE t")
    with refused("ANABRANCH_TABLE.NOT_FOUND", "nope"):
        tables.sql("GRANT SELECT ON TABLE nope TO bob")
    with refused("ANABRANCH_REF.INVALID_NAME", "a b"):
        tables.sql("GRANT SELECT ON BRANCH 'a b' TO bob")
    assert tables.rows("SHOW GRANTS") == []
