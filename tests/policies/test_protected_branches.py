"""Protected branches: only merges commit to them, by those who may."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def protected(lake: Any) -> Any:
    """With main protected, where only ada and bob merge, and a branch dev with a row more."""
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1)")
    lake.sql("CREATE BRANCH dev")
    lake.sql("INSERT INTO `t@dev` VALUES (2)")
    with lake.by("ada"):
        lake.sql("PROTECT BRANCH 'main' FOR ada, 'bob'")
    return lake


@pytest.mark.proves("POL-2")
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (3)",
        "DELETE FROM t",
        "CREATE TABLE u (a INT)",
        "DROP TABLE t",
        "CREATE NAMESPACE n",
        "RESTORE TABLE t TO VERSION AS OF 0",
        "RESET BRANCH main TO dev",
        "REVERT main~1",
        "CHERRY PICK dev",
        "OPTIMIZE t",
    ],
)
@pytest.mark.parametrize("who", ["ada", "eve"])
def test_nobody_commits_to_a_protected_branch_otherwise_than_by_merging(
    protected: Any, refused: Any, statement: str, who: str
) -> None:
    if statement == "OPTIMIZE t":
        with protected.by("ada"):
            protected.sql("MERGE BRANCH dev")
    before = protected.rows("SHOW COMMITS")
    with protected.by(who), refused("ANABRANCH_REF.PROTECTED", who, "ada, bob", "main"):
        protected.sql(statement)
    assert protected.rows("SHOW COMMITS") == before


def test_only_those_who_are_named_merge_into_a_protected_branch(protected: Any, refused: Any) -> None:
    with protected.by("eve"), refused("ANABRANCH_REF.PROTECTED", "MERGE BRANCH by eve"):
        protected.sql("MERGE BRANCH dev")
    with protected.by("bob"):
        protected.sql("MERGE BRANCH dev")
    assert protected.rows("SELECT * FROM t ORDER BY id") == [(1,), (2,)]


def test_only_those_who_are_named_change_the_rules(protected: Any, refused: Any) -> None:
    for statement in (
        "UNPROTECT BRANCH 'main'",
        "PROTECT BRANCH main FOR eve",
        "PROTECT BRANCH main",
        "CREATE GATE g ON BRANCH 'dev' AS SELECT * FROM t WHERE id > 5",
    ):
        with protected.by("eve"), refused("ANABRANCH_REF.PROTECTED", "eve"):
            protected.sql(statement)
    assert protected.rows("SHOW PROTECTED BRANCHES") == [("main", ["ada", "bob"])]
    with protected.by("bob"):
        protected.sql("UNPROTECT BRANCH main")
    assert protected.rows("SHOW PROTECTED BRANCHES IN {lake}") == []
    protected.sql("INSERT INTO t VALUES (3)")


def test_a_rule_without_names_lets_everybody_merge(lake: Any, refused: Any) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("CREATE BRANCH dev")
    lake.sql("CREATE BRANCH `release/1`")
    lake.sql("PROTECT BRANCH 'release/*' MESSAGE 'from now on'")
    assert lake.rows("SHOW COMMITS LIMIT 1")[0][3] == "PROTECT BRANCH"
    lake.sql("INSERT INTO `t@dev` VALUES (1)")
    with refused("ANABRANCH_REF.PROTECTED", "release/*"):
        lake.sql("INSERT INTO `t@release/1` VALUES (1)")
    with refused("ANABRANCH_REF.PROTECTED", "DROP BRANCH"):
        lake.sql("DROP BRANCH `release/1`")
    lake.sql("MERGE BRANCH dev INTO `release/1`")
    lake.sql("CREATE BRANCH `release/2` FROM dev")
    lake.sql("INSERT INTO t VALUES (5)")


def test_a_transaction_on_a_protected_branch_is_refused_at_its_commit(protected: Any, refused: Any) -> None:
    protected.sql("START TRANSACTION")
    protected.sql("INSERT INTO t VALUES (9)")
    with refused("ANABRANCH_REF.PROTECTED"):
        protected.sql("COMMIT")
    assert protected.rows("SELECT * FROM t") == [(1,)]


def test_what_is_not_protected_can_not_be_freed(lake: Any, refused: Any) -> None:
    lake.sql("UNPROTECT BRANCH IF PROTECTED dev")
    with refused("ANABRANCH_REF.NOT_PROTECTED", "dev"):
        lake.sql("UNPROTECT BRANCH dev")
    with refused("ANABRANCH_REF.INVALID_NAME", "a b"):
        lake.sql("PROTECT BRANCH 'a b'")


@pytest.mark.parametrize("name", ["O''Brien", "名前", "a b@c.example", 'say "x"', "`"])
def test_authors_may_have_any_characters(lake: Any, refused: Any, name: str) -> None:
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql(f"PROTECT BRANCH main FOR '{name}'")
    plain = name.replace("''", "'")
    assert lake.rows("SHOW PROTECTED BRANCHES") == [("main", [plain])]
    with refused("ANABRANCH_REF.PROTECTED", plain):
        lake.sql("INSERT INTO t VALUES (1)")
