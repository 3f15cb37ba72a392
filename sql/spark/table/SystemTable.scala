package io.anabranch.spark.table

import io.anabranch.spark.AnabranchErrors.translated
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow
import org.apache.spark.sql.connector.catalog._
import org.apache.spark.sql.connector.read.{LocalScan, Scan, ScanBuilder}
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.util.CaseInsensitiveStringMap
import org.apache.spark.unsafe.types.UTF8String

import java.util

/** A table that tells something of the repository: `catalog.system.name`. Its rows are found when it is read.
  *
  * @param ddl
  *   of its columns
  */
final class SystemTable(tableName: String, ddl: String, find: () => Seq[Seq[Any]])
    extends Table
    with SupportsRead {
  private val all = StructType.fromDDL(ddl)

  override def name(): String = tableName
  override def columns(): Array[Column] = SparkBridge.columns(all)
  override def capabilities(): util.Set[TableCapability] = util.EnumSet.of(TableCapability.BATCH_READ)

  override def newScanBuilder(options: CaseInsensitiveStringMap): ScanBuilder = () =>
    new LocalScan with Scan {
      override def readSchema(): StructType = all
      override def description(): String = tableName
      override def rows(): Array[InternalRow] = translated {
        find().map(r => new GenericInternalRow(r.map(SystemTable.value).toArray): InternalRow).toArray
      }
    }
}

private object SystemTable {
  def value(v: Any): Any = v match {
    case s: String => UTF8String.fromString(s)
    case other => other
  }
}
