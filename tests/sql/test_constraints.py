"""CHECK, NOT NULL, keys and defaults: they hold whatever way rows come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

if TYPE_CHECKING:
    from conftest import Lake

CHECK = "CHECK_CONSTRAINT_VIOLATION"
NULL = "NOT_NULL_ASSERT_VIOLATION"


@pytest.fixture
def lake(new_lake: Callable[..., Lake]) -> Lake:
    lake = new_lake()
    lake.rows(
        "CREATE TABLE {lake}.t (id BIGINT NOT NULL, v INT DEFAULT 1, CONSTRAINT small CHECK (v < 100)) "
        "PARTITIONED BY (bucket(2, id))"
    )
    lake.rows("INSERT INTO {lake}.t VALUES (1, 10), (2, 20)")
    return lake


def condition(lake: Lake, text: str) -> tuple[str | None, str]:
    with pytest.raises(PySparkException) as caught:
        lake.rows(text)
    return caught.value.getCondition(), str(caught.value)


def rows(lake: Lake) -> list[tuple[Any, ...]]:
    return sorted(lake.rows("SELECT * FROM {lake}.t"))


WRITES = [
    "INSERT INTO {lake}.t VALUES (3, 100)",
    "INSERT OVERWRITE {lake}.t SELECT id, 500 FROM {lake}.t",
    "UPDATE {lake}.t SET v = v * 10 WHERE id = 2",
    "MERGE INTO {lake}.t USING (SELECT 1 AS k) ON id = k WHEN MATCHED THEN UPDATE SET v = 101",
    "MERGE INTO {lake}.t USING (SELECT 9 AS k) ON id = k WHEN NOT MATCHED THEN INSERT (id, v) VALUES (k, 999)",
    "MERGE INTO {lake}.t USING (SELECT 1 AS k) ON id = k WHEN MATCHED THEN DELETE "
    "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = 777",
]


@pytest.mark.proves("CON-1")
@pytest.mark.parametrize("write", WRITES)
def test_a_check_holds_in_every_way_of_writing_and_shows_the_row(lake: Lake, write: str) -> None:
    before = rows(lake)
    found, told = condition(lake, write)
    assert found == CHECK and "small" in told and "v" in told
    assert rows(lake) == before


@pytest.mark.parametrize(
    "write",
    [
        "INSERT INTO {lake}.t VALUES (CAST(NULL AS BIGINT), 1)",
        "UPDATE {lake}.t SET id = if(v = 20, NULL, id)",
        "MERGE INTO {lake}.t USING (SELECT 1 AS k, CAST(NULL AS BIGINT) AS n) ON id = k "
        "WHEN MATCHED THEN UPDATE SET id = n",
        "MERGE INTO {lake}.t USING (SELECT 5 AS k, CAST(NULL AS BIGINT) AS n) ON id = k "
        "WHEN NOT MATCHED THEN INSERT (id) VALUES (n)",
    ],
)
def test_not_null_holds_in_every_way_of_writing(lake: Lake, write: str) -> None:
    before = rows(lake)
    assert condition(lake, write)[0] == NULL
    assert rows(lake) == before


def test_dataframes_are_checked_too(lake: Lake) -> None:
    frame = lake.spark.sql("SELECT 7L AS id, 700 AS v")
    for write in (
        lambda: frame.writeTo(f"{lake.name}.default.t").append(),
        lambda: frame.write.insertInto(f"{lake.name}.default.t"),
        lambda: frame.write.mode("append").saveAsTable(f"{lake.name}.default.t"),
    ):
        with pytest.raises(PySparkException) as caught:
            write()
        assert caught.value.getCondition() == CHECK
    assert len(rows(lake)) == 2


def test_what_is_not_known_passes_a_check(lake: Lake) -> None:
    lake.rows("INSERT INTO {lake}.t VALUES (3, NULL)")
    assert rows(lake)[-1] == (3, None)


def test_a_check_can_be_added_if_all_rows_keep_it(lake: Lake) -> None:
    found, told = condition(lake, "ALTER TABLE {lake}.t ADD CONSTRAINT tiny CHECK (v < 15)")
    assert "tiny" in told or "v < 15" in told, found
    lake.rows("DELETE FROM {lake}.t WHERE id = 2")
    lake.rows("ALTER TABLE {lake}.t ADD CONSTRAINT tiny CHECK (v < 15)")
    assert condition(lake, "INSERT INTO {lake}.t VALUES (3, 15)")[0] == CHECK
    lake.rows("ALTER TABLE {lake}.t DROP CONSTRAINT tiny")
    lake.rows("INSERT INTO {lake}.t VALUES (3, 15)")
    assert condition(lake, "ALTER TABLE {lake}.t DROP CONSTRAINT tiny")[0] == "CONSTRAINT_DOES_NOT_EXIST"
    assert condition(lake, "ALTER TABLE {lake}.t ADD CONSTRAINT SMALL CHECK (v < 50)")[0] == (
        "CONSTRAINT_ALREADY_EXISTS"
    )


def test_a_check_goes_with_the_branch_that_it_was_added_on(lake: Lake) -> None:
    lake.rows("CREATE BRANCH dev IN {lake}")
    lake.rows("ALTER TABLE {lake}.`t@dev` ADD CONSTRAINT positive CHECK (v > 0)")
    lake.rows("INSERT INTO {lake}.t VALUES (3, -1)")
    assert condition(lake, "INSERT INTO {lake}.`t@dev` VALUES (3, -1)")[0] == CHECK


def test_a_column_that_a_check_is_about_stays(lake: Lake) -> None:
    for change in ("DROP COLUMN v", "RENAME COLUMN v TO w"):
        found, told = condition(lake, f"ALTER TABLE {{lake}}.t {change}")
        assert found == "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE" and "small" in told
    lake.rows("ALTER TABLE {lake}.t DROP CONSTRAINT small")
    lake.rows("ALTER TABLE {lake}.t RENAME COLUMN v TO w")


@pytest.mark.proves("CON-1", "REPO-2")
def test_who_does_not_know_of_checks_must_not_write(lake: Lake) -> None:
    log = sorted((lake.path / "_anabranch/log/000000").glob("*.json"))
    assert any('"writer_features":["check-constraints"]' in p.read_text() for p in log)


def test_keys_are_kept_and_not_checked(lake: Lake) -> None:
    lake.rows("CREATE TABLE {lake}.k (id BIGINT, n INT, CONSTRAINT pk PRIMARY KEY (id) NOT ENFORCED)")
    lake.rows("ALTER TABLE {lake}.k ADD CONSTRAINT once UNIQUE (n) NOT ENFORCED")
    lake.rows("INSERT INTO {lake}.k VALUES (1, 1), (1, 1)")
    lake.rows("ALTER TABLE {lake}.k RENAME COLUMN n TO m")
    shown = lake.rows("DESCRIBE TABLE EXTENDED {lake}.k")
    told = {r[0]: r[1] for r in shown}
    assert "PRIMARY KEY (id) NOT ENFORCED" in told["pk"] and "UNIQUE (m) NOT ENFORCED" in told["once"]
    assert condition(lake, "ALTER TABLE {lake}.k DROP COLUMN m")[0] == "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE"
    found, told_error = condition(
        lake, "ALTER TABLE {lake}.k ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES {lake}.t (id) NOT ENFORCED"
    )
    assert found == "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE" and "another table" in told_error


def test_defaults_stand_in_every_clause(lake: Lake) -> None:
    lake.rows("INSERT INTO {lake}.t (id) VALUES (3)")
    lake.rows("UPDATE {lake}.t SET v = DEFAULT WHERE id = 1")
    lake.rows(
        "MERGE INTO {lake}.t USING (SELECT * FROM VALUES (2), (4), (5) AS s(k)) ON id = k "
        "WHEN MATCHED THEN UPDATE SET v = DEFAULT WHEN NOT MATCHED AND k = 4 THEN INSERT (id) VALUES (k) "
        "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (k, DEFAULT)"
    )
    assert rows(lake) == [(i, 1) for i in range(1, 6)]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE {lake}.t ADD CONSTRAINT other CHECK (id IN (SELECT v FROM {lake}.default.t))",
        "ALTER TABLE {lake}.t ADD CONSTRAINT other CHECK (NOT EXISTS (SELECT 1))",
        "CREATE TABLE {lake}.u (id INT, CONSTRAINT other CHECK (id > (SELECT max(v) FROM {lake}.default.t)))",
        "CREATE OR REPLACE TABLE {lake}.t (id INT CHECK (id IN (SELECT 1)))",
    ],
)
def test_a_check_is_about_one_row(lake: Lake, statement: str) -> None:
    found, told = condition(lake, statement)
    assert found == "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE" and "sub-query" in told and "GATE" in told
    lake.rows("INSERT INTO {lake}.t VALUES (3, 30)")
    assert rows(lake) == [(1, 10), (2, 20), (3, 30)]
