"""Measures Anabranch beside plain Parquet, Delta and Iceberg, and prints how it does against its budgets.

    make bench ARGS='--quick'          small data, a smoke run
    make bench ARGS='--only scan,load --systems parquet,anabranch'

README.md beside this file says what is measured and how.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT / "python")]

import client_peers  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import requests_at_store  # noqa: E402
import tasks  # noqa: E402
from data import lineitem  # noqa: E402
from processes import StepFailed, workers  # noqa: E402

from anabranch import _java  # noqa: E402

CACHE = ROOT / ".cache" / "bench"


def main() -> int:
    given = arguments()
    _java.ensure_java_home()
    size = tasks.QUICK if given.quick else tasks.FULL
    if given.scale is not None:
        size = replace(size, scale=given.scale)
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
    try:
        systems = [own_jar(peers.system(n, CACHE), folder) for n in peers.NAMES if n in given.systems]
        result = measure(systems, size, given.only, folder)
    except StepFailed as e:
        print(f"stopped: {e} (the folder is kept)", file=sys.stderr)
        return 1
    if not given.keep:
        shutil.rmtree(folder)
    path = save(result, size)
    print(f"\nAll samples are in {path.relative_to(ROOT)}.")
    return 0


def arguments() -> argparse.Namespace:
    def names(allowed: tuple[str, ...]) -> Any:
        def split(text: str) -> list[str]:
            chosen = text.split(",")
            unknown = set(chosen) - set(allowed)
            if unknown:
                raise argparse.ArgumentTypeError(
                    f"{', '.join(sorted(unknown))}: not one of {', '.join(allowed)}"
                )
            return chosen

        return split

    all_tasks = (*tasks.TASKS, "clients", "requests")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="small data and few repeats: whether it runs, not how fast"
    )
    parser.add_argument("--scale", type=float, help="TPC-H scale factor; 1 is 6 million rows")
    parser.add_argument(
        "--only", type=names(all_tasks), default=list(all_tasks), help=f"some of: {','.join(all_tasks)}"
    )
    parser.add_argument(
        "--systems",
        type=names(peers.NAMES),
        default=list(peers.NAMES),
        help=f"some of: {','.join(peers.NAMES)}",
    )
    parser.add_argument("--keep", action="store_true", help="keep the tables and logs of the run")
    return parser.parse_args()


def own_jar(system: peers.System, folder: Path) -> peers.System:
    """A copy of the jar, so that a build during the run does not pull it away."""
    jar = system.conf.get("spark.jars")
    return (
        system
        if jar is None
        else replace(system, conf={**system.conf, "spark.jars": str(shutil.copy(jar, folder))})
    )


def measure(systems: list[peers.System], size: tasks.Size, only: list[str], folder: Path) -> dict[str, Any]:
    figures = tasks.Figures()
    counted: list[dict[str, Any]] = []
    titles = {s.name: s.title for s in systems}
    # a query needs the table, a history its first commits
    needs = {"scan": "load", "rows": "load", "merges": "load", "history": "insert"}
    wanted = set(only) | {needs[t] for t in only if t in needs}
    chosen = [t for t in tasks.TASKS if t in wanted]
    if chosen:
        with workers(systems, folder) as running:
            for name in chosen:
                start = time.monotonic()
                more = {"source": lineitem(CACHE, size.scale)} if name == "load" else {}
                tasks.TASKS[name](running, size, out=figures, **more)
                print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
            versions = {n: w.spark_version for n, w in running.items()}
        print(f"Spark {versions}, {machine()}\n")
        print(report.times(figures, titles, {"few": size.few_files, "many": size.many_files}), end="\n\n")
        print(report.numbers(figures, titles), end="\n\n")
    if "clients" in only:
        start = time.monotonic()
        found = client_peers.measure(CACHE, lineitem(CACHE, size.scale), size)
        print(f"clients: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        print(report.times(found, client_peers.TITLES, {}), end="\n\n")
        print(report.numbers(found, client_peers.TITLES), end="\n\n")
        figures.samples |= found.samples
        figures.numbers |= found.numbers
    verdicts = report.verdicts(figures)
    if verdicts:
        print(report.budgets(verdicts), end="\n\n")
    us = next((s for s in systems if s.name == report.US), None)
    if "requests" in only and us is not None:
        text, counted = requests_at_store.count(us, folder, ROOT / ".cache")
        print(text)
    return {
        "machine": machine(),
        "samples": figures.samples,
        "numbers": figures.numbers,
        "budgets": [asdict(v) | {"kept": v.kept} for v in verdicts],
        "requests": counted,
    }


def machine() -> str:
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {gib:.0f} GiB, {platform.system()} {platform.machine()}"


def save(result: dict[str, Any], size: tasks.Size) -> Path:
    now = datetime.datetime.now(datetime.timezone.utc)
    folder = CACHE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{now:%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps({"time": now.isoformat(), "size": asdict(size), **result}, indent=1))
    return path


if __name__ == "__main__":
    sys.exit(main())
