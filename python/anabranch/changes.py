"""What happened to the rows and cells of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Columns that CHANGES adds to those of the table.
COLUMNS: Sequence[str] = ("_row_id", "_row_commit", "_change_type", "_commit_version", "_commit_timestamp")


def row_changes(
    spark: SparkSession, table: str, from_ref: int | str, to_ref: int | str | None, net: bool
) -> DataFrame:
    """The changes of a table's rows after one ref, up to another.

    Args:
        spark: the session.
        table: its name, quoted.
        from_ref: a version of the table, or any ref.
        to_ref: the same; None is the newest.
        net: whether only what differs between the two counts.
    """
    mode = "netChanges" if net else "dropCarryovers"
    until = "" if to_ref is None else " TO VERSION :to"
    args = {"from": str(from_ref)} | ({} if to_ref is None else {"to": str(to_ref)})
    return spark.sql(
        f"SELECT * FROM {table} CHANGES FROM VERSION :from EXCLUSIVE{until}"
        f" WITH (deduplicationMode = '{mode}', computeUpdates = 'true')",
        args=args,
    )


def cell_changes(rows: DataFrame) -> DataFrame:
    """The cells that differ in updated rows: ``row_id``, ``column``, ``before`` and ``after`` as text.

    Args:
        rows: net changes, as `row_changes` gives them.
    """
    from pyspark.sql import functions as F

    names = [name for name in rows.columns if name not in COLUMNS]
    quoted = ["`" + name.replace("`", "``") + "`" for name in names]
    old, new = (
        rows.where(F.col("_change_type") == f"update_{image}").select(
            "_row_id", F.struct(*quoted).alias(image)
        )
        for image in ("preimage", "postimage")
    )
    pairs = old.join(new, "_row_id")
    cells = [
        F.when(
            ~F.col(f"preimage.{q}").eqNullSafe(F.col(f"postimage.{q}")),
            F.struct(
                F.lit(name).alias("column"),
                F.col(f"preimage.{q}").cast("string").alias("before"),
                F.col(f"postimage.{q}").cast("string").alias("after"),
            ),
        )
        for name, q in zip(names, quoted, strict=True)
    ]
    each = pairs.select(
        F.col("_row_id").alias("row_id"), F.explode(F.array_compact(F.array(*cells))).alias("cell")
    )
    return each.select("row_id", "cell.column", "cell.before", "cell.after")
