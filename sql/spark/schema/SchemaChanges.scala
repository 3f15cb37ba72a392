package io.anabranch.spark.schema

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Column, PartitionField, TableMetadata, Transform}
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog.{TableCatalog, TableChange}
import org.apache.spark.sql.connector.catalog.constraints.Constraint
import org.apache.spark.sql.connector.expressions.{Literal, Transform => SparkTransform}
import org.apache.spark.sql.types._

/** Metadata of new tables, and what ALTER TABLE makes of it. */
object SchemaChanges {
  private val ClusterBy = "cluster_by"
  private val ClusterAdvice =
    "Leave it out: files are left out by their bounds, so rows that are written in an order are found quickly; or use PARTITIONED BY."

  /** Metadata of a new table.
    *
    * @param before
    *   the table that it replaces, whose physical names stay taken unless a column is the same
    */
  def create(
      table: String,
      schema: StructType,
      partitions: Seq[SparkTransform],
      properties: Map[String, String],
      nowMillis: Long,
      constraints: Seq[Constraint] = Nil,
      before: Option[TableMetadata] = None
  ): TableMetadata = {
    val used = before.fold(Set.empty[String])(m => m.retired ++ Column.paths(m.columns))
    val fresh = ColumnMapping.columns(schema, used, table)
    // a replaced column with the same name and type is the same column
    val columns = fresh.map { c =>
      before
        .flatMap(_.columns.find(o => o.name == c.name && o.dataType == c.dataType))
        .fold(c)(o => c.copy(physical = o.physical))
    }
    val made = TableMetadata(
      columns,
      partitions.map(partitionField(table, columns, _)),
      properties -- Seq("provider", "owner"),
      used -- Column.paths(columns),
      nowMillis,
      constraints = constraints.map(Constraints.fromSpark(table, columns, _))
    )
    Constraints.features(made)
  }

  private def partitionField(table: String, columns: Seq[Column], t: SparkTransform): PartitionField = {
    if (t.name == ClusterBy) unsupported(table, "CLUSTER BY is not supported", ClusterAdvice)
    def refuse(reason: String) = throw AnabranchException(
      "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE",
      "table" -> table,
      "reason" -> s"it can't be partitioned by ${t.describe}: $reason",
      "advice" -> "Use a column, or years, months, days, hours, bucket or truncate of one."
    )
    val parameter = t.arguments.collectFirst {
      case l: Literal[_] if l.value.isInstanceOf[Int] => l.value.asInstanceOf[Int]
    }
    val path = t.references match {
      case Array(one) => one.fieldNames.toSeq
      case _ => refuse("it must name one column")
    }
    val column = Column.find(columns, path).getOrElse(refuse("there is no such column"))
    val transform = Transform.parse(t.name, parameter).getOrElse(refuse("this transform is not known"))
    if (!Transform.accepts(transform, column.dataType))
      refuse(s"the type of ${path.mkString(".")} does not fit")
    PartitionField(physicalPath(columns, path), transform)
  }

  private def physicalPath(columns: Seq[Column], path: Seq[String]): String =
    path.indices.map(i => Column.find(columns, path.take(i + 1)).get.physical).mkString(".")

  /** Partitioning as Spark names it. */
  def partitioning(m: TableMetadata): Array[SparkTransform] = m.partitioning.map { f =>
    val path = logicalPath(m.columns, f.column.split("\\.").toSeq)
    SparkBridge.transform(f.transform.name, Transform.parameter(f.transform), path)
  }.toArray

  private def logicalPath(columns: Seq[Column], physical: Seq[String]): Seq[String] = {
    // a physical name may hold a dot itself
    val (column, rest) = physical.indices
      .map(i => (physical.take(i + 1).mkString("."), physical.drop(i + 1)))
      .flatMap { case (name, rest) => columns.find(_.physical == name).map(_ -> rest) }
      .head
    column.dataType match {
      case io.anabranch.core.format.ColumnType.Struct(fields) if rest.nonEmpty =>
        column.name +: logicalPath(fields, rest)
      case _ => Seq(column.name)
    }
  }

  /** What ALTER TABLE makes of a table's metadata. No data file is touched: a column keeps its physical
    * name through a rename, and a dropped one's name is never given again.
    *
    * @throws AnabranchException
    *   ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE
    */
  def alter(table: String, before: TableMetadata, changes: Seq[TableChange]): TableMetadata = {
    val schema = ColumnMapping.identified(before.columns)
    changes.foreach(check(table, schema, _))
    val used = before.retired ++ Column.paths(before.columns)
    val altered = NestedChanges.applied(schema, changes)
    val columns = ColumnMapping.columns(altered, used, table)
    val dropped = before.partitioning.find(f => !Column.paths(columns).contains(f.column))
    dropped.foreach { f =>
      unsupported(
        table,
        s"${logicalPath(before.columns, f.column.split("\\.").toSeq).mkString(".")} is a partition column and can't be dropped",
        "Create a new table without it."
      )
    }
    if (columns.isEmpty) unsupported(table, "it would have no column", "Keep at least one column.")
    val after = before.copy(
      columns = columns,
      retired = used -- Column.paths(columns),
      properties = SparkBridge.applyPropertiesChanges(before.properties, changes)
    )
    Constraints.altered(table, before, after, changes)
  }

  private def check(table: String, schema: StructType, change: TableChange): Unit = change match {
    case c: TableChange.UpdateColumnType =>
      val from = SparkBridge.typeOf(schema, c.fieldNames.toSeq)
      from.filterNot(widens(_, c.newDataType)).foreach { f =>
        unsupported(
          table,
          s"${c.fieldNames.mkString(".")} can't change from ${f.sql} to ${c.newDataType.sql}",
          "Only a wider type of the same kind holds all old values: add a new column and fill it instead."
        )
      }
    case c: TableChange.AddColumn if !c.isNullable =>
      unsupported(
        table,
        s"the new column ${c.fieldNames.mkString(".")} is NOT NULL, but old rows have no value for it",
        "Add it without NOT NULL."
      )
    case c: TableChange.AddColumn if c.defaultValue != null && c.fieldNames.length > 1 =>
      unsupported(
        table,
        s"${c.fieldNames.mkString(".")} stands in another column, and Spark fills in no defaults there",
        "Add it without DEFAULT."
      )
    case c: TableChange.UpdateColumnNullability if !c.nullable =>
      unsupported(
        table,
        s"${c.fieldNames.mkString(".")} may hold NULL already",
        "Create a new table with NOT NULL."
      )
    case c: TableChange.SetProperty if c.property == TableCatalog.PROP_LOCATION =>
      unsupported(
        table,
        "the place of its files can't be chosen",
        "The repository keeps all data under its own root."
      )
    case _: TableChange.ColumnChange | _: TableChange.SetProperty | _: TableChange.RemoveProperty => ()
    case _: TableChange.AddConstraint | _: TableChange.DropConstraint => ()
    case _: TableChange.ClusterBy => unsupported(table, "CLUSTER BY is not supported", ClusterAdvice)
    case other =>
      unsupported(
        table,
        s"${other.getClass.getSimpleName} is not supported",
        "See the documentation for what is."
      )
  }

  /** Whether a write WITH SCHEMA EVOLUTION may change a column so: a type is never narrowed to that of the rows. */
  def mayEvolve(m: TableMetadata, change: TableChange.ColumnChange): Boolean = change match {
    case c: TableChange.UpdateColumnType =>
      SparkBridge
        .typeOf(ColumnMapping.logical(m.columns), c.fieldNames.toSeq)
        .exists(widens(_, c.newDataType))
    case c: TableChange.AddColumn => c.isNullable
    case _ => false
  }

  private def widens(from: DataType, to: DataType): Boolean = (from, to) match {
    case (a, b) if a == b => true
    case (ByteType, ShortType | IntegerType | LongType) => true
    case (ShortType, IntegerType | LongType) => true
    case (IntegerType, LongType) => true
    case (FloatType, DoubleType) => true
    case (a: VarcharType, b: VarcharType) => a.length <= b.length && a.collationId == b.collationId
    case (a: VarcharType, b: StringType) => !b.isInstanceOf[CharType] && a.collationId == b.collationId
    case (a: DecimalType, b: DecimalType) => a.scale == b.scale && a.precision <= b.precision
    case _ => false
  }

  private def unsupported(table: String, reason: String, advice: String): Nothing = throw AnabranchException(
    "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE",
    "table" -> table,
    "reason" -> reason,
    "advice" -> advice
  )
}
