package io.anabranch.spark.read

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{DataFile, Paths}
import io.anabranch.core.log.{FileBounds, TableState}
import io.anabranch.core.operations.{Predicate => CorePredicate, Pruning, TableRead}
import io.anabranch.core.repository.LoadedTable
import io.anabranch.spark.AnabranchErrors.translated
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.schema.ColumnMapping
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.Path
import org.apache.spark.paths.SparkPath
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.connector.expressions.{Expressions, NamedReference}
import org.apache.spark.sql.connector.expressions.filter.{Predicate => SparkPredicate}
import org.apache.spark.sql.connector.read._
import org.apache.spark.sql.execution.datasources.{FilePartition, PartitionedFile}
import org.apache.spark.sql.sources
import org.apache.spark.sql.types.{LongType, StructField, StructType}

import java.util.OptionalLong

/** What a scan reads: some rows of some files of a table.
  *
  * @param files
  *   found out when somebody asks
  * @param constants
  *   columns that are the same for all rows of a file
  * @param filters
  *   conditions on physical names, for row groups
  * @param description
  *   for EXPLAIN
  * @param condition
  *   what rows are worth reading at all
  */
final class ScanInput(
    val root: String,
    val table: TableState,
    val required: StructType,
    val constants: Seq[StructField],
    val filters: Seq[sources.Filter],
    val description: () => String,
    find: => Seq[FileRows],
    val condition: Option[RowCondition] = None
) {
  lazy val files: Seq[FileRows] = find
}

/** What a query reads of a table by a scan, for isolation.
  *
  * @param target
  *   whether the statement changes all rows that it reads here
  */
final case class ScanOrigin(root: String, loaded: LoadedTable, condition: CorePredicate, target: Boolean) {

  /** Tells an open transaction what its user is about to see; of rows that are changed the statement tells itself. */
  lazy val seen: Unit = loaded.ref.transaction.filterNot(_ => target).foreach { t =>
    val metadata = loaded.table.metadata
    if (
      loaded.ref.branch.contains(t.branch) && CommitSettings
        .serializable(SparkBridge.conf, metadata.properties)
    )
      t.saw(
        TableRead(
          loaded.table.id,
          Pruning.mayMatch(condition, _, metadata.partitioning),
          changesToo = true
        )
      )
  }
}

/** A read of some columns of rows in files.
  *
  * @param key
  *   equal scans read the same: Spark then reads once
  * @param origin
  *   None for a scan that no statement's outcome rests on
  */
final class AnabranchScan(
    input: ScanInput,
    key: Any,
    hadoopConf: Configuration,
    val origin: Option[ScanOrigin] = None
) extends Scan
    with Batch
    with SupportsReportStatistics
    with SupportsRuntimeV2Filtering {

  private val table = input.table
  private val name = table.name.mkString(".")

  /** The files that it reads, unless other tables of the query leave out more. */
  def files: Seq[DataFile] = input.files.map(_.file)

  private def planOf(columns: StructType) = ReadPlan.of(
    table.metadata.columns,
    columns,
    input.files.iterator.flatMap(_.file.lineage).toSet,
    input.constants.map(_.name)
  )

  // what other tables of the query tell while it runs leaves out more files
  @volatile private var runtime: Seq[(SparkPredicate, CorePredicate)] = Nil

  private def chosen: Seq[FileRows] =
    if (runtime.isEmpty) input.files
    else {
      val bounds = new FileBounds(input.files.map(_.file).toVector)
      val condition = CorePredicate.And(runtime.map(_._2))
      Pruning.prune(condition, bounds, table.metadata.partitioning).map { case (i, _) => input.files(i) }
    }

  override def filterAttributes(): Array[NamedReference] =
    input.required.fields.filter(f => translator.knows(f.name)).map(f => Expressions.column(quoted(f.name)))

  override def filter(predicates: Array[SparkPredicate]): Unit =
    runtime = predicates.toSeq.map(p => p -> translator.translate(p).bounds)

  override def pushedPredicates(): Array[SparkPredicate] = runtime.map(_._1).toArray

  private lazy val translator = new Predicates(table.metadata.columns)
  private def quoted(name: String) = "`" + name.replace("`", "``") + "`"

  override def readSchema(): StructType = input.required
  override def toBatch: Batch = this
  override def description(): String = input.description()

  override def estimateStatistics(): Statistics = new Statistics {
    private val share =
      input.required.defaultSize.toDouble / ColumnMapping.logical(table.metadata.columns).defaultSize.max(1)
    override def sizeInBytes(): OptionalLong =
      OptionalLong.of((input.files.iterator.map(_.file.sizeBytes).sum * share.min(1.0)).toLong.max(1))
    override def numRows(): OptionalLong =
      OptionalLong.of(input.files.iterator.map(f => RowChoice.rows(f.file, f.choice)).sum)
  }

  override def planInputPartitions(): Array[InputPartition] = translated {
    origin.foreach(_.seen)
    val (inline, stored) = chosen.partition(_.file.isInline)
    val sizes = TaskSizes.of(SparkBridge.session, stored.map(_.file.sizeBytes))
    val parts: Seq[InputPartition] = sizes.partitions(stored.flatMap(split(_, sizes.bytes)))
    (parts ++ Option.when(inline.nonEmpty)(blocks(inline))).toArray
  }

  /** One file or block as a whole, its rows in their order. */
  def whole(rows: FileRows): InputPartition =
    if (rows.file.isInline) blocks(Seq(rows))
    else FilePartition(0, split(rows, rows.file.sizeBytes.max(1)).toArray)

  private def blocks(inline: Seq[FileRows]): InlinePartition = InlinePartition(
    inline
      .sortBy(r => (r.file.addedBy.fold(0L)(_.packed), r.file.firstRow.getOrElse(0L), r.file.id))
      .map(r => block(r.file) -> FileRows.of(r.file, r.number, r.choice, r.constants))
  )

  private def block(f: DataFile): InlineBlock = InlineBlock(
    f.inlineColumns,
    f.inline.getOrElse(
      throw AnabranchException(
        "ANABRANCH_DATA.ROWS_ERASED",
        "block" -> f.id,
        "table" -> name,
        "commit" -> f.addedBy.fold("unknown")(_.toString)
      )
    )
  )

  private def split(rows: FileRows, splitBytes: Long): Seq[PartitionedFile] = {
    val f = rows.file
    val path = SparkPath.fromPath(new Path(s"${input.root}/${Paths.dataFile(table.id, f.id)}"))
    val attached = FileRows.attached(FileRows.of(f, rows.number, rows.choice, rows.constants))
    (0L until f.sizeBytes by splitBytes).map { start =>
      PartitionedFile(
        InternalRow.empty,
        path,
        start,
        splitBytes.min(f.sizeBytes - start),
        Array.empty,
        0,
        f.sizeBytes,
        attached
      )
    }
  }

  override def createReaderFactory(): PartitionReaderFactory = factory(input.required, search)

  private def factory(columns: StructType, search: Option[RowSearch]): AnabranchReaderFactory = {
    val plan = planOf(columns)
    AnabranchReaderFactory.create(
      input.root,
      name,
      StructType(
        ColumnMapping.physical(table.metadata.columns).fields ++
          LineageColumns.stored(io.anabranch.core.format.Lineage.Columns)
      ),
      plan,
      input.filters,
      plan.needsPositions || input.files.exists(_.choice != RowChoice.All),
      hadoopConf,
      search
    )
  }

  private def search: Option[RowSearch] = input.condition.map { c =>
    val place = StructField(LineageColumns.Place, LongType, nullable = false)
    new RowSearch(c, factory(StructType(c.columns.fields :+ place), None))
  }

  private def identity: Any =
    (input.root, table.id, input.required, input.filters, input.condition, key)
  override def equals(other: Any): Boolean = other match {
    case o: AnabranchScan => o.identity == identity
    case _ => false
  }
  override def hashCode(): Int = identity.hashCode
}
