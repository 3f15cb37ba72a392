"""Eight processes that commit to one branch at once lose nothing on S3 either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from concurrency.storm import PROCESSES, jvm_writers, storm
from concurrency.test_processes import nothing_was_lost

from s3 import server
from s3.session import RemoteSession

COMMITS = 3


@pytest.mark.slow
@pytest.mark.proves("LOG-1", "OBJ-2", "TXN-1")
def test_processes_on_s3_lose_nothing(
    s3_session: RemoteSession,
    s3_location: str,
    s3_server: str,
    aws_jars: list[Path],
    jar: Path,
    test_jar: Path,
) -> None:
    s3_session.rows("CREATE TABLE lake.default.storm (writer BIGINT, number BIGINT)")
    settings = server.s3a_settings(s3_server)
    jars = [jar, test_jar, *aws_jars]
    told = storm(jvm_writers(s3_location, "default.storm", COMMITS, jars, settings), COMMITS)
    rows: list[Any] = [tuple(row) for row in s3_session.rows("SELECT writer, number FROM lake.default.storm")]
    history: list[Any] = [(row[0], row[8]) for row in s3_session.rows("DESCRIBE HISTORY lake.default.storm")]
    nothing_was_lost(told, rows, history, COMMITS)
    assert len(rows) == PROCESSES * COMMITS
