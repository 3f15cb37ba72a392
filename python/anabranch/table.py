"""One table, with the methods that users of Delta's ``DeltaTable`` know.

Everything here is a SQL statement or a stock DataFrame call, so it works in a classic session and over Spark
Connect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Union
from uuid import uuid4

from anabranch import _sql
from anabranch._builder import TableBuilder
from anabranch._merge import MergeBuilder, check_assignments, check_expression
from anabranch._optimize import OptimizeBuilder
from anabranch.changes import cell_changes, row_changes
from anabranch.upkeep import vacuum_statement

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

#: SQL text, or a Column.
Expression = Union[str, "Column"]

_CLASS = "io.anabranch.spark.AnabranchCatalog"


class Table:
    """A table of an Anabranch catalog.

    Conditions and values are SQL text, which stands in the statement as it is, or Columns. What the
    repository refuses is raised by Spark as ``pyspark.errors.PySparkException``, with a condition of
    ``docs/errors.md``.
    """

    def __init__(self, spark: SparkSession, name: str, alias: str | None = None) -> None:
        """Looks at nothing yet; `forName` is the usual way.

        Args:
            spark: a session in which the table's catalog is set up.
            name: as in SQL: ``lake.clinical.observation``, or that of a branch,
                ``lake.clinical.`observation@fix```.
            alias: the name by which conditions mean the table.

        Raises:
            ValueError: if `name` is no name of a table.
        """
        self._spark = spark
        self._parts = _sql.split(name)
        self._id = ".".join(_sql.quote(part) for part in self._parts)
        self._alias = alias

    def __repr__(self) -> str:
        return f"anabranch.Table({_sql.join(self._parts)!r})"

    # --- finding and creating

    @classmethod
    def forName(cls, spark: SparkSession, name: str) -> Table:
        """The table of that name.

        Raises:
            AnalysisException: TABLE_OR_VIEW_NOT_FOUND, ANABRANCH_REF.NOT_FOUND.
            ValueError: if it is no table of an Anabranch catalog.
        """
        table = cls(spark, name)
        spark.table(table._id).schema  # noqa: B018 - over Spark Connect only this looks for it
        if not cls.isAnabranchTable(spark, name):
            raise ValueError(f"{name!r} is a table of another format: name one of an Anabranch catalog")
        return table

    @classmethod
    def forPath(cls, spark: SparkSession, path: str) -> Table:
        """The table that ``df.write.format("anabranch").save(path)`` made.

        A relative path is the name of a table in the namespace ``default`` of the session's Anabranch
        catalog.

        Raises:
            ValueError: for an absolute path, and where no or several Anabranch catalogs are set up.
        """
        if path.startswith("/") or "://" in path:
            raise ValueError(
                f"{path!r} is a place, but tables lie in the repository of a catalog: use forName, or a "
                "relative path"
            )
        return cls.forName(spark, f"{_the_catalog(spark)}.default.{_sql.quote(path.rstrip('/'))}")

    @classmethod
    def isAnabranchTable(cls, spark: SparkSession, name: str) -> bool:
        """Whether a table of that name is there, and in an Anabranch catalog."""
        from pyspark.errors import AnalysisException

        try:
            rows = spark.sql(f"DESCRIBE TABLE EXTENDED {cls(spark, name)._id}").collect()
        except (AnalysisException, ValueError):
            return False
        return any(r["col_name"] == "Provider" and r["data_type"] == "anabranch" for r in rows)

    @classmethod
    def create(cls, spark: SparkSession) -> TableBuilder[Table]:
        """Creates a table: ``.tableName(…).addColumn(…).execute()``. An existing one is an error."""
        return TableBuilder(spark, "CREATE TABLE", lambda name: cls(spark, name))

    @classmethod
    def createIfNotExists(cls, spark: SparkSession) -> TableBuilder[Table]:
        """Creates a table unless there is one of that name."""
        return TableBuilder(spark, "CREATE TABLE IF NOT EXISTS", lambda name: cls(spark, name))

    @classmethod
    def replace(cls, spark: SparkSession) -> TableBuilder[Table]:
        """Replaces the columns and rows of a table that must be there; its history goes on."""
        return TableBuilder(spark, "REPLACE TABLE", lambda name: cls(spark, name))

    @classmethod
    def createOrReplace(cls, spark: SparkSession) -> TableBuilder[Table]:
        """Creates a table, or replaces one of that name."""
        return TableBuilder(spark, "CREATE OR REPLACE TABLE", lambda name: cls(spark, name))

    # --- reading

    def alias(self, name: str) -> Table:
        """The same table, by another name in conditions."""
        return type(self)(self._spark, _sql.join(self._parts), name)

    def toDF(self) -> DataFrame:
        """The rows that the table has now."""
        frame = self._spark.table(self._id)
        return frame.alias(self._alias) if self._alias else frame

    def history(self, limit: int | None = None) -> DataFrame:
        """The versions of the table, newest first: what ``DESCRIBE HISTORY`` shows.

        Raises:
            ValueError: if `limit` is negative.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"a limit can't be negative: {limit}")
        return self._spark.sql(
            f"DESCRIBE HISTORY {self._id}" + ("" if limit is None else f" LIMIT {int(limit)}")
        )

    def detail(self) -> DataFrame:
        """One row about the table: what ``DESCRIBE DETAIL`` shows."""
        return self._spark.sql(f"DESCRIBE DETAIL {self._id}")

    def changes(self, from_ref: int | str, to_ref: int | str | None = None, net: bool = False) -> DataFrame:
        """What happened to rows after one ref, up to another.

        Args:
            from_ref: a version of the table, or any ref: a branch, a tag, a commit.
            to_ref: the same; None is the newest.
            net: whether only what differs between the two counts, and not what was undone in between.
                Refs of which none comes before the other are always compared so.

        Returns:
            The table's columns, ``_row_id``, ``_row_commit``, ``_change_type`` (insert, delete,
            update_preimage, update_postimage), ``_commit_version`` and ``_commit_timestamp``.

        Raises:
            AnalysisException: ANABRANCH_TABLE.VERSION_NOT_FOUND, INVALID_RANGE, ANABRANCH_REF.NOT_FOUND.
        """
        return row_changes(self._spark, self._id, from_ref, to_ref, net)

    def cell_changes(self, from_ref: int | str, to_ref: int | str | None = None) -> DataFrame:
        """The cells of rows that differ between two refs, as of `changes`.

        Returns:
            ``row_id``, ``column``, ``before``, ``after``: values as text. Inserted and deleted rows are not
            here.
        """
        return cell_changes(row_changes(self._spark, self._id, from_ref, to_ref, net=True))

    def row_history(self, row_id: int | None = None, where: str | None = None) -> DataFrame:
        """The versions of a row, newest first, with the commits that wrote them.

        Only commits that wrote the row are looked at, unless it is gone: then the versions of the table are
        searched for it, back from the newest.

        Args:
            row_id: the row's ``_row_id``.
            where: SQL text of a condition instead, which at most 100 rows of now fulfil.

        Returns:
            ``row_id``, ``change`` (insert, update, delete), ``commit``, ``time``, ``author``, ``operation``,
            ``message``, ``row`` (as JSON; for a deletion, as it was before).

        Raises:
            AnalysisException: ANABRANCH_PROCEDURE.INVALID_ARGUMENT unless one of the two is given.
        """
        given = {"row_id": row_id, "where": where}
        args = {"table": _sql.join(self._parts)} | {k: v for k, v in given.items() if v is not None}
        named = ", ".join(f"{name} => :{name}" for name in args)
        return self._spark.sql(f"CALL {_sql.quote(self._parts[0])}.system.row_history({named})", args=args)

    def blame(self, where: str | None = None, cells: bool = False) -> DataFrame:
        """Who wrote the rows that the table has now, or their cells.

        Args:
            where: SQL text of a condition: only rows that fulfil it.
            cells: whether each cell is told with the commit that last changed it. At most 1,000 rows may be
                asked for; what it takes grows with the versions that these rows have had.

        Returns:
            Of rows: the table's columns, ``_row_id``, ``_commit``, ``_time``, ``_author``, ``_operation`` and
            ``_message``. Of cells: ``row_id``, ``column``, ``value`` (as text), ``commit``, ``time``,
            ``author``, ``operation`` and ``message``.

        Raises:
            AnalysisException: ANABRANCH_PROCEDURE.INVALID_ARGUMENT for cells of more than 1,000 rows.
        """
        from pyspark.sql import functions

        args = {"table": _sql.join(self._parts)}
        call = f"CALL {_sql.quote(self._parts[0])}.system."
        if cells:
            only = "" if where is None else ", where => :where"
            given = args if where is None else args | {"where": where}
            return self._spark.sql(f"{call}blame(table => :table{only})", args=given)
        commits = self._spark.sql(f"{call}row_commits(table => :table)", args=args)
        named = commits.toDF("_row_commit", "_commit", "_time", "_author", "_operation", "_message")
        rows = self.toDF() if where is None else self.toDF().where(where)
        asked = rows.select("*", "_row_id", "_row_commit")
        return asked.join(functions.broadcast(named), "_row_commit").drop("_row_commit")

    # --- changing

    def delete(self, condition: Expression | None = None) -> None:
        """Deletes the rows for which a condition is true; without one, all.

        Raises:
            TypeError: if the condition is neither SQL text nor a Column.
        """
        if condition is None or isinstance(check_expression(condition, "a condition"), str):
            self._spark.sql(f"DELETE FROM {self._named()}{_where(condition)}")
        else:
            with _view(self.toDF().where(condition).selectExpr("_row_id AS id")) as rows:
                self._spark.sql(f"DELETE FROM {self._id} WHERE _row_id IN (SELECT id FROM {rows})")

    def update(
        self, condition: Expression | None = None, set: Mapping[str, Expression] | None = None
    ) -> None:
        """Updates columns of the rows for which a condition is true; without one, of all.

        Args:
            condition: which rows.
            set: new values by column; a field of a struct as ``column.field``.

        Raises:
            ValueError: if `set` is missing or empty.
            TypeError: for a condition or value that is neither SQL text nor a Column.
        """
        values = check_assignments(set, "set")
        if condition is not None:
            check_expression(condition, "a condition")
        if all(isinstance(e, str) for e in ("" if condition is None else condition, *values.values())):
            # text ends at the end of its line, and so does a comment in it
            assignments = ",\n".join(f"{column} = {value}" for column, value in values.items())
            self._spark.sql(f"UPDATE {self._named()} SET {assignments}{_where(condition)}")
        else:
            self._update_by_row_id(condition, values)

    def _update_by_row_id(self, condition: Expression | None, values: Mapping[str, Expression]) -> None:
        # a Column has no SQL text: its values are computed first, and found by the id of their row
        from pyspark.sql import functions

        rows = self.toDF() if condition is None else self.toDF().where(condition)
        computed = {key: value for key, value in values.items() if not isinstance(value, str)}
        named = [value.alias(f"value{i}") for i, value in enumerate(computed.values())]
        with _view(rows.select(functions.col("_row_id").alias("id"), *named)) as view:
            name = _sql.quote(self._alias or self._parts[-1])
            texts = {key: value for key, value in values.items() if isinstance(value, str)} | {
                key: f"(SELECT any_value(value{i}) FROM {view} WHERE id = {name}._row_id)"
                for i, key in enumerate(computed)
            }
            assignments = ",\n".join(f"{key} = {text}" for key, text in texts.items())
            where = f"WHERE {name}._row_id IN (SELECT id FROM {view})"
            self._spark.sql(f"UPDATE {self._id} AS {name} SET {assignments}\n{where}")

    def merge(self, source: DataFrame, condition: Expression) -> MergeBuilder:
        """Merges rows of a source: ``.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()``.

        Args:
            source: has an alias if the condition needs one.
            condition: which rows of the source match which of the table.

        Raises:
            TypeError: if the source is no DataFrame, or the condition neither SQL text nor a Column.
        """
        from pyspark.sql import DataFrame

        if not isinstance(source, DataFrame):
            raise TypeError(
                f"the source of a merge must be a DataFrame, and is {source!r}: a table is spark.table(…)"
            )
        return MergeBuilder(self._id, self._alias, source, condition)

    # --- files

    def optimize(self) -> OptimizeBuilder:
        """Puts small files together: ``.where("id < 100").executeCompaction()``. No row changes."""
        return OptimizeBuilder(self._spark, self._id)

    def vacuum(self, retentionHours: float | None = None) -> DataFrame:
        """Deletes files of the table that no state needs but expired ones: `anabranch.Catalog.expire`.

        Old versions are kept until they are expired, unlike those of Delta.

        Args:
            retentionHours: what is younger stays, since a running writer may be about to commit it; and what
                was expired less than half of it ago. A part of an hour counts as one; None is 7 days.

        Returns:
            What was deleted: ``path``, ``size`` and ``modified``.

        Raises:
            AnalysisException: ANABRANCH_VACUUM.GRACE_TOO_SHORT for less than 7 days, unless the session sets
                spark.anabranch.vacuum.check-grace to false.
        """
        return self._spark.sql(vacuum_statement(self._id, retentionHours))

    # --- going back

    def restoreToVersion(self, version: int | str) -> DataFrame:
        """Brings back the rows and columns of a version, a tag or a commit, as a new version.

        Raises:
            AnalysisException: ANABRANCH_TABLE.VERSION_NOT_FOUND, ANABRANCH_REF.NOT_FOUND.
        """
        return self._spark.sql(
            f"RESTORE TABLE {self._id} TO VERSION AS OF :point", args={"point": str(version)}
        )

    def restoreToTimestamp(self, timestamp: str) -> DataFrame:
        """Brings back what the table was at a time, such as ``2026-01-31`` or ``2026-01-31 12:00:00``.

        Raises:
            AnalysisException: ANABRANCH_REF.BEFORE_FIRST_COMMIT, ANABRANCH_TABLE.NOT_AT_TIME.
        """
        return self._spark.sql(
            f"RESTORE TABLE {self._id} TO TIMESTAMP AS OF :point", args={"point": timestamp}
        )

    # --- internal

    def _named(self) -> str:
        return self._id + (f" AS {_sql.quote(self._alias)}" if self._alias else "")


def _where(condition: Expression | None) -> str:
    # two brackets: Spark takes one of them with a name in it for the names of a table's columns
    return "" if condition is None else f"\nWHERE ((\n{condition}\n))"


@contextmanager
def _view(frame: DataFrame) -> Iterator[str]:
    """A temporary view of the rows, under a name that nobody else has."""
    name = f"anabranch_{uuid4().hex}"
    frame.createOrReplaceTempView(name)
    try:
        yield name
    finally:
        frame.sparkSession.catalog.dropTempView(name)


def _the_catalog(spark: SparkSession) -> str:
    """The session's Anabranch catalog: the current one, or the only one.

    Raises:
        ValueError: if that is not clear.
    """
    prefix = "spark.sql.catalog."
    settings = {r["key"]: r["value"] for r in spark.sql("SET").collect()}
    found = [k.removeprefix(prefix) for k, v in settings.items() if k.startswith(prefix) and v == _CLASS]
    current = spark.catalog.currentCatalog()
    if current in found:
        return _sql.quote(current)
    if len(found) != 1:
        raise ValueError(
            f"a path does not say in which catalog: the session has {sorted(found) or 'none of Anabranch'}. "
            "Use one (spark.catalog.setCurrentCatalog), or forName"
        )
    return _sql.quote(found[0])
