"""The parts of a CREATE TABLE, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from anabranch import _sql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import DataType, StructField, StructType

T = TypeVar("T")


class TableBuilder(Generic[T]):
    """A table to be created or replaced."""

    def __init__(self, spark: SparkSession, statement: str, made: Callable[[str], T]) -> None:
        """Made by `Table.create` and its sisters."""
        self._spark = spark
        self._statement = statement
        self._made = made
        self._name: str | None = None
        self._columns: list[str] = []
        self._partitions: list[str] = []
        self._properties: dict[str, str] = {}
        self._comment: str | None = None

    def tableName(self, name: str) -> TableBuilder[T]:
        """Its name, as in SQL: ``lake.clinical.observation``."""
        _sql.split(name)
        self._name = name
        return self

    def addColumn(
        self,
        colName: str,
        dataType: str | DataType,
        nullable: bool = True,
        comment: str | None = None,
        default: str | None = None,
    ) -> TableBuilder[T]:
        """Adds a column.

        Args:
            colName: its name.
            dataType: SQL text, such as ``DECIMAL(10, 2)``, or a type of ``pyspark.sql.types``.
            nullable: whether it may be NULL.
            comment: what it means.
            default: SQL text of its value where an INSERT gives none.
        """
        sql = dataType if isinstance(dataType, str) else _type(dataType)
        self._columns.append(
            f"{_sql.quote(colName)} {sql}"
            + ("" if nullable else " NOT NULL")
            + (f" DEFAULT {default}" if default is not None else "")
            + (f" COMMENT {_text(comment)}" if comment is not None else "")
        )
        return self

    def addColumns(self, cols: StructType | Iterable[StructField]) -> TableBuilder[T]:
        """Adds the columns of a schema."""
        for field in cols:
            self.addColumn(field.name, field.dataType, field.nullable, field.metadata.get("comment"))
        return self

    def partitionedBy(self, *cols: str) -> TableBuilder[T]:
        """Partitions by columns, or by transforms of them, such as ``days(time)``."""
        self._partitions += [c if "(" in c else ".".join(map(_sql.quote, _sql.split(c))) for c in cols]
        return self

    def property(self, key: str, value: str) -> TableBuilder[T]:
        """Sets a property of the table."""
        self._properties[key] = value
        return self

    def comment(self, comment: str) -> TableBuilder[T]:
        """Describes the table."""
        self._comment = comment
        return self

    def execute(self) -> T:
        """Creates the table.

        Raises:
            ValueError: if it has no name, or no column.
            AnalysisException: TABLE_OR_VIEW_ALREADY_EXISTS, and what else CREATE TABLE refuses.
        """
        if self._name is None:
            raise ValueError("the table has no name: call tableName('catalog.namespace.table')")
        if not self._columns:
            raise ValueError("the table has no column: call addColumn(name, type)")
        name = ".".join(map(_sql.quote, _sql.split(self._name)))
        properties = ", ".join(f"{_text(k)} = {_text(v)}" for k, v in self._properties.items())
        self._spark.sql(
            f"{self._statement} {name} ({', '.join(self._columns)}) USING anabranch"
            + (f" PARTITIONED BY ({', '.join(self._partitions)})" if self._partitions else "")
            + (f" COMMENT {_text(self._comment)}" if self._comment is not None else "")
            + (f" TBLPROPERTIES ({properties})" if properties else "")
        )
        return self._made(self._name)


def _type(kind: object) -> str:
    """A DataType as SQL; its own `simpleString` quotes no names.

    Raises:
        TypeError: if it is none.
    """
    from pyspark.sql.types import ArrayType, DataType, MapType, StructType

    if isinstance(kind, StructType):
        return f"STRUCT<{', '.join(map(_field, kind.fields))}>"
    if isinstance(kind, ArrayType):
        return f"ARRAY<{_type(kind.elementType)}>"
    if isinstance(kind, MapType):
        return f"MAP<{_type(kind.keyType)}, {_type(kind.valueType)}>"
    if isinstance(kind, DataType):
        return kind.simpleString()
    raise TypeError(f"a type must be SQL text or a DataType, and is {kind!r}")


def _field(field: StructField) -> str:
    comment = (field.metadata or {}).get("comment")
    return (
        f"{_sql.quote(field.name)}: {_type(field.dataType)}"
        + ("" if field.nullable else " NOT NULL")
        + ("" if comment is None else f" COMMENT {_text(comment)}")
    )


def _text(value: str) -> str:
    """A string literal of SQL: parameters can't stand in these places."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
