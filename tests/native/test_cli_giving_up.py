"""The command line: data that is given up and deleted."""

from __future__ import annotations

import inspect
import re
import shlex
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import anabranch
from anabranch.cli import giving_up
from native.aging import aged, data, now
from native.test_cli import Run, lake, run  # noqa: F401


@pytest.fixture
def old(run: Run, lake: Path) -> str:  # noqa: F811
    """A commit whose data only it needs, and which was over a month ago by the store's clock and its own."""
    run("import", "labs.csv", "clinic.labs", "--mode", "overwrite")
    repo = anabranch.open("lake")
    repo.table("clinic.labs").set_properties({"anabranch.write.inline-rows": "0"})
    run("import", "labs.csv", "clinic.labs", "--mode", "overwrite")
    id = repo.show().id
    run("import", "labs.csv", "clinic.labs", "--mode", "overwrite")
    return id


def test_data_is_given_up_and_deleted(run: Run, lake: Path, old: str) -> None:  # noqa: F811
    repo = anabranch.open("lake")
    time = now().isoformat()
    told = run("expire", "--older-than", time, "--dry-run", "--json")
    assert (told["expired_commits"], told["branches"]) == (len(repo.log()) - 1, "*")
    assert "would be expired" in run("expire", "--older-than", time, "--dry-run")
    assert run("head", "clinic.labs", "--json") and repo.table("clinic.labs", old)
    assert ": 6 commits" in run("expire", "--older-than", time, "-m", "enough")
    assert run("show", "--json")["message"] == "enough"
    assert "ANABRANCH_REF.EXPIRED" in run("--ref", old, "head", "clinic.labs", code=1)
    assert run("show", old, "--json")["id"] == old and len(run("log", old, "--json")) > 3
    before = data(repo)
    assert "deleted: 0 objects" in run("vacuum")
    assert "ANABRANCH_VACUUM.GRACE_TOO_SHORT" in run("vacuum", "--grace", "1h", code=1)
    told = run("vacuum", "--grace", "0s", "--force", "--dry-run", "--json")
    assert (told["dry_run"], len(told["objects"])) == (True, 1) and told["bytes"] > 0
    assert "would be deleted: 1 object, " in run("vacuum", "--grace", "0s", "--force", "--dry-run")
    assert data(repo) == before
    aged(repo, timedelta(days=8))
    said = run("vacuum", "--table", "clinic.labs")
    assert told["objects"][0]["path"] in said and re.search(r"\ndeleted: 1 object, [\d.]+ (bytes|KiB)", said)
    assert len(data(repo)) == len(before) - 1
    assert run("vacuum", "--json") == {"dry_run": False, "bytes": 0, "objects": []}


@pytest.mark.parametrize("name", giving_up.COMMANDS)
def test_the_examples_of_their_help_run(run: Run, old: str, name: str) -> None:  # noqa: F811
    told = inspect.getdoc(giving_up.COMMANDS[name]) or ""
    examples = [shlex.split(line)[1:] for line in told.splitlines() if line.startswith("anabranch ")]
    assert len(examples) == 2 and all(e[0] == name for e in examples)
    for example in examples:
        if "2026-01-31" in example:  # before the repository
            example[example.index("2026-01-31")] = now().isoformat()
        run(*example)


@pytest.mark.parametrize("text", ["30", "d", "-1d", "1y", "yesterday", "2026-13-01", ""])
def test_what_is_no_time_is_wrong_use(run: Run, lake: Path, text: str) -> None:  # noqa: F811
    assert "30d" in run("expire", f"--older-than={text}", code=2)
    assert "30d" in run("vacuum", f"--grace={text}", code=2)


@pytest.mark.parametrize("text", ["2w", "14d", "336h", "20160m", "1209600s"])
def test_a_length_of_time_has_a_unit(run: Run, lake: Path, text: str) -> None:  # noqa: F811
    told = run("expire", "--older-than", text, "--json", "--dry-run")
    ago = now() - datetime.fromisoformat(told["before"])
    assert timedelta(days=14) <= ago < timedelta(days=14, minutes=1)
    assert told["expired_commits"] == 0


def test_a_time_is_in_utc(run: Run, lake: Path) -> None:  # noqa: F811
    for text in ("2026-01-31", "2026-01-31T00:00", "2026-01-31T00:00:00Z", "2026-01-31T01:00:00+01:00"):
        told = run("expire", "--older-than", text, "--json", "--dry-run")
        assert told["before"] == "2026-01-31T00:00:00+00:00"
    assert run("expire", "--older-than", "999999999w", "--json")["before"] == "0001-01-01T00:00:00+00:00"
