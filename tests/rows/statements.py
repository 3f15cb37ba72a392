"""Random tables, and random statements on them, in the SQL that Anabranch, Delta and DuckDB agree upon.

Statements are Spark's SQL; `duck` says the same in DuckDB's. A merge never has two source rows for one target
row: what happens then is not for comparison, but in test_merge.py.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

STRUCT = "STRUCT<a: INT, b: STRING>"
LITERALS: dict[str, list[str]] = {
    "INT": ["0", "1", "2", "3", "-7"],
    "BIGINT": ["0", "1", "4611686018427387904", "-4611686018427387904"],
    "DOUBLE": ["NaN", "-0.0", "0.0", "1.5", "-1e300", "Infinity"],
    "SMALLINT": ["0", "-32768", "32767"],
    "DECIMAL(5, 1)": ["0.0", "-9999.9", "1.5"],
    "DECIMAL(20, 4)": ["0.0000", "1.2500", "-9999999999999999.9999", "0.0001"],
    "STRING": ["", "a", "A", "ab", "é", "NULL"],
    "TIMESTAMP": ["1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2024-02-29 12:00:00.5"],
    "DATE": ["1970-01-01", "1969-12-31", "2024-02-29"],
    "BOOLEAN": ["true", "false"],
}
NUMBERS = ("INT", "BIGINT")
STEP = {"INT": "1", "BIGINT": "3"}


@dataclass(frozen=True)
class Columns:
    """The columns of a table by name; the first one is the key of merges."""

    kinds: dict[str, str]

    @property
    def key(self) -> str:
        return next(iter(self.kinds))

    @property
    def ddl(self) -> str:
        return ", ".join(f"{name} {kind}" for name, kind in self.kinds.items())

    def select(self, micros: str) -> str:
        """Each column as a value that is the same in Python wherever it comes from."""
        parts = []
        for name, kind in self.kinds.items():
            if kind == STRUCT:
                parts += [f"{name} IS NULL", f"{name}.a", f"{name}.b"]
            else:
                parts.append(f"{micros}({name})" if kind == "TIMESTAMP" else name)
        return ", ".join(parts)


@st.composite
def tables(draw: st.DrawFn) -> Columns:
    kinds = draw(st.lists(st.sampled_from([*LITERALS, STRUCT]), min_size=1, max_size=4))
    key = draw(st.sampled_from(["INT", "BIGINT", "DOUBLE", "STRING", "DATE", "DECIMAL(20, 4)"]))
    return Columns({"k": key, **{f"c{i}": kind for i, kind in enumerate(kinds)}})


def literals(kind: str) -> st.SearchStrategy[str]:
    """A value, which may be NULL, always of exactly that type."""
    null = st.just(f"CAST(NULL AS {kind})")
    if kind == STRUCT:
        fields = st.tuples(literals("INT"), literals("STRING"))
        return st.one_of(fields.map(lambda f: f"named_struct('a', {f[0]}, 'b', {f[1]})"), null)
    return st.one_of(st.sampled_from(LITERALS[kind]).map(lambda v: f"CAST('{v}' AS {kind})"), null)


def rows(columns: Columns, least: int = 1, most: int = 4) -> st.SearchStrategy[list[tuple[str, ...]]]:
    return st.lists(
        st.tuples(*(literals(kind) for kind in columns.kinds.values())), min_size=least, max_size=most
    )


def values(found: list[tuple[str, ...]]) -> str:
    return "VALUES " + ", ".join(f"({', '.join(row)})" for row in found)


@st.composite
def conditions(draw: st.DrawFn, columns: Columns, side: str = "t", depth: int = 1) -> str:
    """A condition on one side."""
    if depth and draw(st.integers(0, 3)) == 0:
        word = draw(st.sampled_from(["AND", "OR"]))
        inner = conditions(columns, side, depth - 1)
        return f"({draw(inner)} {word} NOT {draw(inner)})"
    name, kind = draw(st.sampled_from(sorted(columns.kinds.items())))
    path = f"{side}.{name}"
    if kind == STRUCT:
        if draw(st.booleans()):
            return f"({path} IS {draw(st.sampled_from(['NULL', 'NOT NULL']))})"
        path, kind = f"{path}.a", "INT"
    one, other = draw(literals(kind)), draw(literals(kind))
    forms = [
        f"{path} = {one}",
        f"{path} < {one}",
        f"{path} >= {one}",
        f"{path} <> {one}",
        f"{path} <=> {one}",
    ]
    forms += [f"{path} IS NULL", f"{path} IN ({one}, {other})", f"{path} BETWEEN {one} AND {other}"]
    return f"({draw(st.sampled_from(forms))})"


@st.composite
def assignments(draw: st.DrawFn, columns: Columns, source: bool = False) -> str:
    """The list after SET: «field|value» stands for one field of a struct."""
    names = draw(st.lists(st.sampled_from(sorted(columns.kinds)), min_size=1, max_size=3, unique=True))
    parts = []
    for name in names:
        kind = columns.kinds[name]
        forms = [draw(literals(kind))]
        forms += [f"t.{other}" for other, k in columns.kinds.items() if k == kind]
        if source:
            forms.append(f"s.{name}")
        if kind in NUMBERS:
            forms.append(f"t.{name} - {STEP[kind]}")
        if kind == "BOOLEAN":
            forms.append(f"NOT t.{name}")
        if kind == STRUCT and draw(st.booleans()):
            parts.append(f"«{name}|{draw(literals('INT'))}»")
        else:
            parts.append(f"{name} = {draw(st.sampled_from(forms))}")
    return ", ".join(parts)


@st.composite
def merges(draw: st.DrawFn, columns: Columns) -> str:
    found: dict[str, tuple[str, ...]] = {}
    for row in draw(rows(columns, 1, 5)):
        found[row[0].replace("-0.0'", "0.0'")] = row  # one row for each key, as = sees keys
    source = f"(SELECT * FROM ({values(list(found.values()))}) AS v ({', '.join(columns.kinds)}))"
    on = draw(st.sampled_from(["t.k = s.k", "t.k <=> s.k"]))
    if draw(st.integers(0, 3)) == 0:
        on += f" AND {draw(conditions(columns, draw(st.sampled_from('ts'))))}"
    clauses = []
    for _ in range(draw(st.integers(0, 2))):
        clauses.append(("WHEN MATCHED", draw(st.sampled_from("ts")), ["DELETE", "UPDATE SET *", "UPDATE"]))
    for _ in range(draw(st.integers(0, 2))):
        clauses.append(("WHEN NOT MATCHED", "s", ["INSERT *", "INSERT"]))
    for _ in range(draw(st.integers(0, 2))):
        clauses.append(("WHEN NOT MATCHED BY SOURCE", "t", ["DELETE", "UPDATE"]))
    if not clauses:
        clauses.append(("WHEN MATCHED", "t", ["UPDATE SET *"]))
    text = ""
    for i, (when, side, actions) in enumerate(clauses):
        last = i + 1 == len(clauses) or clauses[i + 1][0] != when
        condition = "" if last and draw(st.booleans()) else f" AND {draw(conditions(columns, side))}"
        action = draw(st.sampled_from(actions))
        if action == "UPDATE":
            action = f"UPDATE SET {draw(assignments(columns, source=when == 'WHEN MATCHED'))}"
        if action == "INSERT":
            names = draw(st.lists(st.sampled_from(sorted(columns.kinds)), min_size=1, unique=True))
            action = f"INSERT ({', '.join(names)}) VALUES ({', '.join(f's.{n}' for n in names)})"
        text += f" {when}{condition} THEN {action}"
    return f"MERGE INTO {{t}} AS t USING {source} AS s ON {on}{text}"


@st.composite
def subqueries(draw: st.DrawFn, columns: Columns) -> str:
    """A condition on t that other rows of the table decide."""
    inner = f"FROM {{t}} AS s WHERE {draw(conditions(columns, 's'))}"
    name = draw(st.sampled_from([n for n, kind in columns.kinds.items() if kind != STRUCT]))
    forms = [f"t.k {word} (SELECT s.k {inner})" for word in ("IN", "NOT IN")]
    forms += [f"{word} (SELECT 1 {inner} AND s.{name} = t.{name})" for word in ("EXISTS", "NOT EXISTS")]
    forms += [f"t.{name} = (SELECT max(s.{name}) {inner})"]
    forms += [f"(SELECT count(*) {inner} AND s.{name} {op} t.{name}) < 2" for op in ("=", ">", "<>")]
    return f"({draw(st.sampled_from(forms))})"


@st.composite
def statements(draw: st.DrawFn, columns: Columns, delete: bool = True, all_forms: bool = False) -> str:
    """One statement; {t} stands for the table's name.

    Args:
        all_forms: whether it may be one that Delta does not have: REPLACE WHERE for rows anywhere, and sub-queries
            in conditions.
    """
    kinds = ["INSERT", "UPDATE", "UPDATE", "MERGE", "MERGE", "MERGE", *(["DELETE"] * 2 * delete)]
    kind = draw(st.sampled_from([*kinds, *(["REPLACE"] * all_forms)]))
    if kind == "REPLACE":
        where = re.sub(r"\bt\.", "", draw(conditions(columns)))
        return f"INSERT INTO {{t}} REPLACE WHERE {where} {values(draw(rows(columns)))}"
    if kind == "INSERT":
        return f"INSERT INTO {{t}} {values(draw(rows(columns)))}"
    if kind == "MERGE":
        return draw(merges(columns))
    asked = subqueries if all_forms and draw(st.integers(0, 2)) == 0 else conditions
    where = f" WHERE {draw(asked(columns))}" if draw(st.integers(0, 9)) else ""
    if kind == "DELETE":
        return f"DELETE FROM {{t}} AS t{where}"
    return f"UPDATE {{t}} AS t SET {draw(assignments(columns))}{where}"


_FIELD = re.compile(r"«(\w+)\|(.*?)»")
DUCK_MACRO = "CREATE MACRO named_struct(x, p, y, q) AS struct_pack(a := p, b := q)"


def spark(statement: str, table: str) -> str:
    return _FIELD.sub(r"\1.a = \2", statement).replace("{t}", table)


def duck(statement: str, table: str, columns: Columns) -> str:
    names = list(columns.kinds)
    every = ", ".join(f"{n} = s.{n}" for n in names)
    text = _FIELD.sub(r"\1 = named_struct('a', \2, 'b', t.\1.b)", statement)
    text = text.replace("UPDATE SET *", f"UPDATE SET {every}")
    text = text.replace(
        "INSERT *", f"INSERT ({', '.join(names)}) VALUES ({', '.join(f's.{n}' for n in names)})"
    )
    text = re.sub(
        r"^INSERT INTO {t} REPLACE WHERE (.*) VALUES",
        r"DELETE FROM {t} WHERE \1; INSERT INTO {t} VALUES",
        text,
    )
    return (
        text.replace("<=>", "IS NOT DISTINCT FROM")
        .replace(STRUCT, "STRUCT(a INT, b STRING)")
        .replace("{t}", table)
    )


def plain(row: tuple[Any, ...], signed_zeros: bool = True) -> str:
    """A row as text by which it can be compared: all NaN are one."""

    def value(v: Any) -> Any:
        if isinstance(v, float) and math.isnan(v):
            return "NaN"
        return 0.0 if v == 0.0 and isinstance(v, float) and not signed_zeros else v

    return repr(tuple(map(value, row)))


def unsigned(row: tuple[Any, ...]) -> str:
    """The same without the sign of zeros: DuckDB's UPDATE does not write 0.0 over -0.0."""
    return plain(row, signed_zeros=False)
