"""Random histories made without Spark: Spark refuses and deletes just what the half without it would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from native.aging import data
from native.test_vacuum_histories import STEPS, History, begun, expired_before, logged
from pyspark.errors import PySparkException

import anabranch
from anabranch import Repository, errors

pytestmark = pytest.mark.cross

ASKED = 12
"""Commits of each history that both halves are asked about."""


def grown(path: Path, random: Random) -> Repository:
    """A history of which a part was given up."""
    repo = begun(path)
    history = History(repo, random)
    for step in random.choices(STEPS, k=40):
        history.step(step)
    repo.expire(max(history.time(), *expired_before(repo)), "*")
    return repo


def without(repo: Repository, commit: str) -> Any:
    try:
        return sorted(repo.table("db.t", commit).to_arrow(["_row_id"]).column(0).to_pylist())
    except errors.RefExpired:
        return "expired"
    except errors.TableNotFound:
        return "no table"


def by_spark(lake: Any, commit: str) -> Any:
    try:
        return sorted(r[0] for r in lake.rows(f"SELECT _row_id FROM {{lake}}.db.`t@{commit}`"))
    except PySparkException as e:
        condition = e.getCondition() or ""
        assert condition == "ANABRANCH_REF.EXPIRED" or "NOT_FOUND" in condition, e
        return "expired" if condition == "ANABRANCH_REF.EXPIRED" else "no table"


@pytest.mark.proves("EXP-2", "VAC-1")
@pytest.mark.parametrize("seed", range(6))
def test_both_halves_refuse_and_delete_the_same(
    new_lake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    monkeypatch.setattr("anabranch.core.log.vectors.MAX_INLINE_VECTOR", 4096 * (seed % 2))
    repo = grown(tmp_path / "lake", random)
    commits = [str(e.id) for e in logged(repo)]
    asked = random.sample(commits, ASKED)
    mine = {o.path for o in repo.vacuum(timedelta(0), force=True, dry_run=True)}
    lake, there = new_lake(path=tmp_path / "lake"), data(repo)
    lake.spark.conf.set("spark.anabranch.vacuum.check-grace", "false")
    try:
        dry = {r[0] for r in lake.rows("VACUUM IN {lake} RETAIN 0 HOURS DRY RUN")}
        of_table = (
            {r[0] for r in lake.rows("VACUUM {lake}.db.t RETAIN 0 HOURS DRY RUN")}
            if "db.t" in repo.tables()
            else set()
        )
        assert data(repo) == there
        deleted = {r[0] for r in lake.rows("VACUUM IN {lake} RETAIN 0 HOURS")}
    finally:
        lake.spark.conf.unset("spark.anabranch.vacuum.check-grace")
    assert dry == deleted == mine == there - data(repo)
    assert of_table <= deleted
    again = anabranch.open(tmp_path / "lake")
    for commit in asked:
        assert by_spark(lake, commit) == without(again, commit)
