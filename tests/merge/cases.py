"""What becomes of two changes of one table: the table of cases in docs/merging.md is made of these."""

from __future__ import annotations

from dataclasses import dataclass, field

SETUP = (
    "CREATE TABLE t (id INT, a STRING, b STRING)",
    "INSERT INTO t VALUES (1, 'a1', 'b1'), (2, 'a2', 'b2'), (3, 'a3', 'b3')",
)
START = ((1, "a1", "b1"), (2, "a2", "b2"), (3, "a3", "b3"))

KEY = "ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (id) NOT ENFORCED"


@dataclass(frozen=True)
class Case:
    """Statements of each side on ``t``, and what a merge of theirs into ours gives: rows (and columns, if they
    are not those of the start), or conflicts by kind and column."""

    title: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...] | None = None
    columns: tuple[str, ...] = ("id", "a", "b")
    conflicts: tuple[tuple[str, str | None], ...] = ()
    setup: tuple[str, ...] = field(default=())


def changed(**cells: tuple[object, ...] | None) -> tuple[tuple[object, ...], ...]:
    """The rows of the start with some of them other (``r2=…``) or gone (``r2=None``), and more."""
    rows = {f"r{r[0]}": r for r in START} | cells
    return tuple(row for row in rows.values() if row is not None)


UPDATE_A = "UPDATE t SET a = 'ours' WHERE id = 2"
UPDATE_B = "UPDATE t SET b = 'theirs' WHERE id = 2"
DELETE_2 = "DELETE FROM t WHERE id = 2"
OVERWRITE = "INSERT OVERWRITE t SELECT * FROM t WHERE id <> 2"

CASES = (
    Case("nothing on either side", (), (), START),
    Case(
        "a row inserted on one side",
        (),
        ("INSERT INTO t VALUES (4, 'a4', 'b4')",),
        changed(r4=(4, "a4", "b4")),
    ),
    Case("a row changed on one side", (), (UPDATE_B,), changed(r2=(2, "a2", "theirs"))),
    Case("a row deleted on one side", (), (DELETE_2,), changed(r2=None)),
    Case(
        "rows inserted on both sides",
        ("INSERT INTO t VALUES (4, 'a4', 'b4')",),
        ("INSERT INTO t VALUES (5, 'a5', 'b5')",),
        changed(r4=(4, "a4", "b4"), r5=(5, "a5", "b5")),
    ),
    Case(
        "equal rows inserted on both sides, no key declared: both stay",
        ("INSERT INTO t VALUES (4, 'a4', 'b4')",),
        ("INSERT INTO t VALUES (4, 'a4', 'b4')",),
        changed(r4=(4, "a4", "b4"), again=(4, "a4", "b4")),
    ),
    Case(
        "different rows changed",
        ("UPDATE t SET a = 'ours' WHERE id = 1",),
        ("UPDATE t SET a = 'theirs' WHERE id = 3",),
        changed(r1=(1, "ours", "b1"), r3=(3, "theirs", "b3")),
    ),
    Case("different cells of one row changed", (UPDATE_A,), (UPDATE_B,), changed(r2=(2, "ours", "theirs"))),
    Case(
        "the same cell changed to the same value",
        (UPDATE_A,),
        (UPDATE_A,),
        changed(r2=(2, "ours", "b2")),
    ),
    Case(
        "the same cell changed to different values",
        (UPDATE_A,),
        ("UPDATE t SET a = 'theirs' WHERE id = 2",),
        conflicts=(("cell", "a"),),
    ),
    Case(
        "two cells of one row changed to different values",
        ("UPDATE t SET a = 'x', b = 'x' WHERE id = 2",),
        ("UPDATE t SET a = 'y', b = 'y' WHERE id = 2",),
        conflicts=(("cell", "a"), ("cell", "b")),
    ),
    Case(
        "a cell changed, and changed back",
        (UPDATE_A, "UPDATE t SET a = 'a2' WHERE id = 2"),
        ("UPDATE t SET a = 'theirs' WHERE id = 2",),
        changed(r2=(2, "theirs", "b2")),
    ),
    Case("a row deleted on both sides", (DELETE_2,), (DELETE_2,), changed(r2=None)),
    Case("a row deleted here, changed there", (DELETE_2,), (UPDATE_B,), conflicts=(("delete/change", None),)),
    Case("a row changed here, deleted there", (UPDATE_A,), (DELETE_2,), conflicts=(("delete/change", None),)),
    Case(
        "a row deleted here, another changed there",
        (DELETE_2,),
        ("UPDATE t SET b = 'theirs' WHERE id = 3",),
        changed(r2=None, r3=(3, "a3", "theirs")),
    ),
    Case(
        "all rows written anew here, one changed there: the change was made to a row that is gone",
        (OVERWRITE,),
        ("UPDATE t SET b = 'theirs' WHERE id = 3",),
        conflicts=(("delete/change", None),),
    ),
    Case(
        "rows written anew here, one inserted there",
        (OVERWRITE,),
        ("INSERT INTO t VALUES (4, 'a4', 'b4')",),
        changed(r2=None, r4=(4, "a4", "b4")),
    ),
    Case(
        "a change restored away here, another made there",
        (UPDATE_A, "RESTORE TABLE t TO VERSION AS OF 1"),
        ("UPDATE t SET a = 'theirs' WHERE id = 2",),
        changed(r2=(2, "theirs", "b2")),
    ),
    Case(
        "a column added there, rows inserted here",
        ("INSERT INTO t VALUES (4, 'a4', 'b4')",),
        ("ALTER TABLE t ADD COLUMN c INT", "UPDATE t SET c = 7 WHERE id = 1"),
        ((1, "a1", "b1", 7), (2, "a2", "b2", None), (3, "a3", "b3", None), (4, "a4", "b4", None)),
        ("id", "a", "b", "c"),
    ),
    Case(
        "the same column added on both sides",
        ("ALTER TABLE t ADD COLUMN c INT", "UPDATE t SET c = 1 WHERE id = 1"),
        ("ALTER TABLE t ADD COLUMN c INT", "UPDATE t SET c = 2 WHERE id = 2"),
        ((1, "a1", "b1", 1), (2, "a2", "b2", 2), (3, "a3", "b3", None)),
        ("id", "a", "b", "c"),
    ),
    Case(
        "columns of one name and different types added",
        ("ALTER TABLE t ADD COLUMN c INT",),
        ("ALTER TABLE t ADD COLUMN c STRING",),
        conflicts=(("schema", "c"),),
    ),
    Case(
        "different columns added",
        ("ALTER TABLE t ADD COLUMN c INT",),
        ("ALTER TABLE t ADD COLUMN d INT",),
        tuple((*r, None, None) for r in START),
        ("id", "a", "b", "c", "d"),
    ),
    Case(
        "a column renamed here, its cells changed there",
        ("ALTER TABLE t RENAME COLUMN b TO bb",),
        (UPDATE_B,),
        changed(r2=(2, "a2", "theirs")),
        ("id", "a", "bb"),
    ),
    Case(
        "a column renamed on both sides to the same name",
        ("ALTER TABLE t RENAME COLUMN b TO bb",),
        ("ALTER TABLE t RENAME COLUMN b TO bb",),
        START,
        ("id", "a", "bb"),
    ),
    Case(
        "a column renamed on both sides to different names",
        ("ALTER TABLE t RENAME COLUMN b TO x",),
        ("ALTER TABLE t RENAME COLUMN b TO y",),
        conflicts=(("schema", "x"),),
    ),
    Case(
        "a column dropped here, its cells changed there: cells go with their column",
        ("ALTER TABLE t DROP COLUMN b",),
        (UPDATE_B,),
        tuple(r[:2] for r in START),
        ("id", "a"),
    ),
    Case(
        "a column dropped here, renamed there",
        ("ALTER TABLE t DROP COLUMN b",),
        ("ALTER TABLE t RENAME COLUMN b TO bb",),
        conflicts=(("schema", "bb"),),
    ),
    Case(
        "one column renamed to the name that the other side gave to a new one",
        ("ALTER TABLE t RENAME COLUMN b TO c",),
        ("ALTER TABLE t ADD COLUMN c STRING",),
        conflicts=(("schema", "c"),),
    ),
    Case(
        "a column widened here, rows inserted there",
        ("ALTER TABLE t ALTER COLUMN id TYPE BIGINT", "INSERT INTO t VALUES (5000000000, 'big', 'x')"),
        ("INSERT INTO t VALUES (4, 'a4', 'b4')",),
        changed(big=(5000000000, "big", "x"), r4=(4, "a4", "b4")),
    ),
    Case(
        "one property set to different values",
        ("ALTER TABLE t SET TBLPROPERTIES ('p' = '1')",),
        ("ALTER TABLE t SET TBLPROPERTIES ('p' = '2')",),
        conflicts=(("schema", None),),
    ),
    Case(
        "different properties set",
        ("ALTER TABLE t SET TBLPROPERTIES ('p' = '1')",),
        ("ALTER TABLE t SET TBLPROPERTIES ('q' = '2')",),
        START,
    ),
    Case(
        "the same key inserted on both sides, with different rows",
        ("INSERT INTO t VALUES (4, 'ours', 'b')",),
        ("INSERT INTO t VALUES (4, 'theirs', 'b')",),
        conflicts=(("duplicate key", None),),
        setup=(KEY,),
    ),
    Case(
        "the same key inserted on both sides, with equal rows",
        ("INSERT INTO t VALUES (4, 'same', 'b')",),
        ("INSERT INTO t VALUES (4, 'same', 'b')",),
        changed(r4=(4, "same", "b")),
        setup=(KEY,),
    ),
    Case(
        "a key declared on one side, two rows that have it inserted on the other",
        (KEY,),
        ("INSERT INTO t VALUES (4, 'a4', 'b4'), (4, 'a5', 'b5')",),
        conflicts=(("duplicate key", None),),
    ),
    Case(
        "cells of both sides that make the key of another row together",
        ("UPDATE t SET a = 'a3' WHERE id = 2",),
        ("UPDATE t SET b = 'b3' WHERE id = 2",),
        conflicts=(("duplicate key", None),),
        setup=("ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (a, b) NOT ENFORCED",),
    ),
    Case(
        "cells of both sides that make a key of their own",
        ("UPDATE t SET a = 'a3' WHERE id = 2",),
        ("UPDATE t SET b = 'b1' WHERE id = 2",),
        changed(r2=(2, "a3", "b1")),
        setup=("ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (a, b) NOT ENFORCED",),
    ),
    Case(
        "a CHECK added there, a row that breaks it inserted here",
        ("INSERT INTO t VALUES (-4, 'a4', 'b4')",),
        ("ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)",),
        conflicts=(("constraint", None),),
    ),
    Case(
        "cells that keep a CHECK on each side and break it together",
        ("UPDATE t SET a = 'x' WHERE id = 2",),
        ("UPDATE t SET b = 'x' WHERE id = 2",),
        conflicts=(("constraint", None),),
        setup=("ALTER TABLE t ADD CONSTRAINT apart CHECK (a <> b)",),
    ),
    Case(
        "the table renamed here, changed there",
        ("ALTER TABLE t RENAME TO u",),
        (UPDATE_B,),
        changed(r2=(2, "a2", "theirs")),
    ),
    Case(
        "the table dropped here, changed there", ("DROP TABLE t",), (UPDATE_B,), conflicts=(("table", None),)
    ),
)
