"""A unit error of a laboratory interface: how it comes in, how it is found, and how it is put right.

From a certain day on the interface sends glucose and creatinine as it measures them, in mg/dL, but writes
mmol/L beside the number. Each message is well-formed and most numbers are plausible by themselves: a
creatinine of 0.9 mmol/L exists. A program that heeds units makes it 10.2 mg/dL, a patient without kidneys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest import SourceFile
    from lake import Lake

MG_DL_PER_MMOL_L = {"2345-7": 18.016, "2160-0": 11.312}
"""By LOINC code (glucose, creatinine): the molar mass in g/mol over 10."""

FAULT_SINCE = "2026-02-16"
"""The simulated fault affects results from this day on."""

_CODES = ", ".join(f"'{code}'" for code in MG_DL_PER_MMOL_L)


def with_unit_fault(file: SourceFile) -> str:
    """What is received when the interface has the fault: SQL over ``value``, a line of the export.

    The simulator's own export has no such error; this puts it into the JSON on its way in, and into
    nothing but the unit of those results, so that the table and its raw JSON agree on what was received.
    """
    if file.resource_type != "Observation":
        return "value"
    loinc = r"""'"code": \\{"coding": \\[\\{"system": "http://loinc.org", "code": "([^"]+)'"""
    code = f"regexp_extract(value, {loinc}, 1)"
    day = r"""regexp_extract(value, '"effectiveDateTime": "(.{10})', 1)"""
    quantity = (
        r"""'("valueQuantity": \\{"value": [0-9.]+, "unit": ")mg/dL(", "system": "[^"]*", "code": ")mg/dL"'"""
    )
    faulty = f"""regexp_replace(value, {quantity}, '$1mmol/L$2mmol/L"')"""
    affected = f"{code} IN ({_CODES}) AND {day} >= '{FAULT_SINCE}'"
    return f"CASE WHEN {affected} THEN {faulty} ELSE value END"


def in_mg_dl(alias: str) -> str:
    """SQL: the value of an observation in mg/dL, from the unit that stands beside it."""
    cases = " ".join(
        f"WHEN {alias}.unit = 'mmol/L' AND {alias}.code = '{code}' THEN {alias}.value * {factor}"
        for code, factor in MG_DL_PER_MMOL_L.items()
    )
    return f"CASE {cases} ELSE {alias}.value END"


@dataclass(frozen=True)
class UnitDrift:
    """A code that comes in a unit which an earlier state of the table doesn't have for it."""

    code: str
    display: str
    unit: str
    known_unit: str
    rows: int
    median: float
    known_median: float

    @property
    def only_the_label(self) -> bool:
        """Whether the numbers are still those of the known unit.

        Had the numbers been converted, their median would have fallen by the factor; a label alone leaves
        it where it was. Half the factor, in logarithms, lies between the two.
        """
        ratio = self.known_median / self.median
        return ratio**2 < MG_DL_PER_MMOL_L.get(self.code, 0)


def find_drift(lake: Lake, known: str) -> list[UnitDrift]:
    """Units of the branch in use that a ref doesn't know for their code, and what their numbers say."""
    per_code = (
        "SELECT code, max(display) AS display, unit, count(*) AS rows, median(value) AS median FROM {0}"
        " WHERE unit IS NOT NULL AND value IS NOT NULL GROUP BY code, unit"
    )
    found = lake.rows(
        f"WITH here AS ({per_code.format(lake.table('observation'))}),"
        f" there AS ({per_code.format(lake.table('observation', known))})"
        " SELECT h.code, h.display, h.unit, t.unit AS known_unit, h.rows, h.median, t.median AS known_median"
        " FROM here h LEFT ANTI JOIN there s ON h.code = s.code AND h.unit = s.unit"
        " JOIN there t ON h.code = t.code ORDER BY h.code"
    )
    return [UnitDrift(**row.asDict()) for row in found]


def correct(lake: Lake, drifts: list[UnitDrift]) -> str:
    """Writes the known unit beside the numbers that are in it; gives the statement.

    ``resource`` keeps the JSON as received: the difference between the two is the record of the correction.
    """
    known = ", ".join(f"('{d.code}', '{d.unit}', '{d.known_unit}')" for d in drifts)
    statement = (
        f"MERGE INTO {lake.table('observation')} o"
        f" USING (SELECT * FROM VALUES {known} AS v (code, wrong, known)) d"
        " ON o.category = 'laboratory' AND o.code = d.code AND o.unit = d.wrong"
        " WHEN MATCHED THEN UPDATE SET unit = d.known"
    )
    lake.run(statement)
    return statement
