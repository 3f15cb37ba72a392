"""Commands for the repository as a whole: init, verify, doctor, jar, spark-conf."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from anabranch.cli import settings
from anabranch.cli.output import DAMAGED, Json, command, exit_code, print_json, print_table
from anabranch.cli.terminal import working


@command
def init(
    location: Annotated[str | None, typer.Argument(help="A path, or a URI such as s3://bucket/lake.")] = None,
    json: Json = False,
) -> None:
    """Make a repository, or find that it is there.

    anabranch init s3://bucket/lake
    """
    if location is not None:
        settings.current.repository = location
    repo = settings.current.open("main", create=True)
    told = {"repository": repo.root, "commit": repo.show().id}
    print_json(told) if json else typer.echo(f"{repo.root} is a repository")


@command
def verify(
    full: Annotated[
        bool, typer.Option("--full", help="Also read every data file, and check its digest.")
    ] = False,
    json: Json = False,
) -> None:
    """Check the chain of commits and the files of all branches and tags; ends with 6 if anything is wrong.

    anabranch verify --full
    """
    report = settings.current.open().verify(full=full)
    found = []
    with working("checking") as done:
        for finding in report:
            found += [finding] if finding.problem else []
            done(1)
    if json:
        print_json({"findings": found})
    else:
        print_table(("object", "problem"), ((f.object, f.problem) for f in found))
        typer.echo("nothing is wrong" if not found else f"{len(found)} problems")
    if found:
        raise typer.Exit(DAMAGED)


@command
def doctor(json: Json = False) -> None:
    """Show what is installed, and whether the repository can be reached and written.

    anabranch doctor
    """
    from importlib import metadata

    from anabranch.errors import AnabranchError

    told: dict[str, str] = {"python": sys.version.split()[0]}
    code = 0
    for package in ("anabranch", "obstore", "pyarrow", "duckdb", "pandas", "polars", "pyspark"):
        try:
            told[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            told[package] = "not installed"
    if settings.current.repository is not None:
        try:
            repo = settings.current.open()
            told["repository"] = repo.root
            repo.probe()
            told["store"] = "keeps the condition of a conditional create"
        except AnabranchError as e:
            told["problem"], code = str(e), exit_code(e.condition)
    print_json(told) if json else print_table(("", ""), told.items())
    if code:
        raise typer.Exit(code)


@command
def jar(json: Json = False) -> None:
    """Print the path of the jar for Spark.

    spark-sql --jars "$(anabranch jar)"
    """
    from anabranch.session import jar_path

    path = str(jar_path())
    print_json({"jar": path}) if json else typer.echo(path)


@command
def spark_conf(
    catalog: Annotated[str, typer.Option(help="The name of the catalog.")] = "lake", json: Json = False
) -> None:
    """Print the settings for Spark, as for --conf.

    anabranch spark-conf --catalog lake
    """
    from anabranch import session

    location = settings.current.repository
    is_path = location is not None and "://" not in location
    conf = session.spark_conf(catalog, Path(location or "").resolve() if is_path else location)
    if json:
        return print_json(conf)
    for name, value in conf.items():
        typer.echo(f"{name}={value}")


COMMANDS = {"init": init, "verify": verify, "doctor": doctor, "jar": jar, "spark-conf": spark_conf}
