"""What the main job does, on S3: a Spark session that `anabranch.configure` set up, against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3 import server
from s3.session import Refused, RemoteSession

pytestmark = pytest.mark.slow
LABS = "lake.clinic.labs"


def test_a_table_is_made_branched_merged_read_in_the_past_and_restored(s3_session: RemoteSession) -> None:
    sql = s3_session.rows
    for statement in (
        "CREATE NAMESPACE lake.clinic",
        f"CREATE TABLE {LABS} (id BIGINT, patient STRING, value DOUBLE) PARTITIONED BY (patient)",
        f"INSERT INTO {LABS} VALUES (1, 'p1', 5.4), (2, 'p2', 97.3)",
        "CREATE TABLE lake.clinic.many AS SELECT id, id % 7 AS k FROM range(10000)",
        "CREATE TAG `before-the-quarter` IN lake",
        "CREATE BRANCH quarter IN lake",
        "USE BRANCH quarter IN lake",
        f"INSERT INTO {LABS} SELECT id, 'p3', id / 2 FROM lake.clinic.many WHERE id BETWEEN 3 AND 402",
        f"INSERT OVERWRITE {LABS} SELECT id, patient, IF(id = 2, value / 18, value) FROM {LABS}",
        f"ALTER TABLE {LABS} ADD COLUMN unit STRING DEFAULT 'mmol/L'",
    ):
        sql(statement)
    assert sql(f"SELECT count(*), round(min(value), 1) FROM {LABS}") == [[402, 1.5]]
    assert sql(f"SELECT count(*) FROM {LABS} VERSION AS OF 'main'") == [[2]]
    merged = sql("MERGE BRANCH quarter INTO main IN lake MESSAGE 'next quarter'")
    assert [row[:2] for row in merged] == [["clinic.labs", "changed"]]
    sql("USE BRANCH main IN lake")
    assert sql(f"SELECT count(*), max(unit) FROM {LABS} WHERE patient = 'p3'") == [[400, "mmol/L"]]
    assert sql(f"SELECT * FROM {LABS} VERSION AS OF 'before-the-quarter' ORDER BY id") == [
        [1, "p1", 5.4],
        [2, "p2", 97.3],
    ]
    assert sql("SELECT count(*), sum(k) FROM lake.clinic.many VERSION AS OF 'main~1'") == [[10000, 29994]]

    sql(f"INSERT OVERWRITE {LABS} SELECT * FROM {LABS} WHERE patient = 'p1'")  # the accident
    assert sql(f"SELECT count(*) FROM {LABS}") == [[1]]
    assert sql(f"RESTORE TABLE {LABS} TO VERSION AS OF 'main~1' MESSAGE 'undo'")[0][3] == 402
    assert sql(f"SELECT count(*) FROM {LABS}") == [[402]]
    history = sql(f"DESCRIBE HISTORY {LABS}")
    assert [row[0] for row in history] == [4, 3, 2, 1, 0]
    assert [row[3] for row in history] == ["RESTORE", "OVERWRITE", "MERGE BRANCH", "INSERT", "CREATE TABLE"]
    assert [row[6] for row in history][:3] == ["undo", "", "next quarter"]


def test_errors_on_s3_are_the_same_as_elsewhere(s3_session: RemoteSession) -> None:
    for statement, condition in (
        ("SELECT * FROM lake.default.nowhere", "TABLE_OR_VIEW_NOT_FOUND"),
        ("CREATE BRANCH main IN lake", "ANABRANCH_REF.ALREADY_EXISTS"),
        ("SHOW COMMITS ON nowhere IN lake", "ANABRANCH_REF.NOT_FOUND"),
    ):
        with pytest.raises(Refused) as caught:
            s3_session.rows(statement)
        assert caught.value.condition == condition


def test_the_clinical_example_comes_out_right(
    s3_session: RemoteSession, s3_server: str, s3_location: str, tmp_path: Path
) -> None:
    pytest.importorskip("sklearn", reason="the example's model needs scikit-learn")
    from examples import test_clinical as small

    first = small._write(tmp_path / "first", small._first_release(), "2025-12-31")
    second = small._write(tmp_path / "second", small._a_quarter_later(), "2026-03-31")
    outcome = s3_session.clinical(first.folder, second.folder)
    digests = outcome["digests"]
    assert digests["from the tag"] == digests["trained on"]
    assert digests["after the restore"] == digests["before the accident"]
    assert outcome["rows_lost_on_main"] == 5
    authors = [row[2] for row in s3_session.rows("DESCRIBE HISTORY lake.clinical.observation")]
    teams = ["coding-review", "lab-review"]
    assert authors == ["data-engineering", "nightly-job", *teams, "data-engineering", "data-engineering"]

    conf = {f"spark.hadoop.{key}": value for key, value in server.s3a_settings(s3_server).items()}
    told = small._runs_without_spark(
        small.handover.command(s3_location, small.chapters.TAG, conf, tmp_path),
        small.handover.environment(s3_location, conf),
    )
    assert digests["trained on"] in told
    assert "ticket LAB-7" in told
    assert len((tmp_path / small.without_spark.EXPORTED).read_text().splitlines()) == 21  # with a head
