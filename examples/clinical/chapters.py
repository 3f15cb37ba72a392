"""The story, chapter by chapter, by way of SQL and `anabranch.Catalog` and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from sklearn.pipeline import Pipeline

import checks
import features
import ingest
import model
import teams
import units
from anabranch import Catalog, Conflict, Table
from lake import Lake
from story import Story

TAG = "train-2026-01"
FIRST = "ingest-2026-01"
SECOND = "ingest-2026-04"
NEW_QUARTER = "2026-01-01"
DATA_TEAM = "data-engineering"
MODEL_TEAM = "model-team"
_SHOWN = ("patient", "encounter", "condition", "medication_request", "immunization", "observation")


@dataclass
class Outcome:
    """What came out, for whoever wants to check it."""

    comparison: list[ingest.Comparison] = field(default_factory=list)
    drift: list[units.UnitDrift] = field(default_factory=list)
    rows_before_correction: int = 0
    rows_after_correction: int = 0
    cells_corrected: dict[str, int] = field(default_factory=dict)
    trained: model.Figures | None = None
    as_delivered: model.Figures | None = None
    corrected: model.Figures | None = None
    digests: dict[str, str] = field(default_factory=dict)
    rows_lost_on_main: int = 0
    disputed: list[Conflict] = field(default_factory=list)


@dataclass
class Demo:
    """What all chapters work with."""

    lake: Lake
    catalog: Catalog
    story: Story
    first: ingest.Export
    second: ingest.Export
    outcome: Outcome = field(default_factory=Outcome)

    def sql(self, statement: str) -> None:
        """Shows a statement and runs it."""
        self.story.statement(statement)
        self.lake.run(statement)


def tell(demo: Demo) -> Outcome:
    """The whole story, on an empty repository."""
    first_release(demo)
    trained = train(demo)
    next_quarter(demo)
    unit_error(demo, trained)
    publish(demo)
    reproduce(demo)
    two_teams(demo)
    accident(demo)
    history(demo)
    return demo.outcome


def first_release(demo: Demo) -> None:
    story, name = demo.story, demo.catalog.name
    story.chapter("The first export, on a branch of its own")
    demo.sql(f"CREATE BRANCH {FIRST} IN {name}")
    demo.sql(f"USE BRANCH {FIRST} IN {name}")
    files = demo.first.files
    with _says(demo, DATA_TEAM, f"FHIR export up to {demo.first.snapshot}", export=demo.first.snapshot):
        ingest.create_tables(demo.lake, demo.first)
    size = sum(file.content[0] for file in files)
    lines = sum(file.content[1] for file in files)
    story.fact("read", f"{len(files)} NDJSON files, {size / 1e6:.1f} MB, {lines:,} resources")
    changes = demo.catalog.diff("main", FIRST)
    created = sum(change.change == "created" for change in changes)
    story.fact("written", f"{created} tables here, none of them on main yet")
    for check in checks.run_checks(demo.lake, files, known=None):
        _require(check)
        story.fact("check passed", check.name)
    with _says(demo, DATA_TEAM, "first release, checks passed", export=demo.first.snapshot):
        demo.sql(f"MERGE BRANCH {FIRST} INTO main IN {name}")
    demo.sql(f"CREATE TAG {TAG} IN {name} FROM main")
    newest = demo.catalog.log("main", limit=1)[0]
    story.fact("main", f"{len(newest.tables)} tables by one commit, {newest.id[:24]}…")


def train(demo: Demo) -> Pipeline:
    story, lake = demo.story, demo.lake
    story.chapter("A model of the tagged tables")
    lake.run(f"USE BRANCH main IN {demo.catalog.name}")
    table = lake.table("training")
    with _says(demo, MODEL_TEAM, f"training rows of {TAG}", trained_on=TAG):
        lake.run(f"CREATE TABLE {table} AS {features.training_rows(lake, TAG)}")
    rows = lake.rows(f"SELECT * FROM {table}")
    digest = lake.digest(f"SELECT * FROM {table}")
    figures = model.cross_validate(rows)
    story.fact("question", "will an adult's next creatinine, 7 to 365 days on, give an eGFR below 60?")
    story.fact(
        "training rows", f"{figures.rows} of {figures.patients} patients, {figures.positive} times yes"
    )
    baseline = f"last eGFR alone {figures.baseline:.2f}"
    story.fact("cross-validated", f"{_auroc(figures)}, no patient in two folds; {baseline}")
    story.fact("SHA-256 of the rows", digest)
    metadata = {"trained_on": TAG, "rows_sha256": digest, "auroc": f"{figures.auroc:.4f}"}
    with _says(demo, MODEL_TEAM, f"logistic regression on {TAG}", **metadata):
        lake.run(
            f"CREATE TABLE {lake.table('model_run')} AS SELECT '{TAG}' AS trained_on, {figures.rows} AS rows,"
            f" '{digest}' AS rows_sha256, {figures.auroc:.4f}D AS auroc, {figures.brier:.4f}D AS brier"
        )
    demo.outcome.trained = figures
    demo.outcome.digests["trained on"] = digest
    return model.train(rows)


def next_quarter(demo: Demo) -> None:
    story, lake = demo.story, demo.lake
    story.chapter("A quarter later: the next export, on a branch from the tag")
    demo.sql(f"CREATE BRANCH {SECOND} IN {demo.catalog.name} FROM {TAG}")
    lake.run(f"USE BRANCH {SECOND} IN {demo.catalog.name}")
    changed = demo.second.changed_since(demo.first)
    with _says(demo, DATA_TEAM, f"FHIR export up to {demo.second.snapshot}", export=demo.second.snapshot):
        ingest.replace_content(lake, demo.second, changed, units.with_unit_fault)
    same = len(demo.second.files) - len(changed)
    story.fact("read", f"{len(changed)} files; {same} are byte for byte those of the first export")
    found = ingest.compare(lake, [file.table for file in changed], TAG, SECOND)
    others = [c for c in found if c.table not in _SHOWN]
    shown = sorted((c for c in found if c.table in _SHOWN), key=lambda c: c.both)
    story.table(
        ("by resource id", "in both", "of these differ", "new", "gone"),
        [(c.table, *_counts(c)) for c in shown]
        + [(f"{len(others)} other tables", *(sum(_counts(c)[i] for c in others) for i in range(4)))],
    )
    demo.outcome.comparison = found


def unit_error(demo: Demo, trained: Pipeline) -> None:
    story, lake, outcome = demo.story, demo.lake, demo.outcome
    story.chapter("A unit error, found and corrected on the branch (put in on purpose, see units.py)")
    results = checks.run_checks(lake, demo.second.files, known=TAG)
    for check in results:
        if not check.passed:
            story.fact("CHECK FAILED", f"{check.name}: {check.violations} rows")
    outcome.drift = units.find_drift(lake, TAG)
    for drift in outcome.drift:
        cause = "only the label is wrong" if drift.only_the_label else "the numbers were converted"
        story.fact(
            drift.display.split(" [")[0].lower(),
            f"{drift.rows} rows in {drift.unit} with median {drift.median:g};"
            f" in {drift.known_unit} it was {drift.known_median:g}: {cause}",
        )
    outcome.as_delivered = _on_new_quarter(demo, trained, "as delivered")
    delivered = demo.catalog.history(_in_catalog(lake, "observation"), limit=1)[0].version
    message = "mmol/L beside numbers in mg/dL: label corrected"
    with _says(demo, DATA_TEAM, message, ticket="LAB-7", codes=",".join(d.code for d in outcome.drift)):
        story.statement(units.correct(lake, [d for d in outcome.drift if d.only_the_label]))
    observation = Table.forName(lake.spark, lake.table("observation"))
    kinds = Counter(row["_change_type"] for row in observation.changes(delivered).collect())
    cells = observation.cell_changes(delivered).orderBy("row_id").collect()
    outcome.rows_before_correction = kinds["update_preimage"]
    outcome.rows_after_correction = kinds["update_postimage"]
    outcome.cells_corrected = dict(Counter(f"{c['column']}: {c['before']} -> {c['after']}" for c in cells))
    story.fact(
        "CHANGES",
        f"{kinds['update_postimage']} rows updated, {kinds['insert']} inserted, {kinds['delete']} deleted;"
        f" {len(cells)} cells differ",
    )
    for correction, count in outcome.cells_corrected.items():
        story.fact("cells", f"{correction} in {count} rows")
    for cell in cells[:2]:
        row = lake.row(f"SELECT id FROM {lake.table('observation')} WHERE _row_id = {cell['row_id']}")
        story.fact(f"row {cell['row_id']}", f"{row.id}: {cell['column']} was {cell['before']}")
    outcome.corrected = _on_new_quarter(demo, trained, "corrected")


def publish(demo: Demo) -> None:
    story, name = demo.story, demo.catalog.name
    story.chapter("Compared with main, and merged: main has gone on with the model's tables meanwhile")
    results = checks.run_checks(demo.lake, demo.second.files, known=TAG)
    for check in results:
        _require(check)
    story.fact("checks", f"all {len(results)} passed")
    table = _in_catalog(demo.lake, "observation")
    for change in demo.catalog.diff("main", SECOND, table):
        story.fact(
            "system.diff",
            f"{change.table} {change.change}: {change.rows_from:,} -> {change.rows_to:,} rows,"
            f" {change.files_added} files more, {change.files_removed} less",
        )
    planned = demo.catalog.merge(SECOND, into="main", dry_run=True)
    story.fact("dry run", f"{len(planned.changes)} tables to take, {len(planned.conflicts)} conflicts")
    with _says(demo, DATA_TEAM, "second release, units corrected", export=demo.second.snapshot):
        demo.sql(f"MERGE BRANCH {SECOND} INTO main IN {name}")
    demo.lake.run(f"USE BRANCH main IN {name}")


def reproduce(demo: Demo) -> None:
    story, lake, outcome = demo.story, demo.lake, demo.outcome
    story.chapter(f"Which rows was the model trained on? VERSION AS OF '{TAG}'")
    tagged = features.training_rows(lake, TAG)
    digest = lake.digest(tagged)
    outcome.digests["from the tag"] = digest
    story.fact("SHA-256 of the rows", digest)
    story.fact("", "the same" if digest == outcome.digests["trained on"] else "NOT THE SAME")
    kept = f"SELECT * FROM {lake.table('training')}"
    lost = lake.row(f"SELECT count(*) AS n FROM ({kept} EXCEPT ({features.training_rows(lake, None)}))").n
    outcome.rows_lost_on_main = lost
    total = outcome.trained.rows if outcome.trained else 0
    story.fact(
        "from main instead", f"{lost} of the {total} rows can't be had: the second export rewrote the past"
    )


def two_teams(demo: Demo) -> None:
    demo.story.chapter("Two teams change the same rows of one table, each on a branch")
    demo.outcome.disputed = teams.review(demo)


def accident(demo: Demo) -> None:
    story, lake, outcome = demo.story, demo.lake, demo.outcome
    story.chapter("An overwrite that should not have been")
    table, name = lake.table("observation"), _in_catalog(lake, "observation")
    everything = f"SELECT * FROM {table}"
    good = demo.catalog.history(name, limit=1)[0].version
    outcome.digests["before the accident"] = lake.digest(everything)
    with _says(demo, "nightly-job", "refresh of laboratory results"):
        demo.sql(f"INSERT OVERWRITE {table} SELECT * FROM {table} WHERE category = 'laboratory'")
    story.fact("rows left", f"{demo.catalog.detail(name).rows:,}")
    with _says(demo, DATA_TEAM, "nightly job kept laboratory results only", ticket="OPS-12"):
        demo.sql(f"RESTORE TABLE {table} TO VERSION AS OF {good}")
    outcome.digests["after the restore"] = lake.digest(everything)
    same = outcome.digests["after the restore"] == outcome.digests["before the accident"]
    rows = demo.catalog.detail(name).rows
    story.fact("rows again", f"{rows:,}; SHA-256 of all of them {'as before' if same else 'NOT AS BEFORE'}")


def history(demo: Demo) -> None:
    name = _in_catalog(demo.lake, "observation")
    demo.story.chapter(f"DESCRIBE HISTORY {demo.lake.table('observation')}")
    demo.story.table(
        ("version", "time (UTC)", "author", "operation", "message", "metadata"),
        [
            (v.version, f"{v.time:%H:%M:%S}", v.author, v.operation, v.message, _pairs(v.metadata))
            for v in demo.catalog.history(name)
        ],
    )


def _says(demo: Demo, author: str, message: str, **metadata: str) -> AbstractContextManager[None]:
    return demo.catalog.commit_info(author=author, message=message, metadata=metadata or None)


def _require(check: checks.Check) -> None:
    if not check.passed:
        raise SystemExit(f"not merged: {check.name}: {check.violations} rows")


def _on_new_quarter(demo: Demo, trained: Pipeline, label: str) -> model.Figures:
    """How the trained model does on what was measured in the new quarter, as the branch has it."""
    rows = demo.lake.rows(features.training_rows(demo.lake, None, label_from=NEW_QUARTER))
    figures = model.evaluate(trained, rows)
    failing = len({row.patient_id for row in rows if min(row.egfr, row.next_egfr) < 15})
    demo.story.fact(
        f"the model, {label}",
        f"{_auroc(figures)}; kidney failure (eGFR < 15) in {failing} of {figures.patients} patients",
    )
    return figures


def _auroc(figures: model.Figures) -> str:
    interval = f"{figures.low:.2f} to {figures.high:.2f}"
    return f"AUROC {figures.auroc:.2f} ({interval})"


def _in_catalog(lake: Lake, table: str) -> str:
    """The name of a table without the catalog, as `anabranch.Catalog` wants it."""
    return f"{lake.namespace.split('.', 1)[1]}.{table}"


def _counts(comparison: ingest.Comparison) -> tuple[int, int, int, int]:
    return comparison.both, comparison.differ, comparison.new, comparison.gone


def _pairs(metadata: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(metadata.items()))
