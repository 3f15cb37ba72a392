package io.anabranch.spark.read

import io.anabranch.core.format.{Json, Value}
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow
import org.apache.spark.sql.catalyst.util.{
  ArrayBasedMapData,
  ArrayData,
  GenericArrayData,
  MapData,
  ResolveDefaultColumns
}
import org.apache.spark.sql.connector.read.InputPartition
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String

/** Rows that stand in a commit, by the physical columns that they were written with. */
final case class InlineBlock(columns: Seq[String], rows: Seq[Json]) {

  /** The rows with the columns of a physical schema; a column that the block does not have is NULL, or its
    * default for rows that are older than it.
    */
  def decoded(schema: StructType): Iterator[InternalRow] = {
    val defaults = ResolveDefaultColumns.existenceDefaultValues(schema)
    val places = schema.fields.map(f => columns.indexOf(f.name))
    rows.iterator.collect { case Json.Arr(values) =>
      val row = places.zipWithIndex.map {
        case (-1, i) => defaults(i)
        case (place, i) => InlineRows.decode(values(place), schema(i).dataType)
      }
      new GenericInternalRow(row): InternalRow
    }
  }
}

/** All inline rows of a scan, in the order in which they were committed. */
final case class InlinePartition(blocks: Seq[(InlineBlock, FileRows)]) extends InputPartition {

  /** The wanted rows as the plan has them. */
  def rows(plan: ReadPlan, wanted: FileRows => Wanted): Iterator[InternalRow] =
    blocks.iterator.flatMap { case (block, rows) =>
      val (chosen, output) = (wanted(rows), new RowOutput(plan, rows))
      block.decoded(plan.stored).zipWithIndex.collect {
        case (row, position) if chosen(position.toLong) => output(row, position.toLong)
      }
    }
}

/** Rows of Spark as canonical JSON: scalars as [[Value]], a struct as an object by physical names, a
  * list as a list, a map as a list of pairs.
  */
object InlineRows {

  /** Whether values of the type can stand in a commit. */
  def supports(t: DataType): Boolean = t match {
    case s: StructType => s.fields.forall(f => supports(f.dataType))
    case ArrayType(e, _) => supports(e)
    case MapType(k, v, _) => supports(k) && supports(v)
    case BooleanType | ByteType | ShortType | IntegerType | LongType | FloatType | DoubleType | BinaryType |
        DateType | TimestampType | TimestampNTZType | _: DecimalType | _: StringType =>
      true
    case _ => false
  }

  /** @throws IllegalArgumentException
    *   for text that is not valid UTF-8
    */
  def encode(value: Any, t: DataType): Json = (value, t) match {
    case (null, _) => Json.Null
    case (r: InternalRow, s: StructType) =>
      Json.Obj(s.fields.indices.map(i => s(i).name -> encode(r.get(i, s(i).dataType), s(i).dataType)).toMap)
    case (a: ArrayData, ArrayType(e, _)) =>
      Json.Arr((0 until a.numElements()).map(i => encode(if (a.isNullAt(i)) null else a.get(i, e), e)))
    case (m: MapData, MapType(k, v, _)) =>
      Json.Arr((0 until m.numElements()).map { i =>
        val item = if (m.valueArray().isNullAt(i)) null else m.valueArray().get(i, v)
        Json.Arr(Seq(encode(m.keyArray().get(i, k), k), encode(item, v)))
      })
    case (s: UTF8String, _: StringType) =>
      require(s.isValid, "text that is not UTF-8")
      Value.encode(Value.Text(s.toString))
    case _ =>
      Values.fromCatalyst(value, t).map(Value.encode).getOrElse(throw new IllegalArgumentException(t.sql))
  }

  def decode(json: Json, t: DataType): Any = (json, t) match {
    case (Json.Null, _) => null
    case (Json.Obj(members), s: StructType) =>
      new GenericInternalRow(s.fields.map(f => decode(members.getOrElse(f.name, Json.Null), f.dataType)))
    case (Json.Arr(items), ArrayType(e, _)) => new GenericArrayData(items.map(decode(_, e)).toArray[Any])
    case (Json.Arr(items), MapType(k, v, _)) =>
      val pairs = items.collect { case Json.Arr(Seq(key, value)) => decode(key, k) -> decode(value, v) }
      ArrayBasedMapData(pairs.map(_._1).toArray[Any], pairs.map(_._2).toArray[Any])
    case _ =>
      Value
        .decode(json)
        .flatMap(scalar(_, t))
        .getOrElse(throw new IllegalStateException(s"an inline value does not fit the type ${t.sql}"))
  }

  /** A value as a type that may be wider than the one it was written with. */
  private def scalar(v: Value, t: DataType): Option[Any] = (v, t) match {
    case (Value.Bool(b), BooleanType) => Some(b)
    case (Value.Whole(n), ByteType) => Some(n.toByte)
    case (Value.Whole(n), ShortType) => Some(n.toShort)
    case (Value.Whole(n), IntegerType | DateType) => Some(n.toInt)
    case (Value.Whole(n), LongType | TimestampType | TimestampNTZType) => Some(n)
    case (Value.Floating(d), FloatType) => Some(d.toFloat)
    case (Value.Floating(d), DoubleType) => Some(d)
    case (Value.Decimal(d), dt: DecimalType) => Some(Decimal(BigDecimal(d), dt.precision, dt.scale))
    case (Value.Text(s), _: StringType) => Some(UTF8String.fromString(s))
    case (Value.Bytes(b), BinaryType) => Some(b)
    case _ => None
  }
}
