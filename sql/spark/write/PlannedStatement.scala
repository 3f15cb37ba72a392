package io.anabranch.spark.write

import io.anabranch.core.format.DataFile
import io.anabranch.core.operations.{Pruning, Reads, TableRead}
import io.anabranch.core.repository.LoadedTable
import io.anabranch.spark.CommitSettings
import io.anabranch.spark.read._
import org.apache.hadoop.conf.Configuration
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

/** A statement that writes to a table, once what it reads is planned.
  *
  * @param scans
  *   all that it reads
  * @param condition
  *   what its own condition says of the rows of its target; None if it has none, or that says more
  * @param keys
  *   of a MERGE: those of the rows of its target that it reads
  * @param onlyInserts
  *   whether it is what is left of a MERGE that only inserts
  */
final private[write] case class PlannedStatement(
    scans: Seq[ScanOrigin],
    condition: Option[RowCondition],
    keys: Option[MatchedKeys],
    onlyInserts: Boolean
) {

  /** What it reads that commits to its branch may change.
    *
    * @param target
    *   the table that is written to, as it was read
    */
  def reads(target: LoadedTable, conf: Configuration): Reads = {
    // what is read at another ref, or in the past, does not change with this branch
    val here = scans.filter(s => s.loaded.state.id == target.state.id && s.loaded.ref.text == target.ref.text)
    val serializable = CommitSettings.serializable(SparkBridge.conf, target.table.metadata.properties)
    Reads(here.map(read(_, conf)), serializable)
  }

  private def read(scan: ScanOrigin, conf: Configuration): TableRead = {
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

private[write] object PlannedStatement {
  def of(write: V2WriteCommand): PlannedStatement = PlannedStatement(
    scans(write.query),
    condition(write),
    MatchedKeys.of(write),
    write.isInstanceOf[InsertOnlyMerge]
  )

  private def scans(query: LogicalPlan): Seq[ScanOrigin] = query.collectWithSubqueries {
    case DataSourceV2ScanRelation(_, scan: AnabranchScan, _, _, _, _) => scan.origin
  }.flatten

  private def condition(write: V2WriteCommand): Option[RowCondition] = (write match {
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
