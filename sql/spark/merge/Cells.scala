package io.anabranch.spark.merge

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.TableMetadata
import io.anabranch.spark.schema.ColumnMapping
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.{CatalystTypeConverters, InternalRow}
import org.apache.spark.sql.catalyst.expressions.{Cast, EvalMode, Literal, ToPrettyString}
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String

import scala.util.Try

/** A value of a row as Spark holds it, which equals another if both are the same value.
  *
  * @param raw
  *   Spark's own; nobody changes it
  */
final private[merge] class Cell(val raw: Any, private val key: Any) {
  override def equals(other: Any): Boolean = other match {
    case c: Cell => c.key == key
    case _ => false
  }
  override def hashCode(): Int = key.##
}

/** Cells of the columns of a table. */
final private[merge] class Cells(metadata: TableMetadata) {
  val schema: StructType = ColumnMapping.logical(metadata.columns)
  private val comparable = schema.fields.map(f => Cells.comparable(f.dataType))

  /** The cells of a row that begins with the table's columns. */
  def of(row: InternalRow): IndexedSeq[Cell] = schema.indices.map { i =>
    val t = schema(i).dataType
    val value = if (row.isNullAt(i)) null else InternalRow.copyValue(row.get(i, t))
    cell(i, value)
  }

  private def cell(column: Int, raw: Any): Cell =
    new Cell(raw, if (raw == null) null else comparable(column)(raw))

  def show(column: Int, cell: Any): Option[String] = cell match {
    case c: Cell if c.raw != null =>
      val text = ToPrettyString(Literal.create(c.raw, schema(column).dataType), Some(Cells.zone)).eval()
      Some(String.valueOf(text))
    case _ => None
  }

  /** @throws AnabranchException
    *   ANABRANCH_MERGE.INVALID_VALUE
    */
  def parse(column: Int, text: Option[String]): Cell = {
    val field = schema(column)
    def wrong(reason: String) = AnabranchException(
      "ANABRANCH_MERGE.INVALID_VALUE",
      "value" -> text.getOrElse("NULL"),
      "column" -> field.name,
      "reason" -> reason
    )
    val value = text.fold(null: Any) { t =>
      val cast =
        Cast(Literal(UTF8String.fromString(t), StringType), field.dataType, Some(Cells.zone), EvalMode.ANSI)
      if (cast.checkInputDataTypes().isFailure) throw wrong(s"text can't be cast to ${field.dataType.sql}")
      Try(cast.eval()).getOrElse(throw wrong(s"it is no ${field.dataType.sql}"))
    }
    if (value == null && !field.nullable) throw wrong("the column must not be NULL")
    cell(column, value)
  }
}

private object Cells {
  def zone: String = SparkBridge.conf.sessionLocalTimeZone

  /** To a value whose `==` is right: arrays, maps and structs as Scala's own. */
  private def comparable(t: DataType): Any => Any = t match {
    case BinaryType | FloatType | DoubleType => deep
    case _: ArrayType | _: MapType | _: StructType =>
      val convert = CatalystTypeConverters.createToScalaConverter(t)
      v => deep(convert(v))
    case _ => identity
  }

  private def deep(v: Any): Any = v match {
    case b: Array[Byte] => b.toSeq
    // NaN is itself
    case d: Double => java.lang.Double.doubleToLongBits(d)
    case f: Float => java.lang.Float.floatToIntBits(f)
    case r: org.apache.spark.sql.Row => r.toSeq.map(deep)
    case m: scala.collection.Map[_, _] => m.iterator.map { case (k, x) => deep(k) -> deep(x) }.toMap
    case s: scala.collection.Seq[_] => s.iterator.map(deep).toSeq
    case other => other
  }
}
