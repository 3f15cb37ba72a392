"""Sets the example up: two FHIR R4 bulk exports of one hospital, a quarter apart, by the simulator clinosim.

Kept in ``.cache/clinical`` of the checkout and reused. ``POPULATION=3000 python generate.py`` makes larger
ones. Half an export is never taken for a whole one: it gets its name when it is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "clinical"
"""Where this example keeps everything that it makes."""

RELEASES = {"first-release": "2025-12-31", "a-quarter-later": "2026-03-31"}
"""Name of an export -> the day up to which it reports."""

DEFAULT_POPULATION = 300
"""People that live around the hospital; some 180 of them become patients."""

_STAMP = "stamp.json"


def parameters(name: str, population: int) -> dict[str, str]:
    """The options of ``clinosim simulate`` for an export."""
    return {
        "population": str(population),
        "seed": "7",
        "country": "US",
        "start": "2025-01-01",
        "end": RELEASES[name],
        "format": "fhir-r4",
    }


def is_complete(folder: Path, name: str, population: int) -> bool:
    """Whether a folder holds a whole export made with these parameters by this version of the simulator."""
    try:
        stamp = json.loads((folder / _STAMP).read_text())
    except (OSError, ValueError):
        return False
    return bool(stamp == _stamp(name, population))


def generate(cache: Path, population: int) -> dict[str, Path]:
    """Makes the exports that aren't there, at the same time, and gives the folder of each by name.

    Raises:
        SystemExit: the simulator isn't installed, or failed; says what it said.
    """
    folders = {name: cache / name for name in RELEASES}
    missing = [name for name in RELEASES if not is_complete(folders[name], name, population)]
    if not missing:
        return folders
    cache.mkdir(parents=True, exist_ok=True)
    _say(f"making {len(missing)} FHIR exports for a population of {population}; once, about 40 s for 300 ...")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="making-", dir=cache) as work:
        runs = {name: _start(Path(work, name), name, population) for name in missing}
        failed = [name for name, run in runs.items() if run.wait() != 0]
        for name in failed:
            log = Path(work, f"{name}.log").read_text(errors="replace")
            _say(f"clinosim failed on {name}:\n{log[-2000:]}")
        for name in set(missing) - set(failed):
            _keep(Path(work, name, "fhir_r4"), folders[name], _stamp(name, population))
    if failed:
        raise SystemExit(1)
    _say(f"made in {time.monotonic() - began:.0f} s, kept in {cache}")
    return folders


def _stamp(name: str, population: int) -> dict[str, str]:
    try:
        clinosim = version("clinosim")
    except PackageNotFoundError:
        clinosim = "not installed"
    return {"clinosim": clinosim, **parameters(name, population)}


def _start(output: Path, name: str, population: int) -> subprocess.Popen[bytes]:
    options = [part for key, value in parameters(name, population).items() for part in (f"--{key}", value)]
    with open(output.with_suffix(".log"), "wb") as log:
        return subprocess.Popen(
            [_simulator(), "simulate", *options, "--output", str(output)],
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _simulator() -> str:
    beside = Path(sys.executable).with_name("clinosim")
    found = str(beside) if beside.exists() else shutil.which("clinosim")
    if found is None:
        raise SystemExit(
            "the simulator clinosim is not installed: pip install 'anabranch[demo]', or make demo"
        )
    return found


def _keep(made: Path, folder: Path, stamp: dict[str, str]) -> None:
    """Stamps what was made and gives it its name: a rename, so whole or not at all."""
    (made / _STAMP).write_text(json.dumps(stamp, indent=2))
    if folder.exists():
        folder.rename(made.parent / "replaced")  # removed with the temporary folder
    made.rename(folder)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    generate(CACHE, int(os.environ.get("POPULATION", DEFAULT_POPULATION)))
