package io.anabranch.spark.write

import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression
import org.apache.spark.sql.catalyst.optimizer.RewritePredicateSubquery
import org.apache.spark.sql.catalyst.plans.logical.{DomainJoin, LogicalPlan, WriteDelta}
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation

/** Lets a correlated sub-query that is no plain equality stand in UPDATE, DELETE and MERGE.
  *
  * Spark computes such a sub-query for each value that the target's rows give it, so the target comes into the plan a
  * second time. Then Spark refuses the plan, as it can't tell which of the scans finds the rows to change. It is the
  * outer one, which comes first; the others read the target as any table.
  */
object TargetOnce extends Rule[LogicalPlan] {
  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case w: WriteDelta if w.operation.isInstanceOf[RowChangeOperation] =>
      val query = once(joined(w.query))
      if (query.fastEquals(w.query)) w else w.copy(query = query)
    case other => other
  }

  /** EXISTS and IN become joins now: Spark would do so after the scans are planned, when no rule of ours runs any more. */
  private def joined(query: LogicalPlan): LogicalPlan = {
    val later = query.exists(_.expressions.exists(_.exists {
      case s: SubqueryExpression => s.plan.exists(_.isInstanceOf[DomainJoin])
      case _ => false
    }))
    if (later) RewritePredicateSubquery(query) else query
  }

  private def once(query: LogicalPlan): LogicalPlan = {
    var found = false
    query.transformDown {
      case r: DataSourceV2Relation if SparkBridge.isChanged(r) =>
        if (found) r.copy(table = SparkBridge.changedTable(r).get)
        else {
          found = true
          r
        }
    }
  }
}
