"""What the README shows runs as it stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docs.pages import blocks, statements

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_python_quick_start_runs(new_lake: Any, spark: SparkSession) -> None:
    lake = new_lake()
    (code,) = blocks("README.md", "python")
    # the session of the tests is there already; all else is as in the text
    session_line = (
        'spark = anabranch.configure(SparkSession.builder, repository="file:///tmp/lake").getOrCreate()\n'
    )
    assert session_line in code
    code = code.replace(session_line, "").replace("lake.clinic", f"{lake.name}.clinic")
    names: dict[str, Any] = {"spark": spark}
    exec(code.replace('"lake")', f'"{lake.name}")'), names)
    corrected = lake.rows("SELECT round(value, 1) FROM {lake}.clinic.labs WHERE patient = 'p2'")
    trained_on = lake.rows(
        "SELECT value FROM {lake}.clinic.labs VERSION AS OF 'train-2026-01' WHERE patient = 'p2'"
    )
    assert (corrected, trained_on) == ([(97.3,)], [(5.4,)])
    assert lake.rows("DESCRIBE HISTORY {lake}.clinic.labs LIMIT 1")[0][6] == "units of p2"


def test_the_sql_quick_start_runs(new_lake: Any, spark: SparkSession) -> None:
    lake = new_lake()
    answers = {}
    before = spark.catalog.currentCatalog()
    try:
        for statement in statements("README.md"):
            sql = statement.replace("lake.default", f"{lake.name}.default")
            if sql.startswith("INSERT INTO") and "returns@summer" in sql:
                with pytest.raises(Exception, match=r"ANABRANCH_TABLE\.NOT_FOUND"):
                    spark.sql(sql)
            else:
                answers[sql] = [tuple(row) for row in spark.sql(sql).collect()]
    finally:
        spark.catalog.setCurrentCatalog(before)
    assert answers["SELECT count(*) FROM orders VERSION AS OF 1"] == [(2,)]
    assert answers["SELECT count(*) FROM orders VERSION AS OF 'main~1'"] == [(3,)]
    assert answers["SELECT count(*) FROM orders TIMESTAMP AS OF current_timestamp()"] == [(3,)]
    changes = [("default.orders", "changed"), ("default.returns", "created")]
    assert [row[:2] for row in answers["MERGE BRANCH summer DRY RUN"]] == changes
    assert next(row[3] for row in answers["DESCRIBE HISTORY orders"]) == "RESTORE"
    assert lake.rows("SELECT count(*) FROM {lake}.default.orders") == [(4,)]
