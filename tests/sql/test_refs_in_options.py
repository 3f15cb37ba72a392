"""Options that name a ref are honoured or refused: ignored, they would read or write another place."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def forked(lake: Any) -> Any:
    """Table t: on main the row 1, on dev the rows 1, 2 and 3, each of one version."""
    lake.sql("CREATE TABLE t (id INT)")
    lake.sql("INSERT INTO t VALUES (1)")
    lake.sql("CREATE BRANCH dev")
    lake.sql("INSERT INTO `t@dev` VALUES (2)")
    lake.sql("INSERT INTO `t@dev` VALUES (3)")
    return lake


def ids(lake: Any, relation: str) -> list[int]:
    return sorted(row[0] for row in lake.rows(f"SELECT id FROM {relation}"))


def test_a_version_is_one_of_the_branch_that_is_named(forked: Any) -> None:
    def read(option: str, value: Any) -> list[int]:
        reader = forked.spark.read.format("anabranch").option("branch", "dev").option(option, value)
        return sorted(row.id for row in reader.load(f"{forked.name}.default.t").collect())

    assert [read("versionAsOf", v) for v in range(4)] == [[], [1], [1, 2], [1, 2, 3]]
    (second,) = (row[1] for row in forked.rows("DESCRIBE HISTORY `t@dev`") if row[0] == 2)
    assert read("timestampAsOf", str(second)) == [1, 2]


@pytest.mark.parametrize(("option", "value"), [("versionAsOf", "0"), ("timestampAsOf", "2999-01-01")])
def test_two_options_that_name_different_places_are_refused(
    forked: Any, refused: Any, option: str, value: str
) -> None:
    name = f"{forked.name}.default.t"
    with refused("ANABRANCH_WRITE.OPTION", option, "`t@dev`"):
        forked.spark.read.option(option, value).option("branch", "dev").table(name).collect()
    with refused("ANABRANCH_WRITE.OPTION", "a branch is given"):
        forked.spark.read.option("tag", "v1").option("branch", "dev").table(name).collect()


def test_a_sql_hint_names_the_branch_of_an_insert_and_a_query(forked: Any) -> None:
    forked.sql("INSERT INTO t WITH (`branch` = 'dev') VALUES (4)")
    assert ids(forked, "t WITH (`branch` = 'dev')") == [1, 2, 3, 4]
    assert ids(forked, "t") == [1]


def test_a_table_is_not_replaced_on_another_branch_than_was_asked_for(forked: Any, refused: Any) -> None:
    frame = forked.spark.sql("SELECT 9 AS id")
    name = f"{forked.name}.default.t"
    before = forked.rows("SHOW COMMITS ON main"), forked.rows("SHOW COMMITS ON dev")
    with refused("ANABRANCH_WRITE.OPTION", "branch", "`t@dev`"):
        frame.write.option("branch", "dev").mode("overwrite").saveAsTable(name)
    with refused("ANABRANCH_WRITE.OPTION", "branch", "`t@dev`"):
        frame.writeTo(name).option("branch", "dev").createOrReplace()
    with refused("ANABRANCH_WRITE.OPTION", "versionAsOf"):
        frame.writeTo(name).option("versionAsOf", "0").replace()
    with refused("ANABRANCH_REF.READ_ONLY", "v1"):
        frame.writeTo(name).option("tag", "v1").replace()
    assert (forked.rows("SHOW COMMITS ON main"), forked.rows("SHOW COMMITS ON dev")) == before


def test_a_table_is_not_created_on_another_branch_than_was_asked_for(forked: Any, refused: Any) -> None:
    frame = forked.spark.sql("SELECT 9 AS id")
    for create in (
        lambda: frame.write.option("branch", "dev").saveAsTable(f"{forked.name}.default.u"),
        lambda: frame.writeTo(f"{forked.name}.default.u").option("branch", "dev").create(),
    ):
        with refused("ANABRANCH_WRITE.OPTION", "branch", "`u@dev`"):
            create()
    assert forked.rows("SHOW TABLES") == [("default", "t", False)]


def test_a_table_is_created_on_the_branch_that_is_in_its_name(forked: Any) -> None:
    frame = forked.spark.sql("SELECT 9 AS id")
    frame.writeTo(f"{forked.name}.default.`u@dev`").option("branch", "dev").create()
    frame.write.format("anabranch").option("branch", "dev").save(f"{forked.name}.default.w")
    assert (ids(forked, "`u@dev`"), ids(forked, "`w@dev`")) == ([9], [9])
    assert forked.rows("SHOW TABLES") == [("default", "t", False)]


def test_data_frames_append_and_overwrite_on_the_branch(forked: Any) -> None:
    frame = forked.spark.sql("SELECT 9 AS id")
    name = f"{forked.name}.default.t"
    frame.write.option("branch", "dev").mode("append").saveAsTable(name)
    assert ids(forked, "`t@dev`") == [1, 2, 3, 9]
    frame.write.option("branch", "dev").insertInto(name, overwrite=True)
    assert ids(forked, "`t@dev`") == [9]
    frame.write.format("anabranch").option("branch", "dev").mode("overwrite").save(name)
    assert (ids(forked, "`t@dev`"), ids(forked, "t")) == ([9], [1])


def test_the_ref_in_use_counts_where_no_option_names_one(forked: Any) -> None:
    forked.sql("USE BRANCH dev")
    frame = forked.spark.sql("SELECT 4 AS id")
    frame.write.mode("append").saveAsTable(f"{forked.name}.default.t")
    frame.writeTo(f"{forked.name}.default.made").create()
    assert forked.spark.table(f"{forked.name}.default.t").count() == 4
    assert forked.spark.read.option("branch", "main").table(f"{forked.name}.default.t").count() == 1
    forked.sql("USE BRANCH main")
    assert forked.rows("SHOW TABLES") == [("default", "t", False)]


def test_a_missing_ref_is_an_error_and_never_main(forked: Any, refused: Any) -> None:
    name = f"{forked.name}.default.t"
    for option, shown in (("branch", "branch:nope"), ("tag", "tag:nope")):
        with refused("ANABRANCH_REF.NOT_FOUND", shown):
            forked.spark.read.option(option, "nope").table(name).collect()
    with refused("ANABRANCH_REF.NOT_FOUND", "branch:nope"):
        forked.spark.sql("SELECT 1 AS id").writeTo(name).option("branch", "nope").append()
    with refused("ANABRANCH_REF.NOT_FOUND", "branch:v1"):
        forked.sql("CREATE TAG v1")
        forked.spark.read.option("branch", "v1").table(name).collect()
    with refused("ANABRANCH_WRITE.OPTION", "another ref"):
        forked.spark.read.format("anabranch").option("branch", "dev").load(f"{forked.name}.default.`t@main`")
