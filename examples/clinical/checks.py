"""Assertions in SQL that a branch has to pass before it is merged: each counts the rows that break it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingest import FILES_TABLE, SourceFile
from lake import Lake
from resources import columns

PLAUSIBLE = {
    "8867-4": ("heart rate", 20, 300),
    "2708-6": ("oxygen saturation", 40, 100),
    "8310-5": ("body temperature", 25, 45),
    "2823-3": ("potassium, mmol/L", 1, 12),
    "2951-2": ("sodium, mmol/L", 90, 200),
    "718-7": ("hemoglobin, g/dL", 2, 25),
}
"""LOINC code -> name, and the range within which a living person's value lies."""


@dataclass(frozen=True)
class Check:
    """An assertion, and how many rows break it."""

    name: str
    violations: int

    @property
    def passed(self) -> bool:
        return self.violations == 0


def run_checks(lake: Lake, files: Iterable[SourceFile], known: str | None) -> list[Check]:
    """Runs all checks on the branch in use.

    Args:
        lake: the tables.
        files: what they were made from.
        known: a ref whose units are the right ones, if there is one.
    """
    integrity = lake.row(_integrity(lake, files)).asDict()
    content = lake.counts(_content(lake, known))
    return [Check(name, violations) for name, violations in {**integrity, **content}.items()]


def _integrity(lake: Lake, files: Iterable[SourceFile]) -> str:
    """One pass over all tables; a check is a column."""
    keys = " UNION ALL ".join(_keys(lake, file) for file in files)
    known = "LEFT JOIN (SELECT DISTINCT id AS {0} FROM {1}) {0} ON {0} = keys.{0}_id"
    return f"""
WITH keys AS ({keys}),
ids AS (
  SELECT name, id, count(*) AS times,
    count_if(patient_id IS NOT NULL AND patient IS NULL) AS no_patient,
    count_if(encounter_id IS NOT NULL AND encounter IS NULL) AS no_encounter
  FROM keys {known.format("patient", lake.table("patient"))}
    {known.format("encounter", lake.table("encounter"))}
  GROUP BY name, id),
tables AS (
  SELECT name, sum(times) AS n, sum(IF(id IS NULL, times, times - 1)) AS bad_ids,
    sum(no_patient) AS no_patient, sum(no_encounter) AS no_encounter
  FROM ids GROUP BY name)
SELECT sum(abs(coalesce(lines, 0) - coalesce(n, 0))) AS `every line of every file is one row`,
  coalesce(sum(bad_ids), 0) AS `an id, and a unique one, on every resource`,
  coalesce(sum(no_patient), 0) AS `every patient reference is to a patient`,
  coalesce(sum(no_encounter), 0) AS `every encounter reference is to an encounter`
FROM {lake.table(FILES_TABLE)} f FULL JOIN tables ON f.table = tables.name"""


def _keys(lake: Lake, file: SourceFile) -> str:
    present = {column.name for column in columns(file.resource_type)}
    references = [
        name if name in present else f"CAST(NULL AS STRING) AS {name}"
        for name in ("patient_id", "encounter_id")
    ]
    return f"SELECT '{file.table}' AS name, id, {', '.join(references)} FROM {lake.table(file.table)}"


def _content(lake: Lake, known: str | None) -> Mapping[str, str]:
    observation = lake.table("observation")
    ranges = " OR ".join(
        f"code = '{code}' AND value NOT BETWEEN {low} AND {high}"
        for code, (_, low, high) in PLAUSIBLE.items()
    )
    queries = {
        "no encounter ends before it starts": (
            f"SELECT count_if(`end` < start) FROM {lake.table('encounter')}"
        ),
        "nobody is observed before birth": (
            f"SELECT count_if(o.effective < p.birth_date) FROM {observation} o"
            f" JOIN {lake.table('patient')} p ON o.patient_id = p.id"
        ),
        "vital signs and electrolytes are those of the living": (
            f"SELECT count_if({ranges}) FROM {observation}"
        ),
    }
    if known is not None:
        units = (
            f"SELECT code, collect_set(unit) AS units FROM {lake.table('observation', known)} GROUP BY code"
        )
        queries[f"each code in the units that it has on {known}"] = (
            f"SELECT count_if(NOT array_contains(k.units, o.unit)) FROM {observation} o"
            f" JOIN ({units}) k ON k.code = o.code"
        )
    return queries
