"""Two changes of one table, merged: each case of `cases.py` both ways round, and the document made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pyspark.errors import PySparkException

from merge.cases import CASES, SETUP, Case

PATH = "docs/merging.md"
MORE = """\
Beside these (`tests/merge/test_names_and_keys.py`, `test_decided_names.py`, `test_columns.py`, `test_decisions.py`):

- A cell is the value of a column in a row. A struct, an array and a map are one cell each.
- Tables of one name that both sides made are a conflict (`name`): `ON CONFLICT OURS FOR TABLE t` keeps ours, `THEIRS` takes theirs.
- A namespace that one side dropped, and the other put something into, is a conflict (`namespace`): the side that is chosen has it, with
  all that is in it, or has it not.
- What the sides call differently is decided by either name. `ON CONFLICT THEIRS ON CONFLICT FAIL FOR COLUMN t.a` decides all but one column.
- A new column stands behind the column behind which its side put it.
- A key that one side alone declared is held against new rows of the other side and all rows of its own (`duplicate key`). Two new rows
  with one key that it did not know of, and a key that cells of both sides make together, are settled by no choice.
- A `CHECK` of one side about a column that the other renamed or dropped is a conflict (`schema`), and so are new partitions on one side
  and new rows on the other. No choice settles these: drop the constraint, or insert the rows again.
- Conflicts that no choice settles, as two types of one column and broken constraints, are mended on one of the branches; then the merge goes on.""".splitlines()


def run(lake: Any, branch: str, statements: Sequence[str]) -> None:
    lake.sql(f"USE BRANCH {branch} IN {{lake}}")
    for statement in statements:
        lake.sql(statement)
    lake.sql("USE BRANCH main IN {lake}")


def table(lake: Any) -> str:
    return next(name for _, name, _ in lake.rows("SHOW TABLES IN {lake}.default"))


@pytest.mark.proves("MRG-2", "MRG-4", "MRG-5", "MRG-6")
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.title)
def test_case(lake: Any, reused: set[str], case: Case, turned: bool) -> None:
    run(lake, "main", [*SETUP, *case.setup])
    lake.sql("CREATE BRANCH dev IN {lake}")
    run(lake, "dev" if turned else "main", case.ours)
    run(lake, "main" if turned else "dev", case.theirs)
    reused.update(["b", "bb", "c", "x", "y"])  # names of columns that change sides
    head = lake.rows("SHOW COMMITS IN {lake} LIMIT 1")
    review = lake.sql("MERGE BRANCH dev IN {lake} DRY RUN")
    conflicts = [r.asDict() for r in review.collect() if r.change == "conflict"]
    assert Counter(c["kind"] for c in conflicts) == Counter(kind for kind, _ in case.conflicts)
    if not turned:
        assert [(c["kind"], c["column"]) for c in conflicts] == list(case.conflicts)
    assert lake.rows("SHOW COMMITS IN {lake} LIMIT 1") == head, "a dry run writes nothing"
    if case.conflicts:
        with pytest.raises(PySparkException) as caught:
            lake.sql("MERGE BRANCH dev IN {lake}")
        assert caught.value.getCondition() == "ANABRANCH_MERGE.CONFLICT"
        assert lake.rows("SHOW COMMITS IN {lake} LIMIT 1") == head
        return
    lake.sql("MERGE BRANCH dev IN {lake}")
    assert case.rows is not None
    found = lake.sql(f"SELECT {', '.join(case.columns)} FROM {table(lake)}")
    assert Counter(tuple(r) for r in found.collect()) == Counter(case.rows)
    assert set(lake.sql(f"SELECT * FROM {table(lake)}").columns) == set(case.columns)
    again = lake.rows("MERGE BRANCH dev IN {lake}")
    assert again == [], "nothing is left to merge"
    lake.sql("MERGE BRANCH main INTO dev IN {lake}")
    dev = lake.sql(f"SELECT {', '.join(case.columns)} FROM `{table(lake)}@dev`")
    assert Counter(tuple(r) for r in dev.collect()) == Counter(case.rows)


def outcome(case: Case) -> str:
    if case.conflicts:
        return "conflict: " + ", ".join(
            kind + (f" (`{column}`)" if column else "") for kind, column in case.conflicts
        )
    rows = "; ".join(", ".join("NULL" if v is None else str(v) for v in row) for row in case.rows or ())
    return rows if case.columns == ("id", "a", "b") else f"({', '.join(case.columns)}) {rows}"


def test_the_cases_are_documented(generated: Callable[[str, str], None]) -> None:
    def sql(statements: Sequence[str]) -> str:
        return "<br>".join(f"`{s}`" for s in statements)

    lines = [
        "# What a merge makes of two changes",
        "",
        "Made from the tests (`tests/merge/cases.py`), each of which runs both ways round;",
        "`make test ARGS='tests/merge --update-docs'` writes it anew. Each starts with a table `t` of three rows:",
        "",
        *(f"    {s};" for s in SETUP),
        "",
        "| case | ours | theirs | merged |",
        "|---|---|---|---|",
        *(f"| {c.title} | {sql((*c.setup, *c.ours))} | {sql(c.theirs)} | {outcome(c)} |" for c in CASES),
        "",
        *MORE,
        "",
    ]
    generated(PATH, "\n".join(lines))
