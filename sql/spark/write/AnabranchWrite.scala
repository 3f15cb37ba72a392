package io.anabranch.spark.write

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.operations.{PartitionMatch, Predicate, Reads}
import io.anabranch.core.repository.LoadedTable
import io.anabranch.spark.AnabranchErrors.translated
import io.anabranch.spark.read.Predicates
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.connector.distributions.{Distribution, Distributions}
import org.apache.spark.sql.connector.expressions.filter.{AlwaysTrue, Predicate => SparkPredicate}
import org.apache.spark.sql.connector.expressions.SortOrder
import org.apache.spark.sql.connector.write._

/** Which rows a write puts new ones in the place of. */
sealed trait WriteMode
object WriteMode {
  case object Append extends WriteMode
  case object Everything extends WriteMode
  final case class Where(condition: Predicate, text: String) extends WriteMode
  case object TouchedPartitions extends WriteMode
}

/** Where written files end up: a commit that appends or overwrites, or the staged creation of a table. */
trait WriteSink {
  def metadata: TableMetadata
  def tableId: String
  def root: String

  /** Files that stand in the table now, for overwriting. */
  def files: Iterable[DataFile]

  /** Takes the files of a finished write.
    *
    * @param remove
    *   ids of the files that go; None for all
    */
  def finish(operation: String, added: Seq[DataFile], remove: Option[Seq[DataFile]], reads: Reads): Unit

  /** The table as it was read; None for one that is created. */
  def target: Option[LoadedTable]
}

/** Plans a write from Spark's query, into a sink.
  *
  * @param dynamic
  *   whether what would overwrite everything overwrites the partitions that new rows go to
  */
final class AnabranchWriteBuilder(
    sink: WriteSink,
    tableName: String,
    conf: Configuration,
    dynamic: Boolean = false
) extends WriteBuilder
    with SupportsOverwriteV2
    with SupportsDynamicOverwrite {

  private var mode: WriteMode = WriteMode.Append

  override def overwrite(predicates: Array[SparkPredicate]): WriteBuilder = {
    val translator = new Predicates(sink.metadata.columns)
    val everything = predicates.forall(_.isInstanceOf[AlwaysTrue])
    if (everything && dynamic) overwriteDynamicPartitions()
    else {
      mode =
        if (everything) WriteMode.Everything
        else
          WriteMode.Where(
            Predicate.And(predicates.toSeq.map(translator.translate(_).bounds)),
            predicates.map(_.describe).mkString(" AND ")
          )
      this
    }
  }

  override def overwriteDynamicPartitions(): WriteBuilder = {
    mode = if (sink.metadata.partitioning.isEmpty) WriteMode.Everything else WriteMode.TouchedPartitions
    this
  }

  override def build(): Write = new AnabranchWrite(sink, tableName, mode, conf)
}

final private class AnabranchWrite(sink: WriteSink, tableName: String, mode: WriteMode, conf: Configuration)
    extends RequiresDistributionAndOrdering
    with TracksReads {
  override def toBatch: BatchWrite = translated {
    val plan = WritePlans.of(sink.root, sink.tableId, sink.metadata)
    val read = sink.target.flatMap(reads(_, conf)).getOrElse(Reads.Nothing)
    val operation = mode match {
      case WriteMode.Append => if (ofMerge) "MERGE" else "INSERT"
      case _ => "OVERWRITE"
    }
    new AnabranchBatchWrite(sink, tableName, mode, operation, plan, read, conf)
  }
  override def description(): String = s"anabranch $tableName"

  override def requiredDistribution(): Distribution = Distributions.unspecified()
  override def requiredOrdering(): Array[SortOrder] = PartitionOrder.of(sink.metadata)
}

/** Runs a write, and commits it. */
final class AnabranchBatchWrite(
    sink: WriteSink,
    tableName: String,
    mode: WriteMode,
    operation: String,
    plan: WritePlan,
    reads: Reads,
    conf: Configuration
) extends BatchWrite
    with CommitsOnce {

  // found out before any row is written
  private val condemned: Option[Seq[DataFile]] = mode match {
    case WriteMode.Where(condition, text) => Some(matching(condition, text))
    case _ => None
  }

  override def createBatchWriterFactory(info: PhysicalWriteInfo): DataWriterFactory =
    new RowWriterFactory(plan, SparkBridge.broadcast(conf), WritePlans.parquetSettings(plan.schema))

  // our own commit is atomic: Spark's coordination of task commits would add nothing
  override def useCommitCoordinator(): Boolean = false

  override def commit(messages: Array[WriterCommitMessage]): Unit = translated {
    val files = RowWriter.settled(plan, conf, filesOf(messages))
    val remove = mode match {
      case WriteMode.Append => Some(Nil)
      case WriteMode.Everything => None
      case _: WriteMode.Where => condemned
      case WriteMode.TouchedPartitions =>
        val touched = files.map(_.partition).toSet
        Some(sink.files.filter(f => touched(f.partition)).toSeq)
    }
    committing(sink.finish(operation, files, remove, reads))
  }

  override def abort(messages: Array[WriterCommitMessage]): Unit = unlessCommitted {
    filesOf(messages.filter(_ != null)).foreach(RowWriter.delete(plan.target, conf, _))
  }

  private def filesOf(messages: Array[WriterCommitMessage]): Seq[DataFile] =
    messages.toSeq.collect { case TaskResult(files) => files }.flatten

  private def matching(condition: Predicate, text: String): Seq[DataFile] = sink.files.filter { f =>
    PartitionMatch
      .decide(condition, f, sink.metadata.partitioning)
      .getOrElse(
        throw AnabranchException(
          "ANABRANCH_WRITE.OVERWRITE_CONDITION",
          "table" -> tableName,
          "condition" -> text
        )
      )
  }.toSeq
}
