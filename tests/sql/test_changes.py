"""CHANGES FROM … TO …: what happened to the rows of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

if TYPE_CHECKING:
    from conftest import Lake

Rows = dict[int, str]


@pytest.fixture
def lake(new_lake: Callable[..., Lake]) -> Lake:
    """With the table `t`: version 1 inserts 1 to 4, 2 updates 2, 3 deletes 1, 4 inserts 5 and updates 3."""
    lake = new_lake()
    lake.rows("CREATE TABLE {lake}.t (id BIGINT, v STRING)")
    lake.rows("INSERT INTO {lake}.t VALUES (1, 'a'), (2, 'a'), (3, 'a'), (4, 'a')")
    lake.rows("UPDATE {lake}.t SET v = 'b' WHERE id = 2")
    lake.rows("DELETE FROM {lake}.t WHERE id = 1")
    lake.rows(
        "MERGE INTO {lake}.t USING (SELECT * FROM VALUES (3), (5) AS s(k)) ON id = k "
        "WHEN MATCHED THEN UPDATE SET v = 'm' WHEN NOT MATCHED THEN INSERT (id, v) VALUES (k, 'new')"
    )
    return lake


def changes(lake: Lake, clause: str, table: str = "t", updates: bool = True) -> list[tuple[Any, ...]]:
    """(version, type, id, v) of each change."""
    options = "computeUpdates = 'true'" if updates else "computeUpdates = 'false'"
    clause = f"{clause[:-1]}, {options})" if clause.endswith(")") else f"{clause} WITH ({options})"
    return lake.rows(
        f"SELECT _commit_version, _change_type, id, v FROM {{lake}}.`{table}` CHANGES {clause} ORDER BY 1, 3, 2"
    )


def content(lake: Lake, version: str) -> Rows:
    return dict(lake.rows(f"SELECT id, v FROM {{lake}}.t VERSION AS OF {version}"))  # type: ignore[arg-type]


def applied(rows: Rows, found: list[tuple[Any, ...]]) -> Rows:
    """The rows after the changes, which must fit on them."""
    rows = dict(rows)
    for version in sorted({c[0] for c in found}):
        for _, kind, id, v in (c for c in found if c[0] == version and c[1] in ("delete", "update_preimage")):
            assert rows.pop(id) == v, (version, kind, id)
        for _, kind, id, v in (
            c for c in found if c[0] == version and c[1] in ("insert", "update_postimage")
        ):
            assert id not in rows, (version, kind, id)
            rows[id] = v
    return rows


def test_each_version_tells_its_changes_with_images_before_and_after(lake: Lake) -> None:
    assert changes(lake, "FROM VERSION 2 TO VERSION 4") == [
        (2, "update_postimage", 2, "b"),
        (2, "update_preimage", 2, "a"),
        (3, "delete", 1, "a"),
        (4, "update_postimage", 3, "m"),
        (4, "update_preimage", 3, "a"),
        (4, "insert", 5, "new"),
    ]


def test_without_images_an_update_is_a_deletion_and_an_insertion(lake: Lake) -> None:
    assert changes(lake, "FROM VERSION 2 TO VERSION 2", updates=False) == [
        (2, "delete", 2, "a"),
        (2, "insert", 2, "b"),
    ]


@pytest.mark.parametrize(
    ("clause", "versions"),
    [
        ("FROM VERSION 0", [1, 2, 3, 4]),
        ("FROM VERSION 3", [3, 4]),
        ("FROM VERSION 2 EXCLUSIVE TO VERSION 4 EXCLUSIVE", [3]),
        ("FROM VERSION 4 EXCLUSIVE", []),
        ("FROM VERSION 'main~1' TO VERSION 'main'", [3, 4]),
    ],
)
def test_bounds_are_inclusive_unless_told_otherwise(lake: Lake, clause: str, versions: list[int]) -> None:
    assert sorted({c[0] for c in changes(lake, clause)}) == versions


def test_times_bound_changes_as_versions_do(lake: Lake) -> None:
    times = {row[0]: row[1] for row in lake.rows("DESCRIBE HISTORY {lake}.t")}
    lake.spark.sql("SET TIME ZONE 'UTC'")
    clause = f"FROM TIMESTAMP '{times[2]}' TO TIMESTAMP '{times[3]}'"
    assert sorted({c[0] for c in changes(lake, clause)}) == [2, 3]
    assert changes(lake, "FROM TIMESTAMP '2100-01-01'") == []
    assert len(changes(lake, "FROM TIMESTAMP '2000-01-01'")) == 10


def test_net_changes_leave_out_what_was_undone_in_between(lake: Lake) -> None:
    lake.rows("INSERT INTO {lake}.t VALUES (6, 'gone soon')")
    lake.rows("UPDATE {lake}.t SET v = 'c' WHERE id = 2")
    lake.rows("DELETE FROM {lake}.t WHERE id = 6")
    net = changes(lake, "FROM VERSION 2 WITH (deduplicationMode = 'netChanges')")
    assert [(kind, id, v) for _, kind, id, v in net] == [
        ("delete", 1, "a"),
        ("update_postimage", 2, "c"),
        ("update_preimage", 2, "a"),
        ("update_postimage", 3, "m"),
        ("update_preimage", 3, "a"),
        ("insert", 5, "new"),
    ]


def test_a_restore_tells_what_it_really_changed(lake: Lake) -> None:
    lake.rows("RESTORE TABLE {lake}.t TO VERSION AS OF 2")
    assert changes(lake, "FROM VERSION 5") == [
        (5, "insert", 1, "a"),
        (5, "update_postimage", 3, "a"),
        (5, "update_preimage", 3, "m"),
        (5, "delete", 5, "new"),
    ]
    lake.rows("RESTORE TABLE {lake}.t TO VERSION AS OF 1")
    lake.rows("RESTORE TABLE {lake}.t TO VERSION AS OF 2")
    assert changes(lake, "FROM VERSION 5 EXCLUSIVE WITH (deduplicationMode = 'netChanges')") == []


def test_a_merge_of_branches_is_one_change_of_the_target(lake: Lake) -> None:
    lake.rows("CREATE BRANCH dev IN {lake}")
    lake.rows("UPDATE {lake}.`t@dev` SET v = 'x' WHERE id = 4")
    lake.rows("UPDATE {lake}.`t@dev` SET v = 'dev' WHERE id = 4")
    lake.rows("MERGE BRANCH dev INTO main IN {lake}")
    assert changes(lake, "FROM VERSION 5") == [
        (5, "update_postimage", 4, "dev"),
        (5, "update_preimage", 4, "a"),
    ]


def test_a_reset_of_the_branch_leads_through_the_older_log(lake: Lake) -> None:
    lake.rows("RESET BRANCH main TO 'main~2' IN {lake}")
    lake.rows("DELETE FROM {lake}.t WHERE id = 4")
    assert changes(lake, "FROM VERSION 2") == [
        (2, "update_postimage", 2, "b"),
        (2, "update_preimage", 2, "a"),
        (3, "delete", 4, "a"),
    ]


def test_any_two_refs_can_be_compared(lake: Lake) -> None:
    lake.rows("CREATE BRANCH dev IN {lake} FROM 'main~1'")
    lake.rows("UPDATE {lake}.`t@dev` SET v = 'dev' WHERE id = 4")
    found = changes(lake, "FROM VERSION 'main' TO VERSION 'dev'")
    assert [(kind, id, v) for _, kind, id, v in found] == [
        ("update_postimage", 3, "a"),
        ("update_preimage", 3, "m"),
        ("update_postimage", 4, "dev"),
        ("update_preimage", 4, "a"),
        ("delete", 5, "new"),
    ]
    assert applied(content(lake, "'main'"), found) == content(lake, "'dev'")


def test_columns_of_the_end_are_read_from_all_versions(lake: Lake) -> None:
    lake.rows("ALTER TABLE {lake}.t RENAME COLUMN v TO text")
    lake.rows("ALTER TABLE {lake}.t ADD COLUMN n INT")
    lake.rows("UPDATE {lake}.t SET n = 7 WHERE id = 2")
    found = lake.rows(
        "SELECT _commit_version, text, n FROM {lake}.t CHANGES FROM VERSION 2 WITH (computeUpdates = 'true') "
        "WHERE id = 2 ORDER BY 1, 2, 3"
    )
    assert found == [
        (2, "a", None),
        (2, "b", None),
        (7, "b", None),
        (7, "b", 7),
    ]


def test_types_at_the_end_hold_the_rows_of_all_versions(lake: Lake) -> None:
    """A restore, and the way to another branch, lead to narrower types, and to columns that may not be NULL."""
    lake.rows(
        "CREATE TABLE {lake}.w (id INT NOT NULL, s STRUCT<a: INT, l: ARRAY<INT>>) TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"
    )
    lake.rows("INSERT INTO {lake}.w VALUES (1, named_struct('a', 1, 'l', array(1)))")
    lake.rows("CREATE BRANCH narrow IN {lake}")
    lake.rows("DELETE FROM {lake}.`w@narrow` WHERE id = 1")
    one = (1, 1, [1])
    for change in ("id TYPE BIGINT", "s.a TYPE BIGINT", "s.l.element TYPE BIGINT", "id DROP NOT NULL"):
        lake.rows(f"ALTER TABLE {{lake}}.w ALTER COLUMN {change}")
    big = 1 << 40
    lake.rows(
        f"INSERT INTO {{lake}}.w VALUES ({big}, named_struct('a', {big}, 'l', array({big}))), (NULL, NULL)"
    )
    lake.rows("RESTORE TABLE {lake}.w TO VERSION AS OF 1")
    rows = [(big, big, [big]), (None, None, None)]
    query = "SELECT id, s.a, s.l FROM {lake}.w CHANGES"
    assert lake.rows(f"{query} FROM VERSION 6 EXCLUSIVE TO VERSION 7 ORDER BY 1 DESC") == rows
    assert lake.rows(f"{query} FROM VERSION 2 TO VERSION 6 ORDER BY 1 DESC") == rows
    assert lake.rows(f"{query} FROM VERSION 'main~1' EXCLUSIVE TO VERSION 'narrow' ORDER BY 1 DESC") == [
        rows[0],
        one,
        rows[1],
    ]
    assert lake.rows("SELECT typeof(id) FROM {lake}.w") == [("int",)]
    lake.rows("CREATE OR REPLACE TABLE {lake}.w (id INT NOT NULL, n INT NOT NULL)")
    assert lake.rows("SELECT id, n FROM {lake}.w CHANGES FROM VERSION 7 EXCLUSIVE TO VERSION 8") == [
        (1, None)
    ]


def test_changes_of_large_files_read_only_what_changed(lake: Lake) -> None:
    lake.rows("CREATE TABLE {lake}.big AS SELECT /*+ COALESCE(1) */ id, 'a' AS v FROM range(50000)")
    lake.rows("DELETE FROM {lake}.big WHERE id % 1000 = 7")
    lake.rows("UPDATE {lake}.big SET v = 'b' WHERE id % 1000 = 8")
    found = changes(lake, "FROM VERSION 1", table="big")
    kinds = [c[1] for c in found]
    assert (kinds.count("delete"), kinds.count("update_preimage"), kinds.count("update_postimage")) == (
        50,
        50,
        50,
    )
    assert {c[2] % 1000 for c in found} == {7, 8}


def test_changes_applied_to_one_version_give_another(lake: Lake) -> None:
    statements = [
        "INSERT INTO {lake}.t VALUES (7, 'x'), (8, 'y')",
        "UPDATE {lake}.t SET v = concat(v, '!') WHERE id % 2 = 0",
        "DELETE FROM {lake}.t WHERE id IN (3, 8)",
        "RESTORE TABLE {lake}.t TO VERSION AS OF 5",
        "INSERT OVERWRITE {lake}.t VALUES (2, 'over'), (9, 'over')",
        "UPDATE {lake}.t SET id = id + 10",
    ]
    for statement in statements:
        lake.rows(statement)
    last = 4 + len(statements)
    contents = {n: content(lake, str(n)) for n in range(last + 1)}
    for first in (0, 2, 5, 8):
        every = changes(lake, f"FROM VERSION {first} EXCLUSIVE")
        assert applied(contents[first], every) == contents[last]
        net = changes(lake, f"FROM VERSION {first} EXCLUSIVE WITH (deduplicationMode = 'netChanges')")
        assert applied(contents[first], net) == contents[last]
        assert len(net) <= len(every)


@pytest.mark.parametrize(
    ("clause", "condition"),
    [
        ("FROM VERSION 5", "ANABRANCH_TABLE.VERSION_NOT_FOUND"),
        ("FROM VERSION 'nowhere'", "ANABRANCH_REF.NOT_FOUND"),
        ("FROM VERSION 3 TO VERSION 2", "ANABRANCH_TABLE.INVALID_RANGE"),
        ("FROM TIMESTAMP '2030-01-01' TO TIMESTAMP '2020-01-01'", "ANABRANCH_TABLE.INVALID_RANGE"),
    ],
)
def test_a_range_that_is_none_is_refused(lake: Lake, clause: str, condition: str) -> None:
    with pytest.raises(PySparkException) as caught:
        lake.rows(f"SELECT * FROM {{lake}}.t CHANGES {clause}")
    assert caught.value.getCondition() == condition


def test_a_range_of_times_that_is_none_is_told_as_times(lake: Lake) -> None:
    with pytest.raises(PySparkException, match="from 2030-01-01T00:00:00Z to 2020-01-01T12:00:00Z"):
        lake.rows(
            "SELECT * FROM {lake}.t CHANGES FROM TIMESTAMP '2030-01-01' TO TIMESTAMP '2020-01-01 12:00:00'"
        )


def test_options_name_another_ref_or_are_refused(lake: Lake) -> None:
    lake.rows("CREATE BRANCH dev IN {lake}")
    lake.rows("CREATE TAG old IN {lake} FROM 'main~2'")
    lake.rows("DELETE FROM {lake}.`t@dev` WHERE id > 0")

    def versions(**options: str) -> set[int]:
        reader = lake.spark.read.option("startingVersion", "2")
        for name, value in options.items():
            reader = reader.option(name, value)
        return {row._commit_version for row in reader.changes(f"{lake.name}.default.t").collect()}

    assert versions() == {2, 3, 4}
    assert versions(branch="dev") == {2, 3, 4, 5}
    assert versions(tag="old") == {2}
    for option in ({"versionAsOf": "3"}, {"timestampAsOf": "2020-01-01"}, {"branch": "dev", "tag": "old"}):
        with pytest.raises(PySparkException) as caught:
            versions(**option)
        assert caught.value.getCondition() == "ANABRANCH_WRITE.OPTION", option


CALLS = [
    ("from_version => 1, to_version => 4", "FROM VERSION 1 EXCLUSIVE TO VERSION 4"),
    ("from_version => 2", "FROM VERSION 2 EXCLUSIVE"),
    ("from_ref => 'main~2', to_ref => 'main'", "FROM VERSION 'main~2' EXCLUSIVE TO VERSION 'main'"),
    ("from_ref => 'main', to_ref => 'dev', net => true", "FROM VERSION 'main' EXCLUSIVE TO VERSION 'dev'"),
    (
        "from_version => 0, net => true",
        "FROM VERSION 0 EXCLUSIVE WITH (deduplicationMode = 'netChanges')",
    ),
    ("from_timestamp => TIMESTAMP'2000-01-01'", "FROM TIMESTAMP '2000-01-01' EXCLUSIVE"),
    (
        "from_timestamp => TIMESTAMP'2000-01-01', to_timestamp => TIMESTAMP'2000-01-02'",
        "FROM TIMESTAMP '2000-01-01' EXCLUSIVE TO TIMESTAMP '2000-01-02'",
    ),
]


@pytest.mark.parametrize(("given", "clause"), CALLS)
def test_a_call_tells_the_same_as_the_clause(lake: Lake, given: str, clause: str) -> None:
    lake.rows("CREATE BRANCH dev IN {lake} FROM 'main~1'")
    lake.rows("UPDATE {lake}.`t@dev` SET v = 'dev' WHERE id = 4")
    called = lake.sql(f"CALL {{lake}}.system.changes(table => 'default.t', {given})").collect()
    found = [(r["_commit_version"], r["_change_type"], r["id"], r["v"]) for r in called]
    assert sorted(found, key=str) == sorted(changes(lake, clause), key=str)
    assert found or "2000-01-02" in clause


def test_a_call_takes_a_condition_and_a_ref_in_the_name(lake: Lake) -> None:
    lake.rows("CREATE BRANCH dev IN {lake}")
    lake.rows("UPDATE {lake}.`t@dev` SET v = 'dev' WHERE id IN (4, 5)")
    found = lake.sql(
        "CALL {lake}.system.changes(table => 'default.`t@dev`', from_ref => 'main', where => 'id = 4')"
    ).collect()
    assert [(r["_change_type"], r["id"], r["v"]) for r in found] == [
        ("update_preimage", 4, "a"),
        ("update_postimage", 4, "dev"),
    ]


@pytest.mark.parametrize(
    ("given", "condition", "words"),
    [
        ("to_version => 3", "ANABRANCH_PROCEDURE.INVALID_ARGUMENT", "from_version"),
        ("from_version => 1, from_ref => 'main'", "ANABRANCH_PROCEDURE.INVALID_ARGUMENT", "one of them"),
        (
            "from_version => 1, to_timestamp => TIMESTAMP'2030-01-01'",
            "ANABRANCH_PROCEDURE.INVALID_ARGUMENT",
            "another timestamp",
        ),
        ("from_version => 99", "ANABRANCH_TABLE.VERSION_NOT_FOUND", "99"),
        ("from_version => -1", "ANABRANCH_REF.NOT_FOUND", "-1"),
        ("from_ref => 'nowhere'", "ANABRANCH_REF.NOT_FOUND", "nowhere"),
        ("from_ref => '000000-99'", "ANABRANCH_REF.NOT_FOUND", "000000-99"),
        ("from_ref => '000000-0'", "ANABRANCH_TABLE.NOT_FOUND", "000000-0"),
        ("from_ref => 'main~99'", "ANABRANCH_REF.NO_ANCESTOR", "main~99"),
        ("from_ref => 'main', to_version => 2", "ANABRANCH_TABLE.INVALID_RANGE", "ends before"),
        ("from_version => 3, to_version => 2", "ANABRANCH_TABLE.INVALID_RANGE", "ends before"),
    ],
)
def test_a_call_for_what_is_not_there_is_refused_by_name(
    lake: Lake, given: str, condition: str, words: str
) -> None:
    with pytest.raises(PySparkException) as caught:
        lake.rows(f"CALL {{lake}}.system.changes(table => 'default.t', {given})")
    assert caught.value.getCondition() == condition
    assert words in str(caught.value)


def test_changes_of_a_table_that_was_created_anew_do_not_lead_into_the_old_one(lake: Lake) -> None:
    lake.rows("CREATE TAG before IN {lake}")
    lake.rows("DROP TABLE {lake}.t")
    lake.rows("CREATE TABLE {lake}.t (id BIGINT, v STRING)")
    with pytest.raises(PySparkException) as caught:
        lake.rows("SELECT * FROM {lake}.t CHANGES FROM VERSION 'before'")
    assert caught.value.getCondition() == "ANABRANCH_TABLE.ANOTHER_TABLE"


@pytest.mark.parametrize(
    "asked",
    [
        "SELECT * FROM {lake}.kept CHANGES FROM VERSION 0",
        "CALL {lake}.system.changes(table => 'kept', from_version => 0)",
    ],
)
def test_changes_that_were_kept_as_a_table_have_changes_once_their_columns_are_renamed(
    lake: Lake, refused: Any, asked: str
) -> None:
    columns = "* EXCEPT (_row_id, _row_commit)"
    lake.sql(f"CREATE TABLE {{lake}}.kept AS SELECT {columns} FROM {{lake}}.t CHANGES FROM VERSION 4")
    lake.sql("DELETE FROM {lake}.kept WHERE id = 5")
    with refused("ANABRANCH_TABLE.COLUMN_OF_CHANGES", "kept", "_change_type", "RENAME COLUMN"):
        lake.rows(asked)
    for column in ("_change_type", "_commit_version", "_commit_timestamp"):
        lake.sql(f"ALTER TABLE {{lake}}.kept RENAME COLUMN {column} TO was{column}")
    assert (5, "delete") in {(row.id, row._change_type) for row in lake.sql(asked).collect()}
