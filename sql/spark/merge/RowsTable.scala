package io.anabranch.spark.merge

import io.anabranch.core.format
import io.anabranch.core.format.{DeletionVector, Lineage, TableMetadata}
import io.anabranch.core.log.TableState
import io.anabranch.core.operations.merge.RowsAt
import io.anabranch.spark.read._
import io.anabranch.spark.schema.ColumnMapping
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.catalog._
import org.apache.spark.sql.connector.read.{Scan, ScanBuilder, SupportsPushDownRequiredColumns}
import org.apache.spark.sql.types._
import org.apache.spark.sql.util.CaseInsensitiveStringMap

import java.util

/** Some rows of some files of a table, with where they come from and stand.
  *
  * @param metadata
  *   by whose columns they are read
  */
final private[merge] class RowsTable(
    root: String,
    table: TableState,
    metadata: TableMetadata,
    rows: Seq[RowsAt],
    conf: Configuration
) extends Table
    with SupportsRead {

  // rows of a side may be NULL where the other side allows that no more, which is what a merge looks for
  private val open = metadata.copy(columns = RowsTable.nullable(metadata.columns))

  private val files = rows.zipWithIndex.map { case (r, number) =>
    val wanted = DeletionVector.ofInline(DeletionVector.serialize(r.rows), r.rows.size)
    val all = r.file.deletions.isEmpty && r.rows.size == r.file.rows
    FileRows(r.file, number, if (all) RowChoice.All else RowChoice.Only(wanted), Nil)
  }

  override val schema: StructType = StructType(
    ColumnMapping.logical(open.columns).fields ++ RowsTable.Hidden
  )

  override def name(): String = table.name.mkString(".")
  override def columns(): Array[Column] = SparkBridge.columns(schema)
  override def capabilities(): util.Set[TableCapability] = util.EnumSet.of(TableCapability.BATCH_READ)

  override def newScanBuilder(options: CaseInsensitiveStringMap): ScanBuilder =
    new ScanBuilder with SupportsPushDownRequiredColumns {
      private var required = schema
      override def pruneColumns(requiredSchema: StructType): Unit = required = requiredSchema
      override def build(): Scan = scan(required)
    }

  def scan(required: StructType): AnabranchScan = new AnabranchScan(
    new ScanInput(
      root,
      table.copy(metadata = open),
      required,
      Nil,
      Nil,
      () => s"${rows.map(_.rows.size).sum} rows of ${name()} that a merge looks at",
      files
    ),
    this,
    conf
  )
}

private[merge] object RowsTable {
  private def nullable(columns: Seq[format.Column]): Seq[format.Column] =
    columns.map(c => c.copy(nullable = true, dataType = nullable(c.dataType)))

  private def nullable(t: format.ColumnType): format.ColumnType = t match {
    case format.ColumnType.Struct(fields) => format.ColumnType.Struct(nullable(fields))
    case format.ColumnType.Arr(e, _) => format.ColumnType.Arr(nullable(e), containsNull = true)
    case format.ColumnType.Mapping(k, v, _) =>
      format.ColumnType.Mapping(nullable(k), nullable(v), valueContainsNull = true)
    case t: format.ColumnType.Primitive => t
  }

  val Hidden: Seq[StructField] =
    (Lineage.Columns :+ LineageColumns.Place).map(StructField(_, LongType, nullable = false))
}
