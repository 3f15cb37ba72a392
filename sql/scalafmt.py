"""Brings the Scala sources into the form of ``.scalafmt.conf``; ``--check`` only tells which differ.

scalafmt comes from Maven Central, once, by means of the Ivy that pyspark ships, into ``.cache/scalafmt``.
Where that can't be reached this says so and checks nothing: a build needs only the Python package index.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import build

FOLDERS = ("sql", "tests")
DOWNLOAD_TIMEOUT_S = 600


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    check = arguments == ["--check"]
    java = build.find_java()
    try:
        jars = _install(java, _version())
    except build.BuildError as error:
        print(f"scalafmt skipped: {error}", file=sys.stderr)
        return 0
    command = [str(java), "-XX:TieredStopAtLevel=1", "-cp", str(jars / "*"), "org.scalafmt.cli.Cli"]
    mode = "--list" if check else "--quiet"
    done = subprocess.run(
        [*command, "--non-interactive", mode, *FOLDERS], cwd=build.ROOT, capture_output=True, text=True
    )
    print(done.stdout + done.stderr, end="")
    if check and done.returncode != 0:
        print("scalafmt: these files are not in form; `make format` brings them there", file=sys.stderr)
    return done.returncode


def _version() -> str:
    found = re.search(r"^version *= *(\S+)", (build.ROOT / ".scalafmt.conf").read_text(), re.MULTILINE)
    if found is None:
        raise build.BuildError(".scalafmt.conf has no version")
    return found.group(1)


def _install(java: Path, version: str) -> Path:
    """The folder of scalafmt's jars, fetched if it is not there yet."""
    cache = build.ROOT / ".cache" / "scalafmt"
    jars = cache / version
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    ivy = str(next(build.find_spark_jars().glob("ivy-*.jar")))
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        what = ["-dependency", "org.scalameta", "scalafmt-cli_2.13", version, "-confs", "default"]
        kind = ["-types", "jar", "bundle"]
        where = ["-retrieve", f"{folder}/jars/[artifact]-[revision].[ext]"]
        try:
            done = subprocess.run(
                [str(java), "-jar", ivy, "-cache", f"{folder}/ivy", *what, *kind, *where],
                capture_output=True,
                text=True,
                timeout=DOWNLOAD_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise build.BuildError("Maven Central did not answer in time") from None
        fetched = Path(folder, "jars")
        if done.returncode != 0 or not any(fetched.glob("scalafmt-cli_2.13-*.jar")):
            lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
            reason = next((li for li in lines if "not found" in li or "Exception" in li), "no reason given")
            raise build.BuildError(f"Maven Central can't be reached ({reason})")
        fetched.rename(jars)
    return jars


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
