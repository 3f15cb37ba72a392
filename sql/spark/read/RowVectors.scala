package io.anabranch.spark.read

import org.apache.spark.sql.types.{CalendarIntervalType, Decimal, LongType, StructType, VariantType}
import org.apache.spark.sql.vectorized.{ColumnVector, ColumnarArray, ColumnarMap}
import org.apache.spark.unsafe.types.UTF8String

/** A column of numbers that are computed when they are asked for. */
final class ComputedLongs(value: Int => Long) extends ColumnVector(LongType) {
  override def getLong(rowId: Int): Long = value(rowId)
  override def isNullAt(rowId: Int): Boolean = false
  override def hasNull: Boolean = false
  override def numNulls: Int = 0
  override def close(): Unit = ()

  private def never = throw new UnsupportedOperationException("a column of BIGINT")
  override def getBoolean(rowId: Int): Boolean = never
  override def getByte(rowId: Int): Byte = never
  override def getShort(rowId: Int): Short = never
  override def getInt(rowId: Int): Int = never
  override def getFloat(rowId: Int): Float = never
  override def getDouble(rowId: Int): Double = never
  override def getArray(rowId: Int): ColumnarArray = never
  override def getMap(rowId: Int): ColumnarMap = never
  override def getDecimal(rowId: Int, precision: Int, scale: Int): Decimal = never
  override def getUTF8String(rowId: Int): UTF8String = never
  override def getBinary(rowId: Int): Array[Byte] = never
  override def getChild(ordinal: Int): ColumnVector = never
}

/** Some rows of a column, without copying: row i is row `chosen(i)` of the column. */
final class ChosenRows(inner: ColumnVector, chosen: Array[Int]) extends ColumnVector(inner.dataType) {
  private lazy val children: Array[ColumnVector] = inner.dataType match {
    case s: StructType => Array.tabulate(s.size)(i => new ChosenRows(inner.getChild(i), chosen))
    // months, days and microseconds of an interval; value and metadata of a variant
    case CalendarIntervalType => Array.tabulate(3)(i => new ChosenRows(inner.getChild(i), chosen))
    case VariantType => Array.tabulate(2)(i => new ChosenRows(inner.getChild(i), chosen))
    case _ => Array.empty
  }

  override def isNullAt(rowId: Int): Boolean = inner.isNullAt(chosen(rowId))
  override def getBoolean(rowId: Int): Boolean = inner.getBoolean(chosen(rowId))
  override def getByte(rowId: Int): Byte = inner.getByte(chosen(rowId))
  override def getShort(rowId: Int): Short = inner.getShort(chosen(rowId))
  override def getInt(rowId: Int): Int = inner.getInt(chosen(rowId))
  override def getLong(rowId: Int): Long = inner.getLong(chosen(rowId))
  override def getFloat(rowId: Int): Float = inner.getFloat(chosen(rowId))
  override def getDouble(rowId: Int): Double = inner.getDouble(chosen(rowId))
  override def getArray(rowId: Int): ColumnarArray = inner.getArray(chosen(rowId))
  override def getMap(rowId: Int): ColumnarMap = inner.getMap(chosen(rowId))
  override def getDecimal(rowId: Int, precision: Int, scale: Int): Decimal =
    inner.getDecimal(chosen(rowId), precision, scale)
  override def getUTF8String(rowId: Int): UTF8String = inner.getUTF8String(chosen(rowId))
  override def getBinary(rowId: Int): Array[Byte] = inner.getBinary(chosen(rowId))
  // a struct's fields are read through its children, by the number of the row
  override def getChild(ordinal: Int): ColumnVector = children(ordinal)
  override def hasNull: Boolean = inner.hasNull
  // not counted: Spark asks whether there are any
  override def numNulls: Int = if (inner.hasNull) chosen.count(inner.isNullAt(_)) else 0
  override def close(): Unit = inner.close()
  // Parquet's vectors are used again for the next batch
  override def closeIfFreeable(): Unit = inner.closeIfFreeable()
}
