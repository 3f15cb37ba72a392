"""Long relations of branches: merges to and fro, restores in between, bases that contradict each other."""

from __future__ import annotations

import json

import pytest

from log.harness import Refusal, Repo, position, unpacked


@pytest.mark.proves("MRG-1", "MRG-2", "VEC-1", "TAB-3")
def test_branches_that_merge_to_and_fro_never_conflict_over_what_they_agree_on(repo: Repo) -> None:
    repo("branch", name="third", **{"from": "v1"})
    rows = {"db.t": repo.rows(), "db.other": repo.rows("db.other", "dev")}
    for round in range(1, 5):
        repo("append", branch="dev", table="db.other", files=1, rows=round)
        repo("append", files=1, rows=2 * round)
        rows = {"db.t": rows["db.t"] + 2 * round, "db.other": rows["db.other"] + round}
        assert repo("merge", source="dev")["changes"] == ["changed db.other"]
        back = repo("merge", source="main", into="dev")
        assert back["fast_forward"] and back["changes"] == ["changed db.t"]
        repo("merge", source="main", into="third")
        for reader in (repo, repo.fresh()):
            for ref in ("main", "dev", "third"):
                assert {table: reader.rows(table, ref) for table in rows} == rows
        for source, into in [("third", "main"), ("dev", "third"), ("third", "dev")]:
            assert repo("merge", source=source, into=into)["changes"] == [], "nothing is different"


@pytest.mark.proves("TAB-3", "MRG-2", "ROW-3")
def test_a_restored_state_counts_as_unchanged_when_branches_merge(repo: Repo) -> None:
    repo("branch", name="side", **{"from": "v1"})
    repo("append", branch="side", files=1, rows=7)
    assert not repo("merge", source="side", dry_run=True)["fast_forward"]
    repo("restore", to="v1")
    assert repo("load")["content"] == repo("load", ref="v1")["content"]
    repo("merge", source="side")
    main, side = repo.fresh()("load"), repo.fresh()("load", ref="side")
    assert (main["files"], main["content"]) == (side["files"], side["content"])


@pytest.mark.proves("MRG-1", "MRG-2", "VEC-1")
def test_what_each_side_gave_up_for_the_others_is_in_neither(repo: Repo) -> None:
    """main and dev each took the other's table of before, which each had given up for it: two bases that
    contradict each other."""
    repo("append", branch="dev", files=1, rows=2)
    for branch in ("main", "dev"):
        repo("tag", name=f"{branch}0", **{"from": branch})
    for branch, other in [("main", "dev0"), ("dev", "main0")]:
        repo("restore", branch=branch, to="v1")
        repo("merge", source=other, into=branch)
    assert (repo.rows(), repo.rows(ref="dev")) == (6 + 2, 6 + 5)
    assert repo("merge", source="dev", dry_run=True)["changes"] == ["changed db.t"]
    repo("merge", source="dev")
    assert (repo.fresh().rows(), repo.fresh().rows("db.other")) == (6, 4)


@pytest.mark.proves("LOG-4", "LOG-1", "ROW-1")
def test_of_many_who_draw_one_log_number_at_once_each_gets_a_log_of_its_own(repo: Repo) -> None:
    others = [repo.fresh() for _ in range(8)]
    for other in others:
        other("snapshot")
        other.clock.drawOrdinal(0x123456)
    answers = repo.java.RepositoryHarness.race(
        [other.harness for other in others], "branch", [json.dumps({"name": f"b{n}"}) for n in range(8)], 1
    )
    first = [position(unpacked(answer)) for (answer,) in answers]
    assert len(set(first)) == 8 and "123456-0" in first
    for n, place in enumerate(first):
        found = repo.fresh()("resolve", ref=f"b{n}")
        assert position(found["commit"]) == place
        assert repo.entry(place)["body"]["branch"] == f"b{n}"


@pytest.mark.proves("TXN-2")
def test_an_append_does_not_fit_on_new_features(repo: Repo) -> None:
    repo("hold", **{"as": "base"})
    winner = repo.fresh()("features", writer_features=["inline-rows"], reader_features=[])
    with pytest.raises(Refusal) as caught:
        repo("append", base="base", files=1)
    assert caught.value.condition == "ANABRANCH_COMMIT.CONFLICT"
    assert "db.t" in caught.value.message and position(winner) in caught.value.message
