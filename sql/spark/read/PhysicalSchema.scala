package io.anabranch.spark.read

import io.anabranch.core.format.{Column, ColumnType}
import io.anabranch.spark.schema.ColumnMapping
import org.apache.spark.sql.types._

/** The part of a table's physical schema that a pruned logical schema asks for. */
object PhysicalSchema {

  /** @param wanted
    *   a schema of which fields, nested ones included, may have been left out
    */
  def pruned(columns: Seq[Column], wanted: StructType): StructType = StructType(wanted.fields.map { f =>
    val column = columns.find(_.name.equalsIgnoreCase(f.name)).getOrElse(sys.error(s"no column ${f.name}"))
    val whole = ColumnMapping.physical(Seq(column)).head
    whole.copy(dataType = pruned(column.dataType, f.dataType, whole.dataType))
  })

  private def pruned(t: ColumnType, wanted: DataType, whole: DataType): DataType = (t, wanted, whole) match {
    case (ColumnType.Struct(fields), s: StructType, _) => pruned(fields, s)
    case (ColumnType.Arr(e, _), ArrayType(w, _), ArrayType(p, n)) => ArrayType(pruned(e, w, p), n)
    case (ColumnType.Mapping(k, v, _), MapType(wk, wv, _), MapType(pk, pv, n)) =>
      MapType(pruned(k, wk, pk), pruned(v, wv, pv), n)
    case _ => whole
  }
}
