"""Fixtures of the merge tests: those of the row tests, so that lineage is checked after each."""

from __future__ import annotations

from typing import Any

import pytest
from rows.conftest import lake, lineage_holds, reused, write_mode

__all__ = ["lake", "lineage_holds", "reused", "write_mode"]


@pytest.fixture
def kept(lake: Any) -> Any:
    """An unfinished merge of dev into main with three conflicts: two cells of row 2, and row 3 deleted here."""
    lake.sql("CREATE TABLE t (id INT, a STRING, n INT)")
    lake.sql("INSERT INTO t VALUES (1, 'a1', 1), (2, 'a2', 2), (3, 'a3', 3)")
    lake.sql("CREATE BRANCH dev IN {lake}")
    lake.sql("UPDATE t SET a = 'ours', n = 20 WHERE id = 2")
    lake.sql("DELETE FROM t WHERE id = 3")
    lake.sql("UPDATE `t@dev` SET a = 'theirs', n = 30 WHERE id > 1")
    before = lake.rows("SELECT * FROM t")
    review = lake.rows("MERGE BRANCH dev IN {lake} KEEP CONFLICTS")
    assert [r[5] for r in review if r[1] == "conflict"] == ["cell", "cell", "delete/change"]
    assert lake.rows("SELECT * FROM t") == before
    return lake
