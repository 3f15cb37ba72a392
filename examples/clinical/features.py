"""Training rows: will this patient's next creatinine show reduced kidney function?

A row is a day on which an adult's creatinine was measured and measured again 7 to 365 days later. The
features are what was known at the end of that day; the label is whether the estimated glomerular
filtration rate (eGFR) of the next measurement is below 60 mL/min/1.73 m², the limit of chronic kidney
disease stage 3. Decimals instead of doubles: a row then has one text, and its digest one value.

The query is SQL that Spark and DuckDB both understand, but for the few words that `Tables` asks for.
"""

from __future__ import annotations

from typing import Protocol

from units import in_mg_dl


class Tables(Protocol):
    """The tables, and what not every engine calls the same; each method gives SQL."""

    def table(self, name: str, ref: str | None = None) -> str:
        """A table at a ref, in a FROM clause."""

    def days(self, start: str, end: str) -> str:
        """How many days lie between two dates."""

    def each(self, array: str) -> str:
        """A row for each element of an array, in a select list."""


CONDITIONS = {
    "ckd": "N18",
    "diabetes": "E11",
    "hypertension": "I10",
    "heart_disease": "I25",
    "atrial_fibrillation": "I48",
    "obesity": "E66",
}
"""Feature -> start of the ICD-10-CM code that was on record."""

LATEST = {
    "systolic": "8480-6",
    "diastolic": "8462-4",
    "bmi": "39156-5",
    "potassium": "2823-3",
    "glucose": "2345-7",
    "hba1c": "4548-4",
}
"""Feature -> LOINC code whose latest value counts, NULL when there is none."""

FEATURES = ["age", "male", "creatinine", "egfr", *CONDITIONS, *LATEST]
"""The columns that a model is given."""


def egfr(creatinine: str, age: str, male: str) -> str:
    """SQL: CKD-EPI 2021, in mL/min/1.73 m², from a creatinine in mg/dL and an age in years."""
    ratio = f"({creatinine} / IF({male}, 0.9E0, 0.7E0))"
    return (
        f"CAST(142 * power(least({ratio}, 1), IF({male}, -0.302E0, -0.241E0))"
        f" * power(greatest({ratio}, 1), -1.2E0) * power(0.9938E0, {age})"
        f" * IF({male}, 1, 1.012E0) AS DECIMAL(6, 1))"
    )


def training_rows(lake: Tables, ref: str | None, label_from: str = "0001-01-01") -> str:
    """The query of the training rows at a ref.

    Args:
        lake: the tables.
        ref: a tag, branch or commit; None is the branch in use.
        label_from: only rows whose next measurement was made on this day or later.
    """
    onsets = ", ".join(f"'{code}'" for code in CONDITIONS.values())
    had = ",\n    ".join(
        f"coalesce(bool_or(c.code LIKE '{code}%'), false) AS {name}" for name, code in CONDITIONS.items()
    )
    last = "CAST(max_by(m.value, m.nth) FILTER (WHERE m.code = '{}') AS DECIMAL(9, 3))"
    latest = ",\n    ".join(f"{last.format(code)} AS {name}" for name, code in LATEST.items())
    columns = ", ".join(f"h.{name}" for name in CONDITIONS) + ", " + ", ".join(f"l.{name}" for name in LATEST)
    return f"""
WITH measured AS (
  SELECT *, row_number() OVER (PARTITION BY patient_id ORDER BY effective, id, value) AS nth
  FROM ({_measurements(lake, ref)}) m),
creatinine AS (
  SELECT patient_id, day, max_by(value, nth) AS value
  FROM measured WHERE code = '2160-0' GROUP BY patient_id, day),
followed AS (
  SELECT *, lead(day) OVER one AS next_day, lead(value) OVER one AS next_value
  FROM creatinine WINDOW one AS (PARTITION BY patient_id ORDER BY day)),
eligible AS (
  SELECT f.*, p.gender = 'male' AS male, {lake.days("p.birth_date", "f.day")} / 365.25E0 AS age,
    {lake.days("p.birth_date", "f.next_day")} / 365.25E0 AS next_age
  FROM followed f JOIN {lake.table("patient", ref)} p ON p.id = f.patient_id
  WHERE {lake.days("f.day", "f.next_day")} BETWEEN 7 AND 365 AND f.next_day >= '{label_from}'
    AND f.day >= p.birth_date + INTERVAL 18 YEAR),
history AS (
  SELECT e.patient_id, e.day, {had}
  FROM eligible e LEFT JOIN {lake.table("condition", ref)} c
    ON c.patient_id = e.patient_id AND c.onset < e.day + INTERVAL 1 DAY AND substr(c.code, 1, 3) IN ({onsets})
  GROUP BY e.patient_id, e.day),
latest AS (
  SELECT e.patient_id, e.day, {latest}
  FROM eligible e LEFT JOIN measured m ON m.patient_id = e.patient_id AND m.day <= e.day
  GROUP BY e.patient_id, e.day),
scored AS (
  SELECT *, {egfr("value", "age", "male")} AS egfr, {egfr("next_value", "next_age", "male")} AS next_egfr
  FROM eligible)
SELECT patient_id, day, next_day, CAST(age AS DECIMAL(5, 2)) AS age, male,
  CAST(value AS DECIMAL(9, 3)) AS creatinine, egfr, {columns}, next_egfr, next_egfr < 60 AS reduced
FROM scored e JOIN history h USING (patient_id, day) JOIN latest l USING (patient_id, day)"""


def _measurements(lake: Tables, ref: str | None) -> str:
    """Final results in the units of the features, parts of a panel as results of their own."""
    table = lake.table("observation", ref)
    wanted = ", ".join(f"'{code}'" for code in ("2160-0", *LATEST.values()))
    return f"""
  SELECT id, patient_id, effective, CAST(effective AS DATE) AS day, code, {in_mg_dl("o")} AS value
  FROM (SELECT * FROM {table}) o WHERE status = 'final' AND code IN ({wanted}) AND value IS NOT NULL
  UNION ALL
  SELECT id, patient_id, effective, CAST(effective AS DATE), part.code, part.value
  FROM (SELECT *, {lake.each("components")} AS part FROM {table} WHERE code = '85354-9' AND status = 'final')
  WHERE part.code IN ({wanted}) AND part.value IS NOT NULL"""
