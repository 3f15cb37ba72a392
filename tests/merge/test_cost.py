"""What a merge does not look at."""

from __future__ import annotations

from typing import Any

import pytest

FILES = "TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"


@pytest.mark.proves("MRG-5")
def test_a_merge_of_different_rows_reads_no_data_file(lake: Any) -> None:
    """Nor one of cells that a side only moved: the files are away while it runs."""
    lake.sql(f"CREATE TABLE t (id INT, v INT) {FILES}")
    lake.sql("INSERT INTO t SELECT id, 0 FROM range(1000)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("UPDATE t SET v = 1 WHERE id % 10 = 1")
    lake.sql("DELETE FROM t WHERE id % 10 = 2")
    lake.sql("UPDATE `t@dev` SET v = 3 WHERE id % 10 = 3")
    lake.sql("INSERT INTO `t@dev` SELECT id, 4 FROM range(1000, 1100)")
    data, away = lake.path / "data", lake.path / "away"
    data.rename(away)
    try:
        (changed,) = lake.rows("MERGE BRANCH dev IN {lake}")
        assert changed[:2] == ("default.t", "changed") and not data.exists()
    finally:
        away.rename(data)
    counts = lake.rows("SELECT v, count(*) FROM t GROUP BY v ORDER BY v")
    assert counts == [(0, 700), (1, 100), (3, 100), (4, 100)]


@pytest.mark.proves("MRG-5")
def test_of_rows_that_both_sides_changed_only_the_files_with_them_are_read(lake: Any) -> None:
    lake.sql(f"CREATE TABLE t (id INT, a INT, b INT) {FILES}")
    lake.sql("INSERT INTO t SELECT /*+ COALESCE(1) */ id, 0, 0 FROM range(100)")
    lake.sql("INSERT INTO t SELECT /*+ COALESCE(1) */ id, 0, 0 FROM range(100, 200)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("UPDATE t SET a = 1 WHERE id = 5")
    lake.sql("UPDATE t SET a = 1 WHERE id = 105")
    lake.sql("UPDATE `t@dev` SET b = 2 WHERE id = 5")
    lake.sql("UPDATE `t@dev` SET b = 2 WHERE id = 106")
    untouched = lake.rows("SELECT DISTINCT input_file_name() FROM t WHERE id IN (150, 105)")
    hidden = [lake.path / "data" / name.split("/data/")[1] for (name,) in untouched]
    for file in hidden:
        file.rename(file.with_suffix(".away"))
    try:
        lake.sql("MERGE BRANCH dev IN {lake}")
    finally:
        for file in hidden:
            file.with_suffix(".away").rename(file)
    found = lake.rows("SELECT id, a, b FROM t WHERE a > 0 OR b > 0 ORDER BY id")
    assert found == [(5, 1, 2), (105, 1, 0), (106, 0, 2)]
