"""Author, message and metadata of commits: by session setting, and the message by clause."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def settings(lake: Any, **values: str) -> Iterator[None]:
    """Sets ``spark.anabranch.commit.*`` by SQL, as users do."""
    for key, value in values.items():
        text = value.replace("\\", "\\\\").replace("`", "``")
        lake.sql(f"SET `spark.anabranch.commit.{key}` = `{text}`")
    try:
        yield
    finally:
        for key in values:
            lake.sql(f"RESET spark.anabranch.commit.{key}")


def newest(lake: Any) -> Any:
    return lake.sql("SHOW COMMITS LIMIT 1").collect()[0]


@pytest.fixture
def table(lake: Any) -> Any:
    lake.sql("CREATE TABLE t (id INT)")
    return lake


def test_the_author_is_the_user_of_the_system_unless_one_is_set(table: Any) -> None:
    assert newest(table).author == getpass.getuser()
    with settings(table, author="Ada Lovelace"):
        table.sql("INSERT INTO t VALUES (1)")
        assert newest(table).author == "Ada Lovelace"
    table.sql("INSERT INTO t VALUES (2)")
    assert newest(table).author == getpass.getuser()


def test_every_kind_of_commit_carries_the_settings(table: Any) -> None:
    statements = (
        "CREATE TABLE u (a INT)",
        "CREATE TABLE w AS SELECT 1 AS a",
        "REPLACE TABLE w AS SELECT 2 AS a",
        "INSERT INTO t VALUES (1)",
        "INSERT OVERWRITE t SELECT 2",
        "TRUNCATE TABLE t",
        "ALTER TABLE t ADD COLUMN x INT",
        "ALTER TABLE u RENAME TO v",
        "DROP TABLE v",
        "CREATE NAMESPACE n",
        "ALTER NAMESPACE n SET PROPERTIES ('k' = 'v')",
        "DROP NAMESPACE n",
        "RESTORE TABLE t TO VERSION AS OF 0",
    )
    with settings(table, author="Ada", message="why", metadata='{"ticket": "DATA-17"}'):
        for statement in statements:
            table.sql(statement)
            commit = newest(table)
            assert (commit.author, commit.message, commit.metadata) == (
                "Ada",
                "why",
                {"ticket": "DATA-17"},
            ), statement


def test_merges_and_resets_carry_the_settings_and_their_clause_comes_first(table: Any) -> None:
    table.sql("CREATE BRANCH dev")
    table.sql("INSERT INTO `t@dev` VALUES (1)")
    with settings(table, author="Ada", message="by setting"):
        table.sql("MERGE BRANCH dev")
        assert (newest(table).author, newest(table).message) == ("Ada", "by setting")
        table.sql("INSERT INTO `t@dev` VALUES (2)")
        table.sql("MERGE BRANCH dev MESSAGE 'by clause'")
        assert newest(table).message == "by clause"
        table.sql("RESET BRANCH dev TO main MESSAGE :why", why="it''s \"over\"")
        assert table.sql("SHOW COMMITS ON dev LIMIT 1").collect()[0].message == "it''s \"over\""


@pytest.mark.parametrize(
    "text", ["", " two  blanks ", "line 1\nline 2", "quotes ' \" `", "Ünïcode 🙂", "${not} a :parameter ?"]
)
def test_any_text_is_a_message(table: Any, text: str) -> None:
    table.spark.conf.set("spark.anabranch.commit.message", text)
    try:
        table.sql("INSERT INTO t VALUES (1)")
    finally:
        table.spark.conf.unset("spark.anabranch.commit.message")
    assert newest(table).message == text
    table.sql("RESTORE TABLE t TO VERSION AS OF 0 MESSAGE :why", why=text)
    assert newest(table).message == text


@pytest.mark.parametrize(
    "metadata", ["not json", "[1]", '{"a": 1}', '{"a": {"b": "c"}}', '{"a": "x", "a": "y"}', '{"a": "x"} x']
)
def test_metadata_that_is_no_object_of_strings_is_refused_before_anything_is_written(
    table: Any, refused: Any, metadata: str
) -> None:
    before = table.rows("SHOW COMMITS")
    table.spark.conf.set("spark.anabranch.commit.metadata", metadata)
    try:
        for statement in ("INSERT INTO t VALUES (1)", "CREATE TABLE u AS SELECT 1 AS a", "CREATE BRANCH dev"):
            with refused("ANABRANCH_WRITE.OPTION", "spark.anabranch.commit.metadata"):
                table.sql(statement)
    finally:
        table.spark.conf.unset("spark.anabranch.commit.metadata")
    assert table.rows("SHOW COMMITS") == before
    assert [row[0] for row in table.rows("SHOW BRANCHES")] == ["main"]


def test_settings_are_the_sessions_own(table: Any) -> None:
    other = table.spark.newSession()
    other.conf.set(f"spark.sql.catalog.{table.name}", "io.anabranch.spark.AnabranchCatalog")
    other.conf.set(f"spark.sql.catalog.{table.name}.warehouse", table.uri)
    with settings(table, author="Ada"):
        other.sql(f"INSERT INTO {table.name}.default.t VALUES (1)")
    assert newest(table).author == getpass.getuser()
