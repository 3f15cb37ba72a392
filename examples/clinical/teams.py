"""Two teams work on one table at the same time, each on a branch: merged by row and by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anabranch import Conflict

if TYPE_CHECKING:
    from chapters import Demo

LAB = "lab-review"
CODING = "coding-review"
_CREATININE = "category = 'laboratory' AND code = '2160-0'"


def review(demo: Demo) -> list[Conflict]:
    """The laboratory adds specimens to its results, the coding team their names; about the status of one they
    contradict each other. Gives the conflicts."""
    story, lake, name = demo.story, demo.lake, demo.catalog.name
    table = lake.table("observation")
    disputed = lake.row(f"SELECT min(id) AS id FROM {table} WHERE {_CREATININE}").id
    for branch, changes in (
        (
            LAB,
            [("specimen_id = concat('S-', id)", _CREATININE), ("status = 'corrected'", f"id = '{disputed}'")],
        ),
        (
            CODING,
            [("display = 'Creatinine in serum'", _CREATININE), ("status = 'amended'", f"id = '{disputed}'")],
        ),
    ):
        lake.run(f"CREATE BRANCH {branch} IN {name} FROM main")
        at = f"{table.rpartition('.')[0]}.`observation@{branch}`"
        for assignment, condition in changes:
            with demo.catalog.commit_info(author=branch, message=assignment):
                lake.run(f"UPDATE {at} SET {assignment} WHERE {condition}")
    both = lake.row(f"SELECT count(*) AS n FROM {table} WHERE {_CREATININE}").n
    story.fact("changed", f"{both:,} rows on both branches, in different columns")
    with demo.catalog.commit_info(author=LAB):
        demo.sql(f"MERGE BRANCH {LAB} INTO main IN {name} MESSAGE 'review of the laboratory'")
    kept = demo.catalog.merge(CODING, into="main", keep_conflicts=True)
    for c in kept.conflicts:
        story.fact(c.kind, f"row {c.row_id}, {c.column}: was {c.base}, ours {c.ours}, theirs {c.theirs}")
    demo.sql(f"CALL {name}.system.resolve(choice => 'ours', column => 'status', branch => 'main')")
    with demo.catalog.commit_info(author=CODING):
        demo.sql(f"CONTINUE MERGE INTO main IN {name} MESSAGE 'review of the codes'")
    merged = lake.row(
        f"SELECT count_if(specimen_id = concat('S-', id) AND display = 'Creatinine in serum') AS n,"
        f" max(status) FILTER (WHERE id = '{disputed}') AS status FROM {table} WHERE {_CREATININE}"
    )
    story.fact(
        "merged", f"{merged.n:,} rows have the cells of both teams; the disputed one is {merged.status}"
    )
    return list(kept.conflicts)
