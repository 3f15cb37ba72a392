package io.anabranch.spark.write

import io.anabranch.core.format.Lineage
import io.anabranch.core.repository.{LoadedTable, Repository}
import io.anabranch.spark.AnabranchErrors.translated
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.read.{AnabranchScanBuilder, LineageColumns}
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.expressions.{Expressions, NamedReference}
import org.apache.spark.sql.connector.read.ScanBuilder
import org.apache.spark.sql.connector.write._
import org.apache.spark.sql.connector.write.RowLevelOperation.Command
import org.apache.spark.sql.util.CaseInsensitiveStringMap

/** UPDATE, DELETE or MERGE on a table, as Spark plans it: rows are found by a scan that tells where they stand,
  * and changes are written as a delta.
  */
final class RowChangeOperation(
    repository: Repository,
    loaded: LoadedTable,
    info: RowLevelOperationInfo,
    conf: Configuration
) extends SupportsDelta {

  override def command(): Command = info.command()
  override def description(): String = s"anabranch ${info.command()} of ${loaded.table.name.mkString(".")}"

  override def rowId(): Array[NamedReference] = Array(Expressions.column(LineageColumns.Place))

  /** A condition may ask for them only in a subquery, where Spark adds them too late by itself. */
  override def requiredMetadataAttributes(): Array[NamedReference] =
    Lineage.Columns.map(Expressions.column(_): NamedReference).toArray

  override def newScanBuilder(options: CaseInsensitiveStringMap): ScanBuilder = translated {
    repository.policies.maySelect(loaded, CommitSettings.author(SparkBridge.conf))
    new AnabranchScanBuilder(repository.root, loaded, conf, target = true)
  }

  override def newWriteBuilder(logical: LogicalWriteInfo): DeltaWriteBuilder = new DeltaWriteBuilder {
    override def build(): DeltaWrite =
      new RowDeltaWrite(repository, loaded, info.command(), conf)
  }
}
