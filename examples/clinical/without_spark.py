"""The second half of the story: the same repository in pandas, for whoever has no Spark and no JVM.

    python without_spark.py repository train-2026-01 [--option key=value …] [--into folder]

run.py starts it when Spark has stopped, as a process of its own, and it makes sure itself that nothing here
imports pyspark. Options are those of `anabranch.open`; credentials come from the usual variables (AWS_…).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import anabranch
import features
import model
from anabranch import Commit, Repository, errors
from story import Story

if TYPE_CHECKING:
    from anabranch.core.repository.row_history import RowVersion

TRAINING = "clinical.training"
OBSERVATION = "clinical.observation"
EXPORTED = "corrected-cells.csv"
_LABORATORY = "category = 'laboratory' AND unit IS NOT NULL"


class DuckTables:
    """The tables in DuckDB's words, at the ref of the repository."""

    def table(self, name: str, ref: str | None = None) -> str:
        return f"clinical.{name}" + (f" AT '{ref}'" if ref else "")

    def days(self, start: str, end: str) -> str:
        return f"date_diff('day', {start}, {end})"

    def each(self, array: str) -> str:
        return f"unnest({array})"


@dataclass(frozen=True)
class Cell:
    """A cell that was corrected: where it is, what it was and is, and the commits.

    ``row_commit`` wrote the row as it is, ``commit`` the cell.
    """

    row_id: int
    id: str
    before: str
    after: str
    row_commit: str
    commit: Commit


@dataclass(frozen=True)
class Outcome:
    """What came out, for whoever wants to check it."""

    figures: model.Figures
    digests: dict[str, str]
    auroc_in_commit: str
    cell: Cell
    file: Path
    exported: int


def look(repo: Repository, into: Path, story: Story) -> Outcome:
    """What a data scientist asks of a repository that is opened at the tag of a model."""
    story.statement(f'repo = anabranch.open("{repo.root}", ref="{repo.ref}")')
    files = repo.table("clinical.source_file").to_pandas()
    story.fact("at the tag", f"{len(repo.tables())} tables, of {files['lines'].sum():,} resources received")
    story.statement(
        "rows = repo.sql(features.training_rows(…)).to_pandas()  # the query of step 2, by DuckDB"
    )
    rows = repo.sql(features.training_rows(DuckTables(), None)).to_pandas()
    patients, reduced = rows["patient_id"].nunique(), rows["reduced"].mean()
    story.fact(
        "training rows", f"{len(rows)} of {patients} patients, reduced is true in {reduced:.0%} of them"
    )
    trained, saved = repo.log("main", 2, metadata={"trained_on": repo.ref})
    digests = {
        "SHA-256 of these rows": digest(rows),
        "of the rows saved then": digest(repo.table(TRAINING, ref=saved.id).to_pandas()),
        "Spark's, in the commit": trained.metadata["rows_sha256"],
    }
    for whose, value in digests.items():
        story.fact(whose, value)
    story.fact("", "the same" if len(set(digests.values())) == 1 else "NOT THE SAME")
    figures, auroc = model.cross_validate(rows.to_dict("records")), trained.metadata["auroc"]
    story.fact(
        "the model, trained anew", f"AUROC {figures.auroc:.4f}; the commit of {trained.author}: {auroc}"
    )
    cell = corrected_cell(repo, story)
    file = into / EXPORTED
    exported = export(repo, cell.commit, file, story)
    return Outcome(figures, digests, auroc, cell, file, exported)


def digest(frame: pd.DataFrame) -> str:
    """The digest of `lake.Lake.digest`, computed without Spark: equal rows give equal digests."""
    names = [json.dumps(name, ensure_ascii=False) for name in frame.columns]
    each = sorted(
        _sha256("{" + ",".join(f"{n}:{_json(v)}" for n, v in zip(names, row, strict=True)) + "}")
        for row in frame.itertuples(index=False, name=None)
    )
    return _sha256("".join(each))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _json(value: object) -> str:
    """A value as Spark's ``to_json`` writes it.

    Raises:
        TypeError: for a type that has more than one text: a float, for one, has another in Java.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if type(value) is date:
        return f'"{value.isoformat()}"'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"a digest is of text, whole numbers, decimals, dates and booleans, not of {value!r}")


def corrected_cell(repo: Repository, story: Story) -> Cell:
    """Finds a unit that is not the one that was received, and asks who wrote it."""
    now = repo.table(OBSERVATION, ref="main")
    labs = now.to_pandas(["_row_id", "id", "code", "unit", "resource"], where=_LABORATORY)
    received = labs["resource"].map(_received_unit)
    suspect = labs[received != labs["unit"]].sort_values(["code", "id"])
    story.fact("on main now", f"{len(suspect)} laboratory results have another unit than their JSON")
    row = suspect.iloc[0]
    row_id = int(row["_row_id"])
    story.statement(f'repo.table("{OBSERVATION}", ref="main").blame("_row_id = {row_id}")')
    (blamed,) = now.blame("_row_id = ?", [row_id]).to_pylist()
    story.fact(f"row {row_id}", f"{row['id']}: last written by {blamed['_author']}, {blamed['_message']!r}")
    story.statement(f'repo.table("{OBSERVATION}", ref="main").row_history({row_id})')
    written, before = origin(now.row_history(row_id), "unit")
    c = written.commit
    story.fact("its unit", f"{row['unit']}, was {before}: by {c.author}, {c.time:%Y-%m-%d %H:%M:%S} UTC,")
    story.fact("", f"{c.message!r}, ticket {c.metadata['ticket']}")
    return Cell(row_id, row["id"], str(before), row["unit"], blamed["_commit"], c)


def _received_unit(resource: str) -> str | None:
    return json.loads(resource).get("valueQuantity", {}).get("unit")


def origin(versions: Sequence[RowVersion], column: str) -> tuple[RowVersion, Any]:
    """The newest version of a row that brought a cell another value, and the value before.

    Args:
        versions: newest first, as `row_history` gives them.
        column: of the cell.
    """
    for version, older in pairwise(versions):
        if version.row[column] != older.row.get(column):
            return version, older.row.get(column)
    return versions[-1], None


def export(repo: Repository, commit: Commit, file: Path, story: Story) -> int:
    """Writes the cells of observations that a commit changed, with what they belong to; how many."""
    after, before = repo.table(OBSERVATION, ref=commit.id), f"{commit.id}~1"
    story.statement(f'repo.table("{OBSERVATION}", ref="{_short(commit)}").cell_changes("{_short(commit)}~1")')
    cells = after.cell_changes(before).to_pandas()
    rows = after.to_pandas(["_row_id", "id", "patient_id", "code", "value"])
    told = rows.merge(cells, left_on="_row_id", right_on="row_id", validate="one_to_many")
    told.drop(columns="row_id").sort_values(["code", "id"]).to_csv(file, index=False)
    story.fact("exported", f"{len(told)} cells to {file}")
    return len(told)


def _short(commit: Commit) -> str:
    """As much of a commit id as its repository needs to know it by."""
    place, digest = commit.id.rsplit("-", 1)
    return f"{place}-{digest[:8]}"


def opened(repository: str, tag: str, options: Mapping[str, str]) -> Repository:
    """The repository at a tag.

    Raises:
        AnabranchError: if it can't be reached from here: RepositoryInvalidLocation for a store that only
            Hadoop knows, RepositoryNoPermission or RepositoryStoreFailed for missing credentials.
    """
    return anabranch.open(repository, ref=tag, storage_options=options)


def main(arguments: Sequence[str]) -> None:
    """Opens the repository, and looks; a store that can't be reached without Spark is said so."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository")
    parser.add_argument("tag")
    parser.add_argument("--option", action="append", default=[], metavar="key=value")
    parser.add_argument("--into", type=Path, default=Path("."), metavar="folder")
    given = parser.parse_args(arguments)
    story = Story()
    try:
        repo = opened(given.repository, given.tag, dict(pair.split("=", 1) for pair in given.option))
    except (
        errors.RepositoryInvalidLocation,
        errors.RepositoryNoPermission,
        errors.RepositoryStoreFailed,
    ) as e:
        story.fact("left out", f"this store can't be reached without Spark. {e.reason}")
        return
    look(repo, given.into, story)
    if "pyspark" in sys.modules:
        raise SystemExit("pyspark was imported: this should work without")
    story.fact("JVM", f"none: pyspark was not imported; all of this took {story.seconds:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
