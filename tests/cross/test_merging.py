"""Merges by both halves of copies of one repository; and one begun by one half and ended by the other."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from merge.cases import CASES, SETUP

import anabranch

pytestmark = pytest.mark.cross

Lakes = Callable[..., Any]

MORE = {
    "rows moved on one side, changed on the other": (
        ("OPTIMIZE t",),
        ("UPDATE t SET a = 'theirs' WHERE id = 2",),
    ),
    "rows moved on both sides, one changed on each": (
        ("UPDATE t SET a = 'ours' WHERE id = 2", "OPTIMIZE t"),
        ("UPDATE t SET b = 'theirs' WHERE id > 1", "OPTIMIZE t"),
    ),
    "rows moved on one side, one deleted on the other": (("OPTIMIZE t",), ("DELETE FROM t WHERE id = 2",)),
}
FILES = "ALTER TABLE t SET TBLPROPERTIES ('anabranch.write.inline-rows' = '0')"


def run(lake: Any, branch: str, statements: tuple[str, ...]) -> None:
    lake.sql(f"USE BRANCH {branch} IN {{lake}}")
    for statement in statements:
        lake.sql(statement)
    lake.sql("USE BRANCH main IN {lake}")


def told(review: list[Any]) -> Counter[tuple[Any, ...]]:
    columns = ("table", "kind", "detail", "row_id", "key", "column", "base", "ours", "theirs")
    return Counter(
        tuple(r[c] for c in (*columns, "our_commit", "their_commit"))
        for r in review
        if r["change"] == "conflict"
    )


def content(path: Path) -> list[tuple[Any, ...]]:
    """Rows with their ids; a row that a merge put together is of the merge itself on both sides."""
    repo = anabranch.open(path)
    (name,) = repo.tables()
    table = repo.table(name)
    columns = [*sorted(table.schema.names), "_row_id", "_row_commit"]
    return sorted((tuple(r.values()) for r in table.to_arrow(columns).to_pylist()), key=str)


def both(lake: Any, new_lake: Lakes, tmp_path: Path) -> None:
    """Merges dev into main, by Spark and by the native client, on copies of a repository."""
    copy = tmp_path / "native"
    shutil.copytree(lake.path, copy)
    native = anabranch.open(copy)
    review = [r.asDict() for r in lake.sql("MERGE BRANCH dev IN {lake} DRY RUN").collect()]
    preview = native.merge("dev", dry_run=True)
    assert told([{**asdict(c), "change": "conflict"} for c in preview.conflicts]) == told(review)
    if any(c.kind not in ("cell", "delete/change") for c in preview.conflicts):
        return
    lake.sql("MERGE BRANCH dev IN {lake}" + (" ON CONFLICT THEIRS" if preview.conflicts else ""))
    native.merge("dev", on_conflict="theirs" if preview.conflicts else None)
    assert content(copy) == content(Path(lake.path))
    twin = new_lake(path=copy)
    (_, name, _), *_ = twin.rows("SHOW TABLES IN {lake}.default")
    rows = sorted(map(str, twin.rows(f"SELECT *, _row_id FROM {{lake}}.default.{name}")))
    assert rows == sorted(map(str, lake.rows(f"SELECT *, _row_id FROM {{lake}}.default.{name}")))
    assert [f for f in anabranch.open(copy).verify(full=True) if f.problem] == []


@pytest.mark.slow
@pytest.mark.proves("MRG-5", "ROW-5")
def test_both_halves_merge_alike(new_lake: Lakes, tmp_path: Path) -> None:
    histories = {c.title: (c.setup, c.ours, c.theirs) for c in CASES}
    histories |= {title: ((FILES,), *sides) for title, sides in MORE.items()}
    for number, (title, (setup, ours, theirs)) in enumerate(histories.items()):
        lake = new_lake(tmp_path / f"lake{number}")
        lake.sql("USE {lake}.default")
        run(lake, "main", (*SETUP, *setup))
        lake.sql("CREATE BRANCH dev IN {lake}")
        run(lake, "main", ours)
        run(lake, "dev", theirs)
        try:
            both(lake, new_lake, tmp_path / f"copy{number}")
        except AssertionError as e:
            raise AssertionError(title) from e


@pytest.mark.proves("MRG-8")
def test_a_merge_begun_in_spark_is_decided_in_python_and_continued_in_spark(new_lake: Lakes) -> None:
    lake = new_lake()
    lake.sql("USE {lake}.default")
    run(lake, "main", SETUP)
    lake.sql("CREATE BRANCH dev IN {lake}")
    run(lake, "main", ("UPDATE t SET a = 'ours', b = 'ours' WHERE id = 2", "DELETE FROM t WHERE id = 3"))
    run(lake, "dev", ("UPDATE t SET a = 'theirs', b = 'theirs' WHERE id > 1",))
    lake.sql("MERGE BRANCH dev IN {lake} KEEP CONFLICTS")
    native = anabranch.open(lake.path)
    assert [(c.kind, c.column) for c in native.conflicts()] == [
        ("cell", "a"),
        ("cell", "b"),
        ("delete/change", None),
    ]
    assert native.resolve("theirs", column="a") == 2
    assert native.resolve(value="agreed", table="default.t", column="b") == 1
    assert native.resolve("ours", where="kind = 'delete/change'") == 0
    decided = lake.rows(
        "SELECT `column`, choice, value FROM {lake}.system.conflicts ORDER BY row_id, `column`"
    )
    assert decided == [("a", "theirs", None), ("b", "value", "agreed"), (None, "ours", None)]
    lake.sql("CONTINUE MERGE IN {lake}")
    assert sorted(lake.rows("SELECT id, a, b FROM t")) == [(1, "a1", "b1"), (2, "theirs", "agreed")]
    assert anabranch.open(lake.path).conflicts() == []
    with pytest.raises(anabranch.errors.MergeNoneUnfinished):
        native.continue_merge()


def test_neither_half_merges_rows_into_partitions_that_they_do_not_tell_of(new_lake: Any) -> None:
    lake = new_lake()
    lake.sql("USE {lake}.default")
    run(lake, "main", SETUP)
    lake.sql("CREATE BRANCH dev IN {lake}")
    run(lake, "main", ("CREATE OR REPLACE TABLE t (id INT, a STRING, b STRING) PARTITIONED BY (a)",))
    run(lake, "dev", ("INSERT INTO t VALUES (4, 'a4', 'b4')",))
    spark = [r.detail for r in lake.sql("MERGE BRANCH dev IN {lake} DRY RUN").collect() if r.kind == "schema"]
    native = [c.detail for c in anabranch.open(lake.path).merge("dev", dry_run=True).conflicts]
    assert spark == native != []


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_both_halves_rebase_alike(new_lake: Lakes, tmp_path: Path, side: Any) -> None:
    lake = new_lake()
    lake.sql("USE {lake}.default")
    run(lake, "main", SETUP)
    lake.sql("CREATE BRANCH dev IN {lake}")
    run(lake, "main", ("UPDATE t SET a = 'ours' WHERE id = 2", "UPDATE t SET b = 'ours' WHERE id = 1"))
    run(lake, "dev", ("UPDATE t SET a = 'theirs' WHERE id < 3", "INSERT INTO t VALUES (4, 'a', 'b')"))
    run(lake, "dev", ("OPTIMIZE t", "ALTER TABLE t RENAME COLUMN b TO c", "DELETE FROM t WHERE id = 3"))
    shutil.copytree(lake.path, tmp_path / "native")
    native = anabranch.open(tmp_path / "native")
    with pytest.raises(anabranch.errors.MergeConflict) as refused:
        native.rebase("dev", "main")
    with pytest.raises(Exception, match=r"ANABRANCH_MERGE\.CONFLICT") as also:
        lake.sql("REBASE BRANCH dev ONTO main IN {lake}")
    assert refused.value.reason in str(also.value)
    done = native.rebase("dev", "main", on_conflict=side)
    spark = lake.rows(f"REBASE BRANCH dev ONTO main IN {{lake}} ON CONFLICT {side}")
    assert [(r[2], r[3], r[4], r[5], r[1] is None) for r in spark] == [
        (r.rebased_from, r.author, r.operation, r.message, r.commit is None) for r in done
    ]
    twin = new_lake(path=tmp_path / "native")
    told = [x.rows("SELECT *, _row_id FROM {lake}.default.`t@dev` ORDER BY id") for x in (lake, twin)]
    assert told[0] == told[1] and len(told[0]) == 3
    told = [x.rows("SHOW COMMITS ON dev IN {lake}") for x in (lake, twin)]
    assert [(r[2:5], r[6]) for r in told[0]] == [(r[2:5], r[6]) for r in told[1]]


def test_both_halves_know_what_comes_to_light_and_refuse_what_decides_nothing(new_lake: Lakes) -> None:
    lake = new_lake()
    lake.sql("USE {lake}.default")
    run(lake, "main", SETUP)
    lake.sql("CREATE BRANCH dev IN {lake}")
    for branch, name in (("main", "x"), ("dev", "y")):
        run(
            lake,
            branch,
            (f"ALTER TABLE t RENAME COLUMN a TO {name}", f"UPDATE t SET b = '{name}' WHERE id = 1"),
        )
    run(
        lake,
        "main",
        ("ALTER TABLE t ADD CONSTRAINT short CHECK (length(b) < 3)", "DELETE FROM t WHERE id = 3"),
    )
    run(lake, "dev", ("UPDATE t SET b = 'b9' WHERE id = 3", "INSERT INTO t VALUES (5, 'a', 'long')"))
    native = anabranch.open(lake.path)
    native.merge("dev", keep_conflicts=True)

    def told() -> list[Any]:
        spark = lake.rows("SELECT kind, `column`, row_id, choice, value FROM {lake}.system.conflicts")
        found = [(c.kind, c.column, c.row_id, c.choice, c.value) for c in native.conflicts()]
        assert sorted(spark, key=str) == sorted(found, key=str)
        return sorted(found, key=str)

    def refused(condition: str, call: str, **decision: Any) -> None:
        with pytest.raises(Exception, match=f"ANABRANCH_MERGE.{condition}") as spark:
            lake.sql(f"CALL {{lake}}.system.resolve({call})")
        with pytest.raises(anabranch.errors.AnabranchError, match=condition) as found:
            native.resolve(**decision)
        assert found.value.reason in str(spark.value)

    assert told() == [("schema", "x", None, None, None)]
    refused("INVALID_DECISION", "value => '1', column => 'x'", value="1", column="x")
    assert native.resolve("theirs", column="x") == 3
    assert [(kind, choice) for kind, _, _, choice, _ in told()] == [
        ("cell", None),
        ("constraint", None),
        ("delete/change", None),
        ("schema", "theirs"),
    ]
    refused("INVALID_DECISION", "value => '1', where => 'row_id = 2'", value="1", where="row_id = 2")
    constraint = {"where": "kind = 'constraint'"}
    refused(
        "INVALID_DECISION", "choice => 'ours', where => \"kind = 'constraint'\"", choice="ours", **constraint
    )
    refused("NO_SUCH_CONFLICT", "choice => 'ours', row_id => 77", choice="ours", row_id=77)
    assert native.resolve("theirs", row_id=0, column="b") == 2
    lake.sql("UPDATE {lake}.system.conflicts SET choice = NULL WHERE kind = 'cell'")
    assert ("cell", "b", 0, None, None) in told()
    assert native.resolve(value="7", row_id=0, column="b") == 2
    assert native.resolve("open", row_id=0) == 3
    assert ("cell", "b", 0, None, None) in told()
    assert native.resolve(value="5", row_id=0, column="b") == 2
    assert lake.rows("CALL {lake}.system.resolve(choice => 'ours', where => 'row_id = 2')") == [(1,)]
    assert ("cell", "b", 0, "value", "5") in told() and ("delete/change", None, 2, "ours", None) in told()
    with pytest.raises(anabranch.errors.MergeConflict, match=r"'dev'.*short"):
        native.continue_merge()
    run(lake, "main", ("ALTER TABLE t DROP CONSTRAINT short",))
    native.continue_merge()
    assert sorted(lake.rows("SELECT id, y, b FROM t")) == [(1, "a1", "5"), (2, "a2", "b2"), (5, "a", "long")]
