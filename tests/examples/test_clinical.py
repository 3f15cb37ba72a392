"""The example of clinical records: its numbers on input whose right numbers are known."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from anabranch import Catalog

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "clinical"
sys.path.insert(0, str(EXAMPLE))

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn", reason="the example's model needs scikit-learn")

import chapters  # noqa: E402
import generate  # noqa: E402
import handover  # noqa: E402
import ingest  # noqa: E402
import resources  # noqa: E402
import without_spark  # noqa: E402
from lake import Lake  # noqa: E402
from story import Story  # noqa: E402

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOINC = "http://loinc.org"
PATIENTS = 20
Resource = dict[str, Any]


def _reference(kind: str, number: int) -> dict[str, str]:
    return {"reference": f"{kind}/{kind[:3].lower()}-{number}"}


def _observation(key: str, patient: int, code: str, day: str, value: float, unit: str) -> Resource:
    quantity = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": LOINC, "code": code, "display": code}], "text": code},
        "subject": _reference("Patient", patient),
        "encounter": _reference("Encounter", patient),
        "effectiveDateTime": f"{day}T09:00:00Z",
        "valueQuantity": quantity,
    }


def _blood_pressure(patient: int) -> Resource:
    panel = _observation(f"bp-{patient}", patient, "85354-9", "2025-01-02", 0, "mm[Hg]")
    del panel["valueQuantity"]
    panel["category"] = [{"coding": [{"code": "vital-signs"}]}]
    panel["component"] = [
        {
            "code": {"coding": [{"code": code}], "text": name},
            "valueQuantity": {"value": value, "unit": "mm[Hg]"},
        }
        for code, name, value in (("8462-4", "Diastolic", 80), ("8480-6", "Systolic", 120 + patient))
    ]
    return panel


def _creatinine(patient: int, day: str) -> Resource:
    # an even patient has healthy kidneys, an odd one has not
    value = round((0.8 if patient % 2 == 0 else 2.1) + patient / 100, 2)
    return _observation(f"crea-{patient}-{day}", patient, "2160-0", day, value, "mg/dL")


def _first_release() -> list[Resource]:
    found: list[Resource] = [
        {"resourceType": "Organization", "id": "org-1", "active": True, "name": "Hospital"}
    ]
    for i in range(PATIENTS):
        period = {"start": "2025-01-02T09:00:00Z", "end": "2025-01-02T09:30:00Z"}
        found += [
            {
                "resourceType": "Patient",
                "id": f"pat-{i}",
                "gender": "female",
                "birthDate": f"{1950 + i}-05-01",
            },
            {
                "resourceType": "Encounter",
                "id": f"enc-{i}",
                "subject": _reference("Patient", i),
                "period": period,
            },
            {
                "resourceType": "Condition",
                "id": f"con-{i}",
                "code": {"coding": [{"code": "N18.9" if i % 2 else "E66.9"}]},
                "subject": _reference("Patient", i),
                "onsetDateTime": "2020-01-01",
            },
            _blood_pressure(i),
            *(_creatinine(i, f"2025-{month:02}-03") for month in (1, 3, 6, 9)),
        ]
    return found


def _a_quarter_later() -> list[Resource]:
    """One observation is gone, two differ, and each patient has two new ones, one of them after the fault."""
    later = [r for r in _first_release() if r["id"] != "crea-0-2025-01-03"]
    for resource in later:
        if resource["id"] in ("crea-2-2025-03-03", "crea-3-2025-03-03"):
            resource["valueQuantity"]["value"] += 0.01
    for i in range(PATIENTS):
        later += [_creatinine(i, "2026-01-20"), _creatinine(i, "2026-03-01")]
    return later


def _write(folder: Path, found: Iterable[Resource], snapshot: str) -> ingest.Export:
    lines: dict[str, list[str]] = {}
    for resource in found:
        lines.setdefault(resource["resourceType"], []).append(json.dumps(resource))
    folder.mkdir()
    for kind, texts in lines.items():
        (folder / f"{kind}.ndjson").write_text("\n".join(texts) + "\n")
    output = [{"type": kind, "url": f"{kind}.ndjson"} for kind in lines]
    (folder / "manifest.json").write_text(json.dumps({"output": output}))
    (folder / "_generator_metadata.json").write_text(
        json.dumps({"cif_metadata": {"snapshot_date": snapshot}})
    )
    return ingest.Export(folder)


def test_the_story_comes_out_right(
    new_lake: Callable[[], Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = new_lake()
    first = _write(tmp_path / "first", _first_release(), "2025-12-31")
    second = _write(tmp_path / "second", _a_quarter_later(), "2026-03-31")
    lake = Lake(catalog.spark, f"{catalog.name}.clinical")

    outcome = chapters.tell(chapters.Demo(lake, Catalog(catalog.spark, catalog.name), Story(), first, second))

    observations = ingest.Comparison("observation", both=99, differ=2, new=40, gone=1)
    assert outcome.comparison == [observations]  # every other file is byte for byte the same
    assert [(d.code, d.unit, d.known_unit, d.rows) for d in outcome.drift] == [
        ("2160-0", "mmol/L", "mg/dL", 20)
    ]
    assert outcome.drift[0].only_the_label
    assert (outcome.rows_before_correction, outcome.rows_after_correction) == (20, 20)
    assert outcome.cells_corrected == {"unit: mmol/L -> mg/dL": 20}
    assert outcome.trained is not None and outcome.corrected is not None and outcome.as_delivered is not None
    assert (outcome.trained.rows, outcome.trained.patients, outcome.trained.positive) == (60, 20, 30)
    assert (outcome.as_delivered.positive, outcome.corrected.positive) == (30, 20)
    assert outcome.digests["from the tag"] == outcome.digests["trained on"]
    assert outcome.digests["after the restore"] == outcome.digests["before the accident"]
    told = [(c.kind, c.column, c.base, c.ours, c.theirs) for c in outcome.disputed]
    assert told == [("cell", "status", "final", "corrected", "amended")]
    assert outcome.rows_lost_on_main == 5  # 1 that is gone, 2 features and 2 labels that differ
    history = Catalog(catalog.spark, catalog.name).history("clinical.observation")
    assert [version.author for version in history] == [
        "data-engineering",
        "nightly-job",
        "coding-review",
        "lab-review",
        "data-engineering",
        "data-engineering",
    ]
    assert history[0].metadata == {"ticket": "OPS-12"}
    assert "CHECK FAILED" in capsys.readouterr().out
    _is_the_same_without_spark(catalog, outcome, tmp_path)
    _runs_without_spark(handover.command(catalog.uri, chapters.TAG, {}, tmp_path), dict(os.environ))


def _is_the_same_without_spark(catalog: Any, outcome: chapters.Outcome, folder: Path) -> None:
    """What pandas says of the repository is what Spark said."""
    repo = without_spark.opened(catalog.uri, chapters.TAG, {})
    found = without_spark.look(repo, folder, Story())
    assert set(found.digests.values()) == {outcome.digests["trained on"]}
    assert found.figures == outcome.trained
    assert f"{found.figures.auroc:.4f}" == found.auroc_in_commit

    spark = Catalog(catalog.spark, catalog.name)
    (correction,) = (c for c in spark.log(chapters.SECOND) if c.metadata.get("ticket") == "LAB-7")
    cell = found.cell
    assert (cell.before, cell.after) == ("mmol/L", "mg/dL")
    assert cell.commit.id == correction.id, "of the branch, not that of the merge"
    assert (cell.commit.author, cell.commit.message) == (
        "data-engineering",
        "mmol/L beside numbers in mg/dL: label corrected",
    )
    (review,) = (v for v in spark.history("clinical.observation") if v.author == "coding-review")
    assert cell.row_commit == review.commit, "which changed other cells of the row, later"

    was, now = (
        dict(catalog.rows(f"SELECT id, unit FROM {{lake}}.clinical.observation VERSION AS OF '{ref}'"))
        for ref in (f"{correction.id}~1", correction.id)
    )
    with open(found.file, newline="") as file:
        exported = list(csv.DictReader(file))
    assert len(exported) == found.exported == sum(outcome.cells_corrected.values())
    assert {(c["id"], c["column"], c["before"], c["after"]) for c in exported} == {
        (id, "unit", was[id], unit) for id, unit in now.items() if was[id] != unit
    }


def _runs_without_spark(command: list[str], environment: dict[str, str]) -> str:
    """Runs the chapter as run.py does, in a process that ends badly if it imports pyspark; what it prints."""
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert "NOT THE SAME" not in run.stdout
    assert "pyspark was not imported" in run.stdout
    return run.stdout


def test_a_failed_check_keeps_main_as_it_was(new_lake: Callable[[], Any], tmp_path: Path) -> None:
    catalog = new_lake()
    broken = [
        *_first_release(),
        {"resourceType": "Encounter", "id": "enc-x", "subject": _reference("Patient", 99)},
    ]
    export = _write(tmp_path / "broken", broken, "2025-12-31")
    lake = Lake(catalog.spark, f"{catalog.name}.clinical")
    python = Catalog(catalog.spark, catalog.name)
    with pytest.raises(SystemExit, match="every patient reference is to a patient: 1 rows"):
        chapters.first_release(chapters.Demo(lake, python, Story(), export, export))
    assert {change.change for change in python.diff("main", chapters.FIRST)} == {"created"}
    assert python.tags() == []


def test_rows_are_typed_and_keep_what_was_received(spark: SparkSession, tmp_path: Path) -> None:
    export = _write(
        tmp_path / "one", [_blood_pressure(7), {"resourceType": "Basic", "id": "b"}], "2025-12-31"
    )
    unknown, observation = export.files
    row = spark.sql(ingest.resources_of(observation)).first()
    assert row is not None
    assert (row.id, row.patient_id, row.category, row.code) == ("bp-7", "pat-7", "vital-signs", "85354-9")
    assert [(part.code, part.value) for part in row.components] == [("8462-4", 80.0), ("8480-6", 127.0)]
    assert json.loads(row.resource) == _blood_pressure(7)
    assert spark.sql(ingest.resources_of(unknown)).columns == ["id", "resource"]


def test_a_malformed_line_is_a_row_without_id(spark: SparkSession, tmp_path: Path) -> None:
    export = _write(tmp_path / "bad", [{"resourceType": "Patient", "id": "p"}], "2025-12-31")
    with open(export.files[0].path, "a") as file:
        file.write('{"resourceType": "Patient", "id": "q"\n')
    rows = spark.sql(ingest.resources_of(export.files[0])).collect()
    assert sorted((row.id is None, row.resource[-4:]) for row in rows) == [(False, '"p"}'), (True, ' "q"')]


def test_a_digest_is_of_the_rows_and_not_of_their_order(spark: SparkSession) -> None:
    lake = Lake(spark, "nowhere")
    one, other = (
        "SELECT * FROM VALUES (1, NULL), (2, 'b') AS t(a, b)",
        "SELECT * FROM VALUES (2, 'b'), (1, NULL) AS t(a, b)",
    )
    assert lake.digest(one) == lake.digest(other)
    assert lake.digest(one) != lake.digest(f"{one} UNION ALL {other}")


def test_a_digest_is_the_same_in_pandas(new_lake: Callable[[], Any]) -> None:
    catalog = new_lake()
    lake = Lake(catalog.spark, f"{catalog.name}.default")
    lake.run(
        f"""CREATE TABLE {lake.table("t")} AS SELECT * FROM VALUES
        (1, 'ä "quoted" \\\\ \n/ line', 0.000BD, DATE'2024-02-29', true, 1e-9BD),
        (0, NULL, NULL, NULL, NULL, NULL),
        (-2, '', -12.340BD, DATE'0001-01-01', false, 0BD),
        (-2, '', -12.340BD, DATE'0001-01-01', false, 0BD)
        AS v(`an id`, text, amount, day, flag, tiny)"""
    )
    frame = without_spark.opened(catalog.uri, "main", {}).table("default.t").to_pandas()
    query = f"SELECT * FROM {lake.table('t')}"
    assert without_spark.digest(frame) == lake.digest(query)
    assert without_spark.digest(frame.drop_duplicates()) != lake.digest(query)


def test_a_digest_of_values_with_more_than_one_text_is_refused() -> None:
    with pytest.raises(TypeError, match=r"not of 0\.5"):
        without_spark.digest(pd.DataFrame({"x": [0.5]}))


def test_what_spark_knows_of_the_store_is_handed_over_and_secrets_by_the_environment() -> None:
    s3a = "spark.hadoop.fs.s3a"
    conf = {
        f"{s3a}.endpoint": "127.0.0.1:8333",
        f"{s3a}.connection.ssl.enabled": "false",
        f"{s3a}.access.key": "all",
        f"{s3a}.bucket.lake.access.key": "of-the-bucket",
        f"{s3a}.secret.key": "hush",
    }
    assert handover.storage_options("s3a://lake/x", conf) == {
        "endpoint": "http://127.0.0.1:8333",
        "allow_http": "true",
        "region": "us-east-1",
    }
    assert "hush" not in " ".join(handover.command("s3a://lake/x", "tag", conf, Path(".")))
    environment = handover.environment("s3a://lake/x", conf)
    assert (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) == (
        "of-the-bucket",
        "hush",
    )
    assert handover.storage_options("file:///lake", conf) == {}
    assert handover.storage_options("s3a://lake/x", {f"{s3a}.endpoint.region": "eu-central-1"}) == {
        "region": "eu-central-1"
    }


def test_a_store_that_only_hadoop_knows_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    without_spark.main(["hdfs://host/lake", "a-tag"])
    assert "left out" in capsys.readouterr().out


@pytest.mark.parametrize("kind", sorted(resources._SPECIFICATIONS))
def test_each_resource_type_has_columns_that_spark_understands(spark: SparkSession, kind: str) -> None:
    schema = resources.json_schema(kind)
    query = f"SELECT {resources.select_list(kind, 'r', 'line')} FROM (SELECT '{{}}' AS line)"
    query = query.replace("(SELECT", f"(SELECT from_json('{{}}', '{schema}') AS r,")
    assert spark.sql(query).columns == ["id", *(c.name for c in resources.columns(kind)), "resource"]


@pytest.mark.slow
def test_the_figures_of_the_generated_exports(new_lake: Callable[[], Any]) -> None:
    folders = [generate.CACHE / name for name in generate.RELEASES]
    if not all(generate.is_complete(f, f.name, generate.DEFAULT_POPULATION) for f in folders):
        pytest.skip("no exports in .cache/clinical: make demo generates them")
    catalog = new_lake()
    lake = Lake(catalog.spark, f"{catalog.name}.clinical")
    first, second = (ingest.Export(folder) for folder in folders)
    assert sum(file.content[1] for file in first.files) == 42_844
    observation = [
        next(f for f in export.files if f.resource_type == "Observation") for export in (first, second)
    ]
    lake.run(f"CREATE NAMESPACE {lake.namespace}")
    lake.run(f"CREATE TABLE {lake.table('observation')} AS {ingest.resources_of(observation[0])}")
    lake.run(f"INSERT OVERWRITE {lake.table('observation')} {ingest.resources_of(observation[1])}")
    found = ingest.compare(lake, ["observation"], "main~1", "main")
    assert found == [ingest.Comparison("observation", both=20_516, differ=1_126, new=6_410, gone=984)]


def _fake_simulator(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_exports_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tmp_path / "calls"
    script = f'for last; do :; done; mkdir -p "$last/fhir_r4"; echo x >> "{calls}"'
    simulator = _fake_simulator(tmp_path / "clinosim", script)
    monkeypatch.setattr(generate, "_simulator", lambda: simulator)
    folders = generate.generate(tmp_path / "cache", 10)
    assert generate.generate(tmp_path / "cache", 10) == folders
    assert calls.read_text().count("x") == 2
    generate.generate(tmp_path / "cache", 20)
    assert calls.read_text().count("x") == 4
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(generate.RELEASES)


def test_half_an_export_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'for last; do :; done; mkdir -p "$last/fhir_r4"; case "$last" in *later) exit 3;; esac'
    simulator = _fake_simulator(tmp_path / "clinosim", script)
    monkeypatch.setattr(generate, "_simulator", lambda: simulator)
    with pytest.raises(SystemExit):
        generate.generate(tmp_path / "cache", 10)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["first-release"]
