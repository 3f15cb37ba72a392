package io.anabranch.spark.schema

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Column, ColumnType}
import io.anabranch.spark.read.LineageColumns
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.parser.CatalystSqlParser
import org.apache.spark.sql.types._

import java.util.Locale

/** Columns of the format and schemas of Spark, in both directions.
  *
  * Between the two a field's metadata carries its physical name under [[PhysicalKey]], so that Spark's own
  * code for schema changes (which keeps metadata) keeps identities without knowing of them.
  */
object ColumnMapping {
  private val PhysicalKey = "anabranch.physical"
  private val ExistsDefault = "default.exists"

  /** Attributes of a column with names of their own in the format; all other metadata stays JSON. */
  private val Named =
    Seq("comment" -> "comment", "CURRENT_DEFAULT" -> "default", "EXISTS_DEFAULT" -> ExistsDefault)
  private val OtherKey = "spark.metadata"

  /** The schema that users see. */
  def logical(columns: Seq[Column]): StructType = struct(columns, identities = false, physicalNames = false)

  /** The schema of a new table with such columns: it has no rows from before its defaults. */
  def ofNew(columns: Seq[Column]): StructType =
    logical(columns.map(c => c.copy(attributes = c.attributes - ExistsDefault)))

  /** The schema of data files: the same fields under their physical names. */
  def physical(columns: Seq[Column]): StructType = struct(columns, identities = false, physicalNames = true)

  /** The schema that users see, with physical names in the metadata, for [[columns]] to find again. */
  def identified(columns: Seq[Column]): StructType = struct(columns, identities = true, physicalNames = false)

  private def struct(columns: Seq[Column], identities: Boolean, physicalNames: Boolean): StructType =
    StructType(columns.map { c =>
      val metadata = new MetadataBuilder
      c.attributes.get(OtherKey).foreach(json => metadata.withMetadata(Metadata.fromJson(json)))
      Named.foreach { case (key, name) => c.attributes.get(name).foreach(metadata.putString(key, _)) }
      if (identities) metadata.putString(PhysicalKey, c.physical)
      StructField(
        if (physicalNames) c.physical else c.name,
        sparkType(c.dataType, identities, physicalNames),
        c.nullable,
        metadata.build()
      )
    })

  private def sparkType(t: ColumnType, identities: Boolean, physicalNames: Boolean): DataType = t match {
    case ColumnType.Struct(fields) => struct(fields, identities, physicalNames)
    case ColumnType.Arr(e, n) => ArrayType(sparkType(e, identities, physicalNames), n)
    case ColumnType.Mapping(k, v, n) =>
      MapType(sparkType(k, identities, physicalNames), sparkType(v, identities, physicalNames), n)
    case ColumnType.Primitive(name) => primitives.getOrElse(name, CatalystSqlParser.parseDataType(name))
  }

  private val primitives: Map[String, DataType] = Seq(
    BooleanType,
    ByteType,
    ShortType,
    IntegerType,
    LongType,
    FloatType,
    DoubleType,
    StringType,
    BinaryType,
    DateType,
    TimestampType,
    TimestampNTZType
  ).map(t => nameOf(t) -> t).toMap

  private def nameOf(t: DataType): String = t match {
    case ByteType => "byte"
    case ShortType => "short"
    case LongType => "long"
    case IntegerType => "integer"
    case c: CharType => s"char(${c.length})"
    case v: VarcharType => s"varchar(${v.length})"
    case s: StringType if s.collationId == StringType.collationId => "string"
    // the name of a collation is written with its case
    case s: StringType => "string collate " + s.sql.split(" ").last
    case other => other.sql.toLowerCase(Locale.ROOT)
  }

  /** Columns for a schema. A field whose metadata has its physical name keeps it; a new one gets a name
    * that was never used.
    *
    * @param used
    *   physical paths that were ever used in the table
    * @throws AnabranchException
    *   ANABRANCH_SCHEMA.COLUMN_EXISTS for two columns whose names differ only by case, or not at all;
    *   RESERVED_NAME for one that is named as a hidden column
    */
  def columns(schema: StructType, used: Set[String], table: String): Seq[Column] =
    columns(schema, used, "", table)

  private def columns(schema: StructType, used: Set[String], prefix: String, table: String): Seq[Column] = {
    val names = schema.fieldNames.map(_.toLowerCase(Locale.ROOT))
    names.diff(names.distinct).headOption.foreach { n =>
      throw AnabranchException("ANABRANCH_SCHEMA.COLUMN_EXISTS", "table" -> table, "column" -> (prefix + n))
    }
    if (prefix.isEmpty) names.find(LineageColumns.Names).foreach { n =>
      throw AnabranchException("ANABRANCH_SCHEMA.RESERVED_NAME", "table" -> table, "column" -> n)
    }
    val siblings = used.filter(_.startsWith(prefix)).map(_.substring(prefix.length))
    schema.fields.toSeq.map { f =>
      val physical =
        if (f.metadata.contains(PhysicalKey)) f.metadata.getString(PhysicalKey)
        else Column.physicalName(f.name, siblings)
      Column(
        f.name,
        physical,
        columnType(f.dataType, used, s"$prefix$physical.", table),
        f.nullable,
        attributes(f)
      )
    }
  }

  private def columnType(t: DataType, used: Set[String], prefix: String, table: String): ColumnType =
    t match {
      case s: StructType if s.isEmpty =>
        throw AnabranchException(
          "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE",
          "table" -> table,
          "reason" -> "a struct without fields can't be stored: Parquet has none",
          "advice" -> "Give it a field, or use BOOLEAN to tell whether it is there."
        )
      case s: StructType => ColumnType.Struct(columns(s, used, prefix, table))
      case ArrayType(e, n) => ColumnType.Arr(columnType(e, used, prefix + "element.", table), n)
      case MapType(k, v, n) =>
        ColumnType.Mapping(
          columnType(k, used, prefix + "key.", table),
          columnType(v, used, prefix + "value.", table),
          n
        )
      case s: StringType if s.collationId != StringType.collationId && nameOf(s).contains('(') =>
        // Spark can't write such a column
        throw AnabranchException(
          "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE",
          "table" -> table,
          "reason" -> s"the type ${s.sql} can't be stored",
          "advice" -> "Use STRING with the collation."
        )
      case _: UserDefinedType[_] | _: NullType | _: ObjectType =>
        throw AnabranchException(
          "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE",
          "table" -> table,
          "reason" -> s"the type ${t.sql} can't be stored",
          "advice" -> "Cast the column to a type of SQL."
        )
      case other => ColumnType.Primitive(nameOf(other))
    }

  private def attributes(f: StructField): Map[String, String] = {
    val m = f.metadata
    val named = Named.collect {
      case (key, ExistsDefault) if m.contains(key) => ExistsDefault -> SparkBridge.existsDefault(f)
      case (key, name) if m.contains(key) => name -> m.getString(key)
    }.toMap
    val rest = Named
      .foldLeft(new MetadataBuilder().withMetadata(m).remove(PhysicalKey)) { case (b, (key, _)) =>
        b.remove(key)
      }
      .build()
    if (rest == Metadata.empty) named else named + (OtherKey -> rest.json)
  }
}
