"""Sub-queries in conditions and values of UPDATE and DELETE that look at the row to be changed."""

from __future__ import annotations

from typing import Any

import pytest

from rows.tables import table


@pytest.mark.both_modes
def test_sub_queries_may_compare_the_row_in_any_way(two: Any) -> None:
    two.sql("CREATE TABLE other AS SELECT * FROM VALUES (1, 5), (2, 6), (2, 7) AS (id, b)")
    two.sql("UPDATE t SET a = 9 WHERE (SELECT count(*) FROM other o WHERE o.id >= t.id) > 2")
    assert table(two) == [(1, 9), (2, 20)]
    two.sql("UPDATE t SET a = (SELECT count(*) FROM other o WHERE o.id >= t.id)")
    assert table(two) == [(1, 3), (2, 2)]
    two.sql("UPDATE t SET a = 0 WHERE EXISTS (SELECT 1 FROM other o WHERE o.id > t.id LIMIT 1)")
    assert table(two) == [(1, 0), (2, 2)]
    two.sql("DELETE FROM t WHERE id IN (SELECT id FROM other o WHERE o.b > t.a + 4 ORDER BY b DESC LIMIT 1)")
    assert table(two) == [(1, 0)]
