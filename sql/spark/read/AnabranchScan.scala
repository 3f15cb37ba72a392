package io.anabranch.spark.read

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{DataFile, Paths}
import io.anabranch.core.operations.{Predicate, Pruning}
import io.anabranch.core.repository.LoadedTable
import io.anabranch.spark.AnabranchErrors.translated
import io.anabranch.spark.schema.ColumnMapping
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.Path
import org.apache.spark.paths.SparkPath
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.expressions.filter.{Predicate => SparkPredicate}
import org.apache.spark.sql.connector.read._
import org.apache.spark.sql.execution.datasources.{FilePartition, PartitionedFile}
import org.apache.spark.sql.sources
import org.apache.spark.sql.types.StructType

import java.util.OptionalLong

/** Plans a read: which columns, and which files may hold the rows. */
final class AnabranchScanBuilder(root: String, loaded: LoadedTable, hadoopConf: Configuration)
    extends ScanBuilder
    with SupportsPushDownRequiredColumns
    with SupportsPushDownV2Filters {

  private val metadata = loaded.table.metadata
  private var required = ColumnMapping.logical(metadata.columns)
  private var pushed: Seq[(SparkPredicate, Translated)] = Nil

  override def pruneColumns(requiredSchema: StructType): Unit = required = requiredSchema

  /** All conditions are evaluated again by Spark; here they only leave out files and row groups. */
  override def pushPredicates(predicates: Array[SparkPredicate]): Array[SparkPredicate] = {
    val translator = new Predicates(metadata.columns)
    pushed = predicates.toSeq.map(p => p -> translator.translate(p))
    predicates
  }

  override def pushedPredicates(): Array[SparkPredicate] =
    pushed.collect { case (p, t) if t.bounds != Predicate.Anything => p }.toArray

  override def build(): Scan = new AnabranchScan(
    root,
    loaded,
    required,
    Predicate.And(pushed.map(_._2.bounds)),
    pushed.flatMap(_._2.rowGroups),
    pushedPredicates().toSeq.map(_.describe),
    hadoopConf
  )
}

/** A read of some columns of the files that may hold the rows, at one commit. */
final class AnabranchScan(
    root: String,
    loaded: LoadedTable,
    required: StructType,
    condition: Predicate,
    rowGroupFilters: Seq[sources.Filter],
    pushed: Seq[String],
    hadoopConf: Configuration
) extends Scan
    with Batch
    with SupportsReportStatistics {

  private val table = loaded.table

  private lazy val files: Seq[DataFile] =
    Pruning.prune(condition, table.files.bounds, table.metadata.partitioning)

  override def readSchema(): StructType = required
  override def toBatch: Batch = this

  override def description(): String =
    s"anabranch ${table.name.mkString(".")} at ${loaded.state.id.short}, ${files.size} of ${table.files.files.size} files" +
      (if (pushed.isEmpty) "" else s", pushed: ${pushed.mkString(", ")}")

  override def estimateStatistics(): Statistics = new Statistics {
    private val share =
      required.defaultSize.toDouble / ColumnMapping.logical(table.metadata.columns).defaultSize.max(1)
    override def sizeInBytes(): OptionalLong =
      OptionalLong.of((files.iterator.map(_.sizeBytes).sum * share).toLong.max(1))
    override def numRows(): OptionalLong = OptionalLong.of(files.iterator.map(_.liveRows).sum)
  }

  override def planInputPartitions(): Array[InputPartition] = translated {
    val (inline, stored) = files.partition(_.isInline)
    val session = SparkBridge.session
    val openCost = session.sessionState.conf.filesOpenCostInBytes
    val splitBytes = FilePartition.maxSplitBytes(session, stored.iterator.map(_.sizeBytes + openCost).sum)
    val pieces = stored.flatMap(split(_, splitBytes)).sortBy(-_.length)
    val parts: Seq[InputPartition] = FilePartition.getFilePartitions(session, pieces, splitBytes)
    val blocks = Option.when(inline.nonEmpty)(
      InlinePartition(
        inline.sortBy(f => (f.addedBy.fold(0L)(_.packed), f.firstRow.getOrElse(0L), f.id)).map(block(_))
      )
    )
    (parts ++ blocks).toArray
  }

  private def block(f: DataFile): InlineBlock = InlineBlock(
    f.inlineColumns,
    f.inline.getOrElse(
      throw AnabranchException(
        "ANABRANCH_DATA.ROWS_ERASED",
        "block" -> f.id,
        "table" -> table.name.mkString("."),
        "commit" -> f.addedBy.fold("unknown")(_.toString)
      )
    )
  )

  private def split(f: DataFile, splitBytes: Long): Seq[PartitionedFile] = {
    val path = SparkPath.fromPath(new Path(s"$root/${Paths.dataFile(table.id, f.id)}"))
    (0L until f.sizeBytes by splitBytes).map { start =>
      PartitionedFile(
        InternalRow.empty,
        path,
        start,
        splitBytes.min(f.sizeBytes - start),
        Array.empty,
        0,
        f.sizeBytes
      )
    }
  }

  override def createReaderFactory(): PartitionReaderFactory = {
    val physical = ColumnMapping.physical(table.metadata.columns)
    val wanted = PhysicalSchema.pruned(table.metadata.columns, required)
    val provenance = Provenance(
      table.name.mkString("."),
      files.flatMap(f => f.addedBy.map(c => f.id -> c.toString)).toMap
    )
    AnabranchReaderFactory.create(physical, wanted, rowGroupFilters, hadoopConf, provenance)
  }

  override def equals(other: Any): Boolean = other match {
    case o: AnabranchScan => o.key == key
    case _ => false
  }
  override def hashCode(): Int = key.hashCode
  private def key = (root, table.id, loaded.state.id, required, condition, rowGroupFilters)
}
