package io.anabranch.spark.write

import io.anabranch.core.AnabranchException
import io.anabranch.core.format._
import io.anabranch.core.operations.{PartitionMatch, Predicate, Pruning, Reads}
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

  /** The table that goes, with all its rows, once this one comes in its place. */
  def replaced: Option[LoadedTable] = None
}

/** Plans a write from Spark's query, into a sink.
  *
  * @param dynamic
  *   whether what would overwrite everything overwrites the partitions that new rows go to
  * @param rows
  *   overwrites single rows; None where there are none yet
  */
final class AnabranchWriteBuilder(
    sink: WriteSink,
    tableName: String,
    conf: Configuration,
    dynamic: Boolean = false,
    rows: Option[RowReplacement] = None
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

  override def build(): Write = new AnabranchWrite(sink, tableName, mode, conf, rows)
}

final private class AnabranchWrite(
    sink: WriteSink,
    tableName: String,
    mode: WriteMode,
    conf: Configuration,
    rows: Option[RowReplacement]
) extends RequiresDistributionAndOrdering
    with TracksReads {
  override def toBatch: BatchWrite = translated {
    val plan = WritePlans.of(sink.root, sink.tableId, sink.metadata)
    val read = for { target <- sink.target; s <- statement } yield s.reads(target, conf)
    val earlier =
      for { t <- sink.target.orElse(sink.replaced); s <- statement } yield new ReadEarlier(s.scans, t)
    earlier.foreach(mayReplace)
    val operation = mode match {
      case WriteMode.Append => if (statement.exists(_.onlyInserts)) "MERGE" else "INSERT"
      case _ => "OVERWRITE"
    }
    val found = mode match {
      case w: WriteMode.Where => Some(condemned(w))
      case _ => None
    }
    val reads = read.getOrElse(Reads.Nothing)
    new AnabranchBatchWrite(sink, mode, found, rows, earlier, operation, plan, reads, conf)
  }

  private def mayReplace(earlier: ReadEarlier): Unit = mode match {
    case w: WriteMode.Where =>
      earlier.refuse(Pruning.mayMatch(w.condition, _, sink.metadata.partitioning))
    case WriteMode.TouchedPartitions => () // that is known once all rows are written
    case WriteMode.Append if sink.replaced.isEmpty => ()
    case _ => earlier.refuse(_ => true)
  }

  /** Found out before any row is written. */
  private def condemned(where: WriteMode.Where): Condemned = {
    val partitioning = sink.metadata.partitioning
    val decided = sink.files.toSeq.map(f => f -> PartitionMatch.decide(where.condition, f, partitioning))
    if (decided.forall(_._2.isDefined)) Condemned.Whole(decided.collect { case (f, Some(true)) => f })
    else
      rows
        .zip(statement.flatMap(_.condition))
        .map { case (r, c) => Condemned.Rows(r.rowsWhere(c), where.condition) }
        .headOption
        .getOrElse(
          throw AnabranchException(
            "ANABRANCH_WRITE.OVERWRITE_CONDITION",
            "table" -> tableName,
            "condition" -> where.text
          )
        )
  }

  override def description(): String = s"anabranch $tableName"

  override def requiredDistribution(): Distribution = Distributions.unspecified()
  override def requiredOrdering(): Array[SortOrder] = PartitionOrder.of(sink.metadata)
}

/** What a condition says goes: whole files, or rows of some. */
sealed private trait Condemned
private object Condemned {
  final case class Whole(files: Seq[DataFile]) extends Condemned

  /** @param bounds
    *   what files with such rows are known by
    */
  final case class Rows(gone: Map[String, RowPositions], bounds: Predicate) extends Condemned
}

/** Runs a write, and commits it. */
final private class AnabranchBatchWrite(
    sink: WriteSink,
    mode: WriteMode,
    condemned: Option[Condemned],
    rows: Option[RowReplacement],
    earlier: Option[ReadEarlier],
    operation: String,
    plan: WritePlan,
    reads: Reads,
    conf: Configuration
) extends BatchWrite
    with CommitsOnce {

  override def createBatchWriterFactory(info: PhysicalWriteInfo): DataWriterFactory =
    new RowWriterFactory(plan, SparkBridge.broadcast(conf), WritePlans.parquetSettings(plan.schema))

  // our own commit is atomic: Spark's coordination of task commits would add nothing
  override def useCommitCoordinator(): Boolean = false

  override def commit(messages: Array[WriterCommitMessage]): Unit = translated {
    val written = filesOf(messages)
    if (mode == WriteMode.TouchedPartitions) {
      val touched = written.map(_.partition).toSet
      earlier.foreach(_.refuse(f => touched(f.partition)))
    }
    condemned match {
      case Some(Condemned.Rows(gone, bounds)) =>
        committing(rows.foreach(_.commit(operation, gone, bounds, written, plan, reads)))
      case other =>
        val files = RowWriter.settled(plan, conf, written)
        val remove = (mode, other) match {
          case (_, Some(Condemned.Whole(whole))) => Some(whole)
          case (WriteMode.Append, _) => Some(Nil)
          case (WriteMode.TouchedPartitions, _) =>
            val touched = files.map(_.partition).toSet
            Some(sink.files.filter(f => touched(f.partition)).toSeq)
          case _ => None
        }
        committing(sink.finish(operation, files, remove, reads))
    }
  }

  override def abort(messages: Array[WriterCommitMessage]): Unit = unlessCommitted {
    (rows.toSeq.flatMap(_.files) ++ filesOf(messages.filter(_ != null)))
      .foreach(RowWriter.delete(plan.target, conf, _))
  }

  private def filesOf(messages: Array[WriterCommitMessage]): Seq[DataFile] =
    messages.toSeq.collect { case TaskResult(files) => files }.flatten
}
