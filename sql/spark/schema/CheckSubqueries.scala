package io.anabranch.spark.schema

import io.anabranch.core.AnabranchException
import io.anabranch.spark.AnabranchCatalog
import io.anabranch.spark.AnabranchErrors.translated
import org.apache.spark.sql.catalyst.analysis.ResolvedIdentifier
import org.apache.spark.sql.catalyst.expressions.{CheckConstraint, SubqueryExpression}
import org.apache.spark.sql.catalyst.plans.logical._
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation

/** Refuses a CHECK that asks other rows: it could not be told from the row that is written, and Spark ends in an
  * internal error.
  */
object CheckSubqueries extends Rule[LogicalPlan] {
  override def apply(plan: LogicalPlan): LogicalPlan = {
    plan match {
      case a: AddCheckConstraint =>
        a.child.collectFirst { case r: DataSourceV2Relation => r.catalog.zip(r.identifier) }.flatten.foreach {
          case (_: AnabranchCatalog, table) => check(a.checkConstraint, table.toString)
          case _ => ()
        }
      case c: V2CreateTablePlan =>
        c.name match {
          case ResolvedIdentifier(_: AnabranchCatalog, table) =>
            plan.expressions.foreach(_.foreach {
              case k: CheckConstraint => check(k, table.toString)
              case _ => ()
            })
          case _ => ()
        }
      case _ => ()
    }
    plan
  }

  private def check(constraint: CheckConstraint, table: String): Unit =
    if (SubqueryExpression.hasSubquery(constraint.child)) translated {
      throw AnabranchException(
        "ANABRANCH_SCHEMA.UNSUPPORTED_CHANGE",
        "table" -> table,
        "reason" -> s"CHECK (${constraint.condition}) has a sub-query, and must be about one row alone",
        "advice" -> "CREATE GATE takes any query, and is asked before each commit."
      )
    }
}
