"""Tables versioned together like a git repository, on an object store and nothing else.

Without Spark:

    import anabranch

    repo = anabranch.open("s3://bucket/lake")
    repo.table("clinic.labs", ref="train-2026-01").to_pandas()

With Spark (``pip install anabranch[spark]``):

    from pyspark.sql import SparkSession

    spark = anabranch.configure(SparkSession.builder, repository="file:///data/lake").getOrCreate()
    lake = anabranch.Catalog(spark, "lake")
    lake.create_branch("fix")

Importing this imports nothing but the standard library; each half comes with its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from anabranch import errors
from anabranch.catalog import Catalog
from anabranch.committing import Transaction
from anabranch.difference import Difference
from anabranch.giving_up import DeletedObject, ExpireResult
from anabranch.results import (
    Branch,
    Commit,
    Conflict,
    MergeResult,
    OptimizeResult,
    RestoreResult,
    TableChange,
    TableDetail,
    TableVersion,
    Tag,
)
from anabranch.session import configure, jar_path, spark_conf
from anabranch.table import Table

if TYPE_CHECKING:
    from anabranch.core.repository.opening import init, open
    from anabranch.core.repository.repository import Repository

__version__ = "0.1.0"

__all__ = [
    "Branch",
    "Catalog",
    "Commit",
    "Conflict",
    "DeletedObject",
    "Difference",
    "ExpireResult",
    "MergeResult",
    "OptimizeResult",
    "Repository",
    "RestoreResult",
    "Table",
    "TableChange",
    "TableDetail",
    "TableVersion",
    "Tag",
    "Transaction",
    "configure",
    "errors",
    "init",
    "jar_path",
    "open",
    "spark_conf",
]

_NATIVE = {"Repository": "repository", "init": "opening", "open": "opening"}


def __getattr__(name: str) -> Any:
    if name in _NATIVE:
        return getattr(importlib.import_module(f"anabranch.core.repository.{_NATIVE[name]}"), name)
    raise AttributeError(f"module 'anabranch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NATIVE})


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext anabranch`` runs: afterwards ``%%sql`` is there."""
    from anabranch.integrations import notebook

    notebook.load(shell)
