"""What a user may write, with types: mypy checks it as strictly as the package, and a test runs it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa

import anabranch


def readings(repo: anabranch.Repository) -> list[tuple[int, str | None]]:
    """Ids and values of all readings."""
    table: pa.Table = repo.table("lab.reading").to_arrow(columns=["id", "value"], where="id > 0")
    return [(row["id"], row["value"]) for row in table.to_pylist()]


def main(place: Path) -> dict[str, int]:
    """Makes a repository, a branch and a merge with a conflict; counts what came of it."""
    repo = anabranch.init(place, author="ada")
    repo.create_namespace("lab")
    repo.create_table("lab.reading", {"id": [1, 2], "value": ["a", "b"]})
    tag: anabranch.Tag = repo.create_tag("v1")
    branch: anabranch.Branch = repo.create_branch("fix")
    fix = anabranch.open(place, ref=branch.name, author="bob")
    with fix.transaction(message="units", metadata={"ticket": "LAB-7"}) as tx:
        tx.table("lab.reading").update({"value": "'c'"}, "id = 2")
        tx.table("lab.reading").append({"id": [3], "value": ["d"]})
    repo.table("lab.reading").update({"value": "'x'"}, "id = 2")
    review: anabranch.MergeResult = repo.merge("fix", dry_run=True)
    try:
        repo.merge("fix")
    except anabranch.errors.AnabranchError as e:
        condition: str = e.condition
        assert condition == "ANABRANCH_MERGE.CONFLICT"
    done = repo.merge("fix", on_conflict="theirs", message="both")
    newest: anabranch.Commit = repo.log(limit=1)[0]
    at: datetime = newest.time
    assert at.tzinfo is not None and newest.id == done.commit and tag.name == "v1"
    return {
        "conflicts": len(review.conflicts),
        "commits": len(repo.log(graph=True)),
        "rows": len(readings(repo)),
        "problems": sum(finding.problem is not None for finding in repo.verify(full=True)),
        "before": repo.table("lab.reading", ref="v1").to_arrow().num_rows,
    }
