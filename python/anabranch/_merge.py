"""The clauses of a MERGE, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Union
from uuid import uuid4

from anabranch import _sql

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

Expression = Union[str, "Column"]


class MergeBuilder:
    """A MERGE of a source into a table; of a kind, the first clause whose condition is true decides.

    Conditions and values are SQL text, or Columns of the source: these are computed in the source first.
    """

    def __init__(self, spark: SparkSession, target: str, source: DataFrame, condition: Expression) -> None:
        """Made by `Table.merge`.

        Args:
            spark: the session.
            target: the table, quoted, with its alias.
            source: rows to merge.
            condition: which rows of the source match which of the table.
        """
        self._spark = spark
        self._target = target
        self._source = source
        self._computed: list[Column] = []
        self._clauses: list[str] = []
        self._evolves = False
        self._condition = self._text(condition, "condition")

    def whenMatchedUpdate(
        self, condition: Expression | None = None, set: Mapping[str, Expression] | None = None
    ) -> MergeBuilder:
        """Updates columns of a row of the table that a row of the source matches.

        Raises:
            ValueError: if `set` is empty.
        """
        return self._when("MATCHED", condition, "UPDATE SET " + self._assignments(set))

    def whenMatchedUpdateAll(self, condition: Expression | None = None) -> MergeBuilder:
        """Updates all columns with those of the same names in the source."""
        return self._when("MATCHED", condition, "UPDATE SET *")

    def whenMatchedDelete(self, condition: Expression | None = None) -> MergeBuilder:
        """Deletes a row of the table that a row of the source matches."""
        return self._when("MATCHED", condition, "DELETE")

    def whenNotMatchedInsert(
        self, condition: Expression | None = None, values: Mapping[str, Expression] | None = None
    ) -> MergeBuilder:
        """Inserts a row for one of the source that matches none.

        Raises:
            ValueError: if `values` is empty.
        """
        if not values:
            raise ValueError("values is empty: give at least one column with its value")
        texts = [self._text(v, f"values[{c!r}]") for c, v in values.items()]
        return self._when(
            "NOT MATCHED", condition, f"INSERT ({', '.join(values)}) VALUES ({', '.join(texts)})"
        )

    def whenNotMatchedInsertAll(self, condition: Expression | None = None) -> MergeBuilder:
        """Inserts rows of the source that match none, column by column of the same names."""
        return self._when("NOT MATCHED", condition, "INSERT *")

    def whenNotMatchedBySourceUpdate(
        self, condition: Expression | None = None, set: Mapping[str, Expression] | None = None
    ) -> MergeBuilder:
        """Updates a row of the table that no row of the source matches.

        Raises:
            ValueError: if `set` is empty.
        """
        return self._when("NOT MATCHED BY SOURCE", condition, "UPDATE SET " + self._assignments(set))

    def whenNotMatchedBySourceDelete(self, condition: Expression | None = None) -> MergeBuilder:
        """Deletes a row of the table that no row of the source matches."""
        return self._when("NOT MATCHED BY SOURCE", condition, "DELETE")

    def withSchemaEvolution(self) -> MergeBuilder:
        """Lets ``…All`` clauses add columns that only the source has, and widen types."""
        self._evolves = True
        return self

    def execute(self) -> None:
        """Runs the MERGE as one commit. What it did stands in the table's history.

        Raises:
            ValueError: if there is no clause, or Columns are used together with schema evolution.
            AnalysisException: for names that can't be resolved, ANABRANCH_COMMIT.CONFLICT.
            SparkRuntimeException: MERGE_CARDINALITY_VIOLATION if several rows of the source match one row.
        """
        if not self._clauses:
            raise ValueError("a merge needs a clause, such as whenMatchedUpdateAll()")
        if self._evolves and self._computed:
            raise ValueError(
                "Columns are computed in the source, where schema evolution would take them for new columns "
                "of the table: give conditions and values as SQL text"
            )
        evolution = " WITH SCHEMA EVOLUTION" if self._evolves else ""
        view = f"anabranch_{uuid4().hex}"
        alias = _alias(self._source)
        frame = self._source.select("*", *self._computed) if self._computed else self._source
        frame.createOrReplaceTempView(view)
        try:
            source = view + (f" AS {_sql.quote(alias)}" if alias else "")
            self._spark.sql(
                f"MERGE{evolution} INTO {self._target} USING {source} ON {self._condition} "
                + " ".join(self._clauses)
            )
        finally:
            self._spark.catalog.dropTempView(view)

    def _when(self, kind: str, condition: Expression | None, action: str) -> MergeBuilder:
        also = "" if condition is None else f" AND ({self._text(condition, 'condition')})"
        self._clauses.append(f"WHEN {kind}{also} THEN {action}")
        return self

    def _assignments(self, values: Mapping[str, Expression] | None) -> str:
        if not values:
            raise ValueError("set is empty: give at least one column with its new value")
        return ", ".join(f"{column} = {self._text(v, f'set[{column!r}]')}" for column, v in values.items())

    def _text(self, value: Expression, what: str) -> str:
        """SQL for a value: its own text, or the name of a column that is computed in the source."""
        from pyspark.sql import Column

        if isinstance(value, str):
            return value
        if not isinstance(value, Column):
            raise TypeError(f"{what} is a {type(value).__name__}: give SQL text or a Column of the source")
        name = f"anabranch_value_{len(self._computed)}"
        computed = value.alias(name)
        self._probe(computed, what)
        self._computed.append(computed)
        return name

    def _probe(self, column: Column, what: str) -> None:
        from pyspark.errors import AnalysisException

        try:
            self._source.select(column).schema  # noqa: B018 - it is resolved here
        except AnalysisException as error:
            raise ValueError(
                f"{what} is a Column that is not one of the source alone ({error.getCondition()}): give "
                "it as SQL text, such as 'target.v > source.v'"
            ) from error


def _alias(frame: DataFrame) -> str | None:
    """The alias that a DataFrame was given last; None if it has none that can be found."""
    plan = getattr(frame, "_plan", None)  # Spark Connect keeps the call itself
    if plan is not None:
        return getattr(plan, "_alias", None)
    node = frame._jdf.queryExecution().logical()
    return node.alias() if node.nodeName() == "SubqueryAlias" else None
