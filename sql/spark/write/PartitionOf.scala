package io.anabranch.spark.write

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.spark.AnabranchAnalysisException
import io.anabranch.spark.read.Values
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.types._

/** Finds the partition values of a row.
  *
  * @param schema
  *   physical
  */
final class PartitionOf(schema: StructType, partitioning: Seq[PartitionField]) extends Serializable {

  /** Where a partition column is in a row: a place in each struct on the way to it. */
  private val places: Seq[(PartitionField, Seq[(Int, DataType)])] =
    partitioning.map(f => f -> locate(schema, f.column))

  private def locate(s: StructType, path: String): Seq[(Int, DataType)] = {
    val i = s.fieldNames.indices
      .filter(i => path == s(i).name || path.startsWith(s(i).name + "."))
      .maxBy(s(_).name.length)
    s(i).dataType match {
      case inner: StructType if path.length > s(i).name.length =>
        (i, inner) +: locate(inner, path.substring(s(i).name.length + 1))
      case t => Seq((i, t))
    }
  }

  /** Partition values by key; NULL is absent. */
  def apply(row: InternalRow): Map[String, Value] = places.flatMap { case (field, path) =>
    read(row, path, field.column).map { v =>
      field.key -> Transform(field.transform, v, dateColumn = path.last._2 == DateType)
    }
  }.toMap

  private def read(row: InternalRow, path: Seq[(Int, DataType)], column: String): Option[Value] = {
    val (i, t) = path.head
    if (row.isNullAt(i)) None
    else if (path.tail.nonEmpty) read(row.getStruct(i, t.asInstanceOf[StructType].size), path.tail, column)
    else
      Some(
        Values
          .fromCatalyst(row.get(i, t), t)
          .getOrElse(
            throw new AnabranchAnalysisException(
              AnabranchException(
                "ANABRANCH_WRITE.PARTITION_VALUE",
                "column" -> column,
                "reason" -> "it is not valid UTF-8 text"
              )
            )
          )
      )
  }
}
