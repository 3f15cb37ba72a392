"""Two MERGEs into one table at the same time: what decides is the keys of their sources."""

from __future__ import annotations

import pytest

from concurrency.rivals import Rivals, conflict

TYPES = {
    "BIGINT": "id",
    "STRING": "concat('key ', id)",
    "DECIMAL(10, 2)": "CAST(id / 4 AS DECIMAL(10, 2))",
    "DATE": "date_add('2026-01-01', CAST(id AS INT))",
}


@pytest.fixture(params=TYPES)
def kind(request: pytest.FixtureRequest) -> str:
    """The type of the keys."""
    return str(request.param)


def create(rivals: Rivals, kind: str = "BIGINT", inline: str = "0") -> None:
    rivals.one.rows(
        f"CREATE TABLE lake.default.r TBLPROPERTIES ('anabranch.write.inline-rows' = '{inline}') AS "
        f"SELECT /*+ COALESCE(1) */ id, CAST({TYPES[kind]} AS {kind}) AS k, 'v' AS v FROM range(10)"
    )


def merge(ids: str, value: str, kind: str = "BIGINT", gate: str = "") -> str:
    """Changes rows of some ids, and adds those that are missing."""
    source = f"SELECT id, CAST({TYPES[kind]} AS {kind}) AS k FROM (SELECT explode(array({ids})) AS id)"
    return (
        f"MERGE INTO lake.default.r t USING ({source}) s ON t.k = s.k "
        f"WHEN MATCHED {gate} THEN UPDATE SET v = '{value}' "
        f"WHEN NOT MATCHED THEN INSERT (id, k, v) VALUES (s.id, s.k, '{value}')"
    )


def values(rivals: Rivals) -> dict[int, str]:
    found = rivals.one.rows("SELECT id, v FROM lake.default.r")
    assert len(found) == len(dict(found)), "a row is there twice"
    return dict(found)


PLAIN = dict.fromkeys(range(10), "v")


@pytest.mark.proves("TXN-5")
def test_merges_of_different_keys_both_succeed(rivals: Rivals, kind: str) -> None:
    create(rivals, kind)
    with rivals.held(merge("1L, 5L, 20L", "one", kind, "AND {open}")) as late:
        rivals.other.rows(merge("0L, 4L, 9L, 21L", "two", kind))
    late.result()
    assert values(rivals) == PLAIN | dict.fromkeys((1, 5, 20), "one") | dict.fromkeys((0, 4, 9, 21), "two")


@pytest.mark.proves("TXN-5")
def test_merges_that_both_add_a_key_are_a_conflict(rivals: Rivals, kind: str) -> None:
    create(rivals, kind)
    with rivals.held(merge("1L, 20L", "one", kind, "AND {open}")) as late:
        rivals.other.rows(merge("4L, 20L", "two", kind))
    assert "would have read" in str(conflict(late))
    assert values(rivals) == PLAIN | {4: "two", 20: "two"}


@pytest.mark.proves("TXN-5")
def test_a_merge_that_only_adds_rows_is_told_by_its_keys_too(rivals: Rivals) -> None:
    create(rivals, inline="100")
    add = (
        "MERGE INTO lake.default.r t USING (SELECT explode(array(3L, {})) AS id) s ON t.id = s.id "
        "WHEN NOT MATCHED {} THEN INSERT (id, v) VALUES (s.id, 'new')"
    )
    with rivals.held(add.format("30L", "AND {open}")) as late:
        rivals.other.rows(add.format("29L", "") + " ")
        rivals.other.rows(add.format("31L", ""))
    late.result()
    assert values(rivals) == PLAIN | dict.fromkeys((29, 30, 31), "new")
    with rivals.held(add.format("40L", "AND {open}")) as late:
        rivals.other.rows(add.format("40L", ""))
    assert "would have read" in str(conflict(late))


@pytest.mark.proves("TXN-5")
def test_null_keys_match_nothing(rivals: Rivals) -> None:
    create(rivals)
    with rivals.held(merge("1L, CAST(NULL AS BIGINT)", "one", gate="AND {open}")) as late:
        rivals.other.rows(merge("4L, CAST(NULL AS BIGINT)", "two"))
    late.result()
    rows = rivals.one.rows("SELECT v FROM lake.default.r WHERE id IS NULL ORDER BY v")
    assert rows == [("one",), ("two",)]


@pytest.mark.proves("TXN-5")
@pytest.mark.parametrize(
    "clause", ["WHEN NOT MATCHED BY SOURCE AND t.id > 8 THEN UPDATE SET v = 'left'", "AND t.v < s.w"]
)
def test_a_merge_that_reads_more_than_its_keys_is_still_checked(rivals: Rivals, clause: str) -> None:
    create(rivals)
    by_source = clause.startswith("WHEN")
    late_one = (
        "MERGE INTO lake.default.r t USING (SELECT 1L AS id, 'x' AS w) s ON t.id = s.id "
        f"{'' if by_source else clause} WHEN MATCHED AND {{open}} THEN UPDATE SET v = 'one' "
        f"{clause if by_source else ''}"
    )
    with rivals.held(late_one) as late:
        rivals.other.rows(merge("12L" if by_source else "1L", "a"))
    assert conflict(late)
    assert 12 in values(rivals) or values(rivals)[1] == "a"


EVOLVING = (
    "MERGE WITH SCHEMA EVOLUTION INTO lake.default.r t USING (SELECT 1L AS id, 'x' AS extra) s ON t.id = s.id "
    "WHEN MATCHED AND {open} THEN UPDATE SET extra = s.extra"
)


@pytest.mark.proves("TXN-6")
def test_columns_that_come_with_rows_fit_on_other_rows(rivals: Rivals) -> None:
    create(rivals)
    with rivals.held(EVOLVING) as late:
        rivals.other.rows("UPDATE lake.default.r SET v = 'other' WHERE id = 2")
        rivals.other.rows("INSERT INTO lake.default.r (id, v) VALUES (30, 'new')")
    late.result()
    assert values(rivals) == PLAIN | {2: "other", 30: "new"}
    assert rivals.one.rows("SELECT id, extra FROM lake.default.r WHERE extra IS NOT NULL") == [(1, "x")]


@pytest.mark.proves("TXN-6")
@pytest.mark.parametrize(
    "statement", ["ADD COLUMN other INT", "ADD COLUMN extra INT", "RENAME COLUMN v TO w"]
)
def test_columns_that_come_with_rows_do_not_fit_on_other_columns(rivals: Rivals, statement: str) -> None:
    create(rivals)
    with rivals.held(EVOLVING) as late:
        rivals.other.rows(f"ALTER TABLE lake.default.r {statement}")
    assert "changed meanwhile" in str(conflict(late))


@pytest.mark.proves("TXN-5")
def test_a_merge_of_one_row_reads_what_has_its_key(rivals: Rivals) -> None:
    """Spark makes a filter of such a source."""
    create(rivals)
    late_one = (
        "MERGE INTO lake.default.r t USING (SELECT 1L AS id, 'x' AS w) s ON t.id = s.id "
        "WHEN MATCHED AND {open} THEN UPDATE SET v = s.w"
    )
    with rivals.held(late_one) as late:
        rivals.other.rows("UPDATE lake.default.r SET v = 'other' WHERE id = 2")
    late.result()
    assert values(rivals) == PLAIN | {1: "x", 2: "other"}
