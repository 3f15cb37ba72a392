package io.anabranch.spark.write

import io.anabranch.core.format.DataFile
import io.anabranch.core.operations.{Pruning, Reads, TableRead}
import io.anabranch.core.repository.LoadedTable
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.read._
import org.apache.hadoop.conf.Configuration
import org.apache.spark.sql.classic.Strategy
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.expressions.{
  Attribute,
  AttributeSet,
  BindReferences,
  Expression,
  Predicate => RowPredicate,
  SubqueryExpression
}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2ScanRelation

/** A condition on rows of a table, by Spark's expressions. */
final case class RowCondition(expression: Expression, output: Seq[Attribute]) {

  /** Whether a file has a row for which it is true, found out by looking. */
  def mayHold(file: DataFile, scan: ScanOrigin, conf: Configuration): Boolean = {
    val rows = new FileColumns(scan, output.filter(expression.references.contains), conf)
    val test = RowPredicate.createInterpreted(BindReferences.bindReference(expression, rows.attributes))
    rows.exists(file)(test.eval)
  }
}

/** Tells each write to a table what its statement reads, once its reads are planned. It plans nothing itself. */
object ReadTracking extends Strategy {
  override def apply(plan: LogicalPlan): Seq[SparkPlan] = {
    plan match {
      case w: V2WriteCommand =>
        writeOf(w).foreach(
          _.told(scans(w.query), condition(w), MatchedKeys.of(w), w.isInstanceOf[InsertOnlyMerge])
        )
      case _ => ()
    }
    Nil
  }

  private def writeOf(command: V2WriteCommand): Option[TracksReads] = {
    val write = command match {
      case a: AppendData => a.write
      case m: InsertOnlyMerge => m.write
      case o: OverwriteByExpression => o.write
      case o: OverwritePartitionsDynamic => o.write
      case r: ReplaceData => r.write
      case w: WriteDelta => w.write
      case _ => None
    }
    write.collect { case t: TracksReads => t }
  }

  private def scans(query: LogicalPlan): Seq[ScanOrigin] = query.collectWithSubqueries {
    case DataSourceV2ScanRelation(_, scan: AnabranchScan, _, _, _, _) => scan.origin
  }.flatten

  /** What a statement's own condition says of the rows of its target alone. */
  private def condition(command: V2WriteCommand): Option[RowCondition] = (command match {
    case w: WriteDelta => Some(w.condition -> w.originalTable.output)
    case r: ReplaceData => Some(r.condition -> r.originalTable.output)
    case o: OverwriteByExpression => Some(o.deleteExpr -> o.table.output)
    case _ => None
  }).collect {
    case (c, output)
        if c.deterministic && !SubqueryExpression.hasSubquery(c) && c.references.subsetOf(
          AttributeSet(output)
        ) =>
      RowCondition(c, output)
  }
}

/** A write that knows what its statement reads. */
trait TracksReads {
  @volatile private var tracked: Option[(Seq[ScanOrigin], Option[RowCondition], Option[MatchedKeys])] = None

  /** Whether it is what is left of a MERGE that only inserts. */
  @volatile protected var ofMerge: Boolean = false

  private[write] def told(
      scans: Seq[ScanOrigin],
      condition: Option[RowCondition],
      keys: Option[MatchedKeys],
      merge: Boolean
  ): Unit = {
    tracked = Some((scans, condition, keys))
    ofMerge = merge
  }

  /** What the statement's own condition says of the rows of its target; None if nobody told, or it says more. */
  protected def condition: Option[RowCondition] = tracked.flatMap(_._2)

  /** @param target
    *   the table that is written to, as it was read
    * @return
    *   None if nobody told
    */
  protected def reads(target: LoadedTable, conf: Configuration): Option[Reads] = tracked.map {
    case (scans, condition, keys) =>
      // what is read at another ref, or in the past, does not change with this branch
      val here =
        scans.filter(s => s.loaded.state.id == target.state.id && s.loaded.ref.text == target.ref.text)
      val serializable = CommitSettings.serializable(SparkBridge.conf, target.table.metadata.properties)
      Reads(here.map(one(_, condition, keys, conf)), serializable)
  }

  private def one(
      scan: ScanOrigin,
      condition: Option[RowCondition],
      keys: Option[MatchedKeys],
      conf: Configuration
  ): TableRead = {
    val table = scan.loaded.table
    def mayHold(f: DataFile) = condition.filter(_ => scan.target).forall(_.mayHold(f, scan, conf)) &&
      keys.filter(_.scan eq scan).forall(_.mayMatch(f, conf))
    TableRead(
      table.id,
      f => Pruning.mayMatch(scan.condition, f, table.metadata.partitioning) && mayHold(f),
      changesToo = !scan.target
    )
  }
}
