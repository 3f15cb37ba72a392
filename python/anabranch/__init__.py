"""Tables of Spark, versioned together like a git repository, on an object store and nothing else.

    import anabranch
    from pyspark.sql import SparkSession

    spark = anabranch.configure(SparkSession.builder, repository="file:///data/lake").getOrCreate()
    lake = anabranch.Catalog(spark, "lake")
    lake.create_branch("fix")

Importing this imports nothing but the standard library: pyspark comes with the extra ``anabranch[spark]``.
"""

from anabranch.catalog import Catalog
from anabranch.results import (
    Branch,
    Commit,
    Conflict,
    MergeResult,
    RestoreResult,
    TableChange,
    TableDetail,
    TableVersion,
    Tag,
)
from anabranch.session import configure, jar_path, spark_conf
from anabranch.table import Table

__version__ = "0.1.0"

__all__ = [
    "Branch",
    "Catalog",
    "Commit",
    "Conflict",
    "MergeResult",
    "RestoreResult",
    "Table",
    "TableChange",
    "TableDetail",
    "TableVersion",
    "Tag",
    "configure",
    "jar_path",
    "spark_conf",
]
