package org.apache.spark.sql.execution

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.execution.vectorized.{OnHeapColumnVector, WritableColumnVector}
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.vectorized.{ColumnVector, ColumnarBatch}

/** Spark's conversion from rows to columns, which is private to its package. */
private[sql] object RowConversion {
  def batchOf(rows: Seq[InternalRow], schema: StructType): ColumnarBatch = {
    val vectors: Array[WritableColumnVector] =
      OnHeapColumnVector.allocateColumns(rows.size.max(1), schema).map(v => v: WritableColumnVector)
    val converter = new RowToColumnConverter(schema)
    rows.foreach(converter.convert(_, vectors))
    new ColumnarBatch(vectors.map(v => v: ColumnVector), rows.size)
  }
}
