"""Counts the requests of each path at the store, and on S3 also those that go over HTTP.

What the store is asked for is the measure of the design; S3A makes more than one request of some.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import report
from peers import System
from processes import Worker

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "sql")]

from s3 import server  # noqa: E402

import build  # noqa: E402


@dataclass(frozen=True)
class Path_:
    """A path of DESIGN's table of budgets: the step of counting.py, and how many it may take."""

    step: str
    title: str
    budget: str


PATHS = (
    Path_("read", "read, snapshot known", "1 GET, missed"),
    Path_("insert_row", "INSERT of one row", "1 PUT in all"),
    Path_("insert_files", "INSERT of 2 files", "1 PUT after the data"),
    Path_("lost_race", "INSERT that loses a race", "+ 1 GET + 1 PUT"),
    Path_("create_branch", "CREATE BRANCH", "<= 2 PUT"),
    Path_("fast_forward", "MERGE, fast-forward", "1 PUT"),
    Path_("merge_disjoint", "MERGE, disjoint tables", "1 PUT"),
    Path_("merge_hundred", "MERGE, 3 of 100 tables on both sides", "1 PUT"),
    Path_("cold_small", "first read, small catalog", "3 rounds"),
    Path_("cold_large", "first read, 280 commits", "5 rounds"),
)


def count(system: System, folder: Path, cache: Path) -> tuple[str, list[dict[str, Any]]]:
    """Runs all paths on S3, or where that can't be had on local files.

    Returns:
        the table, and the same as data.
    """
    with ExitStack() as stack:
        proxy = None
        extra: dict[str, str] = {}
        uri = (folder / "counted").as_uri()
        classpath = [build.build_tests()]
        try:
            os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            classpath += server.hadoop_aws_jars(cache)
            place = folder / "weed"
            place.mkdir()
            proxy = stack.enter_context(server.counting_proxy(stack.enter_context(server.weed(place))))
            extra = {f"spark.hadoop.{k}": v for k, v in server.s3a_settings(proxy.endpoint).items()}
            uri = f"s3a://{server.BUCKET}/counted"
            where = "S3 (SeaweedFS)"
        except server.Unavailable as e:
            where = f"local files: {e}"
        # both jars in the class loader that Spark itself is in: the helper of the tests needs to see the core
        classpath.append(Path(system.conf["spark.jars"]))
        conf = {k: v for k, v in system.conf.items() if k != "spark.jars"}
        extra["spark.driver.extraClassPath"] = os.pathsep.join(map(str, classpath))
        worker = Worker(replace(system, conf=conf), folder, extra)
        stack.callback(worker.close)
        worker.ask("start_counting", root=uri)
        found = [_one(worker, path, proxy) for path in PATHS]
    rows = [
        [f["path"], str(f["rounds"]), _kinds(f["requests"]), _show(f["http"]), f["budget"]] for f in found
    ]
    text = report.table(["requests", "rounds", "at the store", "over HTTP, with data files", "budget"], rows)
    return f"Requests on {where}\n{text}", found


def _one(worker: Worker, path: Path_, proxy: server.Proxy | None) -> dict[str, Any]:
    worker.ask("prepare_count", name=path.step)
    if proxy is not None:
        proxy.reset()
    answer = worker.ask("count_requests", name=path.step)
    http = dict(proxy.kinds()) if proxy is not None else {}
    return {"path": path.title, "budget": path.budget, "http": http, **answer}


def _kinds(requests: list[str]) -> str:
    return _show(Counter(" ".join(r.split(" ")[:-1]) for r in requests))


def _show(kinds: dict[str, int]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "-"
