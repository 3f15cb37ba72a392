"""The clauses of a merge, one after the other.

A condition or a value is SQL text or a Column: Spark's ``DataFrame.mergeInto`` takes both, as ``expr`` makes
a Column of text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    Expression: TypeAlias = str | Column
    Assignments: TypeAlias = Mapping[str, Expression]

_Kind = Literal["MATCHED", "NOT MATCHED", "NOT MATCHED BY SOURCE"]
_Action = Literal["UPDATE", "DELETE", "INSERT"]
_KINDS: tuple[_Kind, ...] = ("MATCHED", "NOT MATCHED", "NOT MATCHED BY SOURCE")


@dataclass(frozen=True)
class Clause:
    """One WHEN clause; `assignments` is None for all columns, and for DELETE."""

    kind: _Kind
    action: _Action
    condition: Expression | None
    assignments: Assignments | None = None


class MergeBuilder:
    """A merge that is being put together: `anabranch.Table.merge` begins it, `execute` runs it.

    Each method returns a new builder. Clauses of a kind are tried in the order in which they were added, and
    the first whose condition holds counts; only the last of a kind may do without a condition. In a condition
    or a value, text is SQL; columns go by the aliases of the table and of the source. ``set`` and ``values``
    map columns of the table, or fields of structs in it (``address.city``), to what they become.
    """

    def __init__(
        self,
        target: str,
        alias: str | None,
        source: DataFrame,
        condition: Expression,
        clauses: tuple[Clause, ...] = (),
        evolving: bool = False,
    ) -> None:
        """Made by `anabranch.Table.merge`.

        Args:
            target: the table, quoted.
            alias: its alias; None if it has none but its name.
            source: rows to merge.
            condition: which of them match which of the table.
            clauses: what to do.
            evolving: whether columns may be added.
        """
        self._target = target
        self._alias = alias
        self._source = source
        self._condition = check_expression(condition, "the condition of a merge")
        self._clauses = clauses
        self._evolving = evolving

    def whenMatchedUpdate(
        self, condition: Expression | None = None, set: Assignments | None = None
    ) -> MergeBuilder:
        """Updates a row that a row of the source matches.

        Args:
            condition: only if this holds; None is always.
            set: the columns that change and their new values.

        Raises:
            ValueError: if `set` is missing or empty.
            TypeError: if something is neither text nor a Column.
        """
        return self._with("MATCHED", "UPDATE", condition, check_assignments(set, "set"))

    def whenMatchedUpdateAll(self, condition: Expression | None = None) -> MergeBuilder:
        """Updates all columns of a row that a row of the source matches, each by the one of its name."""
        return self._with("MATCHED", "UPDATE", condition)

    def whenMatchedDelete(self, condition: Expression | None = None) -> MergeBuilder:
        """Deletes a row that a row of the source matches."""
        return self._with("MATCHED", "DELETE", condition)

    def whenNotMatchedInsert(
        self, condition: Expression | None = None, values: Assignments | None = None
    ) -> MergeBuilder:
        """Inserts a row for one of the source that matches none of the table.

        Args:
            condition: only if this holds, which sees the source only; None is always.
            values: the columns and their values; the others get their defaults.

        Raises:
            ValueError: if `values` is missing or empty.
            TypeError: if something is neither text nor a Column.
        """
        return self._with("NOT MATCHED", "INSERT", condition, check_assignments(values, "values"))

    def whenNotMatchedInsertAll(self, condition: Expression | None = None) -> MergeBuilder:
        """Inserts each row of the source that matches none of the table."""
        return self._with("NOT MATCHED", "INSERT", condition)

    def whenNotMatchedBySourceUpdate(
        self, condition: Expression | None = None, set: Assignments | None = None
    ) -> MergeBuilder:
        """Updates a row that no row of the source matches; `condition` and `set` see the table only.

        Raises:
            ValueError: if `set` is missing or empty.
            TypeError: if something is neither text nor a Column.
        """
        return self._with("NOT MATCHED BY SOURCE", "UPDATE", condition, check_assignments(set, "set"))

    def whenNotMatchedBySourceDelete(self, condition: Expression | None = None) -> MergeBuilder:
        """Deletes a row that no row of the source matches."""
        return self._with("NOT MATCHED BY SOURCE", "DELETE", condition)

    def withSchemaEvolution(self) -> MergeBuilder:
        """Adds the columns to the table that only the source has, and widens types."""
        return MergeBuilder(self._target, self._alias, self._source, self._condition, self._clauses, True)

    def execute(self) -> None:
        """Runs the merge, as one commit; its counts are in the table's history.

        Raises:
            ValueError: if there is no clause, or if one without a condition hides a later one of its kind.
            pyspark.errors.PySparkException: whatever Spark or the repository refuses, such as
                ``MERGE_CARDINALITY_VIOLATION``, if two rows of the source would change the same row,
                ``UNRESOLVED_COLUMN``, ``ANABRANCH_REF.READ_ONLY``; nothing was changed.
        """
        self._check_clauses()
        # Spark has no argument for an alias of the target: our session extension takes it from a hint
        source = self._source.hint("anabranch_target", self._alias) if self._alias else self._source
        writer = source.mergeInto(self._target, column(self._condition))
        if self._evolving:
            writer = writer.withSchemaEvolution()
        for clause in self._clauses:
            condition = None if clause.condition is None else column(clause.condition)
            when: Any  # has the methods below as far as its kind has the action
            if clause.kind == "MATCHED":
                when = writer.whenMatched(condition)
            elif clause.kind == "NOT MATCHED":
                when = writer.whenNotMatched(condition)
            else:
                when = writer.whenNotMatchedBySource(condition)
            if clause.action == "DELETE":
                writer = when.delete()
            elif clause.assignments is None:
                writer = when.updateAll() if clause.action == "UPDATE" else when.insertAll()
            else:
                values = {key: column(value) for key, value in clause.assignments.items()}
                writer = when.update(values) if clause.action == "UPDATE" else when.insert(values)
        writer.merge()

    def _with(
        self,
        kind: _Kind,
        action: _Action,
        condition: Expression | None,
        assignments: Assignments | None = None,
    ) -> MergeBuilder:
        if condition is not None:
            check_expression(condition, "a condition")
        clauses = (*self._clauses, Clause(kind, action, condition, assignments))
        return MergeBuilder(self._target, self._alias, self._source, self._condition, clauses, self._evolving)

    def _check_clauses(self) -> None:
        if not self._clauses:
            raise ValueError("a merge without a clause does nothing: add one, such as whenMatchedUpdateAll()")
        for kind in _KINDS:
            same = [clause for clause in self._clauses if clause.kind == kind]
            if any(clause.condition is None for clause in same[:-1]):
                raise ValueError(
                    f"a clause for {kind} has no condition and is not the last of its kind, so that those "
                    "after it would never be reached: give it a condition, or add it last"
                )


def column(expression: Expression) -> Column:
    """Text or a Column, as a Column."""
    from pyspark.sql import functions

    return functions.expr(expression) if isinstance(expression, str) else expression


def check_expression(value: Expression, what: str) -> Expression:
    """The value itself, if it is SQL text or a Column.

    Raises:
        TypeError: if it is not.
    """
    from pyspark.sql import Column

    if not isinstance(value, (str, Column)):
        raise TypeError(
            f"{what} must be SQL text or a Column, and is {value!r}: use lit({value!r}), or write it as SQL"
        )
    return value


def check_assignments(value: Any, argument: str) -> Assignments:
    """The value itself, if it maps columns to SQL text or Columns.

    Raises:
        ValueError: if it is missing or empty.
        TypeError: if it is something else.
    """
    if value is None or (isinstance(value, Mapping) and not value):
        raise ValueError(f"{argument} names no column: give a dict, such as {argument}={{'v': 's.v'}}")
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{argument} must be a dict with names of columns as its keys, and is {value!r}")
    for key, item in value.items():
        check_expression(item, f"the value for column {key!r}")
    return dict(value)
