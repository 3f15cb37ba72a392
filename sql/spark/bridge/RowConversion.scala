package org.apache.spark.sql.execution

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.execution.vectorized.{OnHeapColumnVector, WritableColumnVector}
import org.apache.spark.sql.types.{ArrayType, DataType, MapType, StringType, StructType}
import org.apache.spark.sql.vectorized.{ColumnVector, ColumnarBatch}

/** Spark's conversion from rows to columns, which is private to its package. */
private[sql] object RowConversion {
  def batchOf(rows: Seq[InternalRow], schema: StructType): ColumnarBatch = {
    val vectors: Array[WritableColumnVector] =
      OnHeapColumnVector.allocateColumns(rows.size.max(1), schema).map(v => v: WritableColumnVector)
    val converter = new RowToColumnConverter(plain(schema).asInstanceOf[StructType])
    rows.foreach(converter.convert(_, vectors))
    new ColumnarBatch(vectors.map(v => v: ColumnVector), rows.size)
  }

  /** The converter knows one type of text only; all others are stored alike. */
  private def plain(t: DataType): DataType = t match {
    case _: StringType => StringType
    case StructType(fields) => StructType(fields.map(f => f.copy(dataType = plain(f.dataType))))
    case ArrayType(e, n) => ArrayType(plain(e), n)
    case MapType(k, v, n) => MapType(plain(k), plain(v), n)
    case other => other
  }
}
