package io.anabranch.spark.catalog

import io.anabranch.spark.AnabranchCatalog
import org.apache.spark.sql.anabranch.SparkBridge
import org.apache.spark.sql.catalyst.analysis.{Parameter, UnresolvedProcedure}
import org.apache.spark.sql.catalyst.expressions.{Expression, Literal, NamedArgumentExpression}
import org.apache.spark.sql.catalyst.plans.logical.{Call, LogicalPlan}
import org.apache.spark.sql.catalyst.rules.Rule

/** Arguments of our procedures that have to be computed, as `current_timestamp() - INTERVAL 30 DAYS`: Spark fails to bind
  * what it can't resolve at once.
  */
object ProcedureArguments extends Rule[LogicalPlan] {

  override def apply(plan: LogicalPlan): LogicalPlan = plan match {
    case c @ Call(UnresolvedProcedure(name), args, _) if isOurs(name) => c.copy(args = args.map(computed))
    case other => other
  }

  private def isOurs(name: Seq[String]) =
    SparkBridge.catalogOf(name).exists(_.isInstanceOf[AnabranchCatalog])

  private def computed(e: Expression): Expression = e match {
    case n: NamedArgumentExpression => n.copy(value = computed(n.value))
    case l: Literal => l
    case other if other.exists(_.isInstanceOf[Parameter]) => other
    case other => SparkBridge.computed(other)
  }
}
